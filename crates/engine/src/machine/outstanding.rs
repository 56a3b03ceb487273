//! What has to be done for a run whose events were replayed.

use lightship_base::Timestamp;

use super::State;
use super::node::NodeState;
use crate::id::{AttemptNumber, NodeId};

/// Something that is not done yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outstanding {
    /// This task may start.
    Start(NodeId),
    /// This attempt was about to start. Who looks for it finds it running, ended, or gone.
    Attempt(NodeId, AttemptNumber),
    /// This one waits until this moment.
    Wait(NodeId, Timestamp),
}

impl State {
    /// All that is not done yet, in the order in which places came into being.
    pub fn outstanding(&self) -> Vec<Outstanding> {
        let each = |node: NodeId| match self.node(node).state {
            NodeState::Ready => Some(Outstanding::Start(node)),
            NodeState::Attempt => {
                self.current_attempt(node).map(|attempt| Outstanding::Attempt(node, attempt))
            }
            NodeState::Backoff(until) => Some(Outstanding::Wait(node, until)),
            NodeState::Waiting
            | NodeState::Open
            | NodeState::Succeeded(_)
            | NodeState::Skipped
            | NodeState::Failed(_)
            | NodeState::Omitted
            | NodeState::Canceled
            | NodeState::Dropped => None,
        };
        self.nodes().filter_map(each).collect()
    }

    /// Whether this attempt was told to stop.
    pub fn is_stopping(&self, node: NodeId) -> bool {
        let main = self.live(node).is_some_and(|place| place.part == super::node::Part::Main);
        self.stop.is_some() && main
    }

    /// Whether new attempts may start.
    pub fn may_start(&self) -> bool {
        match self.run {
            crate::RunState::Running | crate::RunState::Canceling => true,
            crate::RunState::Pending
            | crate::RunState::Succeeded
            | crate::RunState::Skipped
            | crate::RunState::Failed
            | crate::RunState::Canceled
            | crate::RunState::Paused => false,
        }
    }
}
