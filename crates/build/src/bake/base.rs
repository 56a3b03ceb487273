//! The image that a step names, and what takes its place.

use lightship_net::docker_hub;
use lightship_oci::reference::{RegistryReference, Target};
use serde::Serialize;

/// What an environment is built on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Base {
    /// The distribution's packages, with this very Python: for `python:3.N`.
    Native {
        /// 3.
        major: u32,
        /// 11.
        minor: u32,
    },
    /// The distribution's packages, with the Python that its suite has, and these packages: what a user wants in the
    /// place of an image that cannot be had.
    Plain {
        /// 3 and 11, where it must be that one.
        python: Option<(u32, u32)>,
        /// Packages of the distribution.
        packages: Vec<String>,
    },
    /// The image itself.
    Image(String),
}

/// What a user wants in the place of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stand {
    /// One that is made for it, with a shell.
    Made(Base),
    /// Another image.
    Image(String),
}

impl Stand {
    /// What an environment on it is built on.
    pub(super) fn base(&self) -> Result<Base, BaseFault> {
        match self {
            Self::Made(base) => Ok(base.clone()),
            // One that is in a folder or an archive has a name that no registry's image has.
            Self::Image(reference) if reference.parse::<RegistryReference>().is_err() => {
                Ok(Base::Image(reference.clone()))
            }
            Self::Image(reference) => Base::of(reference),
        }
    }
}

/// Why an image can have nothing in its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BaseFault {
    /// `{{$.inputs.parameters['image']}}`.
    #[error("its image depends on its inputs")]
    Placeholder,
    /// Not a reference.
    #[error("`{0}` is no image reference")]
    Reference(String),
    /// `python:latest`, `python:3`.
    #[error("`{0}` does not say which Python 3.N")]
    AnyPython(String),
    /// `python:3.11-alpine`: packages for it are others.
    #[error("`{0}` is not a Debian image")]
    OtherSystem(String),
}

/// The repository of the official images of Python.
const OFFICIAL: &str = "library/python";

impl Base {
    /// What takes an image's place.
    pub fn of(image: &str) -> Result<Self, BaseFault> {
        if image.contains("{{") {
            return Err(BaseFault::Placeholder);
        }
        let parsed: RegistryReference =
            image.parse().map_err(|_| BaseFault::Reference(image.to_owned()))?;
        let official = parsed.registry == docker_hub::NAME && parsed.repository == OFFICIAL;
        let tag = match parsed.target {
            Target::Tag(tag) if official => tag,
            Target::Tag(_) | Target::Digest(_) => return Ok(Self::Image(image.to_owned())),
        };
        let (version, system) = tag.split_once('-').unwrap_or((&tag, ""));
        if system.contains("alpine") || system.contains("windows") {
            return Err(BaseFault::OtherSystem(image.to_owned()));
        }
        let mut numbers = version.split('.').map(str::parse::<u32>);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => Ok(Self::Native { major, minor }),
            _ => Err(BaseFault::AnyPython(image.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_python_is_the_very_one_that_is_named() {
        let native = |major, minor| Ok(Base::Native { major, minor });
        for image in ["python:3.11", "docker.io/library/python:3.11-slim-bookworm", "python:3.11.9"]
        {
            assert_eq!(Base::of(image), native(3, 11), "{image}");
        }
        assert_eq!(Base::of("python:3.7"), native(3, 7));
        for image in ["team/python:3.11", "registry.example/library/python:3.11", "alpine:3.19"] {
            assert_eq!(Base::of(image), Ok(Base::Image(image.to_owned())));
        }
    }

    #[test]
    fn what_does_not_say_which_is_refused() {
        let reason = |image: &str| Base::of(image).unwrap_err().to_string();
        assert_eq!(reason("python"), "`python` does not say which Python 3.N");
        assert_eq!(reason("python:3-slim"), "`python:3-slim` does not say which Python 3.N");
        assert_eq!(reason("python:3.11-alpine"), "`python:3.11-alpine` is not a Debian image");
        assert_eq!(reason("{{$.inputs.parameters['i']}}"), "its image depends on its inputs");
        assert_eq!(reason("Not/An Image"), "`Not/An Image` is no image reference");
    }
}
