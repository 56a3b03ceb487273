//! (being written)
use lightship_base::{Category, Diagnose};
/// (being written)
#[derive(Debug, thiserror::Error)]
#[error("being written")]
pub struct Error;
impl Diagnose for Error {
    fn category(&self) -> Category {
        Category::Bug
    }
}
