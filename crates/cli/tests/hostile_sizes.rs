//! Small inputs that are large once one looks inside: time and memory stay bounded.

use std::io::Write as _;
use std::sync::Arc;

use lightship_base::Sha256;
use lightship_oci::Source;
use lightship_oci::assembly::Assembly;
use lightship_oci::compression::{CompressionLevel, encoder};
use lightship_testkit::images::ImageBuilder;
use serde_json::json;

use crate::common::image::{manifest_of, reconfigured};
use crate::common::raw::{END, Raw};
use crate::common::{Run, TestEnvironment};

/// A layer as gzip members one after another, which are one stream to whoever reads it: each is
/// compressed once, however often it is repeated.
struct Members {
    blob: Vec<u8>,
    tar: Sha256,
}

impl Members {
    fn new() -> Self {
        Self { blob: Vec::new(), tar: Sha256::new() }
    }

    fn add(&mut self, content: &[u8], times: usize) {
        let mut member = encoder(Vec::new(), CompressionLevel::Gzip(9), 1).unwrap();
        member.write_all(content).unwrap();
        let member = member.finish().unwrap();
        for _ in 0..times {
            self.blob.extend_from_slice(&member);
            self.tar.update(content);
        }
    }

    /// An image of this layer only.
    fn image(self) -> Arc<dyn Source> {
        let diff_id = self.tar.finish();
        let one_layer = ImageBuilder::new().layer(|layer| layer).build();
        let source =
            reconfigured(&one_layer, |config| config["rootfs"]["diff_ids"] = json!([diff_id]));
        let mut manifest = manifest_of(&*source);
        let mut image = Assembly::over("hostile", Some(source));
        let media_type = manifest.layers[0].media_type.clone();
        manifest.layers = vec![image.add_bytes(media_type, self.blob)];
        image.set_root(manifest.media_type.clone().unwrap(), &manifest);
        Arc::new(image)
    }
}

/// Runs it and sees to it that it stays small.
fn bounded(environment: &TestEnvironment, line: &str, most_bytes: u64) -> Run {
    let run = environment.run(&format!("--quiet {line}"));
    assert_eq!(run.code(), 0, "{line}: {}", run.stderr);
    let peak = run.peak_bytes;
    assert!(peak > 1_000_000, "{line}: nobody looked at its memory: {peak} bytes");
    assert!(peak < most_bytes, "{line}: {peak} bytes of memory");
    run
}

/// One megabyte of gzip that holds a gigabyte of zeros.
#[test]
fn a_gzip_bomb_streams_by() {
    let environment = TestEnvironment::new();
    let piece = vec![0; 16 << 20];
    let mut members = Members::new();
    members.add(&Raw::new("zeros", b'0', 1 << 30).seal(), 1);
    members.add(&piece, (1 << 30) / piece.len());
    members.add(&END, 1);
    let image = members.image();
    let compressed = manifest_of(&*image).layers[0].size;
    assert!(compressed < 1_100_000, "{compressed}");
    let reference = environment.put("bomb", &*image);
    let run = bounded(&environment, &format!("audit {reference} --format json"), 300_000_000);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["stored_bytes"], 1 << 30);
}

/// Two hundred thousand empty files in one layer. (A million are five times as many, in time as in
/// memory: too long for every run of the tests in a build without optimisation.)
#[test]
fn so_many_entries_take_some_memory_each_and_no_more() {
    const FOLDERS: usize = 200;
    let environment = TestEnvironment::new();
    let mut members = Members::new();
    let names = (0..1_000).map(|file| Raw::new(format!("f000/{file}"), b'0', 0).seal());
    let mut folder: Vec<Vec<u8>> = names.collect();
    for number in 0..FOLDERS {
        let digits = format!("{number:03}");
        for header in &mut folder {
            renumber(header, digits.as_bytes());
        }
        members.add(&folder.concat(), 1);
    }
    members.add(&END, 1);
    let reference = environment.put("many", &*members.image());
    let run = bounded(&environment, &format!("audit {reference} --format json"), 200_000_000);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["file_count"], FOLDERS * 1_000);
    assert_eq!(report["findings"], json!([]));
}

/// Writes another number behind the first letter of the name, and the checksum that fits it.
fn renumber(header: &mut [u8], digits: &[u8]) {
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| u32::from(*byte)).sum::<u32>();
    let text = std::str::from_utf8(&header[148..154]).unwrap();
    let checksum = u32::from_str_radix(text, 8).unwrap() + sum(digits) - sum(&header[1..4]);
    header[1..4].copy_from_slice(digits);
    header[148..154].copy_from_slice(format!("{checksum:06o}").as_bytes());
}
