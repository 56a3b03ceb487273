//! Virtual environments that came along by accident.

use lightship_oci::rootfs::Tree;

use crate::account::Account;

/// Folders (relative to the root) with a `pyvenv.cfg` that nothing in the image's config uses. An
/// environment that PATH, `VIRTUAL_ENV` or the start command names is how many images work.
pub(super) fn unused(account: &Account) -> Vec<String> {
    let run = &account.image.config().config;
    let env = run.env.iter().flatten();
    let start = run.entrypoint.iter().flatten().chain(run.cmd.iter().flatten());
    // `.venv/bin/gunicorn` starts in the working folder.
    let folder = run.working_dir.as_deref().unwrap_or("/").trim_end_matches('/');
    let in_folder = start.clone().map(|word| format!("{folder}/{}", word.trim_start_matches("./")));
    let mentioned: Vec<String> = env.chain(start).cloned().chain(in_folder).collect();
    let mut folders = Vec::new();
    for node in account.tree.walk(Tree::ROOT) {
        if &*account.tree.node(node).name != b"pyvenv.cfg" {
            continue;
        }
        let folder = account.path(account.tree.node(node).parent);
        let Ok(folder) = std::str::from_utf8(folder.as_bytes()) else { continue };
        let absolute = format!("/{folder}");
        let used = mentioned.iter().any(|text| mentions(text, &absolute));
        if !folder.is_empty() && !used {
            folders.push(folder.to_owned());
        }
    }
    folders
}

/// `PATH=/opt/venv/bin:/usr/bin` mentions `/opt/venv`; `/opt/venv2/bin` does not.
fn mentions(text: &str, folder: &str) -> bool {
    text.match_indices(folder).any(|(at, _)| {
        let next = text[at + folder.len()..].chars().next();
        matches!(next, None | Some('/' | ':' | ' ' | '"' | '\''))
    })
}

#[cfg(test)]
mod tests {
    use super::mentions;

    #[test]
    fn a_path_is_mentioned_whole_or_not_at_all() {
        assert!(mentions("PATH=/opt/venv/bin:/usr/bin", "/opt/venv"));
        assert!(mentions("VIRTUAL_ENV=/opt/venv", "/opt/venv"));
        assert!(!mentions("PATH=/opt/venv2/bin", "/opt/venv"));
    }
}
