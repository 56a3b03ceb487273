//! Distributions that are there already: what stays, what gives way, what is refused. And where names come to
//! lie in an image with links.

use lightship_packages::wheel::Scheme;

use super::survey::{Named, SurveyedLayer, Thing};
use super::*;

const OWN: &str = "usr/local/lib/python3.11/site-packages";
const FIRST: &str = "opt/first";
const LAST: &str = "usr/lib/python3/dist-packages";

fn path(text: &str) -> RootPath {
    RootPath::parse(text.as_bytes()).unwrap()
}

/// An image with these files, and links with `->` in them. `installed` are name, version, folder, and files
/// below it.
fn image(names: &[&str], installed: &[(&str, &str, &str, &[&str])]) -> Foreign {
    let file = |path: String| Named { path, what: Thing::File(0o644, 1) };
    let mut all: Vec<Named> = names
        .iter()
        .map(|name| match name.split_once(" -> ") {
            Some((path, target)) => {
                Named { path: path.to_owned(), what: Thing::Link(target.to_owned()) }
            }
            None => file((*name).to_owned()),
        })
        .collect();
    let mut known = Vec::new();
    for (name, version, folder, files) in installed {
        let record = format!("{folder}/{name}-{version}.dist-info");
        let evidence = format!("{record}/METADATA");
        all.push(file(evidence.clone()));
        all.extend(files.iter().map(|one| file(format!("{folder}/{one}"))));
        known.push(Installed {
            purl: None,
            name: (*name).to_owned(),
            version: Some((*version).to_owned()),
            evidence,
            layer: Some(0),
            python_files: Some(files.iter().map(|one| format!("{folder}/{one}")).collect()),
        });
    }
    let layers = vec![SurveyedLayer { content: 1, files: 1 }];
    let survey = Survey::made(Digest::of(b"image"), layers, known, all);
    let files: Arc<dyn Files> = Arc::new(NoFiles);
    let names = Names::of(&survey, &files);
    let mut image = Foreign::new("base:1", Arc::new(survey), Arc::new(names));
    let scheme = Scheme {
        purelib: path(OWN),
        platlib: path(OWN),
        scripts: path("usr/local/bin"),
        headers: path("usr/local/include"),
        data: path("usr/local"),
        interpreter: "/usr/local/bin/python3".to_owned(),
    };
    image.python = Some(Python {
        version: (3, 11),
        full_version: "3.11.2".to_owned(),
        executable: path("usr/local/bin/python3"),
        library: Vec::new(),
        scheme,
    });
    image.sites = [FIRST, OWN, LAST].map(path).to_vec();
    image
}

fn gone(settled: &Settled) -> Vec<String> {
    settled.gone.iter().map(ToString::to_string).collect()
}

#[test]
fn the_same_version_is_there_and_another_gives_way() {
    let base = image(
        &[],
        &[
            ("Six", "1.17.0", OWN, &["six.py"]),
            (
                "ns.one",
                "1.0",
                OWN,
                &[
                    "ns.one-1.0.dist-info/RECORD",
                    "ns/__init__.py",
                    "ns/one/a.py",
                    "ns/one/__pycache__/a.cpython-311.pyc",
                    "ns/one/b.txt",
                ],
            ),
            ("ns.two", "1.0", OWN, &["ns.two-1.0.dist-info/RECORD", "ns/__init__.py", "ns/two.py"]),
        ],
    );
    let locked = |name, version| Locked { name, version };
    let settled =
        base.settle(&[locked("six", "1.17"), locked("ns-one", "2.0"), locked("new", "1")]).unwrap();
    assert_eq!(settled.there.iter().collect::<Vec<_>>(), ["six"]);
    // The folder that is its alone goes whole; the file that another distribution has stays.
    let expected = [format!("/{OWN}/ns/one"), format!("/{OWN}/ns.one-1.0.dist-info")];
    assert_eq!(gone(&settled), expected);
    assert_eq!(settled.replaced.len(), 1);
    assert_eq!(
        settled.notes,
        ["six 1.17.0 is the base image's own", "ns-one 1.0 of the base image gives way to 2.0"]
    );
    let bundle = settled.bundle(&base.package()).unwrap();
    let whiteouts: Vec<String> =
        bundle.parcel.items.iter().map(|item| item.path.to_string()).collect();
    let hidden = [format!("/{OWN}/ns/.wh.one"), format!("/{OWN}/.wh.ns.one-1.0.dist-info")];
    assert_eq!(whiteouts, hidden);
    assert!(base.settle(&[]).unwrap().bundle(&base.package()).is_none());
}

#[test]
fn what_lies_elsewhere_is_hidden_or_in_the_way() {
    let wanted = [Locked { name: "yaml", version: "6.0" }];
    let base = image(&[], &[("yaml", "5.0", LAST, &["yaml.py"])]);
    let settled = base.settle(&wanted).unwrap();
    assert_eq!((gone(&settled), settled.there.len()), (Vec::new(), 0));
    assert_eq!(
        settled.notes,
        ["yaml 5.0 of the base image in /usr/lib/python3/dist-packages is hidden by 6.0"]
    );
    let refused = |base: &Foreign| base.settle(&wanted).unwrap_err().to_string();
    let base = image(&[], &[("yaml", "5.0", FIRST, &["yaml.py"])]);
    assert_eq!(
        refused(&base),
        "base:1 has yaml 5.0 in /opt/first, where its Python looks before it sees yaml 6.0 of the lock"
    );
    let base = image(&[], &[("yaml", "5.0", OWN, &["yaml.py"])]);
    assert!(refused(&base).ends_with("without a RECORD nobody knows which files to replace"));
    // Where Python does not look, nothing counts.
    let base = image(&[], &[("yaml", "5.0", "srv/app", &["yaml.py"])]);
    assert_eq!(base.settle(&wanted).unwrap(), Settled::default());
}

#[test]
fn names_come_to_lie_behind_links_and_programs_are_found() {
    let base = image(
        &[
            "usr/lib/x",
            "lib64 -> usr/lib",
            "srv/loop -> loop",
            "opt/bin/python -> ../../usr/bin/python3",
        ],
        &[],
    );
    let land = |text: &str| base.names.land(&path(text)).to_string();
    assert_eq!(land("lib64/new/file"), "/usr/lib/new/file");
    assert_eq!(land("usr/lib/y"), "/usr/lib/y");
    assert_eq!(land("nowhere/at/all"), "/nowhere/at/all");
    assert_eq!(land("srv/loop/x"), "/srv/loop/x");
    assert_eq!(find_python(&base.names, "/opt/bin:/usr/bin"), None, "the link leads nowhere");

    let item = |text: &str| lightship_packages::parcel::Item::made(path(text), "");
    let mut parcel = lightship_packages::parcel::Parcel {
        package: base.package(),
        items: vec![item("lib64/a.py")],
    };
    let refused = base.names.check(&parcel, "base:1").unwrap_err().to_string();
    assert!(
        refused.ends_with("cannot be laid onto base:1: /lib64 is no folder there"),
        "{refused}"
    );
    base.names.land_all(&mut parcel);
    assert_eq!(parcel.items[0].path.to_string(), "/usr/lib/a.py");
    assert!(base.names.check(&parcel, "base:1").is_ok());
}
