//! An image with the SDK and nothing else: built once, like the image of any project, and found again in the store.

use std::fs;
use std::path::PathBuf;

use lightship_base::Key;
use lightship_build::resolve::Upgrade;
use lightship_codec::compression::CompressionLevel;
use lightship_oci::copy::{Selection, copy_with};

use crate::args::ProjectArgs;
use crate::commands::build::{Builder, kitchen, plan_of};
use crate::commands::locked::{Locked, Wish};
use crate::commands::{Context, Error, whole};
use crate::images::Images;
use crate::sandboxes::Sandboxes;
use crate::settings::Settings;

/// The folder of its project, below the home: what was locked there stays.
const PROJECT: &str = "sdk";

/// The project. The pipeline brings its own code, so none of the folder's files is in the image; the modules are those
/// that get byte code.
const FILES: [(&str, &str); 4] = [
    (
        "lightship.toml",
        "[python]\nrequirements = [\"requirements.txt\"]\n\n[image]\ncmd = [\"python3\"]\nworkdir = \"/\"\n",
    ),
    ("requirements.txt", "kfp>=2,<3\nkfp-kubernetes\n"),
    ("lightship.profile", "kfp\nkfp.compiler\nkfp.dsl\nkfp.kubernetes\n"),
    (".dockerignore", "*\n"),
];

/// The name of the image in the store; it is built where it is missing.
pub(super) fn prepared(
    (settings, images, sandboxes): (&Settings, &Images<'_>, &Sandboxes),
    offline: bool,
    context: &Context<'_>,
) -> Result<String, Error> {
    let key = FILES.iter().fold(Key::of("sdk"), |key, (_, text)| key.with(*text)).finish().hex();
    let name = format!("store:localhost/sdk/{}:latest", &key[..12]);
    if images.image(&name, None).is_ok() {
        return Ok(name);
    }
    let project = ProjectArgs { folder: project(settings)?, platform: None, offline, vendor: None };
    let plan = plan_of(&project, &[], context)?;
    let mut locked = Locked::read(&project.folder)?;
    let kitchen = kitchen(&project, (&plan, &locked), (settings, images, sandboxes), context)?;
    let lock = locked.settle(&plan, &kitchen, &Wish::Mend(Upgrade::Keep))?;
    let compression = CompressionLevel::Zstd(3);
    let built = Builder { kitchen: &kitchen, plan: &plan, lock: &lock, compression }.build()?;
    let destination = images.destination(&name)?;
    let all = Selection::Everything;
    copy_with(&built.image.assembly, &[], &*destination, &all, &*context.reading())?;
    Ok(name)
}

fn project(settings: &Settings) -> Result<PathBuf, Error> {
    let folder = settings.home.join(PROJECT);
    fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
    for (name, text) in FILES {
        whole::write(&folder.join(name), text)?;
    }
    Ok(folder)
}
