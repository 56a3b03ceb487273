//! What uv says, made fit to be passed on: readable, and without what may be secret.

use lightship_net::{Secret, printable};

use super::interpreter::Ran;
use super::{Error, sdist};

/// A failed command as an error.
pub(super) fn failure(attempt: &'static str, ran: &Ran, secrets: &[Secret]) -> Error {
    let complaint = cleaned(&ran.stderr, secrets);
    let unsatisfiable = ["No solution found", "requirements are unsatisfiable"];
    if unsatisfiable.iter().any(|words| ran.stderr.contains(words)) {
        return Error::Unsatisfiable { explanation: complaint };
    }
    // A source may have to be asked what it needs.
    let by_source = ran.stderr.contains("build backend");
    let hint = if by_source { sdist::hint(&ran.stderr) } else { None };
    Error::Failed { attempt, end: ran.end.clone(), complaint, hint }
}

/// Complaints without progress, without our own folders' names, and without secrets.
pub(super) fn cleaned(text: &str, secrets: &[Secret]) -> String {
    let mut text = without_logins(text);
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        text = text.replace(secret.expose(), "[redacted]");
    }
    let text = text.replace("/lightship/work/", "").replace("/lightship/project/", "");
    let noise = ["Using ", "Resolved ", "Building ", "Prepared ", "Installed "];
    let lines = text.lines().filter(|line| {
        let line = line.trim_start();
        !line.is_empty() && !noise.iter().any(|word| line.starts_with(word))
    });
    // "No solution found" is what our own message says already.
    let lines = lines.filter(|line| !line.contains("No solution found when resolving"));
    let lines: Vec<String> = lines
        .map(|line| {
            // uv draws a tree with these.
            let drawn = |c: char| c.is_whitespace() || "×╰─▶├│".contains(c);
            let line = line.trim_end().trim_start_matches(drawn);
            let line = line.strip_prefix("error: ").unwrap_or(line);
            let line = line.strip_prefix("cause: ").unwrap_or(line);
            format!("  {}", printable(line, 2000))
        })
        .collect();
    lines.join("\n")
}

/// `scheme://user:password@host` without the user.
fn without_logins(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let ends = |c: char| {
            c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\'' | '`' | '<' | '>')
        };
        let authority = after.find(ends).unwrap_or(after.len());
        let host = after[..authority].rfind('@').map_or(0, |at| at + 1);
        out.push_str(&after[host..authority]);
        rest = &after[authority..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use lightship_base::Diagnose as _;

    use super::*;

    #[test]
    fn explanations_are_readable_and_keep_secrets() {
        let ran = Ran {
            success: false,
            end: "ended with code 1".to_owned(),
            stdout: String::new(),
            stderr: "Using CPython 3.11.2\n  × No solution found when resolving dependencies:\n  ╰─▶ Because a==1 (from /lightship/work/requirements.txt) is not in https://u:p%40@mirror.invalid/simple and you require a==1, we can conclude that your requirements are unsatisfiable.\n\nhint: token=hunter2 \u{1b}[31m\n".to_owned(),
        };
        let error = failure("resolve", &ran, &[Secret::new("hunter2"), Secret::new("")]);
        assert_eq!(
            error.to_string(),
            "the requirements cannot be met\n  Because a==1 (from requirements.txt) is not in https://mirror.invalid/simple and you require a==1, we can conclude that your requirements are unsatisfiable.\n  hint: token=[redacted] \u{fffd}[31m"
        );
        let other = Ran { stderr: "error: disk full".to_owned(), ..ran };
        assert_eq!(
            failure("resolve the requirements", &other, &[]).to_string(),
            "cannot resolve the requirements: uv ended with code 1\n  disk full"
        );
        let stderr = "The build backend returned an error\nNo such file or directory: 'pg_config'";
        let build = Ran { stderr: stderr.to_owned(), ..other };
        let told = failure("resolve the requirements", &build, &[]).hints();
        assert!(told[0].to_string().contains("[build] packages"), "{told:?}");
    }
}
