//! What the notices of a run make of it.

use std::collections::HashMap;
use std::sync::Arc;

use lightship_base::Timestamp;
use lightship_engine::{
    Change, Event, Failure, NodeId, Notice, Outputs, RunId, RunState, TaskState,
};
use lightship_ir::value::text_of;

/// A run, as far as is known.
#[derive(Debug)]
pub struct RunTree {
    /// Which.
    pub run: RunId,
    /// Its state.
    pub state: RunState,
    /// When it began.
    pub begun: Option<Timestamp>,
    /// When it ended, if it has.
    pub ended: Option<Timestamp>,
    nodes: HashMap<NodeId, Node>,
}

/// A place of the run: a task, a graph of them, a loop or a round of one.
#[derive(Debug)]
pub struct Node {
    /// What it is called where it is: `train`, or `[3]` for a round.
    pub name: String,
    /// What it is called in the run: `for-loop-1[3]/train`.
    pub path: String,
    /// Whether it is a round of a loop.
    pub is_round: bool,
    /// What is in it, in the order in which it came.
    pub children: Vec<NodeId>,
    /// What became of it so far.
    pub state: TaskState,
    /// Its latest attempt; 0 before the first.
    pub attempt: u32,
    /// When its latest attempt began; of a graph, the first one in it.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Whether its outputs are those of an earlier run.
    pub cached: bool,
    /// Its output parameters: `rows = 120, ok = true`.
    pub outputs: String,
    /// Why it failed.
    pub failure: Option<Arc<Failure>>,
    parent: Option<NodeId>,
}

impl RunTree {
    /// A run of which nothing is known yet.
    pub fn new(run: RunId) -> Self {
        let root = Node::new(String::new(), String::new(), None);
        let nodes = HashMap::from([(NodeId::ROOT, root)]);
        Self { run, state: RunState::Pending, begun: None, ended: None, nodes }
    }

    /// A place; none where there is no such place any more.
    pub fn node(&self, node: NodeId) -> Option<&Node> {
        self.nodes.get(&node)
    }

    /// The tasks of the outermost graph.
    pub fn top(&self) -> &[NodeId] {
        self.nodes.get(&NodeId::ROOT).map_or(&[], |root| &root.children)
    }

    /// Takes in what happened.
    pub fn apply(&mut self, notice: &Notice) {
        let at = notice.recorded.at;
        self.event(&notice.recorded.event, at);
        for change in &notice.changes {
            self.change(change, at);
        }
    }

    fn event(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::Begun => self.begun = Some(at),
            Event::Starting { node, attempt, .. } => {
                if let Some(known) = self.nodes.get_mut(node) {
                    (known.attempt, known.started, known.ended) = (attempt.get(), Some(at), None);
                    let parent = known.parent;
                    self.started(parent, at);
                }
            }
            Event::Cached { node, outputs, .. } => self.gave(*node, outputs, true),
            Event::Succeeded { node, outputs, .. } => self.gave(*node, outputs, false),
            // What these mean for tasks and the run is said by their changes.
            Event::Failed { .. }
            | Event::Stopped { .. }
            | Event::Lost { .. }
            | Event::Waited { .. }
            | Event::CancelRequested
            | Event::DeadlinePassed
            | Event::PauseRequested
            | Event::ResumeRequested
            | Event::RetryRequested
            | Event::RerunRequested { .. } => {}
        }
    }

    /// A graph has begun when the first task in it has.
    fn started(&mut self, mut above: Option<NodeId>, at: Timestamp) {
        while let Some(known) = above.and_then(|node| self.nodes.get_mut(&node)) {
            if known.started.is_some() {
                return;
            }
            known.started = Some(at);
            above = known.parent;
        }
    }

    fn gave(&mut self, node: NodeId, outputs: &Outputs, cached: bool) {
        let Some(known) = self.nodes.get_mut(&node) else { return };
        known.cached = cached;
        let parameters = outputs.produced.parameters.iter();
        let texts: Vec<String> =
            parameters.map(|(name, value)| format!("{name} = {}", text_of(value))).collect();
        known.outputs = texts.join(", ");
    }

    fn change(&mut self, change: &Change, at: Timestamp) {
        match change {
            Change::Created { node, parent, name, round } => {
                self.create(*node, *parent, name, *round);
            }
            Change::State { node, state } => self.state(*node, *state, at),
            Change::Failed { node, failure } => {
                if let Some(known) = self.nodes.get_mut(node) {
                    known.failure = Some(Arc::clone(failure));
                }
                self.state(*node, TaskState::Failed, at);
            }
            Change::Dropped { node } => {
                let parent = self.nodes.remove(node).and_then(|gone| gone.parent);
                if let Some(parent) = parent.and_then(|parent| self.nodes.get_mut(&parent)) {
                    parent.children.retain(|child| child != node);
                }
            }
            Change::Run(state) => {
                self.state = *state;
                self.ended = state.is_final().then_some(at);
            }
        }
    }

    fn state(&mut self, node: NodeId, state: TaskState, at: Timestamp) {
        let Some(known) = self.nodes.get_mut(&node) else { return };
        known.state = state;
        known.ended = state.is_final().then_some(at);
        if !state.is_final() {
            known.failure = None;
        }
    }

    fn create(&mut self, node: NodeId, parent: Option<NodeId>, name: &str, round: Option<u32>) {
        // The outermost graph was there from the beginning.
        let Some(above) = parent.and_then(|parent| self.nodes.get_mut(&parent)) else { return };
        above.children.push(node);
        let name = round.map_or_else(|| name.to_owned(), |round| format!("[{round}]"));
        let path = match (above.path.as_str(), round) {
            ("", _) => name.clone(),
            (path, Some(_)) => format!("{path}{name}"),
            (path, None) => format!("{path}/{name}"),
        };
        let new = Node { is_round: round.is_some(), ..Node::new(name, path, parent) };
        self.nodes.insert(node, new);
    }
}

impl Node {
    fn new(name: String, path: String, parent: Option<NodeId>) -> Self {
        Self {
            name,
            path,
            is_round: false,
            children: Vec::new(),
            state: TaskState::Waiting,
            attempt: 0,
            started: None,
            ended: None,
            cached: false,
            outputs: String::new(),
            failure: None,
            parent,
        }
    }

    /// Whether it is a task, and not a graph or loop with tasks in it.
    pub fn is_task(&self) -> bool {
        self.children.is_empty()
    }
}
