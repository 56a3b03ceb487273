//! What is wanted of a run that nobody drives, or that has ended.

use std::time::Duration;

use serde_json::json;

use super::{Scene, chain, pipeline, run};
use crate::testing::Step;
use crate::{Event, RunState};

#[test]
fn who_goes_on_only_to_cancel_starts_nothing() {
    run(async {
        let scene = Scene::new(|_| Step::After(Duration::from_secs(10)));
        let handle = scene.driver().submit(chain()).await.unwrap();
        let id = handle.run().clone();
        tokio::time::sleep(Duration::from_secs(5)).await;
        handle.abandon();
        for _ in 0..2 {
            // The second time it is being cancelled, or has ended.
            let Ok(handle) = scene.driver().cancel(&id).await else { break };
            assert_eq!(handle.wait().await.unwrap(), RunState::Canceled);
        }
        assert_eq!(scene.started(), ["a"]);
        let events = scene.events("run-1").await;
        let asked = events.iter().filter(|event| **event == Event::CancelRequested).count();
        assert_eq!(asked, 1);
    });
}

#[test]
fn a_paused_run_goes_on_when_somebody_goes_on_with_it() {
    run(async {
        let scene = Scene::new(|_| Step::After(Duration::from_secs(10)));
        let handle = scene.driver().submit(chain()).await.unwrap();
        let id = handle.run().clone();
        handle.pause().await.unwrap();
        handle.abandon();
        let again = scene.driver().resume(&id).await.unwrap();
        assert_eq!(again.wait().await.unwrap(), RunState::Succeeded);
    });
}

#[test]
fn what_somebody_wants_again_runs_whatever_the_cache_knows() {
    run(async {
        let scene = Scene::new(|_| Step::Succeed);
        let cached = || json!({"cachingOptions": {"enableCache": true}});
        let after = json!({"dependentTasks": ["a"], "cachingOptions": {"enableCache": true}});
        let handle =
            scene.driver().submit(pipeline(&[("a", cached()), ("b", after)])).await.unwrap();
        let id = handle.run().clone();
        assert_eq!(handle.wait().await.unwrap(), RunState::Succeeded);
        let before = scene.started().len();
        let known = super::replay(scene.store.as_ref(), &id).await.unwrap();
        let node = known.state.find("a").unwrap();
        let again = scene.driver().rerun(&id, node, None).await.unwrap();
        assert_eq!(again.since(), known.last);
        assert_eq!(again.wait().await.unwrap(), RunState::Succeeded);
        assert_eq!(scene.started()[before..], ["a"], "what depends on it is as it was");
    });
}

#[test]
fn who_stops_following_for_a_moment_misses_nothing() {
    run(async {
        let scene = Scene::new(|_| Step::After(Duration::from_secs(3)));
        let handle = scene.driver().submit(chain()).await.unwrap();
        let mut follower = handle.follow();
        let mut seen = Vec::new();
        loop {
            // Looks at something else twice a second, as a terminal does.
            match tokio::time::timeout(Duration::from_millis(500), follower.next()).await {
                Err(_) => {}
                Ok(Ok(Some(notice))) => seen.push(notice.recorded.seq.0),
                Ok(other) => break assert!(other.unwrap().is_none()),
            }
        }
        let all: Vec<u64> = (1..=scene.events("run-1").await.len() as u64).collect();
        assert_eq!(seen, all);
        assert_eq!(handle.wait().await.unwrap(), RunState::Succeeded);
    });
}
