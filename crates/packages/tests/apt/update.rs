//! Bringing lists up to date from a server on loopback, signed by `GnuPG`.

use std::io::Write as _;
use std::sync::Arc;

use lightship_base::{Digest, Quiet, Timestamp};
use lightship_cas::Cas;
use lightship_net::{Client, Jitter, Pacer, RetryPolicy, Settings, ThreadSleeper};
use lightship_packages::apt::{
    Archives, Index, Keyring, Mirror, Sources, UpdateError, UpdateOptions, archives, probe_suite,
    update, who_has,
};
use lightship_packages::fetch::{Error, Fetcher, NoLogins};
use tempfile::TempDir;

use crate::archive::Server;
use crate::gpg::Gpg;

const PACKAGES: &str = "Package: hello\nVersion: 2.10-3\nArchitecture: amd64\nFilename: pool/main/h/hello/hello_2.10-3_amd64.deb\nSize: 5\nSHA256: 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\n";

struct World {
    server: Server,
    gpg: Gpg,
    key: String,
    store: TempDir,
}

/// Whether the network may be used.
#[derive(Clone, Copy)]
enum Network {
    On,
    Off,
}

impl World {
    fn new() -> Option<Self> {
        let Some(gpg) = Gpg::new() else {
            crate::skip("there is no gpg here");
            return None;
        };
        let key = gpg.key("archive", "ed25519", &[]);
        Some(Self { server: Server::start(), gpg, key, store: tempfile::tempdir().unwrap() })
    }

    fn fetcher(&self, network: Network) -> Fetcher {
        let pacer = Pacer::new(
            RetryPolicy { attempts: 1, ..RetryPolicy::default() },
            Arc::new(ThreadSleeper),
            Jitter::seeded(1),
        );
        let client = match network {
            Network::On => Some(Client::new(Settings::new("test", Vec::new()), pacer).unwrap()),
            Network::Off => None,
        };
        let lease = Cas::open(self.store.path()).unwrap().lease().unwrap();
        Fetcher::new(client, Arc::new(lease), Arc::new(NoLogins))
    }

    /// Publishes a suite with one component and these packages.
    fn publish(&self, suite: &str, packages: &str, fields: &str) {
        self.publish_with(suite, packages, fields, "");
    }

    /// The same, with more fields, and with more lines in the list of files.
    fn publish_with(&self, suite: &str, packages: &str, fields: &str, lines: &str) {
        let fields = format!("Suite: {suite}\nCodename: {suite}\n{fields}");
        self.publish_as(suite, packages, &fields, lines);
    }

    /// The same, whatever it calls itself.
    fn publish_as(&self, suite: &str, packages: &str, fields: &str, lines: &str) {
        let folder = format!("dists/{suite}/main/binary-amd64");
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(packages.as_bytes()).unwrap();
        let packed = encoder.finish().unwrap();
        let digest = Digest::of(&packed);
        self.server.put(&format!("{folder}/Packages.gz"), packed.clone());
        self.server.put(&format!("{folder}/by-hash/SHA256/{}", digest.hex()), packed.clone());
        let release = format!(
            "Origin: Debian\nLabel: Debian\n{fields}Acquire-By-Hash: yes\nArchitectures: all amd64\nComponents: main\nNo-Support-for-Architecture-all: Packages\nSHA256:\n {} {} main/binary-amd64/Packages\n {} {} main/binary-amd64/Packages.gz\n{lines}",
            Digest::of(packages.as_bytes()).hex(),
            packages.len(),
            digest.hex(),
            packed.len(),
        );
        let signed = self.gpg.clear_sign(&self.key, &release, &[]);
        self.server.put(&format!("dists/{suite}/InRelease"), signed);
    }

    fn mirror(&self, suite: &str) -> Mirror {
        let line = format!("deb {} {suite} main", self.server.base());
        let mut sources = Sources::parse([("test.list", line.as_str())]);
        let keyring = Keyring::parse("key", &self.gpg.export(&self.key)).unwrap();
        Mirror { source: sources.entries.remove(0), keyring }
    }

    fn update(&self, network: Network, suite: &str) -> Result<Index, UpdateError> {
        update(&self.fetcher(network), &[self.mirror(suite)], options(), &Quiet)
    }
}

fn options() -> UpdateOptions<'static> {
    // GnuPG signs by the machine's clock.
    let now = lightship_base::Clock::now(&lightship_base::SystemClock);
    UpdateOptions { architecture: "amd64", now, allow_expired: false, pins: None }
}

fn located(archives: &Archives) -> Vec<String> {
    let found = archives.locate("Debian", "pool/main/h/hello/hello_2.10-3_amd64.deb");
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn once_whole_then_one_question_then_none() {
    let Some(world) = World::new() else { return };
    world.publish("bookworm", PACKAGES, "Version: 12.11\n");
    let index = world.update(Network::On, "bookworm").unwrap();
    let package = index.get("hello").unwrap();
    assert_eq!(package.version(), "2.10-3");
    let archive = index.archives().get(package.archive()).unwrap();
    assert_eq!((archive.label.as_str(), archive.version.as_deref()), ("Debian", Some("12.11")));
    let address = format!("{}/pool/main/h/hello/hello_2.10-3_amd64.deb", world.server.base());
    assert_eq!(located(index.archives()), std::slice::from_ref(&address));
    let asked = world.server.asked();
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(
        asked[1].starts_with("200 dists/bookworm/main/binary-amd64/by-hash/SHA256/"),
        "{asked:?}"
    );

    assert_eq!(world.update(Network::On, "bookworm").unwrap().len(), 1);
    assert_eq!(world.server.asked(), ["304 dists/bookworm/InRelease"]);

    assert_eq!(world.update(Network::Off, "bookworm").unwrap().len(), 1);
    let known = archives(&world.fetcher(Network::Off), &[world.mirror("bookworm")], options());
    assert_eq!(located(&known.unwrap()), [address]);
    assert_eq!(world.update(Network::Off, "bookworm").unwrap().len(), 1);
    assert!(world.server.asked().is_empty());

    let error = world.update(Network::Off, "sid").unwrap_err();
    assert!(matches!(error, UpdateError::Fetch { source: Error::Offline { .. }, .. }), "{error:?}");
}

#[test]
fn what_no_list_names_any_more_can_go() {
    let Some(world) = World::new() else { return };
    world.publish("bookworm", PACKAGES, "");
    world.update(Network::On, "bookworm").unwrap();
    world.publish("bookworm", &PACKAGES.replace("2.10-3", "2.10-4"), "");
    let index = world.update(Network::On, "bookworm").unwrap();
    assert_eq!(index.get("hello").unwrap().version(), "2.10-4");
    let cas = Cas::open(world.store.path()).unwrap();
    let names = cas.list_refs(lightship_packages::apt::update::APT_RELEASES).unwrap();
    assert_eq!(names.len(), 1);
    assert_eq!(names[0].value.roots.len(), 2, "the list and its only index");
    assert!(!names[0].name.contains("127.0.0.1"), "no address in the store's names");
    assert!(cas.list_refs(lightship_packages::fetch::PACKAGES).unwrap().is_empty());
}

#[test]
fn nobody_changes_anything_unseen() {
    let Some(world) = World::new() else { return };
    world.publish("bookworm", PACKAGES, "");
    let packed = "dists/bookworm/main/binary-amd64/Packages.gz";
    let listed = world.server.asked();
    assert!(listed.is_empty());
    // An index of another content, at every address that it has.
    let mut evil = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    evil.write_all(PACKAGES.replace("hello", "hullo").as_bytes()).unwrap();
    let evil = evil.finish().unwrap();
    let mut good = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    good.write_all(PACKAGES.as_bytes()).unwrap();
    let good = Digest::of(&good.finish().unwrap());
    world.server.put(packed, evil.clone());
    world
        .server
        .put(&format!("dists/bookworm/main/binary-amd64/by-hash/SHA256/{}", good.hex()), evil);
    let error = world.update(Network::On, "bookworm").unwrap_err();
    assert!(matches!(error, UpdateError::Fetch { .. }), "{error:?}");

    // A list that somebody changed, and one that somebody else signed.
    let release = "Suite: bookworm\nSHA256:\n";
    let signed = String::from_utf8(world.gpg.clear_sign(&world.key, release, &[])).unwrap();
    world.server.put("dists/bookworm/InRelease", signed.replace("bookworm", "bookwurm"));
    let error = world.update(Network::On, "bookworm").unwrap_err();
    assert!(matches!(error, UpdateError::Signature { .. }), "{error:?}");
    let other = world.gpg.key("stranger", "ed25519", &[]);
    world.server.put("dists/bookworm/InRelease", world.gpg.clear_sign(&other, release, &[]));
    let error = world.update(Network::On, "bookworm").unwrap_err();
    assert!(matches!(error, UpdateError::Signature { .. }), "{error:?}");
    assert_eq!(error.to_string(), "the list of suite `bookworm` (test.list:1) cannot be believed");
    // Unsigned text is not believed at all.
    world.server.put("dists/bookworm/InRelease", release);
    let error = world.update(Network::On, "bookworm").unwrap_err();
    assert!(matches!(error, UpdateError::Signature { .. }), "{error:?}");
}

#[test]
fn old_lists() {
    let Some(world) = World::new() else { return };
    let expired =
        "Date: Sat, 01 Jan 2022 00:00:00 UTC\nValid-Until: Sat, 08 Jan 2022 00:00:00 UTC\n";
    world.publish("bookworm", PACKAGES, expired);
    let error = world.update(Network::On, "bookworm").unwrap_err();
    let until: Timestamp = "2022-01-08T00:00:00Z".parse().unwrap();
    assert!(
        matches!(&error, UpdateError::Expired { valid_until, .. } if *valid_until == until),
        "{error:?}"
    );
    let allowed = UpdateOptions { allow_expired: true, ..options() };
    let mirrors = [world.mirror("bookworm")];
    assert!(update(&world.fetcher(Network::On), &mirrors, allowed, &Quiet).is_ok());
    // A mirror cannot take us back behind what we have seen.
    world.publish(
        "trixie",
        &PACKAGES.replace("2.10-3", "9"),
        "Date: Tue, 03 Mar 2026 00:00:00 UTC\n",
    );
    world.update(Network::On, "trixie").unwrap();
    world.publish("trixie", PACKAGES, "Date: Mon, 02 Mar 2026 00:00:00 UTC\n");
    let index = world.update(Network::On, "trixie").unwrap();
    assert_eq!(index.get("hello").unwrap().version(), "9");
}

#[test]
fn suites_that_nobody_configured() {
    let Some(world) = World::new() else { return };
    world.publish("bookworm", PACKAGES, "");
    world.publish("trixie", &PACKAGES.replace("2.10-3", "3"), "");
    let (fetcher, mirror) = (world.fetcher(Network::On), world.mirror("bookworm"));
    let found = probe_suite(&fetcher, &mirror, "trixie", options()).unwrap().unwrap();
    let index = update(&fetcher, &[found], options(), &Quiet).unwrap();
    assert_eq!(index.get("hello").unwrap().version(), "3");
    assert!(probe_suite(&fetcher, &mirror, "forky", options()).unwrap().is_none());
    let error = world.update(Network::On, "forky").unwrap_err();
    assert!(matches!(error, UpdateError::NoSuite { .. }), "{error:?}");
}

#[test]
fn a_list_of_another_suite_is_refused() {
    let Some(world) = World::new() else { return };
    let update = |asked: &str, suite: &str, codename: &str| {
        let line = |name: &str, value: &str| match value {
            "" => String::new(),
            value => format!("{name}: {value}\n"),
        };
        let fields = line("Suite", suite) + &line("Codename", codename);
        world.publish_as(asked, PACKAGES, &fields, "");
        world.update(Network::On, asked).map(|index| index.len())
    };
    for (asked, suite, codename) in [
        ("bookworm", "oldstable", "bookworm"),
        ("oldstable", "oldstable", "bookworm"),
        ("bookworm-security", "oldstable-security", "bookworm-security"),
        ("bookworm-updates", "oldstable-updates", "bookworm-updates"),
        ("noble-updates", "noble-updates", "noble"),
        ("buster/updates", "oldoldstable", "buster"),
        ("bookworm/tools/7.0", "bookworm/tools", "bookworm/tools"),
        ("own", "", ""),
    ] {
        assert_eq!(update(asked, suite, codename).unwrap(), 1, "{asked}");
    }
    for (asked, suite, codename) in [
        ("trixie", "oldstable", "bookworm"),
        ("stable", "oldstable", "bookworm"),
        ("bookworm-security", "oldstable", "bookworm"),
        ("noble", "noble-updates", ""),
        ("bookworm/tools/7.0", "bookworm", "bookworm"),
    ] {
        let error = update(asked, suite, codename).unwrap_err();
        assert!(matches!(error, UpdateError::OtherSuite { .. }), "{asked}: {error:?}");
        let told = error.to_string();
        assert!(
            told.contains(&format!("`{suite}`")) && told.contains(&format!("`{asked}`")),
            "{told}"
        );
    }
}

#[test]
fn a_forbidden_suite_is_told_with_its_status() {
    let Some(world) = World::new() else { return };
    world.server.forbid();
    let error = world.update(Network::On, "bookworm").unwrap_err();
    assert!(matches!(error, UpdateError::NoSuite { status: 403, .. }), "{error:?}");
    let hints = lightship_base::Diagnose::hints(&error);
    assert!(hints[0].to_string().contains("auth.conf.d"), "{hints:?}");
}

#[test]
fn flat_archives_of_each_architecture_apart() {
    let Some(world) = World::new() else { return };
    let line = format!("deb [trusted=yes] {} flat-$(ARCH)/", world.server.base());
    let source = Sources::parse([("test.list", line.as_str())]).entries.remove(0);
    let mirrors = [Mirror { source, keyring: Keyring::default() }];
    for (architecture, version) in [("amd64", "1"), ("arm64", "2")] {
        let packages =
            PACKAGES.replace("2.10-3", version).replace(": amd64", &format!(": {architecture}"));
        let digest = Digest::of(packages.as_bytes()).hex();
        let release = format!("SHA256:\n {digest} {} Packages\n", packages.len());
        world.server.put(&format!("flat-{architecture}/Release"), release);
        world.server.put(&format!("flat-{architecture}/Packages"), packages);
    }
    for network in [Network::On, Network::Off] {
        for (architecture, version) in [("amd64", "1"), ("arm64", "2")] {
            let options = UpdateOptions { architecture, ..options() };
            let index = update(&world.fetcher(network), &mirrors, options, &Quiet).unwrap();
            assert_eq!(index.get("hello").unwrap().version(), version);
        }
    }
}

#[test]
fn who_needs_no_packages_leaves_those_there_are() {
    let Some(world) = World::new() else { return };
    world.publish("bookworm", PACKAGES, "");
    world.update(Network::On, "bookworm").unwrap();
    world.publish("bookworm", &PACKAGES.replace("2.10-3", "2.10-4"), "");
    let (fetcher, mirrors) = (world.fetcher(Network::On), [world.mirror("bookworm")]);
    archives(&fetcher, &mirrors, options()).unwrap();
    probe_suite(&fetcher, &mirrors[0], "bookworm", options()).unwrap().unwrap();
    assert!(who_has(&fetcher, &mirrors, &["x.so"], options(), &Quiet).is_err());
    let index = world.update(Network::Off, "bookworm").unwrap();
    assert_eq!(index.get("hello").unwrap().version(), "2.10-3");
    let index = world.update(Network::On, "bookworm").unwrap();
    assert_eq!(index.get("hello").unwrap().version(), "2.10-4");
}

#[test]
fn without_the_by_hash_address_the_plain_one() {
    let Some(world) = World::new() else { return };
    world.publish("bookworm", PACKAGES, "");
    let index = world.update(Network::On, "bookworm").unwrap();
    assert_eq!(index.len(), 1);
    let asked = world.server.asked();
    let by_hash = asked[1].strip_prefix("200 ").unwrap();
    let fresh = World { store: tempfile::tempdir().unwrap(), ..world };
    fresh.server.remove(by_hash);
    assert_eq!(fresh.update(Network::On, "bookworm").unwrap().len(), 1);
}

#[test]
fn what_is_not_there_is_named() {
    let Some(world) = World::new() else { return };
    world.publish("bookworm", PACKAGES, "");
    let fetcher = world.fetcher(Network::On);
    let mut mirror = world.mirror("bookworm");
    if let lightship_packages::apt::Suite::Named { components, .. } = &mut mirror.source.suite {
        components.push("contrib".to_owned());
    }
    let error = update(&fetcher, &[mirror], options(), &Quiet).unwrap_err();
    assert!(error.to_string().contains("has no component `contrib`"), "{error}");
    // Its packages are for others: nothing is found, and nothing is wrong.
    let arm = UpdateOptions { architecture: "arm64", ..options() };
    assert!(update(&fetcher, &[world.mirror("bookworm")], arm, &Quiet).unwrap().is_empty());
    assert!(matches!(update(&fetcher, &[], options(), &Quiet), Err(UpdateError::NoSources)));
}

#[test]
fn who_has_a_library() {
    let Some(world) = World::new() else { return };
    let contents = "usr/lib/x86_64-linux-gnu/libgomp.so.1 libs/libgomp1\n";
    let digest = Digest::of(contents.as_bytes()).hex();
    let more = format!(" {digest} {} main/Contents-amd64\n", contents.len());
    world.publish_with("bookworm", PACKAGES, "", &more);
    world.server.put("dists/bookworm/main/Contents-amd64", contents);
    let mirrors = [world.mirror("bookworm")];
    let ask = |network| {
        who_has(&world.fetcher(network), &mirrors, &["libgomp.so.1", "no.so"], options(), &Quiet)
    };
    let found = ask(Network::On).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found["libgomp.so.1"][0].package, "libgomp1");
    // Some archives have one for all components.
    let above = format!(" {digest} {} Contents-amd64\n", contents.len());
    world.publish_with("noble", PACKAGES, "", &above);
    world.server.put("dists/noble/Contents-amd64", contents);
    let noble = [world.mirror("noble")];
    let fetcher = world.fetcher(Network::On);
    assert_eq!(who_has(&fetcher, &noble, &["libgomp.so.1"], options(), &Quiet).unwrap(), found);
    // Packages and contents of one list stay beside each other.
    world.update(Network::On, "bookworm").unwrap();
    assert_eq!(ask(Network::Off).unwrap(), found);
    world.publish("bookworm", PACKAGES, "");
    let error = ask(Network::On).unwrap_err();
    assert!(matches!(error, UpdateError::NotListed { .. }), "{error:?}");
}
