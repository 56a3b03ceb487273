//! (being written)

pub mod docker_registry;
pub mod faulty_proxy;

pub mod fuzz;

pub mod images;
pub mod listing;
pub mod naive;
pub mod stack;
