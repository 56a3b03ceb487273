//! An image of made-up bytes, and clients that do not wait.

use std::io::{Cursor, Read as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lightship_base::{Digest, TransferOutcome};
use lightship_net::credentials::{Credential, Explicit, Keychain};
use lightship_net::{
    Client, Jitter, Pacer, RetryPolicy, Root, Secret, Settings, Sleeper, Timeouts,
};
use lightship_oci::reference::RegistryReference;
use lightship_oci::registry::{Options, Registry, RegistryImage};
use lightship_oci::spec::{Compression, Descriptor, Flavour, MediaType};
use lightship_oci::{BlobReader, Destination as _, Error, Source as _};

pub(crate) const MIB: u64 = 1024 * 1024;

/// Bytes that no compressor shrinks and that differ by seed.
pub(crate) fn noise(seed: u64, size: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(usize::try_from(size).unwrap());
    bytes
}

#[derive(Default)]
pub(crate) struct Pauses(Mutex<Vec<Duration>>);

impl Pauses {
    pub(crate) fn all(&self) -> Vec<Duration> {
        self.0.lock().unwrap().clone()
    }
}

impl Sleeper for Pauses {
    /// A hundredth of what was asked for, so that the order of things stays believable.
    fn sleep(&self, pause: Duration) {
        self.0.lock().unwrap().push(pause);
        std::thread::sleep(pause.min(Duration::from_secs(4)) / 100);
    }
}

/// How a test speaks to a registry.
pub(crate) struct Setup {
    pub(crate) roots: Vec<Root>,
    pub(crate) keychain: Keychain,
    pub(crate) options: Options,
    /// Long, so that a loaded machine is no broken line; tests of stalls shorten it.
    pub(crate) stall: Duration,
    pub(crate) pauses: Arc<Pauses>,
}

impl Setup {
    pub(crate) fn new() -> Self {
        Self {
            roots: Vec::new(),
            keychain: Keychain::default(),
            options: Options { chunk: MIB, ..Options::default() },
            stall: Duration::from_secs(30),
            pauses: Arc::default(),
        }
    }

    pub(crate) fn with_password(password: &str) -> Self {
        let credential =
            Credential::Basic { username: "lightship".into(), password: Secret::new(password) };
        let mut setup = Self::new();
        setup.keychain.explicit.push(Explicit { registry: None, credential });
        setup
    }

    pub(crate) fn registry(&self, name: &str) -> Arc<Registry> {
        let mut settings = Settings::new("lightship-test/1", self.roots.clone());
        settings.timeouts = Timeouts {
            connect: Duration::from_secs(10),
            stall: self.stall,
            commit: Duration::from_mins(1),
        };
        let pacer = Pacer::new(RetryPolicy::default(), self.pauses.clone(), Jitter::seeded(11));
        let client = Client::new(settings, pacer).unwrap();
        let keychain = Arc::new(self.keychain.clone());
        Arc::new(Registry::new(client, keychain, name, self.options).unwrap())
    }

    pub(crate) fn image(&self, name: &str, rest: &str) -> RegistryImage {
        image(&self.registry(name), rest)
    }
}

/// `rest` is `repository[:tag]`.
pub(crate) fn image(registry: &Arc<Registry>, rest: &str) -> RegistryImage {
    let reference: RegistryReference = format!("{}/{rest}", registry.name()).parse().unwrap();
    RegistryImage::new(Arc::clone(registry), reference)
}

/// An image as bytes in memory.
pub(crate) struct Sample {
    pub(crate) blobs: Vec<(Descriptor, Vec<u8>)>,
    pub(crate) manifest: Vec<u8>,
    pub(crate) root: Descriptor,
}

pub(crate) fn blob(seed: u64, size: u64) -> (Descriptor, Vec<u8>) {
    let bytes = noise(seed, size);
    let kind = MediaType::Layer(Flavour::Oci, Compression::Gzip);
    (Descriptor::of(kind, &bytes), bytes)
}

impl Sample {
    pub(crate) fn new(seed: u64, layer_sizes: &[u64]) -> Self {
        let layers: Vec<_> =
            layer_sizes.iter().zip(seed..).map(|(n, seed)| blob(seed, *n)).collect();
        let diff_ids: Vec<String> =
            layers.iter().map(|(descriptor, _)| format!("\"{}\"", descriptor.digest)).collect();
        let config = format!(
            r#"{{"architecture":"amd64","os":"linux","config":{{}},"rootfs":{{"type":"layers","diff_ids":[{}]}}}}"#,
            diff_ids.join(",")
        )
        .into_bytes();
        let config = (Descriptor::of(MediaType::Config(Flavour::Oci), &config), config);
        let shown: Vec<String> =
            layers.iter().map(|(one, _)| serde_json::to_string(one).unwrap()).collect();
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{},"layers":[{}]}}"#,
            serde_json::to_string(&config.0).unwrap(),
            shown.join(",")
        )
        .into_bytes();
        let root = Descriptor::of(MediaType::Manifest(Flavour::Oci), &manifest);
        let blobs = std::iter::once(config).chain(layers).collect();
        Self { blobs, manifest, root }
    }

    pub(crate) fn layer(&self, at: usize) -> &(Descriptor, Vec<u8>) {
        &self.blobs[at + 1]
    }

    /// Pushes everything; the bytes that moved.
    pub(crate) fn push(&self, to: &RegistryImage) -> Result<u64, Error> {
        let mut moved = 0;
        for (descriptor, bytes) in &self.blobs {
            moved += put(to, descriptor, bytes, None)?.1;
        }
        to.finish(&self.root, &self.manifest)?;
        Ok(moved)
    }

    /// Checks that every byte comes back.
    pub(crate) fn check(&self, from: &RegistryImage) {
        let root = from.root().unwrap();
        assert_eq!(root, self.root);
        assert_eq!(from.document(&root, MIB).unwrap(), self.manifest);
        let (config, bytes) = &self.blobs[0];
        assert_eq!(&from.document(config, MIB).unwrap(), bytes);
        for (descriptor, bytes) in &self.blobs[1..] {
            assert!(&fetch(from, descriptor, 0).unwrap() == bytes, "{}", descriptor.digest);
        }
    }
}

/// Puts one blob; what became of it and the bytes that moved.
pub(crate) fn put(
    to: &RegistryImage,
    descriptor: &Descriptor,
    bytes: &[u8],
    origin: Option<&(String, String)>,
) -> Result<(TransferOutcome, u64), Error> {
    let moved = AtomicU64::new(0);
    let open = |offset: u64| -> Result<BlobReader, Error> {
        Ok(Box::new(Cursor::new(bytes[usize::try_from(offset).unwrap()..].to_vec())))
    };
    let advance = |n| {
        moved.fetch_add(n, Ordering::Relaxed);
    };
    let outcome = to.put_blob(descriptor, origin, &open, &advance)?;
    Ok((outcome, moved.into_inner()))
}

pub(crate) fn fetch(
    from: &RegistryImage,
    descriptor: &Descriptor,
    offset: u64,
) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    from.blob(descriptor, offset)?
        .read_to_end(&mut bytes)
        .map_err(|source| Error::Read { what: descriptor.digest.to_string(), source })?;
    if offset == 0 {
        assert_eq!(Digest::of(&bytes), descriptor.digest);
    }
    Ok(bytes)
}

/// The hints of an error, in one line.
pub(crate) fn hints(error: &Error) -> String {
    use lightship_base::Diagnose as _;
    error.hints().iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// An error with everything beneath it, as a terminal would show it, and its `Debug`.
pub(crate) fn shown(error: &Error) -> String {
    let mut text = format!("{error:?} {error} {}", hints(error));
    let mut cause = std::error::Error::source(error);
    while let Some(one) = cause {
        text.push_str(&format!(" {one}")[..]);
        cause = one.source();
    }
    text
}
