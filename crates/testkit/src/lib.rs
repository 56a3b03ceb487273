//! (being written)

pub mod docker_registry;
pub mod faulty_proxy;

pub mod fuzz;
