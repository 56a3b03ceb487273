//! The root that native sources are built in: the base's Python with its headers, and a compiler. Nothing of
//! it is in the image.

use lightship_packages::lock::Deb;

use super::Error;
use super::ground::{ASKED, Ground, resolve};
use crate::base::{self, PythonWish, Roots};

/// What a root needs in which C and C++ become modules for Python. `make` and `pkg-config` are what builds
/// of either most often ask for besides.
const TOOLS: [&str; 3] = ["g++", "gcc", "libc6-dev"];
const TOOLS_IF_AVAILABLE: [&str; 2] = ["make", "pkg-config"];

/// The packages of that root: all of them, those of the base as well. `packages` are the user's own wishes,
/// `name` or `name=version`. Versions that are asked for in the base count here too, where those say nothing.
pub fn builder(
    ground: &Ground,
    packages: &[String],
    of_base: &[(String, String)],
) -> Result<Vec<Deb>, Error> {
    let (major, minor) = series(&ground.debs).ok_or(Error::NoPython)?;
    let mut keep: Vec<String> = TOOLS.map(str::to_owned).to_vec();
    keep.push(format!("python{major}.{minor}-dev"));
    let mut versions = Vec::new();
    for package in packages {
        let (name, version) = package.split_once('=').unwrap_or((package, ""));
        keep.push(name.to_owned());
        if package.contains('=') {
            versions.push((name.to_owned(), version.to_owned()));
        }
    }
    let own: Vec<String> = versions.iter().map(|(name, _)| name.clone()).collect();
    versions.extend(of_base.iter().filter(|(name, _)| !own.contains(name)).cloned());
    let python = PythonWish::Version(major, minor);
    let options = base::Options { python, keep, versions, shell: true, ..base::Options::default() };
    let Roots { required, mut if_available } = base::roots(&options);
    if_available.extend(TOOLS_IF_AVAILABLE.map(str::to_owned));
    resolve(&ground.index, &Roots { required, if_available }, &options)
}

/// How a root is composed of those packages: everything that was asked for stays whole, headers and static
/// libraries as well.
pub fn builder_options(debs: &[Deb]) -> Result<base::Options, Error> {
    let (major, minor) = series(debs).ok_or(Error::NoBuilder)?;
    let asked = debs.iter().filter(|deb| deb.reason == ASKED);
    Ok(base::Options {
        python: PythonWish::Version(major, minor),
        keep: asked.map(|deb| deb.name.clone()).collect(),
        shell: true,
        ..base::Options::default()
    })
}

/// `(3, 11)`, where that is the newest Python among these packages.
fn series(debs: &[Deb]) -> Option<(u32, u32)> {
    let of = |deb: &Deb| {
        let name = deb.name.strip_prefix("python")?.strip_suffix("-minimal")?;
        let (major, minor) = name.split_once('.')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    };
    debs.iter().filter_map(of).max()
}
