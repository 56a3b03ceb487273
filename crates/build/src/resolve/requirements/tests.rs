//! What files say, and how mistakes are told.

use lightship_packages::index::{Index, Place, Role};

use super::*;

const ONE: &str = "0000000000000000000000000000000000000000000000000000000000000001";
const TWO: &str = "0000000000000000000000000000000000000000000000000000000000000002";

fn variable(name: &str) -> Option<String> {
    match name {
        "TOKEN" => Some("hunter2".to_owned()),
        "HOST" => Some("mirror.invalid".to_owned()),
        "EXTRA" => Some("six>=1".to_owned()),
        _ => None,
    }
}

fn read(files: &[(&str, &str)]) -> Result<Requirements, Error> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    Requirements::read(&[folder.path().join(files[0].0)], &variable)
}

/// The message without the folder.
fn told(text: &str) -> String {
    let told = read(&[("r.txt", text)]).unwrap_err().to_string();
    told.split_once("/r.txt").map(|(_, rest)| format!("r.txt{rest}")).unwrap_or(told)
}

#[test]
fn files_become_one() {
    let pandas = format!(
        "pandas ==2.3.3 ; python_version<'4' \\\n    --hash=sha256:{ONE} \\\n    --hash=sha256:{TWO}\n"
    );
    let all = read(&[
        (
            "app/requirements.txt",
            &format!(
                "\u{feff}# ours\nnumpy  # fast\n-r ../base.txt\n{pandas}\n\
                 -c constraints.txt\n--extra-index-url=http://u:p@mirror.invalid/simple#x\n--no-binary :none:\n-e .[dev]\n"
            ),
        ),
        ("base.txt", "six\n-r app/requirements.txt\n--requirement base.txt\n"),
        ("app/constraints.txt", "urllib3<3\n"),
    ])
    .unwrap();
    let pandas =
        format!("pandas ==2.3.3 ; python_version<'4' --hash=sha256:{ONE} --hash=sha256:{TWO}");
    assert_eq!(all.lines, ["numpy", "six", &pandas]);
    assert_eq!(all.constraints, ["urllib3<3"]);
    assert_eq!(all.own_project, Some(BTreeSet::from(["dev".to_owned()])));
    assert_eq!(all.options, ["--no-binary :none:"]);
    let index = IndexUrl::of("-i", "http://u:p@mirror.invalid/simple#x").unwrap();
    assert_eq!(all.indexes, [IndexOption::Extra(index)]);
    assert!(!format!("{all:?}").contains("mirror"));
}

#[test]
fn spacing_and_comments_do_not_matter() {
    let a = read(&[("r.txt", "numpy\n# x\n  six   >=1 \n")]).unwrap();
    let b = read(&[("r.txt", "numpy # y\n-r s.txt"), ("s.txt", "six >=1\r\n")]).unwrap();
    assert_eq!(a.normalised(), b.normalised());
    assert_ne!(a.normalised(), read(&[("r.txt", "six\nnumpy")]).unwrap().normalised());
}

#[test]
fn the_project_comes_with_its_extras() {
    let normalised = |text: &str| read(&[("r.txt", text)]).unwrap().normalised();
    assert_eq!(normalised("-e .\n"), "-e .\n");
    assert_eq!(normalised("--editable=\".[web, Dev_Tools]\"\n"), "-e .[dev-tools,web]\n");
    assert_eq!(normalised(".[web]\n-e ./[dev]\n"), "-e .[dev,web]\n");
}

#[test]
fn hashes_are_collected_by_name() {
    let text = format!("Six==1 --hash sha256:{ONE}\nsix==2 --hash=sha256:{TWO}\nother\n-c c.txt\n");
    let constraint = format!("Needed_Too==1 --hash=sha256:{ONE}\n");
    let all = read(&[("r.txt", &text), ("c.txt", &constraint)]).unwrap();
    let digest = |hex: &str| format!("sha256:{hex}").parse::<lightship_base::Digest>().unwrap();
    assert!(!all.hashes.required);
    assert_eq!(all.hashes.of.keys().collect::<Vec<_>>(), ["needed-too", "six"]);
    assert_eq!(all.hashes.of["six"], BTreeSet::from([digest(ONE), digest(TWO)]));

    let required = read(&[("r.txt", &format!("six --hash=sha256:{ONE}\n--require-hashes"))]);
    let required = required.unwrap();
    assert!(required.hashes.required && required.normalised().contains("--require-hashes\n"));
    insta::assert_snapshot!(told("--require-hashes\nsix\n"), @"r.txt:2: `six` has no hash, and `--require-hashes` wants one for every requirement");
    insta::assert_snapshot!(told("six --hash=sha512:00"), @"r.txt:1: `six` has a hash by sha512, and files are held to sha256 only: write that one");
    insta::assert_snapshot!(told("six --hash=sha256:00"), @"r.txt:1: `six` has a hash that is not `sha256:` and 64 digits");
    insta::assert_snapshot!(told("six --hash"), @"r.txt:1: `six` has a hash that is not `sha256:` and 64 digits");
}

#[test]
fn variables_are_filled_in_and_those_of_addresses_stay_out_of_locks() {
    let text = "${EXTRA}\n--extra-index-url https://me:${TOKEN}@${HOST}/simple\n${lower}==${\n";
    let all = read(&[("r.txt", text)]).unwrap();
    assert_eq!(all.to_file(), "six>=1\n${lower}==${\n");
    assert!(all.names().contains("six"));
    let [index] = &all.as_indexes()[..] else { panic!("{all:?}") };
    let known = Index::new(
        "requirements-1",
        Place::Repository("https://me:hunter2@mirror.invalid/simple".parse().unwrap()),
        Role::Extra,
    );
    assert_eq!(*index, known);
    insta::assert_snapshot!(all.normalised(), @r"
    six>=1
    ${lower}==${
    --extra-index-url https://me:${TOKEN}@${HOST}/simple
    ");
    assert!(!format!("{all:?}").contains("hunter2"), "{all:?}");
    let secrets = all.secrets();
    let secrets: Vec<&str> = secrets.iter().map(lightship_net::Secret::expose).collect();
    assert_eq!(secrets, ["mirror.invalid", "mirror.invalid", "hunter2", "hunter2"]);
    insta::assert_snapshot!(told("a\n-i https://${NO_SUCH}@mirror.invalid/"), @"r.txt:2: the environment has no variable NO_SUCH");
    insta::assert_snapshot!(told("-r ${TOKEN}/x.txt"), @"r.txt:1: there is no file `${TOKEN}/x.txt` to include");
}

#[test]
fn an_address_that_is_none_is_no_index() {
    for (text, option) in [
        ("a\n--index-url mirror.invalid/simple", "--index-url"),
        ("a\n-i mirror.invalid:8080/simple", "-i"),
        ("a\n--extra-index-url=me:hunter2@mirror.invalid", "--extra-index-url"),
        ("a\n--find-links ftp://me:hunter2@mirror.invalid/x", "--find-links"),
    ] {
        let expected = format!(
            "r.txt:2: `{option}` needs an address that begins with http://, https:// or file://"
        );
        assert_eq!(told(text), expected);
    }
}

#[test]
fn what_cannot_be_locked_is_told_with_its_line() {
    let tell = |text: &str| read(&[("r.txt", text)]).unwrap_err().to_string();
    for (text, expected) in [
        ("a\nfoo @ git+https://u:secret@mirror.invalid/x\n", ":2: foo is required by address"),
        ("https://u:secret@mirror.invalid/x.zip", ":1: a package is required by address"),
        ("foo @ https://u:secret@h.invalid/foo-1-py3-none-any.whl", ":1: foo is required by addr"),
        ("https://u:secret@h.invalid/foo-1.tar.gz", ":1: a package is required by address"),
        ("-e git+https://u:secret@h.invalid/x.git#egg=x", ":1: `-e`: only the project itself"),
        ("--editable=git+https://u:secret@h.invalid/x", ":1: `--editable`: only the project"),
        ("-r https://u:secret@h.invalid/r.txt", ":1: `-r` takes a file of this machine"),
        ("--frobnicate:https://u:secret@h.invalid/", "`--frobnicate` is not known"),
        ("//u:secret@h.invalid/x.whl", ":1: this is a path"),
        ("./x.whl", ":1: `./x.whl` is a path"),
        ("x.tar.gz --hash=sha256:00", ":1: `x.tar.gz` is a path"),
        ("-r none.txt", "there is no file `none.txt`"),
        ("-e ../other", "only the project itself"),
        ("--pre", "name the pre-release"),
        ("--frobnicate x", "`--frobnicate` is not known"),
        ("-r", "needs a value"),
    ] {
        let told = tell(text);
        assert!(told.contains(expected) && !told.contains("secret"), "{told}");
    }
}
