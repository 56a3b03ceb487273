//! From a project to an image that works: for now the last step, [`verify`].

pub mod verify;
