//! `lightship vendor`: everything that a lock names, in one folder.

use std::io::Write as _;
use std::path::Path;

use lightship_base::ByteSize;
use lightship_build::lean::{self, vendor};
use lightship_build::resolve::Upgrade;
use lightship_oci::spec::Platform;
use lightship_packages::lock::{Lock, PlatformName};

use super::build::{kitchen, plan_of};
use super::locked::{Locked, Wish};
use super::{Context, Error, Outcome};
use crate::args::{ProjectArgs, VendorArgs};
use crate::images::Images;
use crate::sandboxes::Sandboxes;
use crate::views::count;

pub(super) fn run(args: &VendorArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let (folder, destination) = (&args.folder, &args.destination);
    if same(folder, destination) {
        return Err(Error::AmongTheProject { path: destination.clone() });
    }
    let settings = context.settings()?;
    let images = Images::new(&settings, false);
    let sandboxes = Sandboxes::open(&settings)?;
    let mut locked = Locked::read(folder)?;
    // Held until the end: what one platform brings stays while the next is fetched.
    let mut kitchens = Vec::new();
    for platform in platforms(locked.lock())? {
        let project =
            ProjectArgs { folder: folder.clone(), platform, offline: false, vendor: None };
        let plan = plan_of(&project, &[], context)?;
        let kitchen =
            kitchen(&project, (&plan, &locked), (&settings, &images, &sandboxes), context)?;
        let lock = locked.settle(&plan, &kitchen, &Wish::Mend(Upgrade::Keep))?;
        kitchen.bring(&lock, &plan.wishes)?;
        kitchen.vendor_base(&lock, destination)?;
        kitchens.push(kitchen);
    }
    let lock = locked.lock().cloned().unwrap_or_default();
    let cas = images.store()?.images.cas();
    let written = vendor::write(&lock, cas, destination).map_err(lean::Error::from)?;
    if !context.global.quiet {
        let files = count(written.files, "file", "files");
        let (size, folder) = (ByteSize(written.bytes), destination.display());
        let present = match written.present {
            0 => String::new(),
            present => format!("; {} there already", count(present, "was", "were")),
        };
        let removed = match written.removed {
            0 => String::new(),
            removed => format!("; {} of earlier locks removed", count(removed, "file", "files")),
        };
        let out = &mut context.terminal.out;
        writeln!(out, "{files} ({size}) and the lock are in {folder}{present}{removed}")?;
    }
    Ok(Outcome::Fine)
}

/// Those that the lock knows; where there is no lock, this machine's.
fn platforms(lock: Option<&Lock>) -> Result<Vec<Option<Platform>>, Error> {
    let Some(lock) = lock else { return Ok(vec![None]) };
    let one = |name: &PlatformName| {
        let unknown = |_| Error::Platform { platform: name.to_string() };
        name.as_str().parse().map(Some).map_err(unknown)
    };
    lock.platforms.iter().map(one).collect()
}

fn same(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}
