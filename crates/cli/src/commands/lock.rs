//! `lightship lock`: which packages a project's image is made of, chosen and written down.

use std::io::Write as _;

use lightship_build::resolve::Upgrade;
use lightship_packages::lock::FILE_NAME;

use super::build::{Wish, kitchen, lock_of, outdated, plan_of, read_lock};
use super::{Context, Error, Outcome};
use crate::args::{LockArgs, Top};
use crate::images::Images;
use crate::sandboxes::Sandboxes;
use crate::views::lock as view;

pub(super) fn run(args: &LockArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let plan = plan_of(&args.project, &[], context)?;
    let path = args.project.folder.join(FILE_NAME);
    let before = read_lock(&path)?;
    let name = path.display().to_string();
    let reasons = outdated(before.as_ref(), &plan);
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
    let kitchen = kitchen(&args.project, &plan, (&settings, &images, &sandboxes), context)?;
    let wish = Wish::Mend(if args.upgrade { Upgrade::All } else { Upgrade::Keep });
    lock_of(&args.project.folder, &plan, &kitchen, &wish)?;
    let after = read_lock(&path)?.unwrap_or_default();
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
