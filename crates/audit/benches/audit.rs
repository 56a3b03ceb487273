//! Audit against the least that any audit must do: decompress the same layers. Prints medians and the
//! ratios between them, measured in turns in one process; `bench/audit.sh` says what they should be.
//!
//! Usage: `cargo bench -p lightship-audit --bench audit -- LAYOUT [ROUNDS]`

#![allow(clippy::print_stdout, reason = "a bench prints")]

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lightship_audit::{Account, report};
use lightship_base::Quiet;
use lightship_oci::compression::decoder;
use lightship_oci::layout::LayoutSource;
use lightship_oci::spec::Compression;
use lightship_oci::{Image, Source};
use rayon::prelude::*;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    // cargo adds `--bench`; it is no layout.
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let Some(layout) = arguments.first() else {
        println!("no layout given: usage is in the file's head; `bench/audit.sh` calls it");
        return Ok(());
    };
    let layout = PathBuf::from(layout);
    let rounds: usize = arguments.get(1).map_or(Ok(3), |text| text.parse())?;
    let source: Arc<dyn Source> = Arc::new(LayoutSource::open(&layout, None)?);
    let image = Image::open(source, None)?;

    let (mut decompress, mut audit, mut gzip) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..=rounds {
        decompress.push(timed(|| decompress_all(&image))?);
        audit.push(timed(|| audit_once(&image))?);
        gzip.push(timed(|| gzip_all(&image, &layout))?);
    }
    // The first round filled the page cache.
    let [decompress, audit, gzip] = [decompress, audit, gzip].map(|times| median(&times[1..]));
    println!("decompress, layers in parallel  {:>8.2} s", decompress.as_secs_f64());
    println!("audit, digests verified         {:>8.2} s", audit.as_secs_f64());
    println!("gzip -dc, one after another     {:>8.2} s", gzip.as_secs_f64());
    println!("audit / decompress              {:>8.2}  (at most 2)", ratio(audit, decompress));
    println!("audit / gzip -dc                {:>8.2}  (at most 0.5)", ratio(audit, gzip));
    Ok(())
}

fn timed(work: impl FnOnce() -> Result<(), Failure>) -> Result<Duration, Failure> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed())
}

fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    sorted[sorted.len() / 2]
}

fn ratio(a: Duration, b: Duration) -> f64 {
    a.as_secs_f64() / b.as_secs_f64()
}

/// The library in use, streaming, with nothing done to what comes out.
fn decompress_all(image: &Image) -> Result<(), Failure> {
    image.layers().par_iter().try_for_each(|layer| {
        let mut decoder = decoder(image.source().blob(layer.descriptor(), 0)?)?;
        let mut buffer = vec![0; 256 * 1024];
        while decoder.read(&mut buffer)? > 0 {}
        Ok(())
    })
}

fn audit_once(image: &Image) -> Result<(), Failure> {
    let account = Account::of(image.clone(), &Quiet)?;
    std::hint::black_box(report(&account, None));
    Ok(())
}

fn gzip_all(image: &Image, layout: &Path) -> Result<(), Failure> {
    for layer in image.layers() {
        if layer.detect_compression()? != Compression::Gzip {
            continue;
        }
        let blob = layout.join("blobs/sha256").join(layer.descriptor().digest.hex());
        let mut child = Command::new("gzip")
            .arg("-dc")
            .stdin(File::open(blob)?)
            .stdout(Stdio::null())
            .spawn()?;
        if !child.wait()?.success() {
            return Err("gzip failed".into());
        }
    }
    Ok(())
}
