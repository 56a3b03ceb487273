//! Shows a run while it goes on: as a tree where somebody watches, as lines elsewhere, as events for programs.

mod live;

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lightship_base::{Clock as _, SystemClock};
use lightship_engine::Notice;
use lightship_engine::driver::{DriveError, Follower, RunHandle};
use lightship_ir::Plan;
use live::Screen;

use super::super::printed::Logs;
use tokio::sync::mpsc::UnboundedReceiver;

use super::super::drive::{Either, either};
use crate::args::Format;
use crate::commands::Context;
use crate::views::run::{self, RunTree, Trouble};

/// Between two pictures of a run.
const PICTURE: Duration = Duration::from_millis(100);

/// Lines of a log that are shown of a task that failed.
const LINES: usize = 12;

/// What of a run is shown, and how.
pub(in crate::commands::pipeline) struct Watch<'w> {
    /// What runs.
    pub(in crate::commands::pipeline) plan: &'w Plan,
    /// The folder with the logs of runs.
    pub(in crate::commands::pipeline) runs: &'w Path,
    /// For whom.
    pub(in crate::commands::pipeline) format: Format,
}

/// Follows a run to its end. Nobody who looks on is no reason to stop: what cannot be written is not. `said` has lines
/// for standard error that others have to say meanwhile; its other end must live as long as this goes on.
pub(in crate::commands::pipeline) async fn follow(
    handle: &RunHandle,
    watch: &Watch<'_>,
    context: &mut Context<'_>,
    said: &mut UnboundedReceiver<String>,
) -> Result<(), DriveError> {
    let mut tree = RunTree::new(handle.run().clone());
    let logs = Logs::of(watch.runs, handle.run());
    let mut follower = handle.follow();
    if watch.format == Format::Json {
        return events(&mut follower, &mut tree, context, said).await;
    }
    if context.terminal.out.look.live && !context.global.quiet {
        pictures(&mut follower, &mut tree, &logs, context, said).await?;
    } else {
        while let Some(notice) = next(&mut follower, context, said).await? {
            tree.apply(&notice);
            // What happened before this process drove the run was told then.
            if notice.recorded.seq > handle.since() {
                write(&run::lines(&tree, &notice), context);
            }
        }
    }
    let last = |node, attempt| logs.last(node, attempt, LINES);
    for trouble in Trouble::all(&tree, watch.plan, &last) {
        write(&[trouble.text(handle.run())], context);
    }
    Ok(())
}

/// The next thing that happened. What others say before it is told.
async fn next(
    follower: &mut Follower,
    context: &mut Context<'_>,
    said: &mut UnboundedReceiver<String>,
) -> Result<Option<Arc<Notice>>, DriveError> {
    loop {
        match either(follower.next(), said.recv()).await {
            Either::One(notice) => return notice,
            Either::Other(line) => context.terminal.complain(&line.unwrap_or_default()),
        }
    }
}

async fn events(
    follower: &mut Follower,
    tree: &mut RunTree,
    context: &mut Context<'_>,
    said: &mut UnboundedReceiver<String>,
) -> Result<(), DriveError> {
    while let Some(notice) = next(follower, context, said).await? {
        tree.apply(&notice);
        let line = run::event(tree, &notice) + "\n";
        let out = context.terminal.out.exact();
        let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
    }
    Ok(())
}

async fn pictures(
    follower: &mut Follower,
    tree: &mut RunTree,
    logs: &Logs,
    context: &mut Context<'_>,
    said: &mut UnboundedReceiver<String>,
) -> Result<(), DriveError> {
    let mut screen = Screen::default();
    while take(follower, tree).await? {
        while let Ok(line) = said.try_recv() {
            screen.clear(&mut context.terminal.out);
            context.terminal.complain(&line);
        }
        screen.draw(tree, SystemClock.now(), logs, &mut context.terminal.out);
    }
    screen.leave(tree, SystemClock.now(), logs, &mut context.terminal.out);
    Ok(())
}

/// Takes in what happens until it is time for another picture. Says whether more can happen.
async fn take(follower: &mut Follower, tree: &mut RunTree) -> Result<bool, DriveError> {
    let until = tokio::time::Instant::now() + PICTURE;
    loop {
        let next = tokio::time::timeout_at(until, follower.next());
        let Ok(notice) = next.await else { return Ok(true) };
        let notice: Option<Arc<Notice>> = notice?;
        let Some(notice) = notice else { return Ok(false) };
        tree.apply(&notice);
    }
}

fn write(lines: &[String], context: &mut Context<'_>) {
    let out = &mut context.terminal.out;
    for line in lines {
        let _ = writeln!(out, "{}", line.trim_end_matches('\n'));
    }
    let _ = out.flush();
}
