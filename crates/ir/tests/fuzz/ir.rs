//! What holds for the reader and the compiler of pipelines: nothing panics, what compiles can be stored and read again,
//! its graphs are in order, its documents come back as they were written, and values go through it.

use lightship_ir::bind::{self, Given};
use lightship_ir::exchange::{Exchange, Outputs};
use lightship_ir::lightweight::recognise;
use lightship_ir::template::{Context, Facts};
use lightship_ir::{ExecutorKind, Package, Plan};

pub(crate) fn check(input: &[u8]) {
    let Ok(package) = Package::read(input) else { return };
    let again = Package::read(package.to_yaml().as_bytes());
    assert_eq!(again.as_ref().map(Package::pipeline), Ok(package.pipeline()));
    assert_eq!(again.as_ref().map(Package::platform), Ok(package.platform()));
    for container in package.containers() {
        if let Ok(found) = recognise(&container.command, &container.args) {
            assert!(!found.command("python3").is_empty());
            let _ = found.shell_uses();
        }
    }
    match Plan::compile(&package) {
        Ok(plan) => check_plan(&plan),
        Err(problems) => assert!(problems.iter().count() > 0 && !problems.to_string().is_empty()),
    }
}

fn check_plan(plan: &Plan) {
    let stored = serde_json::to_string(plan).expect("a plan is JSON");
    assert_eq!(&serde_json::from_str::<Plan>(&stored).expect("and comes back"), plan);
    for (_, dag) in plan.dags.iter() {
        for (at, task) in dag.tasks.iter().enumerate() {
            assert!(plan.tasks[*task].needs.iter().all(|need| dag.tasks[..at].contains(need)));
        }
    }
    let _ = bind::run(plan, &[("a".to_owned(), Given::Text("1".to_owned()))]);
    for (id, _) in plan.tasks.iter() {
        let component = plan.component_of(id);
        let outputs = Outputs::below("s3://bucket/task", &component.outputs);
        let exchange = Exchange { outputs, ..Exchange::default() };
        let facts = Facts::default();
        let context = Context { exchange: &exchange, facts: &facts, declared: &component.inputs };
        if let Some(condition) = &plan.tasks[id].trigger.condition {
            let _ = condition.holds(&exchange);
        }
        if let Some(ExecutorKind::Container(container)) =
            plan.executor_of(id).map(|executor| &executor.kind)
        {
            for argument in container.command.iter().chain(&container.args) {
                let _ = argument.render(&context);
            }
        }
    }
}
