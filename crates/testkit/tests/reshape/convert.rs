//! Other compressions, other documents, other places: the same image.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use lightship_base::{Digest, Quiet};
use lightship_oci::archive::{OciArchiveDestination, Scratch, open_oci};
use lightship_oci::assembly::Assembly;
use lightship_oci::compression::CompressionLevel;
use lightship_oci::convert::{ConvertOptions, convert};
use lightship_oci::copy::{Selection, copy};
use lightship_oci::layer::Layer;
use lightship_oci::layout::{LayoutDestination, LayoutSource};
use lightship_oci::spec::{Compression, Descriptor, Flavour, MediaType};
use lightship_oci::validate::{Rule, validate};
use lightship_oci::{BlobReader, Error, Image, Source};
use lightship_testkit::images::{ImageBuilder, toolchain_bytes};
use lightship_testkit::stack::any_stack;
use proptest::prelude::*;

use crate::support::config;

const LEVELS: [CompressionLevel; 3] =
    [CompressionLevel::None, CompressionLevel::Gzip(1), CompressionLevel::Zstd(3)];

fn converted(image: &Image, options: ConvertOptions, scratch: &Path) -> Result<Image, Error> {
    let assembly = convert(image, &options, scratch, &Quiet)?;
    Image::open(Arc::new(assembly), None)
}

fn tars(image: &Image) -> Vec<Vec<u8>> {
    let read = |layer: Layer| {
        let mut tar = Vec::new();
        let mut reader = layer.read().unwrap();
        reader.read_to_end(&mut tar).unwrap();
        reader.finish().unwrap();
        tar
    };
    image.layers().into_iter().map(read).collect()
}

fn blobs(image: &Image) -> Vec<Digest> {
    image.manifest().layers.iter().map(|layer| layer.digest).collect()
}

/// Everything that a converter can break; what the layers themselves hold is not its business.
fn documents_are_valid(image: &Image) -> Result<(), TestCaseError> {
    let found = validate(image.source(), &Selection::Everything, &Quiet).unwrap();
    let about_layers = [Rule::DuplicatePath, Rule::Whiteout, Rule::HardLink, Rule::AbsolutePath];
    let broken: Vec<_> =
        found.violations.iter().filter(|v| !about_layers.contains(&v.rule)).collect();
    prop_assert!(broken.is_empty(), "{broken:?}");
    Ok(())
}

proptest! {
    #![proptest_config(config(64))]

    #[test]
    fn every_compression_holds_the_same_layers(stack in any_stack()) {
        let scratch = tempfile::tempdir().unwrap();
        let image = stack.image(&LEVELS);
        let uniform = LEVELS.map(|level| stack.image(&[level]));
        for (level, wanted) in LEVELS.into_iter().zip(&uniform) {
            let options = ConvertOptions { compression: Some(level), ..ConvertOptions::default() };
            let after = converted(&image, options, scratch.path()).unwrap();
            prop_assert_eq!(tars(&after), tars(&image));
            prop_assert_eq!(after.diff_ids(), image.diff_ids());
            prop_assert_eq!(after.config_bytes(), image.config_bytes());
            // Whatever a layer was compressed with before, the bytes come out the same.
            prop_assert_eq!(blobs(&after), blobs(wanted));
            prop_assert_eq!(after.digest(), wanted.digest());
            documents_are_valid(&after)?;

            for threads in [0, 2, 5] {
                let recompress = ConvertOptions { recompress: true, threads, ..options };
                let again = converted(&after, recompress, scratch.path()).unwrap();
                prop_assert_eq!(again.digest(), after.digest(), "{} threads", threads);
            }
        }
    }

    #[test]
    fn documents_change_family_and_come_back(stack in any_stack()) {
        let scratch = tempfile::tempdir().unwrap();
        let image = stack.image(&LEVELS[..2]);
        let into = |flavour| ConvertOptions { flavour: Some(flavour), ..ConvertOptions::default() };
        let docker = converted(&image, into(Flavour::Docker), scratch.path()).unwrap();
        prop_assert_eq!(blobs(&docker), blobs(&image));
        prop_assert_eq!(docker.config_bytes(), image.config_bytes());
        let types = docker.manifest().layers.iter().map(|layer| &layer.media_type);
        prop_assert!(types.clone().all(|t| matches!(t, MediaType::Layer(Flavour::Docker, _))));
        documents_are_valid(&docker)?;
        let back = converted(&docker, into(Flavour::Oci), scratch.path()).unwrap();
        prop_assert_eq!(back.manifest_bytes(), image.manifest_bytes());
    }

    #[test]
    fn every_place_holds_the_same_bytes(stack in any_stack()) {
        let dir = tempfile::tempdir().unwrap();
        let image = stack.image(&LEVELS);
        let folder = dir.path().join("layout");
        let layout = LayoutDestination::create(&folder, Some("it")).unwrap();
        copy(&**image.source(), &layout, &Selection::Everything, &Quiet).unwrap();
        let layout = LayoutSource::open(&folder, Some("it")).unwrap();

        let (file, scratch) = (dir.path().join("archive.tar"), Scratch::in_folder(dir.path()));
        let archive = OciArchiveDestination::create(&file, None, &scratch).unwrap();
        copy(&layout, &archive, &Selection::One(None), &Quiet).unwrap();
        let archive = open_oci(&file, None, &scratch).unwrap();
        for source in [Arc::new(layout) as Arc<dyn Source>, Arc::new(archive)] {
            let found = Image::open(source, None).unwrap();
            prop_assert_eq!(found.manifest_bytes(), image.manifest_bytes());
            prop_assert_eq!(found.config_bytes(), image.config_bytes());
            prop_assert_eq!(tars(&found), tars(&image));
        }
    }
}

#[test]
fn docker_has_no_type_for_zstd() {
    let scratch = tempfile::tempdir().unwrap();
    let image = ImageBuilder::new()
        .layer(|l| l.file("a", b"1"))
        .compression(CompressionLevel::Zstd(3))
        .layer(|l| l.file("b", b"2"))
        .image();
    let docker = ConvertOptions { flavour: Some(Flavour::Docker), ..ConvertOptions::default() };
    let error = converted(&image, docker, scratch.path()).unwrap_err();
    assert!(error.to_string().contains("layer 2"), "{error}");
    let zstd = ConvertOptions { compression: Some(CompressionLevel::Zstd(3)), ..docker };
    assert!(matches!(converted(&image, zstd, scratch.path()), Err(Error::Unsupported { .. })));
    let gzip = ConvertOptions { compression: Some(CompressionLevel::Gzip(1)), ..docker };
    let docker = converted(&image, gzip, scratch.path()).unwrap();
    assert_eq!(docker.diff_ids(), image.diff_ids());
    // The first layer had the right compression and keeps its bytes.
    assert_eq!(docker.manifest().layers[0].digest, image.manifest().layers[0].digest);
}

/// Windows' base layers are such: a manifest names them, and where to get them, without having them.
#[test]
fn a_foreign_layer_stays_what_it_is() {
    let scratch = tempfile::tempdir().unwrap();
    let image = ImageBuilder::new().layer(|l| l.file("a", b"1")).layer(|l| l.file("b", b"2"));
    let image = image.image();
    let mut manifest = image.manifest().clone();
    let elsewhere = Digest::of(b"not at hand");
    manifest.layers[0] = Descriptor {
        media_type: MediaType::ForeignLayer(Flavour::Oci, Compression::Gzip),
        digest: elsewhere,
        ..manifest.layers[0].clone()
    };
    let mut assembly = Assembly::over("foreign", Some(Arc::clone(image.source())));
    assembly.set_root(MediaType::Manifest(Flavour::Oci), &manifest);
    let image = Image::open(Arc::new(assembly), None).unwrap();

    let gzip = Some(CompressionLevel::Gzip(9));
    let (flavour, recompress) = (Some(Flavour::Docker), true);
    let options = ConvertOptions { compression: gzip, recompress, flavour, threads: 1 };
    let after = converted(&image, options, scratch.path()).unwrap();
    let layers = &after.manifest().layers;
    let foreign = MediaType::ForeignLayer(Flavour::Docker, Compression::Gzip);
    assert_eq!((layers[0].digest, &layers[0].media_type), (elsewhere, &foreign));
    let plain = MediaType::Layer(Flavour::Docker, Compression::Gzip);
    assert_eq!(layers[1].media_type, plain);
}

#[test]
fn threads_never_show_in_a_layer_of_many_jobs() {
    // zstd at level 1 works in jobs of 2 MiB.
    const SIZE: u64 = 9 << 20;
    let scratch = tempfile::tempdir().unwrap();
    let image = ImageBuilder::new()
        .compression(CompressionLevel::None)
        .layer(|l| l.stream("big", SIZE, toolchain_bytes(1, SIZE)))
        .image();
    for level in [CompressionLevel::Zstd(1), CompressionLevel::Gzip(1)] {
        let digests = [1, 2, 7].map(|threads| {
            let compression = Some(level);
            let options = ConvertOptions { compression, threads, ..ConvertOptions::default() };
            converted(&image, options, scratch.path()).unwrap().digest()
        });
        assert!(digests.iter().all(|digest| *digest == digests[0]), "{level}: {digests:?}");
    }
}

#[test]
fn a_layer_that_changes_underneath_is_found_out() {
    let image = ImageBuilder::new().layer(|l| l.file("a", b"1")).image();
    let other = ImageBuilder::new().layer(|l| l.file("a", b"2")).image();
    // The same manifest, read from a place whose blob of that name has other bytes.
    let lying = Image::open(Arc::new(Lying(image.clone(), other)), None).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let compression = Some(CompressionLevel::Zstd(1));
    let options = ConvertOptions { compression, ..ConvertOptions::default() };
    assert!(converted(&image, options, scratch.path()).is_ok());
    let error = converted(&lying, options, scratch.path()).unwrap_err();
    assert!(
        matches!(error, Error::DigestMismatch { .. } | Error::SizeMismatch { .. }),
        "{error:?}"
    );
}

/// Documents of the one, layers of the other.
struct Lying(Image, Image);

impl Source for Lying {
    fn name(&self) -> String {
        "lying".to_owned()
    }

    fn root(&self) -> Result<Descriptor, Error> {
        self.0.source().root()
    }

    fn document(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>, Error> {
        self.0.source().document(descriptor, limit)
    }

    fn blob(&self, _: &Descriptor, offset: u64) -> Result<BlobReader, Error> {
        self.1.source().blob(&self.1.manifest().layers[0], offset)
    }
}
