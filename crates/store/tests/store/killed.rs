//! A process that is killed at any moment, and another one that goes on.

use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use lightship_engine::driver::{DriveError, replay};
use lightship_engine::testing::{Step, header, loops};
use lightship_engine::{Event, NodeId, RunState};

use crate::{Scene, block_on};

/// The folder in which the other process works, for [`the_other_process`].
const FOLDER: &str = "LIGHTSHIP_TEST_STORE";

fn scene(folder: &Path) -> Scene {
    Scene::new(folder, |_| Step::After(Duration::from_millis(1)))
}

/// Not a test: what is killed. It begins a run, or goes on with it.
#[test]
#[ignore = "a process of the test below; does nothing without a folder"]
#[expect(clippy::disallowed_methods, reason = "a test that starts itself has no other way in")]
fn the_other_process() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    block_on(go_on(Path::new(&folder)));
}

async fn go_on(folder: &Path) -> RunState {
    let driver = scene(folder).driver();
    let handle = match driver.resume(&"run-1".parse().unwrap()).await {
        Ok(handle) => handle,
        Err(DriveError::NoSuchRun(_)) => {
            driver.submit(header("run-1", loops(&[400]))).await.unwrap()
        }
        Err(error) => panic!("{error}"),
    };
    handle.wait().await.unwrap()
}

#[test]
fn nothing_that_was_finished_is_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let mut finished: Vec<NodeId> = Vec::new();
    for round in 0..12_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "killed::the_other_process", "--ignored"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(15 + round * 7));
        child.kill().unwrap();
        child.wait().unwrap();
        finished = check(folder.path(), &finished);
    }
    assert_eq!(block_on(go_on(folder.path())), RunState::Succeeded);
    assert_eq!(check(folder.path(), &finished).len(), 400);
}

/// What is there makes sense, and all that was finished before still is. Says what is finished now.
fn check(folder: &Path, before: &[NodeId]) -> Vec<NodeId> {
    let store = scene(folder).store;
    block_on(async {
        let known = match replay(store.as_ref(), &"run-1".parse().unwrap()).await {
            Ok(known) => known,
            Err(DriveError::NoSuchRun(_)) => return Vec::new(),
            Err(error) => panic!("{error}"),
        };
        let mut times: HashMap<NodeId, u32> = HashMap::new();
        for notice in &known.notices {
            if let Event::Succeeded { node, .. } = notice.recorded.event {
                *times.entry(node).or_default() += 1;
            }
        }
        assert!(times.values().all(|times| *times == 1), "none is reported twice");
        assert!(before.iter().all(|node| times.contains_key(node)), "none is forgotten");
        let tasks = store.tasks(&known.header.id).await.unwrap();
        for task in tasks {
            assert_eq!(Some(task.state), known.state.task_state(task.node), "nothing half-written");
        }
        let mut finished: Vec<NodeId> = times.into_keys().collect();
        finished.sort();
        finished
    })
}
