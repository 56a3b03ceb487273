//! The SDK in an image: the pipeline's code runs in a sandbox, without network, beside a folder that it cannot change.

use std::ffi::OsString;
use std::path::Path;

use lightship_sandbox::{Mount, MountContent, Network, Spec, Stream, Streams, User};

use super::answer::Desk;
use super::{PROGRAM, Source, sdk};
use crate::commands::{Context, Error};
use crate::images::Images;
use crate::sandboxes::Sandboxes;
use crate::settings::Settings;

/// Where the answer goes, seen from inside.
const DESK: &str = "/lightship/answer";

/// Which image.
#[derive(Clone, Copy)]
pub(super) enum Where<'a> {
    /// One that the user names.
    Named(&'a str),
    /// Our own, with nothing but the SDK; made where it is missing.
    Prepared {
        /// Whether nothing is fetched for it.
        offline: bool,
    },
}

/// Runs the program beside the SDK in an image. What it answers is on the desk.
pub(super) fn ask(
    source: &Source,
    place: Where<'_>,
    desk: &Desk,
    (settings, context): (&Settings, &Context<'_>),
) -> Result<(), Error> {
    let images = Images::new(settings, false);
    let sandboxes = Sandboxes::open(settings)?;
    let name = match place {
        Where::Named(name) => name.to_owned(),
        Where::Prepared { offline } => {
            sdk::prepared((settings, &images, &sandboxes), offline, context)?
        }
    };
    let image = images.image(&name, None)?;
    let prepared = sandboxes.prepare(&images, &image, &*context.reading())?;
    let words = ["python3", "-u", "-c", PROGRAM].map(OsString::from);
    let arguments = [source.file.as_os_str(), DESK.as_ref()].map(OsString::from);
    let function = source.function.iter().map(OsString::from);
    let mut spec = Spec::of_image(&image.config().config, &[]);
    spec.command = words.into_iter().chain(arguments).chain(function).collect();
    // Inside, root is whoever started us: to nobody else need the pipeline's folder be readable.
    spec.user = User("0:0".to_owned());
    spec.folder.clone_from(&source.seen);
    spec.network = Network::None;
    spec.set_variable("PYTHONDONTWRITEBYTECODE", "1");
    spec.set_variable("TMPDIR", DESK);
    let mount = |target: &Path, content| Mount { target: target.to_owned(), content };
    spec.mounts = vec![
        mount(&source.seen, MountContent::ReadOnly(source.seen.clone())),
        mount(Path::new(DESK), MountContent::Writable(desk.folder().to_owned())),
    ];
    let log = Stream::To(desk.log()?.into());
    let streams = Streams { input: Stream::Null, output: Stream::Null, error: log };
    sandboxes.launcher().start(&prepared, spec, streams)?.wait()?;
    Ok(())
}
