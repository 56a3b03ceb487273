//! Whoever watches sees a layer move while it is read, and hears how it ended.

#![allow(clippy::unwrap_used, reason = "helpers of tests panic like tests do")]

use std::sync::{Arc, Mutex};

use lightship_base::{ByteSize, Progress, Transfer, TransferId, TransferOutcome};
use lightship_oci::compression::CompressionLevel;
use lightship_oci::convert::{ConvertOptions, convert};
use lightship_oci::copy::Selection;
use lightship_oci::squash::{SquashOptions, squash};
use lightship_oci::validate::validate;
use lightship_oci::{BlobReader, Error, Image, Source, spec::Descriptor};
use lightship_testkit::images::{ImageBuilder, toolchain_bytes};

/// Everything that was said, by transfer.
#[derive(Default)]
struct Noted(Mutex<Vec<Line>>);

struct Line {
    transfer: Transfer,
    steps: Vec<u64>,
    outcome: Option<TransferOutcome>,
}

impl Progress for Noted {
    fn begin(&self, transfer: Transfer) -> TransferId {
        let mut lines = self.0.lock().unwrap();
        lines.push(Line { transfer, steps: Vec::new(), outcome: None });
        TransferId(lines.len() as u64 - 1)
    }
    fn advance(&self, id: TransferId, bytes: u64) {
        self.0.lock().unwrap()[usize::try_from(id.0).unwrap()].steps.push(bytes);
    }
    fn end(&self, id: TransferId, outcome: TransferOutcome) {
        let line = &mut self.0.lock().unwrap()[usize::try_from(id.0).unwrap()];
        assert_eq!(line.outcome.replace(outcome), None, "ended twice");
    }
}

impl Noted {
    /// Each of these many layers moved by many steps that add up to its size.
    fn saw(self, layers: usize) {
        let lines = self.0.into_inner().unwrap();
        assert_eq!(lines.len(), layers);
        for Line { transfer, steps, outcome } in lines {
            assert_eq!(outcome, Some(TransferOutcome::Done), "{transfer:?}");
            assert_eq!(Some(steps.iter().sum()), transfer.total.map(ByteSize::bytes));
            assert!(steps.len() > 8, "{transfer:?} moved {} times", steps.len());
        }
    }
}

/// Two layers of one large file each.
fn image() -> Image {
    let large = |path: &'static str, seed| {
        move |layer: lightship_testkit::images::LayerBuilder| {
            layer.stream(path, 4_000_000, toolchain_bytes(seed, 4_000_000))
        }
    };
    ImageBuilder::new().layer(large("a", 1)).layer(large("b", 2)).image()
}

#[test]
fn one_large_file_moves_in_small_steps() {
    let (image, scratch) = (image(), tempfile::tempdir().unwrap());
    let noted = Noted::default();
    validate(image.source(), &Selection::Everything, &noted).unwrap();
    noted.saw(2);

    let noted = Noted::default();
    let compression = Some(CompressionLevel::Zstd(1));
    let options = ConvertOptions { compression, ..ConvertOptions::default() };
    convert(&image, &options, scratch.path(), &noted).unwrap();
    noted.saw(2);

    let noted = Noted::default();
    let compression = CompressionLevel::Gzip(1);
    let options = SquashOptions { keep_layers: 0, compression, threads: 1 };
    squash(&image, &options, scratch.path(), &noted).unwrap();
    noted.saw(4);
}

/// An image of which every blob ends in the middle.
struct Cut(Arc<dyn Source>);

impl Source for Cut {
    fn name(&self) -> String {
        self.0.name()
    }
    fn root(&self) -> Result<Descriptor, Error> {
        self.0.root()
    }
    fn document(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>, Error> {
        self.0.document(descriptor, limit)
    }
    fn blob(&self, descriptor: &Descriptor, offset: u64) -> Result<BlobReader, Error> {
        use std::io::Read;
        Ok(Box::new(self.0.blob(descriptor, offset)?.take(descriptor.size / 2)))
    }
}

#[test]
fn a_layer_that_ends_early_has_failed() {
    let (image, scratch) = (image(), tempfile::tempdir().unwrap());
    let cut = Image::open(Arc::new(Cut(Arc::clone(image.source()))), None).unwrap();
    let noted = Noted::default();
    let compression = CompressionLevel::Gzip(1);
    let options = SquashOptions { keep_layers: 0, compression, threads: 1 };
    assert!(squash(&cut, &options, scratch.path(), &noted).is_err());
    let options = ConvertOptions { compression: Some(compression), ..ConvertOptions::default() };
    let options = ConvertOptions { recompress: true, ..options };
    assert!(convert(&cut, &options, scratch.path(), &noted).is_err());
    let found = validate(cut.source(), &Selection::Everything, &noted).unwrap();
    assert!(!found.is_valid() && found.layers == 0);
    for Line { transfer, outcome, .. } in noted.0.into_inner().unwrap() {
        assert_eq!(outcome, Some(TransferOutcome::Failed), "{transfer:?}");
    }
}
