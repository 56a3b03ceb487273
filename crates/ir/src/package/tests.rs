//! Packages, good and bad.
use super::*;
