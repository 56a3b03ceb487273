//! From a project to an image that works: lock, plan, assemble, [`verify`].

pub mod app;
pub mod assemble;
pub mod bake;
pub mod base;
pub mod bytecode;
pub mod foreign;
pub mod interpreter;
pub mod lean;
pub mod native;
pub mod notebooks;
pub mod program;
pub mod project;
pub mod prune;
pub mod report;
pub mod resolve;
pub mod sbom;
pub mod verify;
pub mod web;
