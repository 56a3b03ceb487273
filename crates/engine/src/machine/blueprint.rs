//! A plan with what the machine looks up all the time.

use std::sync::Arc;

use lightship_ir::{Id, Plan, TaskId};

/// A plan, and for each of its tasks who depends on it. Made once for a run.
#[derive(Debug)]
pub(super) struct Blueprint {
    pub(super) plan: Arc<Plan>,
    facts: Vec<TaskFacts>,
}

#[derive(Debug)]
struct TaskFacts {
    name: Arc<str>,
    /// Its place in its graph.
    position: usize,
    /// The places of those tasks of the graph that need it.
    dependents: Vec<usize>,
}

impl Blueprint {
    pub(super) fn of(plan: Arc<Plan>) -> Self {
        let fact = |(_, task): (TaskId, &lightship_ir::Task)| TaskFacts {
            name: Arc::from(task.name.as_str()),
            position: 0,
            dependents: Vec::new(),
        };
        let mut facts: Vec<TaskFacts> = plan.tasks.iter().map(fact).collect();
        for (_, dag) in plan.dags.iter() {
            for (position, task) in dag.tasks.iter().enumerate() {
                facts[task.index()].position = position;
                for need in &plan.tasks[*task].needs {
                    facts[need.index()].dependents.push(position);
                }
            }
        }
        Self { plan, facts }
    }

    pub(super) fn name(&self, task: TaskId) -> Arc<str> {
        Arc::clone(&self.facts[task.index()].name)
    }

    pub(super) fn position(&self, task: TaskId) -> usize {
        self.facts[task.index()].position
    }

    pub(super) fn dependents(&self, task: TaskId) -> &[usize] {
        &self.facts[task.index()].dependents
    }
}
