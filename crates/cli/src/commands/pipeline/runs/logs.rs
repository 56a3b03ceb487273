//! `lightship runs logs`: what tasks printed, exactly; made harmless where a terminal would obey it.

mod tail;

use std::io;
use std::thread;
use std::time::Duration;

use lightship_engine::{AttemptId, AttemptNumber, NodeId, RunId};

use super::super::PipelineError;
use super::super::record::Record;
use super::name;
use crate::args::RunsLogsArgs;
use crate::commands::{Context, Error, Outcome};
use crate::views::runs::tree::{Place, Tree};
use tail::{Label, Tails};

/// How often logs are looked at that may grow.
const LOOK: Duration = Duration::from_millis(300);

pub(super) fn run(args: &RunsLogsArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let settings = context.settings()?;
    let record = Record::open(&settings)?;
    let run = record.named(&args.run)?;
    let wanted = match &args.task {
        None => Wanted { node: NodeId::ROOT, attempt: None },
        Some(words) => {
            let tree = waited_for(&record, &run, words, args.follow)?;
            let node = name::task(&run, &tree, words)?;
            let attempt = attempt(&run, &tree, node, args.attempt)?;
            Wanted { node, attempt }
        }
    };
    let mut tails = Tails::new(&context.terminal.out.look);
    loop {
        // Asked before logs are read: what is printed after that is read then.
        let tree = record.tree(&run)?;
        let over = !args.follow || wanted.is_over(&record, &run, &tree)?;
        let out = &mut context.terminal.out;
        wanted.read(&run, &tree, &mut |id, label| {
            tails.read(&record.log(id), id, label, out)?;
            if over { tails.finish(id, out) } else { Ok(()) }
        })?;
        if over {
            mention_cached(&run, &tree, &wanted, context);
            return Ok(Outcome::Fine);
        }
        context.terminal.out.exact().flush()?;
        thread::sleep(LOOK);
    }
}

/// What is to be printed.
struct Wanted {
    /// A task, or a place with tasks in it.
    node: NodeId,
    /// One attempt only.
    attempt: Option<u32>,
}

impl Wanted {
    /// Reads all attempts that there are, in the order in which their tasks began.
    fn read(
        &self,
        run: &RunId,
        tree: &Tree,
        each: &mut dyn FnMut(&AttemptId, Option<Label<'_>>) -> io::Result<()>,
    ) -> Result<(), Error> {
        let alone = tree.place(self.node).is_some_and(Place::is_task);
        let mut tasks = tree.tasks_in(self.node);
        tasks.sort_by_key(|place| (place.row.started, place.row.node));
        for place in tasks {
            let attempts = match (self.attempt, alone) {
                (Some(only), _) => only..=only,
                // Of one task the latest counts.
                (None, true) => place.row.attempts.max(1)..=place.row.attempts,
                (None, false) => 1..=place.row.attempts,
            };
            for attempt in attempts.filter_map(AttemptNumber::of_number) {
                let id = AttemptId { run: run.clone(), node: place.row.node, attempt };
                let several = place.row.attempts > 1;
                let label = Label { path: &place.path, attempt: several.then_some(attempt.get()) };
                each(&id, Some(label).filter(|_| !alone))?;
            }
        }
        Ok(())
    }

    /// Whether nothing more will be printed.
    fn is_over(&self, record: &Record, run: &RunId, tree: &Tree) -> Result<bool, Error> {
        let driven = record.is_driven(run)?;
        let place = tree.place(self.node);
        Ok(!driven || place.is_some_and(|place| place.row.state.is_final()))
    }
}

/// The places of a run, once the one that is meant is there, if somebody wants to wait.
fn waited_for(record: &Record, run: &RunId, words: &str, follow: bool) -> Result<Tree, Error> {
    loop {
        let driven = record.is_driven(run)?;
        let tree = record.tree(run)?;
        if !follow || !driven || tree.find(words) != crate::views::runs::tree::Meant::Nothing {
            return Ok(tree);
        }
        thread::sleep(LOOK);
    }
}

/// The attempt that was asked for, if there was such a one.
fn attempt(
    run: &RunId,
    tree: &Tree,
    node: NodeId,
    asked: Option<u32>,
) -> Result<Option<u32>, Error> {
    let Some(number) = asked else { return Ok(None) };
    let place = tree.place(node).filter(|place| place.is_task());
    match place {
        Some(place) if (1..=place.row.attempts).contains(&number) => Ok(Some(number)),
        Some(place) => {
            let made = place.row.attempts;
            let why = format!("has no attempt {number} of `{}`: there were {made}", place.path);
            let hint = "leave `--attempt` away for the latest".to_owned();
            Err(PipelineError::Standing { run: run.clone(), why, hint }.into())
        }
        None => {
            let why = "has tasks of their own attempts there".to_owned();
            let hint = "name one of the tasks, or leave `--attempt` away".to_owned();
            Err(PipelineError::Standing { run: run.clone(), why, hint }.into())
        }
    }
}

/// A task that took its result from another run has printed nothing in this one.
fn mention_cached(run: &RunId, tree: &Tree, wanted: &Wanted, context: &mut Context<'_>) {
    let Some(place) = tree.place(wanted.node).filter(|place| place.is_task()) else { return };
    if context.global.quiet {
        return;
    }
    let path = &place.path;
    if let Some(from) = place.row.cached_from.as_ref().filter(|_| Tree::is_cached(place)) {
        context.terminal.complain(&format!(
            "note: the result is that of run {from}; what it printed there: lightship runs logs {from} {path}\n"
        ));
    } else if place.row.attempts == 0 {
        let state = place.row.state;
        context.terminal.complain(&format!("note: {path} did not run in {run}: it is {state}\n"));
    }
}
