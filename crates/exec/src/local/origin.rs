//! Who decided a text of a task: whoever wrote or runs the pipeline, or another task.

use std::collections::HashSet;

use lightship_ir::template::{Placeholder, Template};
use lightship_ir::{DagId, Items, ParameterSource, Plan, TaskId};

/// Whether nothing in a text of a task comes from what tasks gave.
pub(super) fn is_of_the_pipeline(plan: &Plan, task: TaskId, text: &Template) -> bool {
    let mut question = Question { plan, asked: HashSet::new() };
    text.placeholders().all(|placeholder| question.placeholder(task, placeholder))
}

struct Question<'p> {
    plan: &'p Plan,
    /// Inputs whose answer is found already, or being found: asked again, they add nothing.
    asked: HashSet<(TaskId, String)>,
}

impl Question<'_> {
    fn placeholder(&mut self, task: TaskId, placeholder: &Placeholder) -> bool {
        match placeholder {
            Placeholder::InputParameter { name, .. } => self.input(task, name),
            Placeholder::Fact(_) => true,
            Placeholder::Exchange
            | Placeholder::InputArtifact(..)
            | Placeholder::OutputArtifact(..)
            | Placeholder::OutputParameterFile(_)
            | Placeholder::OutputFile => false,
        }
    }

    /// Whether an input parameter of a task has its value from the pipeline or the run, through however many graphs.
    fn input(&mut self, task: TaskId, name: &str) -> bool {
        if !self.asked.insert((task, name.to_owned())) {
            return true;
        }
        let this = &self.plan.tasks[task];
        let item = this.iterator.as_ref().filter(|iterator| iterator.item_input == name);
        match item.map(|iterator| &iterator.items) {
            Some(Items::Raw(_)) => return true,
            Some(Items::Parameter(items)) => return self.input(task, items),
            Some(Items::Artifact(_)) => return false,
            None => {}
        }
        match this.parameters.get(name).map(|binding| &binding.source) {
            // A default of the component's.
            None => true,
            Some(ParameterSource::Constant(constant)) => {
                let mut all = true;
                constant.placeholders(&mut |inner| all = all && self.placeholder(task, inner));
                all
            }
            Some(ParameterSource::Input(outer)) => self.input_of_graph(this.dag, outer),
            Some(ParameterSource::Output(_) | ParameterSource::FinalStatus(_)) => false,
        }
    }

    /// The same for an input of a graph, wherever it is used.
    fn input_of_graph(&mut self, dag: DagId, name: &str) -> bool {
        let plan = self.plan;
        let mut users = plan.tasks.iter().filter(|(task, _)| plan.dag_of(*task) == Some(dag));
        users.all(|(task, _)| self.input(task, name))
    }
}
