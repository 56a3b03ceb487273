//! `lightship lock`: which packages a project's image is made of, chosen and written down.

use std::io::Write as _;

use lightship_build::resolve::Upgrade;

use super::build::{kitchen, plan_of};
use super::locked::{Locked, Wish};
use super::{Context, Error, Outcome};
use crate::args::{LockArgs, Top};
use crate::images::Images;
use crate::sandboxes::Sandboxes;
use crate::views::lock as view;

pub(super) fn run(args: &LockArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let plan = plan_of(&args.project, &[], context)?;
    let mut locked = Locked::read(&args.project.folder)?;
    let name = locked.path().display().to_string();
    let before = locked.lock().cloned();
    let reasons = locked.outdated(&plan);
    if args.check {
        let text = view::verdict(&name, before.as_ref(), &reasons);
        context.terminal.out.write_all(text.as_bytes())?;
        return Ok(if reasons.is_empty() { Outcome::Fine } else { Outcome::Findings });
    }
    if reasons.is_empty() && !args.upgrade {
        return say(&view::verdict(&name, before.as_ref(), &reasons), context);
    }
    let settings = context.settings()?;
    let images = Images::new(&settings, false);
    let sandboxes = Sandboxes::open(&settings)?;
    let kitchen =
        kitchen(&args.project, (&plan, &locked), (&settings, &images, &sandboxes), context)?;
    let wish = Wish::Mend(if args.upgrade { Upgrade::All } else { Upgrade::Keep });
    locked.settle(&plan, &kitchen, &wish)?;
    let after = locked.lock().cloned().unwrap_or_default();
    let look = context.terminal.out.look;
    let top = if context.global.verbose { Top::All } else { Top::default() };
    say(&view::changes(&name, before.as_ref(), &after, top, &look), context)
}

fn say(text: &str, context: &mut Context<'_>) -> Result<Outcome, Error> {
    if !context.global.quiet {
        context.terminal.out.write_all(text.as_bytes())?;
    }
    Ok(Outcome::Fine)
}
