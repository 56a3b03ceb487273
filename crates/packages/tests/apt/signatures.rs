//! Signatures that `GnuPG` made, good and bad; and those on this machine's own lists.

use std::fs;
use std::path::Path;

use lightship_base::{Clock as _, SystemClock, Timestamp};
use lightship_packages::apt::keyring::RefusalReason;
use lightship_packages::apt::{Keyring, Release, SignatureError, Sources};

use crate::gpg::Gpg;

const TEXT: &str =
    "Suite: stable\n- dashes\n--- more of them\nFrom here on\ntrailing space \nlast line\n";

fn now() -> Timestamp {
    SystemClock.now()
}

fn keys(bytes: &[u8]) -> Keyring {
    Keyring::parse("test", bytes).unwrap()
}

/// Why the only signature does not count.
fn refused(keyring: &Keyring, file: &[u8]) -> RefusalReason {
    match keyring.verify(file, now()) {
        Err(SignatureError::Refused(refusals)) => {
            assert_eq!(refusals.len(), 1, "{refusals:?}");
            refusals[0].reason
        }
        other => panic!("{other:?}"),
    }
}

fn with_gpg(test: impl FnOnce(&Gpg)) {
    match Gpg::new() {
        Some(gpg) => test(&gpg),
        None => crate::skip("there is no gpg here"),
    }
}

#[test]
fn good_signatures_of_both_kinds_of_keys() {
    with_gpg(|gpg| {
        for kind in ["ed25519", "rsa2048"] {
            let key = gpg.key(kind, kind, &[]);
            let file = gpg.clear_sign(&key, TEXT, &[]);
            let signed = keys(&gpg.export(&key)).verify(&file, now()).unwrap();
            assert_eq!(signed.signer, key);
            let text = signed.text.replace("\r\n", "\n");
            assert_eq!(text.trim_end(), TEXT.replace("space ", "space").trim_end());
            let armoured = gpg.run(&["--armor", "--export", &key], b"");
            assert!(keys(&armoured).verify(&file, now()).is_ok());
        }
        // Both in one armoured block, and two blocks in one file.
        let both = gpg.run(&["--armor", "--export"], b"");
        let one = gpg.run(&["--armor", "--export", "rsa2048"], b"");
        let two = [one, gpg.run(&["--armor", "--export", "ed25519"], b"")].concat();
        let file = gpg.clear_sign("ed25519", TEXT, &[]);
        assert!(keys(&both).verify(&file, now()).is_ok());
        assert!(keys(&two).verify(&file, now()).is_ok());
    });
}

#[test]
fn a_changed_text_and_a_strangers_key() {
    with_gpg(|gpg| {
        let (key, other) = (gpg.key("a", "ed25519", &[]), gpg.key("b", "ed25519", &[]));
        let file = gpg.clear_sign(&key, TEXT, &[]);
        let keyring = keys(&gpg.export(&key));
        let changed = String::from_utf8(file.clone()).unwrap().replace("stable", "Stable");
        assert_eq!(refused(&keyring, changed.as_bytes()), RefusalReason::Wrong);
        let stranger = keys(&gpg.export(&other));
        assert_eq!(refused(&stranger, &file), RefusalReason::UnknownKey);
        // What stands around the signed text is not of it, and not to be smuggled in.
        let around = [b"Suite: evil\n\n".as_slice(), &file].concat();
        assert!(keyring.verify(&around, now()).is_err());
        let behind = [&file, b"Suite: evil\n".as_slice()].concat();
        assert!(keyring.verify(&behind, now()).is_err());
        for text in ["", TEXT, "-----BEGIN PGP SIGNED MESSAGE-----\n\nx\n"] {
            let error = keyring.verify(text.as_bytes(), now()).unwrap_err();
            assert!(matches!(error, SignatureError::Unsigned(_)), "{error:?}");
        }
    });
}

#[test]
fn one_good_signature_of_several_is_enough() {
    with_gpg(|gpg| {
        let (one, two) = (gpg.key("a", "ed25519", &[]), gpg.key("b", "rsa2048", &[]));
        let file = gpg.clear_sign(&one, TEXT, &["--local-user", &two]);
        for key in [&one, &two] {
            assert_eq!(&keys(&gpg.export(key)).verify(&file, now()).unwrap().signer, key);
        }
    });
}

#[test]
fn subkeys_sign_for_their_owner() {
    with_gpg(|gpg| {
        let key = gpg.key("a", "ed25519", &[]);
        gpg.run(&["--quick-add-key", &key, "rsa2048", "sign", "0"], b"");
        let list = String::from_utf8(gpg.run(&["--with-colons", "-k", &key], b"")).unwrap();
        let sub = list.lines().filter(|line| line.starts_with("fpr:")).nth(1).unwrap();
        let sub = sub.split(':').nth(9).unwrap();
        let file = gpg.clear_sign(&format!("{sub}!"), TEXT, &[]);
        let keyring = keys(&gpg.export(&key));
        assert_eq!(keyring.verify(&file, now()).unwrap().signer, sub);
        // A fingerprint chooses the owner with all subkeys, or exactly one of them.
        assert!(keyring.only(&key, false).unwrap().verify(&file, now()).is_ok());
        assert!(keyring.only(sub, true).unwrap().verify(&file, now()).is_ok());
        assert_eq!(refused(&keyring.only(&key, true).unwrap(), &file), RefusalReason::UnknownKey);
        assert!(keyring.only(&"0".repeat(40), false).is_none());
    });
}

#[test]
fn times_and_hashes() {
    with_gpg(|gpg| {
        let faked = ["--faked-system-time", "20200101T000000!"];
        let key = gpg.key("old", "ed25519", &faked);
        let file = gpg.clear_sign(&key, TEXT, &faked);
        let endless = keys(&gpg.export(&key));
        assert!(endless.verify(&file, now()).is_ok());
        let before: Timestamp = "2019-06-01T00:00:00Z".parse().unwrap();
        let early = endless.verify(&file, before).unwrap_err();
        assert!(early.to_string().contains("one to come"), "{early}");
        let weak = ["--digest-algo", "SHA1", "--allow-weak-digest-algos"];
        let weak = gpg.clear_sign(&key, TEXT, &weak);
        assert_eq!(refused(&endless, &weak), RefusalReason::WeakHash);
        let short =
            gpg.clear_sign(&key, TEXT, &[&faked[..], &["--default-sig-expire", "10d"]].concat());
        assert_eq!(refused(&endless, &short), RefusalReason::Expired);
        // The key lived until 2021. What it signed before counts only for who asks for old things: a
        // signature can be dated back. What it signs after never counts.
        gpg.run(
            &["--faked-system-time", "20200102T000000!", "--quick-set-expire", &key, "1y"],
            b"",
        );
        let mortal = keys(&gpg.export(&key));
        assert_eq!(refused(&mortal, &file), RefusalReason::KeyExpired);
        assert!(mortal.verify_old(&file, now()).is_ok());
        let then: Timestamp = "2020-06-01T00:00:00Z".parse().unwrap();
        assert!(mortal.verify(&file, then).is_ok());
        let late = gpg.clear_sign(&key, TEXT, &["--faked-system-time", "20201201T000000!"]);
        assert!(mortal.verify_old(&late, now()).is_ok());
        let late = {
            gpg.run(
                &["--faked-system-time", "20200103T000000!", "--quick-set-expire", &key, "0"],
                b"",
            );
            gpg.clear_sign(&key, TEXT, &[])
        };
        assert_eq!(refused(&mortal, &late), RefusalReason::KeyExpired);
        let error = mortal.verify_old(&late, now()).unwrap_err();
        assert!(error.to_string().contains("has expired"), "{error}");
        // An old copy of a key does not hide the renewed one, wherever it stands.
        for (mut first, second) in [(mortal.clone(), endless.clone()), (endless, mortal)] {
            first.extend(second);
            assert!(first.verify(&late, now()).is_ok());
        }
    });
}

#[test]
fn what_is_too_large_is_not_parsed() {
    let file = |lines: usize, width: usize| {
        let line = format!("{}\n", "x".repeat(width));
        format!("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{}", line.repeat(lines))
    };
    for bytes in [file(60_000, 0), file(60_000, 1), file(30_000, 80), "\r".repeat(60_000)] {
        let error = Keyring::default().verify(bytes.as_bytes(), now()).unwrap_err();
        assert_eq!(error, SignatureError::TooLarge);
    }
    let error = Keyring::default().verify(file(3_000, 80).as_bytes(), now()).unwrap_err();
    assert!(matches!(error, SignatureError::Unsigned(_)), "{error:?}");
}

#[test]
fn a_revoked_key_signs_nothing() {
    with_gpg(|gpg| {
        let key = gpg.key("a", "ed25519", &[]);
        let file = gpg.clear_sign(&key, TEXT, &[]);
        let path = gpg.home().join("openpgp-revocs.d").join(format!("{key}.rev"));
        let certificate = fs::read_to_string(path).unwrap().replace(":-----BEGIN", "-----BEGIN");
        let before = keys(&gpg.export(&key));
        assert!(before.verify(&file, now()).is_ok());
        gpg.run(&["--import"], certificate.as_bytes());
        let revoked = keys(&gpg.export(&key));
        assert_eq!(refused(&revoked, &file), RefusalReason::KeyRevoked);
        // Nor does a copy from before help.
        let mut both = before;
        both.extend(revoked);
        assert_eq!(refused(&both, &file), RefusalReason::KeyRevoked);
    });
}

#[test]
fn what_is_no_keyring() {
    for bytes in [&b""[..], b"text", b"\x99\x00", b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n"]
    {
        assert!(
            Keyring::parse("k.gpg", bytes).unwrap_err().to_string().starts_with("k.gpg has no")
        );
    }
}

/// Debian's own keys, of both kinds, on lists of their own making.
#[test]
fn this_machines_lists() {
    let texts: Vec<(String, String)> = files("/etc/apt/sources.list.d")
        .into_iter()
        .filter_map(|path| Some((path.clone(), fs::read_to_string(path).ok()?)))
        .collect();
    let sources = Sources::parse(texts.iter().map(|(file, text)| (file.as_str(), text.as_str())));
    let mut keyring = Keyring::default();
    for source in &sources.entries {
        if source.signed_by.is_empty() {
            continue;
        }
        keyring.extend(source.keyring(&Keyring::default(), |path| fs::read(path)).unwrap());
    }
    let lists = files("/var/lib/apt/lists");
    let lists: Vec<&String> = lists.iter().filter(|path| path.ends_with("_InRelease")).collect();
    if lists.is_empty() || keyring.is_empty() {
        crate::skip("apt has no signed lists here");
        return;
    }
    for path in lists {
        let signed = keyring.verify(&fs::read(path).unwrap(), now()).unwrap();
        let release = Release::parse(&signed.text).unwrap();
        println!("{:?} by {}", release.codename, signed.signer);
        assert!(release.date.is_some() && !release.architectures.is_empty());
    }
}

fn files(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(Path::new(folder)).into_iter().flatten().flatten();
    let mut paths: Vec<String> = entries.map(|entry| entry.path().display().to_string()).collect();
    paths.sort();
    paths
}
