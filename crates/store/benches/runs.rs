//! Runs of many tasks through `SQLite`, with an executor that does nothing: what the engine itself takes.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use divan::Bencher;
use divan::counter::ItemsCount;
use lightship_base::{ByteSize, SystemClock};
use lightship_engine::driver::{Driver, Settings, World};
use lightship_engine::testing::{MemoryArtifacts, ScriptedExecutor, Step, header, loops};
use lightship_engine::{Cpu, RunState, Store};
use lightship_store::SqliteStore;

fn main() {
    tell("10,000 tasks in one loop", &[10_000]);
    tell("100 loops of 100 tasks", &[100, 100]);
    divan::main();
}

/// One run, in a folder on a disk and not in memory.
fn run(folder: &Path, rounds: &[usize]) -> Arc<SqliteStore> {
    let store = Arc::new(SqliteStore::open(&folder.join("runs.db")).expect("the folder is new"));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .expect("threads can be had");
    let world = World {
        store: Arc::clone(&store) as Arc<dyn Store>,
        executor: Arc::new(ScriptedExecutor::new(|_| Step::Succeed)),
        artifacts: Arc::new(MemoryArtifacts::default()),
        clock: Arc::new(SystemClock),
        probe: None,
    };
    let memory = ByteSize(1 << 40);
    let cpu = Cpu(1_000_000);
    let driver =
        Driver::new(world, Settings { cpu, memory, attempts: 512, grace: Duration::from_secs(1) });
    let ended = runtime.block_on(async {
        let handle = driver.submit(header("run-1", loops(rounds))).await.expect("the run is new");
        handle.wait().await.expect("nothing fails")
    });
    assert_eq!(ended, RunState::Succeeded);
    store
}

#[expect(clippy::print_stdout, reason = "a bench is there to tell figures")]
fn tell(what: &str, rounds: &[usize]) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("there is room");
    let before = Instant::now();
    run(folder.path(), rounds);
    let seconds = before.elapsed().as_secs_f64();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("?").trim();
    let size = std::fs::metadata(folder.path().join("runs.db")).map_or(0, |file| file.len());
    println!(
        "{what}: {seconds:.2} s, {:.0} tasks/s, peak {peak}, file {} MB",
        10_000.0 / seconds,
        size >> 20
    );
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn ten_thousand_tasks(bencher: Bencher) {
    bench(bencher, &[10_000]);
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn a_hundred_times_a_hundred(bencher: Bencher) {
    bench(bencher, &[100, 100]);
}

fn bench(bencher: Bencher, rounds: &'static [usize]) {
    bencher
        .counter(ItemsCount::new(10_000_u32))
        .with_inputs(|| tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("there is room"))
        .bench_local_values(|folder| run(folder.path(), rounds));
}
