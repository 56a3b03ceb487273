//! CUDA libraries that are there twice: in the system's folder and in Python packages.

use std::collections::{HashMap, HashSet};

use lightship_oci::rootfs::InodeId;

use crate::account::Account;

/// The system's copies of CUDA libraries that Python packages bring as well. The packages find their
/// own copy through `$ORIGIN`, so the system's is the one to leave out.
pub(super) fn second_copies(account: &Account) -> HashSet<InodeId> {
    let mut in_system: HashMap<Vec<u8>, Vec<InodeId>> = HashMap::new();
    let mut in_packages: HashSet<Vec<u8>> = HashSet::new();
    for (id, inode, name) in account.kept().filter(|(_, inode, _)| inode.stored > 0) {
        let node = account.tree.node(name);
        let Some(library) = library_name(&node.name) else { continue };
        debug_assert!(inode.visible > 0, "only visible contents are kept");
        let path = account.path(name);
        let is_package =
            path.components().any(|c| matches!(c, b"site-packages" | b"dist-packages"));
        if is_package {
            in_packages.insert(library.to_vec());
        } else {
            in_system.entry(library.to_vec()).or_default().push(id);
        }
    }
    in_system.retain(|library, _| in_packages.contains(library));
    in_system.into_values().flatten().collect()
}

/// `libcublas` of `libcublas.so.12.4.5.8`, if it is one of CUDA's.
fn library_name(file: &[u8]) -> Option<&[u8]> {
    const LIBRARIES: [&[u8]; 13] = [
        b"libcublas",
        b"libcublasLt",
        b"libcudart",
        b"libcudnn",
        b"libcufft",
        b"libcurand",
        b"libcusolver",
        b"libcusparse",
        b"libcusparseLt",
        b"libnccl",
        b"libnvJitLink",
        b"libnvrtc",
        b"libnvToolsExt",
    ];
    let end = file.windows(3).position(|window| window == b".so")?;
    let stem = &file[..end];
    // cuDNN is split: libcudnn_ops, libcudnn_cnn_infer, …
    let known = LIBRARIES.contains(&stem) || stem.starts_with(b"libcudnn_");
    known.then_some(stem)
}

#[cfg(test)]
mod tests {
    use super::library_name;

    #[test]
    fn versions_do_not_matter() {
        assert_eq!(library_name(b"libcublas.so.12.4.5.8"), Some(&b"libcublas"[..]));
        assert_eq!(library_name(b"libcudnn_ops.so.9"), Some(&b"libcudnn_ops"[..]));
        assert_eq!(library_name(b"libcuda_stub.a"), None);
        assert_eq!(library_name(b"libc.so.6"), None);
    }
}
