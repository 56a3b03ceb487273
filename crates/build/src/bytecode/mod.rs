//! Byte code: what Python makes of a source file before it runs it, made ahead of time, because an image
//! that cannot be written to would make it again at every start.
//!
//! Not all modules are worth it. [`used`] follows imports from the program's own through everything that
//! is installed, without running any of it. What is imported inside functions of packages, or by a name that
//! is made up while the program runs, is found by running it: a [`Profile`] that was recorded says what that
//! was. Whatever neither finds stays without byte code, which is slower and no worse.
//!
//! [`make`] has the image's own Python compile them in a sandbox. The same source, path and Python give
//! the same bytes: what marshal's numbers tell of the process that wrote them is taken out ([`marshal`](lightship_packages::python::marshal)),
//! and the time of a file plays no part (*PEP 552, unchecked hash-based*). What was made once for a package is
//! kept in the store.

mod closure;
mod compiler;
mod error;
mod kept;
mod lane;
mod make;
mod modules;
mod profile;
mod seeds;

pub use closure::{Unread, Used, used};
pub use compiler::{Compiled, Compiler, Limits, Reason, Source, Verdicts};
pub use error::Error;
pub use kept::BYTECODE;
pub use make::{Made, Skipped, make};
pub use modules::Modules;
pub use profile::{Profile, ProfileError};
pub use seeds::Seeds;
