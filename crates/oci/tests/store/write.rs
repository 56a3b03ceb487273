//! Writing: whole, interrupted, and lied to.

use std::io::{self, Read};
use std::sync::Mutex;

use lightship_base::{Digest, TransferOutcome};
use lightship_oci::spec::Descriptor;
use lightship_oci::{BlobReader, Destination, Error, Source};
use serde_json::json;

use crate::fixture::{Fixture, LAYER, Place, name, read_all, reference};

#[test]
fn what_goes_in_comes_out() {
    let place = Place::new();
    let image = Fixture::image("linux/amd64", &[b"layer one", b"layer two"]);
    place.add("churn:v1", &image);
    let source = place.store.source(&reference("churn:v1")).unwrap();
    assert_eq!(source.root().unwrap().digest, image.root.digest);
    assert_eq!(source.document(&image.root, 1 << 20).unwrap(), image.root_bytes());
    assert!(source.document(&image.root, 10).is_err(), "ten bytes are the limit");
    let layer = Descriptor::of(LAYER, b"layer two");
    assert_eq!(read_all(&source, &layer, 0), b"layer two");
    assert_eq!(read_all(&source, &layer, 6), b"two");
    assert_eq!(read_all(&source, &layer, 9), b"");
    let lying = Descriptor { size: 8, ..layer };
    assert!(matches!(source.blob(&lying, 0), Err(Error::SizeMismatch { actual: 9, .. })));
    assert!(place.verify().is_clean());
}

#[test]
fn nothing_is_visible_before_the_end() {
    let place = Place::new();
    let image = Fixture::image("linux/amd64", &[b"layer"]);
    let destination = place.store.destination(&name("churn")).unwrap();
    let layer = Descriptor::of(LAYER, b"layer");
    let open = |offset| image.blob(&layer, offset);
    assert!(matches!(
        destination.put_manifest(&image.root, image.root_bytes()),
        Err(Error::NotFound { .. })
    ));
    destination.put_blob(&layer, None, &open, &|_| ()).unwrap();
    assert!(!place.store.has(&reference("churn")).unwrap());
    assert_eq!(place.gc().freed.count, 0, "the destination holds a lease");
    drop(destination);
    assert_eq!(place.gc().freed.count, 1);
}

/// Fails after `left` bytes.
struct Breaks {
    inner: BlobReader,
    left: usize,
}

impl Read for Breaks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::Error::new(io::ErrorKind::ConnectionReset, "the line went dead"));
        }
        let n = buffer.len().min(self.left);
        let n = self.inner.read(&mut buffer[..n])?;
        self.left -= n;
        Ok(n)
    }
}

#[test]
fn an_interrupted_blob_goes_on_where_it_stopped() {
    let place = Place::new();
    let bytes = vec![5; 1_000_000];
    let image = Fixture::image("linux/amd64", &[&bytes]);
    let layer = Descriptor::of(LAYER, &bytes);
    let offsets = Mutex::new(Vec::new());
    let moved = Mutex::new(0);
    let advance = |n| *moved.lock().unwrap() += n;
    for _ in 0..3 {
        // Another process each time, as far as the store can tell.
        let destination = place.store.destination(&name("churn")).unwrap();
        let open = |offset| {
            offsets.lock().unwrap().push(offset);
            let inner = image.blob(&layer, offset)?;
            Ok(Box::new(Breaks { inner, left: 400_000 }) as BlobReader)
        };
        let result = destination.put_blob(&layer, None, &open, &advance);
        match offsets.lock().unwrap().len() {
            1 | 2 => assert!(matches!(result, Err(Error::Read { .. }))),
            _ => assert_eq!(result.unwrap(), TransferOutcome::Done),
        }
    }
    assert_eq!(*offsets.lock().unwrap(), [0, 400_000, 800_000]);
    assert_eq!(*moved.lock().unwrap(), 1_000_000);
    let destination = place.store.destination(&name("churn")).unwrap();
    let never = |_| panic!("it is there");
    assert_eq!(
        destination.put_blob(&layer, None, &never, &advance).unwrap(),
        TransferOutcome::AlreadyThere
    );
}

#[test]
fn a_damaged_beginning_is_fetched_again() {
    let place = Place::new();
    let image = Fixture::image("linux/amd64", &[b"layer bytes"]);
    let layer = Descriptor::of(LAYER, b"layer bytes");
    let partial = place.folder.path().join("partial").join(layer.digest.hex());
    for left_behind in [&b"\0\0\0\0"[..], b"layer bytes and more", b"layer bytez", b"layer bytes"] {
        std::fs::write(&partial, left_behind).unwrap();
        let destination = place.store.destination(&name("churn")).unwrap();
        let open = |offset| image.blob(&layer, offset);
        destination.put_blob(&layer, None, &open, &|_| ()).unwrap();
        drop(destination);
        assert!(!partial.exists());
        assert_eq!(place.gc().freed.bytes.0, 11);
    }
}

#[test]
fn descriptors_that_lie_store_nothing_and_end_soon() {
    let place = Place::new();
    let destination = place.store.destination(&name("churn")).unwrap();
    let honest = Descriptor::of(LAYER, b"layer");
    let moved = Mutex::new(0);
    let advance = |n| *moved.lock().unwrap() += n;

    let endless = |_| Ok(Box::new(io::repeat(b'x')) as BlobReader);
    let result = destination.put_blob(&honest, None, &endless, &advance);
    assert!(matches!(result, Err(Error::SizeMismatch { expected: 5, .. })), "{result:?}");
    assert!(*moved.lock().unwrap() < 1_000_000);

    let short = |_| Ok(Box::new(&b"lay"[..]) as BlobReader);
    let result = destination.put_blob(&honest, None, &short, &advance);
    assert!(matches!(result, Err(Error::SizeMismatch { actual: 3, .. })), "{result:?}");
    let other = |_| Ok(Box::new(&b"er"[..]) as BlobReader);
    destination.put_blob(&honest, None, &other, &advance).unwrap();

    let wrong = Descriptor::new(LAYER, Digest::of(b"else"), 5);
    let result = destination.put_blob(&wrong, None, &|_| Ok(Box::new(&b"layer"[..])), &advance);
    assert!(matches!(result, Err(Error::DigestMismatch { .. })), "{result:?}");
    let too_long = Descriptor { size: 6, ..honest.clone() };
    let layer = |_| Ok(Box::new(&b"layer"[..]) as BlobReader);
    let result = destination.put_blob(&too_long, None, &layer, &advance);
    assert!(matches!(result, Err(Error::SizeMismatch { .. })), "{result:?}");
    assert_eq!(place.blobs(), 1, "only the honest one");
}

#[test]
fn manifests_are_checked() {
    let place = Place::new();
    let destination = place.store.destination(&name("churn")).unwrap();
    let image = Fixture::image("linux/amd64", &[]);
    let put = |descriptor: &Descriptor, bytes: &[u8]| destination.put_manifest(descriptor, bytes);
    let other = Descriptor { digest: Digest::of(b"{}"), ..image.root.clone() };
    assert!(matches!(put(&other, image.root_bytes()), Err(Error::DigestMismatch { .. })));
    let longer = Descriptor { size: 1, ..image.root.clone() };
    assert!(matches!(put(&longer, image.root_bytes()), Err(Error::SizeMismatch { .. })));
    let text = Descriptor::of(image.root.media_type.clone(), b"hello");
    assert!(matches!(put(&text, b"hello"), Err(Error::Json { .. })));
    assert!(destination.finish(&text, b"hello").is_err());
    assert_eq!(place.blobs(), 0);
}

/// Microsoft's layers, which registries need not hold.
#[test]
fn a_foreign_layer_may_be_absent() {
    let place = Place::new();
    let media_type = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
    let absent = json!({"mediaType": media_type, "digest": Digest::of(b"far"), "size": 3});
    let image = Fixture::of_described("windows/amd64", &[absent]);
    let destination = place.store.destination(&name("win")).unwrap();
    for (digest, bytes) in &image.bytes {
        let blob = Descriptor::new(LAYER, *digest, bytes.len() as u64);
        destination.put_blob(&blob, None, &|at| image.blob(&blob, at), &|_| ()).unwrap();
    }
    destination.finish(&image.root, image.root_bytes()).unwrap();
    drop(destination);
    assert_eq!(place.gc().freed.count, 0);
    assert!(place.verify().is_clean());
    assert_eq!(place.store.list().unwrap()[0].damage, None);
}
