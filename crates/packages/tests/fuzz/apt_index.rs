//! What holds for the reader of package indexes and to the solver: whatever the text, they
//! answer, every package is found under its name, and no file lies outside its archive.

use lightship_packages::apt::{
    ArchiveId, Archives, Dependency, IndexBuilder, ResolveOptions, closure,
};

pub(crate) fn check(input: &[u8]) {
    let mut builder = IndexBuilder::new("amd64", Archives::default());
    builder.add(input.to_vec(), ArchiveId(0));
    let index = builder.finish();
    for package in index.iter() {
        assert_eq!(index.get(package.name()).map(|found| found.version()), Some(package.version()));
        if let Ok(path) = package.pool_path() {
            assert!(!path.starts_with('/') && path.split('/').all(|part| part != ".."), "{path}");
        }
        let _ = (package.size(), package.sha256(), package.provides(), package.source());
    }
    // The first few are enough to reach the rest.
    for package in index.iter().take(3) {
        if let Ok(found) =
            closure(&index, &[Dependency::on(package.name())], ResolveOptions::default())
        {
            assert!(found.get(package.name()).is_some(), "{}", package.name());
        }
    }
}
