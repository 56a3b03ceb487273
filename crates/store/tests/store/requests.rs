//! What processes want of the one that drives a run.

use std::sync::Arc;
use std::time::Duration;

use lightship_base::Timestamp;
use lightship_engine::testing::{Step, header, loops};
use lightship_engine::{RunState, Store as _};
use lightship_store::{Fate, Wish};

use crate::{Scene, block_on};

#[test]
fn a_request_goes_with_the_event_that_answers_it() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::new(folder.path(), |_| Step::After(Duration::from_mins(1)));
    let store = Arc::clone(&scene.store);
    block_on(async {
        let handle = scene.driver().submit(header("run-1", loops(&[3]))).await.unwrap();
        let id = handle.run().clone();
        let now = Timestamp::UNIX_EPOCH;
        assert!(store.ask(&"other".parse().unwrap(), Wish::Pause, now).await.is_err());
        let mut left = Vec::new();
        for wish in [Wish::Pause, Wish::Unpause, Wish::Pause] {
            left.push(store.ask(&id, wish, now).await.unwrap());
        }
        assert_eq!(store.requests(&id).await.unwrap(), left);
        handle.pause().await.unwrap();
        assert_eq!(store.requests(&id).await.unwrap(), left[1..], "one answer for one request");
        handle.unpause().await.unwrap();
        assert_eq!(store.requests(&id).await.unwrap(), left[2..]);
        store.withdraw(left[2]).await.unwrap();
        assert!(store.requests(&id).await.unwrap().is_empty());

        // What is wanted of a run that ends meanwhile is wanted of nobody.
        let late = store.ask(&id, Wish::Pause, now).await.unwrap();
        assert!(late.number > left[2].number);
        handle.cancel().await.unwrap();
        assert_eq!(handle.wait().await.unwrap(), RunState::Canceled);
        assert!(store.requests(&id).await.unwrap().is_empty());
    });
}

#[test]
fn a_request_for_what_is_over_does_not_reach_what_somebody_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::new(folder.path(), |_| Step::Succeed);
    let store = Arc::clone(&scene.store);
    block_on(async {
        let driver = scene.driver();
        let handle = driver.submit(header("run-1", loops(&[3]))).await.unwrap();
        let id = handle.run().clone();
        assert_eq!(handle.wait().await.unwrap(), RunState::Succeeded);
        store.ask(&id, Wish::Cancel, Timestamp::UNIX_EPOCH).await.unwrap();
        let root = lightship_engine::NodeId::ROOT;
        let again = driver.rerun(&id, root, None).await.unwrap();
        assert!(store.requests(&id).await.unwrap().is_empty());
        assert_eq!(again.wait().await.unwrap(), RunState::Succeeded);
        assert!(store.remove(&id).await.unwrap());
    });
}

#[test]
fn a_run_is_told_at_a_glance_and_place_by_place() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::new(folder.path(), |launch| {
        if launch.path.starts_with("loop-0[1]") {
            let failure = lightship_engine::Failure::new(lightship_engine::Reason::Exit(3), "no");
            Step::Fail(failure)
        } else {
            Step::Succeed
        }
    });
    let store = Arc::clone(&scene.store);
    block_on(async {
        let handle = scene.driver().submit(header("run-1", loops(&[3]))).await.unwrap();
        let id = handle.run().clone();
        assert_eq!(handle.wait().await.unwrap(), RunState::Failed);
        assert_eq!(store.run_ids().await.unwrap(), std::slice::from_ref(&id));
        assert_eq!(store.summary(&id).await.unwrap().unwrap().state, RunState::Failed);
        assert_eq!(store.latest_of("loops").await.unwrap().unwrap().id, id);
        assert!(store.latest_of("other").await.unwrap().is_none());
        let tallies = store.tallies(std::slice::from_ref(&id)).await.unwrap();
        let tally: Vec<(&str, u64)> = tallies[0].iter().map(|(name, n)| (*name, *n)).collect();
        assert_eq!(tally, [("FAILED", 1), ("SUCCEEDED", 2)]);

        let tasks = store.tasks(&id).await.unwrap();
        let failed = tasks.iter().rfind(|task| task.failure.as_deref() == Some("no")).unwrap();
        let stories = store.stories(&id, Some([failed.node].into())).await.unwrap();
        assert_eq!(stories.len(), 1);
        let attempts = &stories[&failed.node].attempts;
        assert_eq!(attempts.len(), 1);
        let (fate, _) = attempts[0].end.as_ref().unwrap();
        assert_eq!(*fate, Fate::Failed("no".to_owned()));
        assert_eq!(store.stories(&id, None).await.unwrap().len(), 3);
        assert!(store.changed_plan(&id).await.unwrap().is_none());
    });
}
