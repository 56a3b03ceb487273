//! Tests of the machine: by hand, with pipelines that nobody here wrote, and with random ones.

mod bounds;
mod corpus;
mod legal;
mod model;
mod random;
mod sim;
