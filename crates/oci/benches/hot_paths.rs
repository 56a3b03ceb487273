//! Hot paths of reading an image, each alone: headers of a tar, the union filesystem, a layer as a
//! whole. `cargo bench -p lightship-oci --bench hot_paths`.

use std::hint::black_box;
use std::io;
use std::sync::Arc;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use lightship_base::DiffId;
use lightship_oci::assembly::Assembly;
use lightship_oci::compression::{CompressionLevel, encoder};
use lightship_oci::rootfs::{LayerIndex, Tree, index_layer};
use lightship_oci::spec::{Compression, Flavour, Manifest, MediaType};
use lightship_oci::tar::{Entry, EntryKind, TarReader, TarWriter};
use lightship_oci::{Image, Source};

fn main() {
    divan::main();
}

const ENTRIES: usize = 20_000;
const FILE_BYTES: u64 = 700;

/// A tar of small files, a hundred to a folder: mostly headers, as site-packages is.
fn tar() -> Vec<u8> {
    let mut tar = TarWriter::new(Vec::new());
    let content = vec![b'x'; 700];
    for number in 0..ENTRIES {
        let path =
            format!("usr/lib/python3/site-packages/package{}/module{number}.py", number / 100);
        let size = FILE_BYTES;
        let entry =
            Entry { size, real_size: size, mode: 0o644, ..Entry::new(path, EntryKind::File) };
        tar.append(&entry, &mut &content[..]).expect("a vector takes everything");
    }
    tar.finish().expect("a vector takes everything")
}

fn image(level: CompressionLevel) -> Image {
    let tar = tar();
    let diff_id = DiffId(lightship_base::Digest::of(&tar));
    let mut packed = encoder(Vec::new(), level, 1).expect("a vector takes everything");
    io::copy(&mut &tar[..], &mut packed).expect("a vector takes everything");
    let packed = packed.finish().expect("a vector takes everything");

    let mut assembly = Assembly::over("bench", None);
    let layer = assembly.add_bytes(MediaType::Layer(Flavour::Oci, Compression::Gzip), packed);
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":["{diff_id}"]}}}}"#
    );
    let config = assembly.add_bytes(MediaType::Config(Flavour::Oci), config.into_bytes());
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(MediaType::Manifest(Flavour::Oci)),
        artifact_type: None,
        config,
        layers: vec![layer],
        subject: None,
        annotations: std::collections::BTreeMap::new(),
        extra: serde_json::Map::new(),
    };
    assembly.set_root(MediaType::Manifest(Flavour::Oci), &manifest);
    let source: Arc<dyn Source> = Arc::new(assembly);
    Image::open(source, None).expect("it was just made")
}

fn index() -> LayerIndex {
    index_layer(&image(CompressionLevel::None).layers()[0], &mut ()).expect("it was just made")
}

#[divan::bench]
fn tar_headers(bencher: Bencher<'_, '_>) {
    let tar = tar();
    bencher.counter(ItemsCount::new(ENTRIES)).bench(|| {
        let mut reader = TarReader::new(&tar[..]);
        while let Some(entry) = reader.next_entry().expect("it was just made") {
            black_box(entry);
        }
    });
}

#[divan::bench]
fn union_filesystem(bencher: Bencher<'_, '_>) {
    let index = index();
    bencher.counter(ItemsCount::new(ENTRIES)).bench(|| {
        let mut tree = Tree::new();
        black_box(tree.apply(&index));
        tree
    });
}

#[divan::bench]
fn index_of_a_gzip_layer(bencher: Bencher<'_, '_>) {
    let image = image(CompressionLevel::Gzip(6));
    let bytes = tar().len();
    bencher
        .counter(BytesCount::new(bytes))
        .bench(|| index_layer(black_box(&image.layers()[0]), &mut ()).expect("it was just made"));
}
