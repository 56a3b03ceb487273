//! Runs through the driver with the twins, and why their tasks ran.

use std::sync::Arc;
use std::time::Duration;

use lightship_base::ByteSize;
use lightship_ir::quantity::Cpu;
use serde_json::{Value, json};

use super::{PartChange, Side, Why, explain, ran};
use crate::driver::{Driver, Settings, World};
use crate::testing::{MemoryArtifacts, MemoryStore, ScriptedExecutor, Step, TokioClock};
use crate::testing::{header, plan};
use crate::{CacheRules, RunId, Store};

struct Scene {
    store: Arc<MemoryStore>,
    artifacts: Arc<MemoryArtifacts>,
    driver: Driver,
}

impl Scene {
    fn new() -> Self {
        let (store, artifacts) = (Arc::<MemoryStore>::default(), Arc::<MemoryArtifacts>::default());
        let world = World {
            store: Arc::clone(&store) as _,
            executor: Arc::new(ScriptedExecutor::new(|_| Step::Succeed)),
            artifacts: Arc::clone(&artifacts) as _,
            clock: Arc::new(TokioClock::start()),
            probe: None,
        };
        let (cpu, memory) = (Cpu(2000), ByteSize(1 << 30));
        let settings = Settings { cpu, memory, attempts: 8, grace: Duration::from_secs(1) };
        Self { store, artifacts, driver: Driver::new(world, settings) }
    }

    /// Runs a pipeline, and says of each task that ran why it did.
    async fn whys(&self, id: &str, document: Value, rules: CacheRules) -> Vec<(String, Why)> {
        let mut header = header(id, plan(document));
        header.options.cache = rules.clone();
        let run: RunId = header.id.clone();
        self.driver.submit(header).await.unwrap().wait().await.unwrap();
        let entries = self.store.cache(None).await.unwrap();
        let ran = ran(self.store.as_ref(), &run).await.unwrap();
        let why = |task: &super::Ran| {
            let earlier = entries.iter().filter(|entry| {
                entry.run != run && entry.created <= task.at && entry.task == task.component
            });
            explain(task, &rules, &earlier.cloned().collect::<Vec<_>>())
        };
        ran.iter().map(|task| (task.path.clone(), why(task))).collect()
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().unwrap().block_on(future)
}

/// `prep` makes data; `train`, of which there is a round for each item, takes it.
fn document(image: &str, items: &[i64]) -> Value {
    let data = json!({"artifactType": {"schemaTitle": "system.Dataset", "schemaVersion": "0.0.1"}});
    let on = json!({"enableCache": true});
    let number = json!({"parameterType": "NUMBER_INTEGER"});
    json!({
        "pipelineInfo": {"name": "p"},
        "root": {"dag": {"tasks": {
            "prep": {
                "taskInfo": {"name": "prep"}, "componentRef": {"name": "prep"},
                "cachingOptions": on,
            },
            "train": {
                "taskInfo": {"name": "train"}, "componentRef": {"name": "train"},
                "cachingOptions": on, "dependentTasks": ["prep"],
                "parameterIterator": {
                    "items": {"raw": json!(items).to_string()}, "itemInput": "item",
                },
                "inputs": {"artifacts": {"data": {"taskOutputArtifact": {
                    "producerTask": "prep", "outputArtifactKey": "data",
                }}}},
            },
            "tell": {"taskInfo": {"name": "tell"}, "componentRef": {"name": "tell"}},
        }}},
        "components": {
            "prep": {"executorLabel": image, "outputDefinitions": {"artifacts": {"data": data}}},
            "train": {"executorLabel": image, "inputDefinitions": {
                "artifacts": {"data": data}, "parameters": {"item": number},
            }},
            "tell": {"executorLabel": image},
        },
        "deploymentSpec": {"executors": {image: {"container": {"image": image}}}},
    })
}

fn changed(name: &str, now: &str, before: &str) -> PartChange {
    let text = |text: &str| Side::Text(text.to_owned());
    PartChange { name: name.to_owned(), now: text(now), before: text(before) }
}

fn named(whys: &[(String, Why)], path: &str) -> Why {
    whys.iter().find(|(known, _)| known == path).unwrap_or_else(|| panic!("{whys:?}")).1.clone()
}

#[test]
fn what_made_the_difference_is_named() {
    block_on(async {
        let scene = Scene::new();
        let on = CacheRules::default;
        for run in ["run-1", "run-4"] {
            scene.artifacts.put(format!("mem://p/{run}/prep/1-1/data"), "1,2");
        }
        let first = scene.whys("run-1", document("busybox", &[1, 2]), on()).await;
        assert_eq!(named(&first, "prep"), Why::Never);
        assert_eq!(named(&first, "train[1]"), Why::Never, "a round of this run is no earlier one");
        assert_eq!(named(&first, "tell"), Why::Disabled);

        // One round more: it is compared with what differs least.
        let second = scene.whys("run-2", document("busybox", &[1, 2, 3]), on()).await;
        assert_eq!(second.len(), 2, "{second:?}");
        let Why::Changed { run, parts } = named(&second, "train[2]") else { panic!("{second:?}") };
        assert_eq!((run.as_str(), parts.len()), ("run-1", 1));
        assert_eq!(
            (parts[0].name.as_str(), &parts[0].now),
            ("parameter item", &Side::Text("3".into()))
        );

        // Other content of an input, which came of another image.
        scene.artifacts.put("mem://p/run-3/prep/1-1/data", "1,2,3");
        let third = scene.whys("run-3", document("alpine", &[1]), on()).await;
        let Why::Changed { parts, .. } = named(&third, "prep") else { panic!("{third:?}") };
        assert_eq!(parts, [changed("image", "alpine", "busybox")]);
        let Why::Changed { parts, .. } = named(&third, "train[0]") else { panic!("{third:?}") };
        let names: Vec<&str> = parts.iter().map(|part| part.name.as_str()).collect();
        assert_eq!(names, ["image", "artifact data"]);
        let short = |text: &str| lightship_base::Digest::of(text.as_bytes()).short();
        assert_eq!(parts[1], changed("artifact data", &short("1,2,3"), &short("1,2")));
    });
}

#[test]
fn results_that_will_not_do_say_so() {
    block_on(async {
        let scene = Scene::new();
        let uri = "mem://p/run-1/prep/1-1/data";
        scene.artifacts.put(uri, "1");
        scene.artifacts.put("mem://p/run-2/prep/1-1/data", "1");
        let document = || document("busybox", &[1]);
        scene.whys("run-1", document(), CacheRules::default()).await;
        let off = scene.whys("run-2", document(), CacheRules::Off).await;
        assert_eq!(named(&off, "prep"), Why::Off);
        assert_eq!(named(&off, "tell"), Why::Disabled);

        tokio::time::sleep(Duration::from_secs(100)).await;
        let young = CacheRules::On { max_age: Some(Duration::from_mins(1)) };
        let expired = scene.whys("run-3", document(), young).await;
        assert!(matches!(named(&expired, "prep"), Why::Expired { .. }), "{expired:?}");
    });
}

#[test]
fn an_output_that_is_gone_or_changed_is_named() {
    for (text, gone) in [(Some("2"), false), (None, true)] {
        block_on(async {
            let scene = Scene::new();
            let uri = "mem://p/run-1/prep/1-1/data";
            scene.artifacts.put(uri, "1");
            let document = || document("busybox", &[1]);
            scene.whys("run-1", document(), CacheRules::default()).await;
            match text {
                Some(text) => scene.artifacts.put(uri, text),
                None => scene.artifacts.remove(uri),
            }
            let whys = scene.whys("run-2", document(), CacheRules::default()).await;
            let Why::Spoilt(spoilt) = named(&whys, "prep") else { panic!("{whys:?}") };
            let found = (spoilt.run.as_str(), spoilt.output.as_str(), spoilt.uri.as_str());
            assert_eq!((found, spoilt.gone), (("run-1", "data", uri), gone));
        });
    }
}

#[test]
fn without_the_content_of_an_input_nothing_is_asked() {
    block_on(async {
        let scene = Scene::new();
        let whys = scene.whys("run-1", document("busybox", &[1]), CacheRules::default()).await;
        assert_eq!(named(&whys, "train[0]"), Why::Unknown(vec!["data".to_owned()]));
    });
}
