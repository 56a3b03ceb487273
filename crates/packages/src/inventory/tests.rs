//! Small images of every kind.

use super::*;
use crate::testing::MemoryTree;

fn of<'i>(inventory: &'i Inventory, ecosystem: Ecosystem, name: &str) -> &'i Package {
    let mut found =
        inventory.packages.iter().filter(|p| p.ecosystem == ecosystem && p.name == name);
    let package = found.next().unwrap_or_else(|| panic!("{name} is missing"));
    assert!(found.next().is_none(), "{name} is there twice");
    package
}

fn list(tree: &MemoryTree) -> Inventory {
    inventory(tree, OwnedFiles::List)
}

/// What holds for every inventory.
fn check_sums(inventory: &Inventory) {
    for total in &inventory.ecosystems {
        let sum: u64 = inventory
            .packages
            .iter()
            .filter(|p| p.ecosystem == total.ecosystem)
            .map(|p| p.bytes.bytes())
            .sum();
        assert_eq!(total.bytes.bytes(), sum);
    }
}

const OS: &str = "ID=debian\nVERSION_ID=\"12\"\n";

fn debian() -> MemoryTree {
    MemoryTree::default()
        .link("lib", "usr/lib")
        .link("etc/os-release", "../usr/lib/os-release")
        .file("usr/lib/os-release", OS)
        .file(
            "var/lib/dpkg/info/libc6:amd64.list",
            "/.\n/lib\n/lib/x86_64-linux-gnu\n/lib/x86_64-linux-gnu/libc.so.6\n/usr/share/doc/libc6\n/etc/ld.so.conf.d/x.conf\n",
        )
        .file("var/lib/dpkg/info/libc6:amd64.postinst", "#!/bin/sh\n")
        .file("var/lib/dpkg/info/dash.list", "/bin/sh\n/usr/bin/dash\n")
        .sized("usr/lib/x86_64-linux-gnu/libc.so.6", 2_000_000)
        .folder("usr/share/doc/libc6")
        .file("etc/ld.so.conf.d/x.conf", "/lib\n")
        .sized("usr/bin/dash", 100_000)
        .layer(1)
        .file("var/lib/dpkg/info/hello.list", "/usr/bin/hello\n/bin/sh\n")
        .file("var/lib/dpkg/diversions", "/bin/sh\n/bin/sh.distrib\ndash\n")
        .sized("bin/sh", 10)
        .sized("bin/sh.distrib", 11)
        .sized("usr/bin/hello", 50_000)
        .file(
            "var/lib/dpkg/status",
            "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nSource: glibc\nVersion: 2.36-9+deb12u10\n\nPackage: dash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 0.5.12-2\n\nPackage: hello\nStatus: install ok unpacked\nArchitecture: amd64\nVersion: 2.10-3\n\nPackage: gone\nStatus: deinstall ok config-files\nVersion: 1\n",
        )
}

#[test]
fn debian_packages_own_what_their_lists_say() {
    let inventory = list(&debian());
    check_sums(&inventory);
    let libc = of(&inventory, Ecosystem::Deb, "libc6");
    assert_eq!(
        libc.files,
        [
            "etc/ld.so.conf.d/x.conf",
            "usr/lib/x86_64-linux-gnu/libc.so.6",
            "var/lib/dpkg/info/libc6:amd64.list",
            "var/lib/dpkg/info/libc6:amd64.postinst",
        ]
    );
    assert_eq!(libc.layer, Some(0), "the list's layer, not that of status");
    assert_eq!(libc.evidence, "var/lib/dpkg/info/libc6:amd64.list");
    assert_eq!(
        libc.purl.as_deref(),
        Some("pkg:deb/debian/libc6@2.36-9%2Bdeb12u10?arch=amd64&distro=debian-12")
    );
    let source = libc.source.as_ref().unwrap();
    assert_eq!(
        (source.name.as_str(), source.version.as_deref()),
        ("glibc", Some("2.36-9+deb12u10"))
    );
    assert!(of(&inventory, Ecosystem::Deb, "dash").files.contains(&"bin/sh".to_owned()));
    let hello = of(&inventory, Ecosystem::Deb, "hello");
    assert_eq!(hello.layer, Some(1));
    assert_eq!(hello.notes, [PackageNote::HalfInstalled]);
    assert!(hello.files.contains(&"bin/sh.distrib".to_owned()), "diverted");
    assert!(inventory.packages.iter().all(|p| p.name != "gone"));
    let unowned: Vec<&str> = inventory.unowned.largest.iter().map(|f| f.path.as_str()).collect();
    assert_eq!(unowned, ["var/lib/dpkg/status", "var/lib/dpkg/diversions", "usr/lib/os-release"]);
    assert_eq!(inventory.unowned.file_count, 3);
}

#[test]
fn images_without_dpkg_name_packages_in_a_folder() {
    let tree = MemoryTree::default()
        .file(
            "var/lib/dpkg/status.d/tzdata",
            "Package: tzdata\nArchitecture: all\nVersion: 2025b-0\nMaintainer: x\n",
        )
        .file(
            "var/lib/dpkg/status.d/tzdata.md5sums",
            "d41d8cd98f00b204e9800998ecf8427e  usr/share/zoneinfo/UTC\n",
        )
        .sized("usr/share/zoneinfo/UTC", 114);
    let inventory = list(&tree);
    let tzdata = of(&inventory, Ecosystem::Deb, "tzdata");
    assert_eq!(tzdata.file_count, 3);
    assert_eq!(tzdata.purl, None, "nobody says whose tzdata");
    assert_eq!(inventory.notes, [InventoryNote::UnknownDistribution]);
}

#[test]
fn alpine_packages_belong_to_the_layer_that_wrote_most_of_them() {
    let tree = MemoryTree::default()
        .link("bin", "usr/bin")
        .file("etc/os-release", "ID=alpine\nVERSION_ID=3.20.1\n")
        .sized("usr/bin/busybox", 900)
        .layer(1)
        .sized("etc/motd", 10)
        .file(
            "lib/apk/db/installed",
            "P:busybox-binsh\nV:1.36.1-r29\nA:x86_64\no:busybox\nF:bin\nR:busybox\nF:etc\nR:motd\n\nP:musl\nV:1\nA:x86_64\n\n",
        )
        .sized("var/lib/rpm/rpmdb.sqlite", 5);
    let inventory = list(&tree);
    let busybox = of(&inventory, Ecosystem::Apk, "busybox-binsh");
    assert_eq!((busybox.bytes.bytes(), busybox.layer), (910, Some(0)));
    assert_eq!(
        busybox.purl.as_deref(),
        Some("pkg:apk/alpine/busybox-binsh@1.36.1-r29?arch=x86_64&distro=alpine-3.20.1")
    );
    assert_eq!(busybox.source.as_ref().unwrap().name, "busybox");
    assert_eq!(of(&inventory, Ecosystem::Apk, "musl").layer, None);
    let [InventoryNote::RpmNotRead { path }] = inventory.notes.as_slice() else { panic!() };
    assert_eq!(path, "var/lib/rpm/rpmdb.sqlite");
}

const SITE: &str = "usr/lib/python3.11/site-packages";

fn python() -> MemoryTree {
    let at = |path: &str| format!("{SITE}/{path}");
    MemoryTree::default()
        .file(&at("Tool_Box-1.0.dist-info/METADATA"), "Name: Tool_Box\nVersion: 1.0\n\nLong\n")
        .file(&at("Tool_Box-1.0.dist-info/INSTALLER"), "pip\n")
        .file(
            &at("Tool_Box-1.0.dist-info/RECORD"),
            "tool/__init__.py,,\n\"tool/a,b.py\",,\n../../../../bin/tool,,\ntool/_vendor/inner-2.dist-info/METADATA,,\ntool/_vendor/inner.py,,\nTool_Box-1.0.dist-info/RECORD,,\ntool/removed.py,,\n",
        )
        .sized("bin/tool", 7)
        .sized(&at("tool/__init__.py"), 100)
        .sized(&at("tool/a,b.py"), 200)
        .sized(&at("tool/__pycache__/__init__.cpython-311.pyc"), 150)
        .sized(&at("tool/__pycache__/removed.cpython-311.opt-1.pyc"), 50)
        .sized(&at("tool/__pycache__/stranger.cpython-311.pyc"), 5000)
        .file(&at("tool/_vendor/inner-2.dist-info/METADATA"), "Name: inner\nVersion: 2\n")
        .file(&at("tool/_vendor/inner-2.dist-info/RECORD"), "inner.py,,\n")
        .sized(&at("tool/_vendor/inner.py"), 40)
}

#[test]
fn distributions_own_their_record_and_their_bytecode() {
    let inventory = list(&python());
    check_sums(&inventory);
    let tool = of(&inventory, Ecosystem::PyPi, "tool-box");
    assert_eq!(tool.purl.as_deref(), Some("pkg:pypi/tool-box@1.0"));
    let owned: Vec<&str> = tool
        .files
        .iter()
        .map(|f| f.strip_prefix("usr/lib/python3.11/site-packages/").unwrap_or(f))
        .collect();
    assert_eq!(
        owned,
        [
            "bin/tool",
            "Tool_Box-1.0.dist-info/INSTALLER",
            "Tool_Box-1.0.dist-info/METADATA",
            "Tool_Box-1.0.dist-info/RECORD",
            "tool/__init__.py",
            "tool/__pycache__/__init__.cpython-311.pyc",
            "tool/__pycache__/removed.cpython-311.opt-1.pyc",
            "tool/_vendor/inner-2.dist-info/METADATA",
            "tool/_vendor/inner.py",
            "tool/a,b.py",
        ]
    );
    let inner = of(&inventory, Ecosystem::PyPi, "inner");
    assert_eq!(inner.notes, [PackageNote::VendoredIn { name: "tool-box".into() }]);
    assert_eq!(inner.files.len(), 1, "its RECORD, which the outer one does not list");
    assert_eq!(inventory.unowned.file_count, 1, "the stranger");
}

#[test]
fn distributions_without_a_list_of_files() {
    let at = |path: &str| format!("{SITE}/{path}");
    let tree = MemoryTree::default()
        .file(&at("PyJWT-2.6.0.egg-info/PKG-INFO"), "Name: PyJWT\nVersion: 2.6.0\n")
        .file(&at("PyJWT-2.6.0.egg-info/top_level.txt"), "jwt\n../../../../etc\n")
        .sized(&at("jwt/api.py"), 10)
        .file(&at("six-1.16.0.egg-info"), "Metadata-Version: 1.0\nName: six\nVersion: 1.16.0\n")
        .sized(&at("six.py"), 20)
        .sized(&at("__pycache__/six.cpython-311.pyc"), 30)
        .file(&at("old.egg-info/PKG-INFO"), "Name: old\nVersion: 1\n")
        .file(&at("old.egg-info/installed-files.txt"), "../old/m.py\nPKG-INFO\n")
        .sized(&at("old/m.py"), 40)
        .file(&at("zoo-1-py3.11.egg/EGG-INFO/PKG-INFO"), "Name: zoo\nVersion: 1\n")
        .sized(&at("zoo-1-py3.11.egg/zoo/ape.py"), 50)
        .file(&at("dual-1.dist-info/METADATA"), "Name: dual\nVersion: 1\n")
        .file(&at("dual-1.dist-info/RECORD"), "dual-1.dist-info/METADATA,,\n")
        .file(&at("dual.egg-info/PKG-INFO"), "Name: dual\nVersion: 1\n")
        .sized(&at("dual/x.so"), 60)
        .file(&at("~ual-0.dist-info/METADATA"), "Name: dual\nVersion: 0\n")
        .file(&at("edit-1.dist-info/METADATA"), "Name: edit\nVersion: 1\n")
        .file(&at("edit-1.dist-info/RECORD"), "__editable__.edit-1.pth,,\n")
        .file(&at("__editable__.edit-1.pth"), "/src\n")
        .file(
            &at("edit-1.dist-info/direct_url.json"),
            r#"{"url":"file:///src","dir_info":{"editable":true}}"#,
        )
        .sized("etc/passwd", 1);
    let inventory = list(&tree);
    let python = |name: &str| of(&inventory, Ecosystem::PyPi, name);
    assert_eq!(python("pyjwt").notes, [PackageNote::FilesByModuleName]);
    assert!(python("pyjwt").files.contains(&at("jwt/api.py")));
    assert_eq!(python("six").files.len(), 3);
    assert!(python("old").files.contains(&at("old/m.py")) && python("old").notes.is_empty());
    assert!(python("zoo").files.contains(&at("zoo-1-py3.11.egg/zoo/ape.py")));
    assert_eq!(python("edit").notes, [PackageNote::Editable { url: "file:///src".into() }]);
    assert!(python("edit").files.contains(&at("__editable__.edit-1.pth")));
    let duals: Vec<&Package> = inventory.packages.iter().filter(|p| p.name == "dual").collect();
    assert_eq!(duals.len(), 2);
    assert!(duals[0].files.contains(&at("dual/x.so")) && duals[0].file_count == 4);
    assert!(duals[1].notes.contains(&PackageNote::PipLeftover));
    assert_eq!(inventory.unowned.file_count, 1, "etc/passwd");
}

#[test]
fn node_packages_own_their_folder_without_those_nested_in_it() {
    let tree = MemoryTree::default()
        .file("app/node_modules/@s/core/package.json", r#"{"name":"@s/core","version":"7.0.0"}"#)
        .sized("app/node_modules/@s/core/lib/x.js", 100)
        .file("app/node_modules/@s/core/lib/package.json", r#"{"type":"module"}"#)
        .file("app/node_modules/@s/core/node_modules/ms/package.json", r#"{"version":"2.0.0"}"#)
        .sized("app/node_modules/@s/core/node_modules/ms/index.js", 50)
        .file("app/node_modules/bad/package.json", "{")
        .sized("app/index.js", 1);
    let inventory = list(&tree);
    check_sums(&inventory);
    let core = of(&inventory, Ecosystem::Npm, "@s/core");
    assert_eq!(core.purl.as_deref(), Some("pkg:npm/%40s/core@7.0.0"));
    assert_eq!(core.file_count, 3);
    let ms = of(&inventory, Ecosystem::Npm, "ms");
    assert_eq!((ms.file_count, ms.version.as_deref()), (2, Some("2.0.0")));
    assert!(matches!(inventory.notes[..], [InventoryNote::MetadataUnread { .. }]));
    assert_eq!(inventory.unowned.file_count, 2);
}

#[test]
fn content_with_several_names_counts_once_and_for_what_is_installed() {
    let cache = "home/dev/.cache/uv/archive-v0/abc";
    let metadata = "Name: lib\nVersion: 1\n";
    let tree = MemoryTree::default()
        .file(&format!("{cache}/lib-1.dist-info/METADATA"), metadata)
        .file(&format!("{cache}/lib-1.dist-info/RECORD"), "lib.py,,\n")
        .linked_file(&format!("{cache}/lib.py"), "x = 1\n", Some(9))
        .file(&format!("{SITE}/lib-1.dist-info/METADATA"), metadata)
        .file(&format!("{SITE}/lib-1.dist-info/RECORD"), "lib.py,,\n")
        .linked_file(&format!("{SITE}/lib.py"), "x = 1\n", Some(9))
        .linked_file("srv/a", "12345", Some(7))
        .linked_file("srv/b", "12345", Some(7));
    let inventory = list(&tree);
    check_sums(&inventory);
    let [installed, cached] = inventory.packages.as_slice() else { panic!() };
    assert!(installed.evidence.starts_with(SITE));
    assert_eq!(installed.bytes.bytes(), cached.bytes.bytes() + 6);
    assert_eq!(inventory.unowned.bytes.bytes(), 5);
    assert_eq!(inventory.unowned.file_count, 2);
    assert_eq!(inventory.unowned.largest[0].path, "srv/a");
}

#[test]
fn an_empty_tree_has_an_empty_inventory() {
    let inventory = list(&MemoryTree::default());
    assert!(inventory.packages.is_empty() && inventory.notes.is_empty());
    assert_eq!(inventory.unowned, Unowned::default());
}

#[test]
fn json_is_flat_and_reads_well() {
    let inventory = inventory(&python(), OwnedFiles::Count);
    let json = serde_json::to_value(&inventory).unwrap();
    let inner = json["packages"]
        .as_array()
        .unwrap()
        .iter()
        .find(|package| package["name"] == "inner")
        .unwrap();
    assert_eq!(inner["notes"][0], "part of tool-box, which owns its files");
    assert_eq!(inner["ecosystem"], "pypi");
    assert!(inner.get("files").is_none());
}
