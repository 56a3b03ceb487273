//! A lock survives being written and read, and mistakes in it are told with their lines.

use lightship_base::{Diagnose as _, Digest};

use super::*;

fn file(name: &str) -> LockedFile {
    LockedFile { name: name.to_owned(), sha256: Digest::of(name.as_bytes()), size: Some(7) }
}

fn wheel(name: &str, version: &str) -> Wheel {
    Wheel {
        name: name.to_owned(),
        version: version.to_owned(),
        file: file(&format!("{name}-{version}-py3-none-any.whl")),
        index: DEFAULT_INDEX.to_owned(),
        depends: Vec::new(),
        platforms: Vec::new(),
    }
}

fn deb(name: &str, architecture: &str) -> Deb {
    Deb {
        name: name.to_owned(),
        version: "1:2.36-9+deb12u1".to_owned(),
        architecture: architecture.to_owned(),
        file: format!("pool/main/x/{name}_2.36_{architecture}.deb"),
        size: 12,
        sha256: Digest::of(name.as_bytes()),
        archive: "Debian-Security".to_owned(),
        depends: vec!["zlib1g".to_owned(), "libc6".to_owned()],
        reason: "python3.11 needs it".to_owned(),
        platforms: Vec::new(),
    }
}

fn platform(name: &str) -> PlatformName {
    name.parse().unwrap()
}

fn full() -> Lock {
    let mut inputs = Inputs::new();
    inputs.text("requirements.txt", "numpy\n");
    inputs.setting("python", "3.11");
    let mut torch = wheel("torch", "2.7.1+cpu");
    torch.index = "cpu-only".to_owned();
    torch.depends = (0..12).map(|n| format!("dependency-{n:02}")).collect();
    Lock {
        inputs,
        platforms: vec![platform("linux/amd64")],
        python: Some(Python {
            implementation: "cpython".to_owned(),
            version: "3.11.2".to_owned(),
            chosen: "`.python-version` says \"3.11\"".to_owned(),
        }),
        suite: Some(Suite {
            distribution: "debian".to_owned(),
            codename: "bookworm".to_owned(),
            version: Some("12".to_owned()),
        }),
        images: Vec::new(),
        interpreters: Vec::new(),
        debs: vec![deb("zlib1g", "amd64"), deb("libc6", "amd64")],
        wheels: vec![torch, wheel("numpy", "2.3.1")],
        sdists: vec![Sdist {
            name: "kfp-server-api".to_owned(),
            version: "2.17.0".to_owned(),
            file: file("kfp_server_api-2.17.0.tar.gz"),
            index: DEFAULT_INDEX.to_owned(),
            depends: vec!["six".to_owned()],
            platforms: Vec::new(),
            build: vec![BuildRequirement {
                name: "setuptools".to_owned(),
                version: "80.9.0".to_owned(),
                file: file("setuptools-80.9.0-py3-none-any.whl"),
                index: DEFAULT_INDEX.to_owned(),
            }],
            built: Some(file("kfp_server_api-2.17.0-py3-none-any.whl")),
        }],
        build_debs: vec![deb("gcc", "amd64"), deb("libc6", "amd64")],
    }
}

#[test]
fn what_is_written_is_read_and_written_alike() {
    let text = full().to_toml().unwrap();
    let lock = Lock::parse(&text, FILE_NAME).unwrap();
    assert_eq!(lock.to_toml().unwrap(), text);
    insta::assert_snapshot!(text);
    let mut shuffled = full();
    shuffled.debs.reverse();
    shuffled.wheels.reverse();
    shuffled.wheels.iter_mut().for_each(|wheel| wheel.depends.reverse());
    assert_eq!(shuffled.to_toml().unwrap(), text, "order of making does not matter");
}

#[test]
fn platforms_share_what_is_alike() {
    let amd64 = full();
    let mut arm64 = full();
    arm64.platforms = vec![platform("linux/arm64")];
    arm64.debs = vec![deb("zlib1g", "arm64"), deb("libc6", "arm64")];
    arm64.wheels.push(wheel("only-there", "1"));
    let both = amd64.clone().merged_with(&arm64);
    let reread = Lock::parse(&both.to_toml().unwrap(), FILE_NAME).unwrap();
    assert_eq!(reread, both);
    assert_eq!((both.debs.len(), both.wheels.len(), both.sdists.len()), (4, 3, 1));
    assert!(
        both.wheels
            .iter()
            .all(|wheel| { wheel.platforms.is_empty() == (wheel.name != "only-there") })
    );
    assert_eq!(both.only_for(&platform("linux/amd64")).unwrap(), amd64.sorted());
    assert_eq!(both.only_for(&platform("linux/arm64")).unwrap(), arm64.sorted());
    assert_eq!(both.only_for(&platform("linux/s390x")), None);
    assert_eq!(both.without(&platform("linux/amd64")).unwrap(), arm64.sorted());
    assert_eq!(amd64.without(&platform("linux/amd64")), None);
}

#[test]
fn a_platform_that_is_locked_again_is_as_it_is_now() {
    let mut old = full();
    old.images.push(BaseImage {
        platform: platform("linux/amd64"),
        reference: "docker://registry.invalid:5000/base:1".to_owned(),
        digest: Digest::of(b"old"),
    });
    let mut new = old.clone();
    new.images[0].digest = Digest::of(b"new");
    new.wheels[1].version = "2.4.0".to_owned();
    new.build_debs[0].version = "4:12.3".to_owned();
    let again = old.clone().merged_with(&new);
    assert_eq!(Lock::parse(&again.to_toml().unwrap(), FILE_NAME).unwrap(), new.sorted());

    let mut arm64 = full();
    arm64.platforms = vec![platform("linux/arm64")];
    let both = old.merged_with(&arm64).merged_with(&new);
    assert_eq!(both.only_for(&platform("linux/amd64")).unwrap(), new.sorted());
    assert_eq!(both.only_for(&platform("linux/arm64")).unwrap(), arm64.sorted());
}

#[test]
fn mistakes_have_lines_and_ways_out() {
    let text = full().to_toml().unwrap();
    let tell = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        let error = Lock::parse(&text.replacen(from, to, 1), FILE_NAME).unwrap_err();
        let hints: Vec<String> = error.hints().iter().map(ToString::to_string).collect();
        format!("{error}\n    {}", hints.join("; "))
    };
    let told = [
        tell("version = 1\n", "version = 2\nnews = true\n"),
        tell("version = 1\n", ""),
        tell("depends = [\"libc6\"", "dependz = [\"libc6\""),
        tell("size = 12", "size = -12"),
        tell("size = 12", "size = \"12\""),
        tell("sha256 = \"sha256:", "sha256 = \"md5:"),
        tell("\"linux/amd64\"", "\"Linux amd64\""),
        tell("name = \"numpy\"", "name = \"torch\""),
        tell("name = \"numpy\"", "name = \"Num.Py\""),
        tell("file = \"numpy-", "file = \"../numpy-"),
        tell("file = \"pool/main/x/libc6", "file = \"pool/%2E%2e/libc6"),
        tell("index = \"cpu-only\"", "index = \"https://user:pw@mirror.invalid/simple\""),
        tell("[suite]", "[suite"),
    ];
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn an_address_is_never_written() {
    let mut lock = full();
    lock.wheels[0].index = "https://mirror.invalid/simple".to_owned();
    let message = lock.to_toml().unwrap_err().to_string();
    assert!(!message.contains("mirror.invalid"), "{message}");
    let mut lock = full();
    lock.inputs.setting("index", "http://user:password@mirror.invalid");
    assert!(lock.to_toml().is_err());
}

#[test]
fn changes_are_told_apart() {
    let was = full().inputs;
    assert!(was.changes(&was).is_empty());
    let mut now = Inputs::new();
    now.text("requirements.txt", "numpy\npandas\n");
    now.setting("python", "3.12");
    now.text("constraints.txt", "");
    let told: Vec<String> = was.changes(&now).iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "`python` was 3.11 and is 3.12",
            "`requirements.txt` has changed",
            "`constraints.txt` is new"
        ]
    );
    let gone: Vec<String> = now.changes(&was).iter().map(ToString::to_string).collect();
    assert_eq!(gone[0], "`constraints.txt` is gone");
}
