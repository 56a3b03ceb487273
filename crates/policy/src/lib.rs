//! What a rule says about an image or a project, as plain data.
//!
//! Rules live with the rooms that know their subject (`audit`, later `dockerfile`); they all speak
//! in [`Finding`]s, so that reports, gates and waivers are written once.

mod finding;

pub use finding::{Bytes, Code, Confidence, Finding, Severity};
