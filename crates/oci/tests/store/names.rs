//! Finding, tagging, removing, listing.

use lightship_base::{Diagnose, Digest};
use lightship_oci::{Error, Source};
use proptest::prelude::*;

use crate::fixture::{Fixture, Place, name, reference};

#[test]
fn images_are_found_by_name_and_by_digest() {
    let place = Place::new();
    let image = Fixture::image("linux/amd64", &[b"a"]);
    place.add("team/churn", &image);
    let hex = image.root.digest.hex();
    for text in
        ["team/churn", "team/churn:latest", &hex, &hex[..6], &format!("sha256:{}", &hex[..20])]
    {
        let found = place.store.find(&reference(text)).unwrap();
        assert_eq!((found.name, found.root.digest), (name("team/churn"), image.root.digest));
    }
    for text in ["churn", "team/churn:v1", "sha256:000000000", "deadbeef"] {
        let error = place.store.find(&reference(text)).unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }), "{error}");
        assert!(error.hints()[0].to_string().contains("image ls"));
        assert!(!place.store.has(&reference(text)).unwrap());
    }
}

#[test]
fn a_name_wins_over_a_digest_that_begins_like_it() {
    let place = Place::new();
    let image = Fixture::image("linux/amd64", &[b"a"]);
    let hex = image.root.digest.hex();
    let other = Fixture::image("linux/amd64", &[b"b"]);
    place.add("churn", &image);
    place.add(&hex[..6], &other);
    assert_eq!(place.store.find(&reference(&hex[..6])).unwrap().root.digest, other.root.digest);
    assert_eq!(place.store.remove(&reference(&hex[..6])).unwrap(), name(&hex[..6]));
    assert_eq!(place.store.find(&reference(&hex[..6])).unwrap().root.digest, image.root.digest);
}

/// Two images whose digests begin alike; found by trying.
fn alike() -> (Fixture, Fixture) {
    let mut seen = std::collections::HashMap::new();
    for number in 0..200_000_u32 {
        let image = Fixture::image("linux/amd64", &[&number.to_be_bytes()]);
        if let Some(other) = seen.insert(image.root.digest.hex()[..6].to_owned(), image.clone()) {
            return (image, other);
        }
    }
    unreachable!("24 bits collide long before")
}

#[test]
fn an_ambiguous_digest_is_refused_with_its_meanings() {
    let place = Place::new();
    let (a, b) = alike();
    place.add("one", &a);
    place.add("two", &b);
    let text = format!("sha256:{}", &a.root.digest.hex()[..6]);
    let error = place.store.find(&reference(&text)).unwrap_err().to_string();
    assert!(error.contains(&a.root.digest.to_string()), "{error}");
    assert!(error.contains(&b.root.digest.to_string()), "{error}");
    assert!(place.store.has(&reference(&text)).unwrap(), "it would have to choose");
    assert!(place.store.source(&reference(&text)).is_err());
}

#[test]
fn a_digest_with_several_names_is_not_removed_by_digest() {
    let place = Place::new();
    let image = Fixture::image("linux/amd64", &[b"a"]);
    let hex = image.root.digest.hex();
    place.add("one", &image);
    place.store.tag(&reference("one"), &name("two:v2")).unwrap();
    let error = place.store.remove(&reference(&hex)).unwrap_err().to_string();
    assert!(error.contains("one:latest, two:v2"), "{error}");
    place.remove("one");
    assert_eq!(place.store.remove(&reference(&hex)).unwrap(), name("two:v2"));
    assert!(matches!(place.store.remove(&reference("one")), Err(Error::NotFound { .. })));
    assert!(place.store.list().unwrap().is_empty());
}

#[test]
fn a_name_that_moves_lets_go_of_the_old_image() {
    let place = Place::new();
    let [old, new] = [b"old", b"new"].map(|bytes| Fixture::image("linux/amd64", &[bytes]));
    place.add("churn", &old);
    place.add("churn", &new);
    let source = place.store.source(&reference("churn")).unwrap();
    assert_eq!(source.root().unwrap().digest, new.root.digest);
    // Both have the same config.
    assert_eq!(place.gc().freed.count, 2);
    assert!(place.verify().is_clean());
}

#[test]
fn a_name_too_long_for_the_store_says_so() {
    let place = Place::new();
    let long = format!("{}/{}", "a".repeat(120), "b".repeat(130));
    let image = Fixture::image("linux/amd64", &[]);
    let destination = place.store.destination(&name(&long)).unwrap();
    let selection = lightship_oci::copy::Selection::Everything;
    let result =
        lightship_oci::copy::copy(&image, &destination, &selection, &lightship_base::Quiet);
    assert!(result.unwrap_err().to_string().contains("too long"));
}

#[test]
fn the_list_says_what_removal_frees() {
    let place = Place::new();
    let base = vec![1; 5_000];
    let a = Fixture::image("linux/amd64", &[&base, b"a's own"]);
    let b = Fixture::image("linux/amd64", &[&base, b"b's very own"]);
    place.add("a", &a);
    place.add("b", &b);
    let listed = place.store.list().unwrap();
    let config = Fixture::image("linux/amd64", &[]);
    let config = config.size() - config.root.size;
    for (summary, image, own) in [(&listed[0], &a, 7), (&listed[1], &b, 12)] {
        assert_eq!(summary.total.0, image.size());
        assert_eq!(summary.shared.0, 5_000 + config);
        assert_eq!(summary.unique.0, own + image.root.size);
        assert_eq!(summary.damage, None);
        assert_eq!(summary.stored.as_second(), 1_700_000_000);
    }
    place.store.tag(&reference("a"), &name("c")).unwrap();
    let listed = place.store.list().unwrap();
    assert_eq!((listed[0].unique.0, listed[2].unique.0), (0, 0), "each keeps it for the other");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10))]

    /// Images made of layers from one pool: every figure of the list against the simplest way to
    /// get it.
    #[test]
    fn figures_add_up(images in prop::collection::vec(prop::collection::vec(0_u8..6, 0..5), 1..6)) {
        let place = Place::new();
        let layers: Vec<Vec<u8>> = (0..6).map(|n| vec![n; 100 + usize::from(n) * 37]).collect();
        let fixtures: Vec<Fixture> = images
            .iter()
            .map(|numbers| {
                let chosen: Vec<&[u8]> =
                    numbers.iter().map(|n| layers[usize::from(*n)].as_slice()).collect();
                Fixture::image("linux/amd64", &chosen)
            })
            .collect();
        for (at, image) in fixtures.iter().enumerate() {
            place.add(&format!("image{at}"), image);
        }
        let listed = place.store.list().unwrap();
        for (at, (summary, image)) in listed.iter().zip(&fixtures).enumerate() {
            let others = |digest: &Digest| {
                fixtures.iter().enumerate().any(|(o, f)| o != at && f.bytes.contains_key(digest))
            };
            let unique: usize =
                image.bytes.iter().filter(|(d, _)| !others(d)).map(|(_, b)| b.len()).sum();
            prop_assert_eq!(summary.total.0, image.size());
            prop_assert_eq!(summary.unique.0, unique as u64);
            prop_assert_eq!(summary.shared + summary.unique, summary.total);
        }
        // And the last of them: what it says is what a collection does.
        let last = listed.last().unwrap();
        place.remove(&last.name.to_string());
        prop_assert_eq!(place.gc().freed.bytes, last.unique);
        prop_assert!(place.verify().is_clean());
    }
}
