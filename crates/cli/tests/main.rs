//! The real binary, from the outside, in an environment of its own.

#![expect(
    clippy::unwrap_used,
    reason = "helpers, too, end the test where its world is not as needed"
)]

mod common;

mod audit;
mod bad_documents;
mod bad_input;
mod build;
mod builders;
mod data;
mod findings;
mod first_screen;
mod help;
mod hostile_sizes;
mod pipelines;
mod pipes;
mod platforms;
mod reshape;
mod run;
mod runs;
mod sbom;
mod sdk;
mod store;
mod tools;
mod transfer;
mod usage;
mod validate;
mod verify;
mod verify_python;
mod views;
