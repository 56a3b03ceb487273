//! Whether what an image starts is in it: nobody should learn that from a pod that crashes.

use lightship_codec::tar::RootPath;
use lightship_oci::spec::RunConfig;
use lightship_packages::parcel::{Item, ItemKind, Parcel};
use lightship_sandbox::DEFAULT_PATH;

use super::occupied::Occupied;

/// The program that an image starts, if it is no file of its packages and its project. Where a link leads is not
/// followed: what is named by a path that leads through one counts as there.
pub(super) fn missing<'r>(
    run: &'r RunConfig,
    packages: &Occupied,
    project: &Parcel,
) -> Option<&'r str> {
    let program = run.entrypoint.iter().chain(&run.cmd).flatten().next()?;
    let names = |path: &RootPath| {
        let own = |item: &Item| !matches!(item.kind, ItemKind::Folder { .. }) && item.path == *path;
        packages.has(path) || project.items.iter().any(own)
    };
    let at = |path: String| RootPath::parse(path.trim_start_matches('/').as_bytes()).ok();
    let found = if program.contains('/') {
        let folder = run.working_dir.as_deref().filter(|_| !program.starts_with('/'));
        let path = at(format!("{}/{program}", folder.unwrap_or_default()));
        path.is_none_or(|path| names(&path) || path.ancestors().any(|above| names(&above)))
    } else {
        let own = run.env.iter().flatten().rev().find_map(|one| one.strip_prefix("PATH="));
        own.unwrap_or(DEFAULT_PATH).split(':').any(|folder| {
            // `/bin` is `/usr/bin`.
            let places = [format!("{folder}/{program}"), format!("usr{folder}/{program}")];
            places.into_iter().filter_map(at).any(|path| names(&path))
        })
    };
    (!found).then_some(program.as_str())
}

#[cfg(test)]
mod tests {
    use lightship_build::assemble::{Bundle, Stage};
    use lightship_packages::parcel::{Origin, PackageId};

    use super::*;

    fn parcel(items: Vec<Item>) -> Parcel {
        let (name, version) = ("a".to_owned(), "1".to_owned());
        Parcel { package: PackageId { origin: Origin::Python, name, version }, items }
    }

    #[test]
    fn programs_are_looked_for_where_the_image_would() {
        let path = |text: &str| RootPath::parse(text.as_bytes()).unwrap();
        let items = vec![
            Item::made(path("usr/local/bin/gunicorn"), "x"),
            Item::made(path("usr/bin/python3.11"), "x"),
            Item::link(path("usr/bin/python3"), "python3.11"),
            Item::link(path("bin"), "usr/bin"),
        ];
        let bundle = Bundle {
            parcel: parcel(items),
            digest: None,
            stage: Stage::Packages,
            last: None,
            shared: Vec::new(),
        };
        let packages = Occupied::by(std::iter::once(&bundle), &[]);
        let project = parcel(vec![Item::made(path("app/start.sh"), "x")]);
        let missing = |words: &[&str], variable: &str| {
            let run = RunConfig {
                entrypoint: Some(words.iter().map(|word| (*word).to_owned()).collect()),
                env: Some(vec![variable.to_owned()]),
                working_dir: Some("/app".to_owned()),
                ..RunConfig::default()
            };
            missing(&run, &packages, &project).map(str::to_owned)
        };
        for fine in ["gunicorn", "python3", "/bin/sh", "./start.sh", "/app/start.sh"] {
            assert_eq!(missing(&[fine, "x"], "A=b"), None, "{fine}");
        }
        for not in ["uvicorn", "/app/other.sh", "bin/start.sh", "/usr/bin/sh"] {
            assert_eq!(missing(&[not], "A=b").as_deref(), Some(not));
        }
        assert_eq!(missing(&["gunicorn"], "PATH=/usr/bin").as_deref(), Some("gunicorn"));
        assert_eq!(missing(&["python3"], "PATH=/bin"), None);
        assert_eq!(missing(&[], "A=b"), None);
    }
}
