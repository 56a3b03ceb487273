//! Unpacking an image's layers against `tar` reading the same layers already decompressed, to the same
//! disk. Prints medians and the ratios between them, measured in turns; `bench/unpack.sh` says what they
//! should be.
//!
//! Usage: `cargo bench -p lightship-sandbox --bench unpack -- LAYOUT FOLDER [ROUNDS]`

#![allow(clippy::print_stdout, reason = "a bench prints")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lightship_base::Quiet;
use lightship_cas::{Cas, remove_tree};
use lightship_oci::layout::LayoutSource;
use lightship_oci::{Image, Source};
use lightship_sandbox::snapshot::{Ownership, prepare};
use rayon::prelude::*;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    // cargo adds `--bench`; it is no layout.
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let [layout, folder, rest @ ..] = &arguments[..] else {
        println!("no layout given: usage is in the file's head; `bench/unpack.sh` calls it");
        return Ok(());
    };
    let (layout, folder) = (PathBuf::from(layout), PathBuf::from(folder));
    let rounds: usize = rest.first().map_or(Ok(3), |text| text.parse())?;
    let source: Arc<dyn Source> = Arc::new(LayoutSource::open(&layout, None)?);
    let image = Image::open(source, None)?;
    let tars = decompress(&image, &folder)?;
    let bytes: u64 = tars.iter().map(|tar| fs::metadata(tar).map_or(0, |found| found.len())).sum();
    println!("{} layers, {} MB of tar", tars.len(), bytes / 1_000_000);

    let (mut in_turn, mut parallel, mut ours) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        in_turn.push(timed(&folder, |place| tars.iter().try_for_each(|tar| untar(tar, place)))?);
        parallel
            .push(timed(&folder, |place| tars.par_iter().try_for_each(|tar| untar(tar, place)))?);
        ours.push(timed(&folder, |place| unpack(&image, place))?);
    }
    let [in_turn, parallel, ours] = [in_turn, parallel, ours].map(median);
    println!("tar, one layer after another   {:>8.2} s", in_turn.as_secs_f64());
    println!("tar, layers in parallel        {:>8.2} s", parallel.as_secs_f64());
    println!("decompress, verify and unpack  {:>8.2} s", ours.as_secs_f64());
    println!(
        "once more, nothing missing     {:>8.2} ms",
        again(&image, &folder)?.as_secs_f64() * 1e3
    );
    println!("speed / tar in turn            {:>8.2}  (at least 0.7)", ratio(in_turn, ours));
    println!("speed / tar in parallel        {:>8.2}  (at least 0.7)", ratio(parallel, ours));
    Ok(())
}

fn decompress(image: &Image, folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let one = |layer: &lightship_oci::layer::Layer| {
        let path = folder.join(format!("{}.tar", layer.position()));
        std::io::copy(&mut layer.read()?, &mut File::create(&path)?)?;
        Ok(path)
    };
    image.layers().iter().map(one).collect()
}

/// Into an empty folder each time; what was written before is on the disk, and gone, by then.
fn timed(
    folder: &Path,
    work: impl FnOnce(&Path) -> Result<(), Failure>,
) -> Result<Duration, Failure> {
    let place = folder.join("place");
    fs::create_dir(&place)?;
    rustix::fs::sync();
    let start = Instant::now();
    work(&place)?;
    let taken = start.elapsed();
    remove_tree(&place)?;
    Ok(taken)
}

fn untar(tar: &Path, place: &Path) -> Result<(), Failure> {
    let target = place.join(tar.file_stem().unwrap_or_default());
    fs::create_dir(&target)?;
    let status =
        Command::new("tar").arg("-x").arg("-C").arg(target).stdin(File::open(tar)?).status()?;
    if status.success() { Ok(()) } else { Err("tar failed".into()) }
}

fn unpack(image: &Image, place: &Path) -> Result<(), Failure> {
    let lease = Cas::open(place)?.lease()?;
    let root = rustix::process::geteuid().is_root();
    let ownership = if root { Ownership::Real } else { Ownership::Flattened };
    let prepared = prepare(image, &lease, ownership, &Quiet)?;
    if prepared.flat { Err("the image is not stacked".into()) } else { Ok(()) }
}

/// What every start of a sandbox costs that finds its layers unpacked.
fn again(image: &Image, folder: &Path) -> Result<Duration, Failure> {
    let place = folder.join("again");
    unpack(image, &place)?;
    let times = (0..50).map(|_| {
        let start = Instant::now();
        unpack(image, &place)?;
        Ok(start.elapsed())
    });
    Ok(median(times.collect::<Result<_, Failure>>()?))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}
