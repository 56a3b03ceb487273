//! Bases of packages made here.

use lightship_base::Diagnose as _;
use lightship_codec::tar::RootPath;
use lightship_packages::deb::{Control, Deb, Script, ScriptKind};
use lightship_packages::parcel::{Content, Item, ItemKind, Parcel};

use super::*;

/// A package with nothing in it.
struct Package(Deb);

fn package(name: &str, fields: &str) -> Package {
    let text = format!("Package: {name}\nVersion: 3.11.2-1\nArchitecture: amd64\n{fields}");
    Package(Deb {
        control: Control::parse(text.as_bytes()).unwrap(),
        md5sums: Vec::new(),
        conffiles: Vec::new(),
        scripts: Vec::new(),
        triggers: String::new(),
        items: Vec::new(),
        without_set_id: Vec::new(),
    })
}

impl Package {
    fn item(mut self, path: &str, kind: ItemKind) -> Self {
        self.0.items.push(Item { path: RootPath::parse(path.as_bytes()).unwrap(), kind });
        self
    }

    fn file(self, path: &str, text: &str) -> Self {
        self.item(path, ItemKind::File { mode: 0o755, content: Content::bytes(text) })
    }

    fn folder(self, path: &str, mode: u32) -> Self {
        self.item(path, ItemKind::Folder { mode })
    }

    fn link(self, path: &str, target: &str) -> Self {
        self.item(path, ItemKind::Symlink(target.into()))
    }

    fn postinst(mut self, text: &str) -> Self {
        self.0.scripts.push(Script { kind: ScriptKind::Postinst, text: text.to_owned() });
        self
    }
}

fn compose_all(packages: Vec<Package>, options: &Options) -> Result<NativeBase, Error> {
    compose(packages.into_iter().map(|package| package.0).collect(), options)
}

fn keep(names: &[&str]) -> Options {
    Options { keep: names.iter().map(|name| (*name).to_owned()).collect(), ..Options::default() }
}

fn names(parcels: &[Parcel]) -> Vec<&str> {
    parcels.iter().map(|parcel| parcel.package.name.as_str()).collect()
}

fn dropped(base: &NativeBase) -> Vec<String> {
    base.dropped.iter().map(|d| format!("{}: {}", d.package.name, d.reason)).collect()
}

/// What is at a path, in words.
fn at(base: &NativeBase, path: &str) -> Option<String> {
    let all = base.parcels.iter().flat_map(|parcel| &parcel.items);
    let mut found = all.filter(|item| item.path.to_string() == path);
    let item = found.next()?;
    Some(match &item.kind {
        ItemKind::Folder { mode } => format!("folder {mode:o}"),
        ItemKind::Symlink(target) => format!("-> {}", target.escape_ascii()),
        ItemKind::File { content, .. } => {
            assert!(found.next().is_none(), "{path} is there twice");
            String::from_utf8(content.read(10_000).unwrap()).unwrap()
        }
    })
}

#[test]
fn what_only_scripts_need_goes_and_says_why() {
    let packages = vec![
        package("ca-certificates", "Depends: openssl (>= 1.1.1), debconf (>= 0.5) | debconf-2.0\n"),
        package("openssl", "Depends: libssl3\n"),
        package("libssl3", ""),
        package("debconf", "Provides: debconf-2.0\nPre-Depends: perl-base\n"),
        package("perl-base", "Essential: yes\n"),
        package("base-files", "Pre-Depends: awk\nEssential: yes\n"),
        package("mawk", "Provides: awk\nDepends: libm\n"),
        package("libm", ""),
        package("base-passwd", "Depends: libdebconfclient0\n"),
        package("stray", ""),
    ];
    let base = compose_all(packages, &Options::default()).unwrap();
    assert_eq!(names(&base.parcels), ["base-files", "ca-certificates", "base"]);
    assert_eq!(
        dropped(&base),
        [
            "base-passwd: makes accounts; those of the image are made by Lightship",
            "debconf: asks questions at installation",
            "libm: only packages that are left out depend on it: mawk",
            "libssl3: only packages that are left out depend on it: openssl",
            "mawk: only maintainer scripts use it, those of base-files",
            "openssl: only maintainer scripts use it, those of ca-certificates",
            "perl-base: keeps a system that is administered going; nothing in the image runs it",
            "stray: nothing in the image depends on it",
        ]
    );
}

#[test]
fn what_was_asked_for_stays_with_what_it_needs() {
    let packages = || {
        vec![
            package("ca-certificates", "Depends: openssl\n"),
            package("openssl", "Depends: libssl3\n").file("usr/bin/openssl", "program"),
            package("libssl3", ""),
            package("dpkg", "Pre-Depends: libz, tar\n").file("usr/bin/dpkg", "program"),
            package("libz", ""),
            package("tar", ""),
            package("app", "Depends: dpkg, openssl | other\n"),
        ]
    };
    let base = compose_all(packages(), &keep(&["app"])).unwrap();
    assert_eq!(names(&base.parcels), ["app", "ca-certificates", "libssl3", "openssl", "base"]);
    let base = compose_all(packages(), &keep(&["dpkg"])).unwrap();
    assert_eq!(names(&base.parcels), ["ca-certificates", "dpkg", "libz", "tar", "base"]);
    let error = compose_all(packages(), &keep(&["gone"])).unwrap_err();
    assert!(error.to_string().contains("gone was asked for"), "{error}");
    assert!(!error.hints().is_empty());
}

#[test]
fn a_left_out_library_that_native_code_needs_comes_back() {
    // This test program itself is native code.
    let program = Content::bytes(std::fs::read("/proc/self/exe").unwrap());
    let packages = |program: Option<Content>| {
        let mut app = package("app", "");
        if let Some(content) = program {
            app = app.item("usr/bin/app", ItemKind::File { mode: 0o755, content });
        }
        let library = package("zlibc", "").file("lib/x86_64-linux-gnu/libc.so.6", "library");
        vec![app, library]
    };
    let base = compose_all(packages(None), &keep(&["app"])).unwrap();
    assert_eq!(names(&base.parcels), ["app", "base"]);
    let base = compose_all(packages(Some(program)), &keep(&["app"])).unwrap();
    assert_eq!(names(&base.parcels), ["app", "zlibc", "base"]);
    assert!(base.dropped.is_empty());
}

#[test]
fn files_move_into_usr_and_the_links_are_made() {
    let packages = vec![
        package("libc6", "").file("lib/x86_64-linux-gnu/libc.so.6", "C").file("lib64/ld.so", "L"),
        package("base-files", "")
            .link("bin", "usr/bin")
            .folder("tmp", 0o1777)
            .folder("var/run", 0o755)
            .file("usr/lib/os-release", "ID=debian\n"),
        package("app", "").file("bin/app", "A").folder("tmp", 0o755),
    ];
    let base = compose_all(packages, &keep(&["app"])).unwrap();
    let has = |path: &str| at(&base, path).unwrap_or_default();
    assert_eq!(has("/usr/lib/x86_64-linux-gnu/libc.so.6"), "C");
    assert_eq!(has("/usr/bin/app"), "A");
    assert_eq!((has("/bin").as_str(), has("/lib64").as_str()), ("-> usr/bin", "-> usr/lib64"));
    assert_eq!(at(&base, "/lib32"), None);
    assert_eq!((has("/var/run").as_str(), has("/run").as_str()), ("-> /run", "folder 755"));
    assert_eq!(has("/etc/os-release"), "-> ../usr/lib/os-release");
    let tmp = base.parcels.iter().flat_map(|p| &p.items).filter(|i| i.path.as_bytes() == b"tmp");
    for item in tmp {
        // Which of several layers is the last to name a folder must not matter.
        assert!(matches!(item.kind, ItemKind::Folder { mode: 0o755 }), "that of the first, app");
    }
    assert_eq!(
        has("/var/lib/dpkg/status.d/libc6.md5sums"),
        "0d61f8370cad1d412f80b84d143e1257  usr/lib/x86_64-linux-gnu/libc.so.6\n\
         d20caec3b48a1eef164cb4ca81ba2587  usr/lib64/ld.so\n"
    );
    assert!(has("/var/lib/dpkg/status.d/libc6").starts_with("Package: libc6\n"));
    assert!(has("/etc/passwd").contains("nonroot:x:65532:65532:"));
    assert_eq!(has("/home/nonroot"), "folder 1777");
}

#[test]
fn two_files_at_one_place_need_a_reason() {
    let pair = |fields: &str, text: &str| {
        vec![package("a", "").file("bin/x", "one"), package("b", fields).file("usr/bin/x", text)]
    };
    let error = compose_all(pair("", "two"), &keep(&["a", "b"])).unwrap_err();
    assert!(matches!(&error, Error::Clash { first, .. } if first == "a"), "{error}");
    let base = compose_all(pair("Replaces: a (<< 2)\n", "two"), &keep(&["a", "b"])).unwrap();
    assert_eq!(at(&base, "/usr/bin/x").unwrap(), "two");
    let base = compose_all(pair("", "one"), &keep(&["a", "b"])).unwrap();
    assert_eq!(at(&base, "/usr/bin/x").unwrap(), "one");
    let twins = vec![package("a", ""), package("a", "")];
    assert!(matches!(compose_all(twins, &keep(&["a"])), Err(Error::Twice { .. })));
}

#[test]
fn what_nothing_reads_is_left_out_counted_and_kept_on_demand() {
    let packages = || {
        vec![
            package("netbase", "")
                .folder("usr/share/man", 0o755)
                .folder("usr/share/man/man5", 0o755)
                .file("usr/share/man/man5/services.5.gz", "12345")
                .link("usr/share/man/man5/other.5.gz", "services.5.gz")
                .folder("var/lib/empty", 0o700)
                .folder("usr/share/doc/netbase", 0o755)
                .file("usr/share/doc/netbase/copyright", "free")
                .file("usr/share/doc/netbase/README", "1234567")
                .file("usr/sbin/update", "#!/bin/sh\n")
                .link("etc/alias", "../usr/share/doc/netbase/README"),
        ]
    };
    let base = compose_all(packages(), &Options::default()).unwrap();
    let left: Vec<String> = base
        .left_out
        .iter()
        .map(|left| format!("{} {} {}", left.category, left.files, left.bytes))
        .collect();
    assert_eq!(left, ["docs 2 7 B", "man 2 5 B", "programs 1 10 B"]);
    assert_eq!(at(&base, "/usr/share/doc/netbase/copyright").unwrap(), "free");
    assert_eq!(at(&base, "/usr/share/man/man5"), None, "a folder goes with its content");
    assert_eq!(at(&base, "/var/lib/empty").unwrap(), "folder 700");
    assert_eq!(at(&base, "/etc/alias"), None, "a link goes with what it leads to");
    let keep_categories = [Category::Man, Category::Docs].into();
    let options = Options { keep_categories, ..Options::default() };
    let base = compose_all(packages(), &options).unwrap();
    assert_eq!(at(&base, "/usr/share/man/man5/services.5.gz").unwrap(), "12345");
    assert_eq!(at(&base, "/etc/alias").unwrap(), "-> ../usr/share/doc/netbase/README");
}

#[test]
fn scripts_stay_where_their_interpreter_does() {
    let packages = || {
        vec![
            package("app", "Depends: dash\n")
                .file("usr/bin/start", "#!/bin/sh\n")
                .file("usr/lib/app/helper", "#!/bin/sh\n")
                .file("usr/bin/other", "#!/usr/bin/start\n"),
            package("dash", "Essential: yes\n").file("bin/dash", "shell"),
        ]
    };
    let base = compose_all(packages(), &keep(&["app"])).unwrap();
    assert!(base.without_interpreter.is_empty(), "what it depends on by name is no essential");
    let mut alone = packages();
    alone.pop();
    let base = compose_all(alone, &keep(&["app"])).unwrap();
    assert_eq!(at(&base, "/usr/bin/start"), None);
    assert_eq!(at(&base, "/usr/bin/other"), None, "nor what it would have run");
    let lost = &base.without_interpreter;
    assert_eq!((lost[0].interpreter.as_str(), lost[0].programs), ("/usr/bin/sh", 2));
    let options = Options { shell: true, ..Options::default() };
    let base = compose_all(packages(), &options).unwrap();
    assert_eq!(names(&base.parcels), ["dash", "base"]);
    assert_eq!(at(&base, "/usr/bin/sh").unwrap(), "-> dash");
    assert!(at(&base, "/etc/passwd").unwrap().starts_with("root:x:0:0:root:/root:/bin/sh\n"));
    let error = compose_all(vec![package("app", "")], &options).unwrap_err();
    assert!(matches!(error, Error::NoShell));
}

#[test]
fn python_is_found_named_and_never_replaced_by_another() {
    let packages = || {
        vec![
            package("python3.11", "Depends: python3.11-minimal\n"),
            package("python3.11-minimal", "").file("usr/bin/python3.11", "interpreter"),
            package("libc-bin", "").file("sbin/ldconfig", "L").file("usr/bin/getent", "G"),
        ]
    };
    let with = |python| Options { python, ..Options::default() };
    let base = compose_all(packages(), &with(PythonWish::Version(3, 11))).unwrap();
    let python = base.python.clone().unwrap();
    assert_eq!((python.version, python.full_version.as_str()), ((3, 11), "3.11.2"));
    assert_eq!(python.scheme.interpreter, "/usr/bin/python3.11");
    assert_eq!(at(&base, "/usr/bin/python3").unwrap(), "-> python3.11");
    assert_eq!(at(&base, "/usr/bin/python").unwrap(), "-> python3");
    assert_eq!(at(&base, "/usr/local/lib/python3.11/dist-packages").unwrap(), "folder 755");
    assert_eq!(at(&base, "/usr/sbin/ldconfig").unwrap(), "L", "ctypes asks it");
    assert_eq!(at(&base, "/usr/bin/getent"), None);
    let error = compose_all(packages(), &with(PythonWish::Version(3, 13))).unwrap_err();
    assert_eq!(error.to_string(), "Python 3.13 was asked for, but the base's packages have 3.11");
    let error = compose_all(vec![], &with(PythonWish::Any)).unwrap_err();
    assert!(matches!(error, Error::NoPython));
    let base = compose_all(packages(), &Options::default()).unwrap();
    assert_eq!((base.python, names(&base.parcels)), (None, vec!["libc-bin", "base"]));
}

#[test]
fn effects_of_scripts_are_there_and_told() {
    let packages = vec![
        package("ca-certificates", "")
            .file("usr/share/ca-certificates/mozilla/A.crt", "PEM A")
            .postinst("update-ca-certificates"),
        package("less", "")
            .file("usr/bin/less", "program")
            .postinst("update-alternatives --install /usr/bin/pager pager /usr/bin/less 77"),
        package("server", "").postinst("adduser --system server"),
        package("tzdata", "").file("usr/share/zoneinfo/Etc/UTC", "TZif"),
        package("base-passwd", "").file(
            "usr/share/base-passwd/passwd.master",
            "root:*:0:0:root:/root:/bin/bash\nwww-data:*:33:33::/var/www:/usr/sbin/nologin\n",
        ),
    ];
    let base = compose_all(packages, &keep(&["less", "server"])).unwrap();
    assert_eq!(at(&base, "/etc/ssl/certs/ca-certificates.crt").unwrap(), "PEM A\n");
    assert_eq!(at(&base, "/usr/share/ca-certificates/mozilla/A.crt"), None);
    assert_eq!(
        at(&base, "/usr/lib/ssl/cert.pem").unwrap(),
        "-> /etc/ssl/certs/ca-certificates.crt"
    );
    assert_eq!(at(&base, "/usr/bin/pager").unwrap(), "-> /usr/bin/less");
    assert_eq!(at(&base, "/etc/localtime").unwrap(), "-> /usr/share/zoneinfo/Etc/UTC");
    assert!(at(&base, "/etc/passwd").unwrap().contains("root:/usr/sbin/nologin\nwww-data:"));
    let told: Vec<String> =
        base.scripts_not_run.iter().map(|s| format!("{}: {}", s.package, s.effect)).collect();
    assert_eq!(
        told,
        [
            "ca-certificates: reproduced: the bundle of certificates",
            "less: reproduced: links for its alternatives",
            "server: not done: makes an account",
        ]
    );
    let variables: Vec<&str> = base.environment.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(variables, ["LANG", "PATH", "SSL_CERT_FILE"]);
}
