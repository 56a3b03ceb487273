//! Looks around inside the root before the runtime does, to say what it finds in our words: who the
//! user is, and whether the program is there.

use std::path::Path;

use rustix::process::{chdir, chroot};

use crate::errand;
use crate::failure::{Attempt as _, Failure, Fault};
use crate::helper::inside::cleaned;
use crate::helper::program;
use crate::helper::user::{self, Person};
use crate::identity::Identity;
use crate::wire::Job;

/// Says who the command will be, and refuses what cannot run. A copy of this process goes in, and does
/// not come back.
pub(super) fn look(job: &Job) -> Result<Person, Failure> {
    errand::run("look into the image", || Ok((inside(job)?, Vec::new()))).map(|(person, _)| person)
}

fn inside(job: &Job) -> Result<Person, Failure> {
    let attempt = || "look into the image".to_owned();
    chroot(job.scratch.join("root")).attempt(attempt)?;
    chdir(Path::new("/")).attempt(attempt)?;
    let person = user::find(&job.spec.user)?;
    if job.identity == Identity::Single && (person.uid, person.gid) != (0, 0) {
        let attempt = format!("become user {}:{} with a runtime", person.uid, person.gid);
        return Err(Failure::request(
            attempt,
            "a runtime needs more ids for that than the caller's own",
        )
        .hint("choose lightship's own launcher, or have subordinate ids granted"));
    }
    let mut spec = job.spec.clone();
    spec.complete_environment(&person.home);
    let _ = chdir(cleaned(&spec.folder));
    match program::check(&spec, &job.architecture) {
        // It may come with a mount, which the runtime makes later.
        Err(Failure { fault: Fault::NoSuchProgram, .. }) if !spec.mounts.is_empty() => Ok(person),
        checked => checked.map(|()| person),
    }
}
