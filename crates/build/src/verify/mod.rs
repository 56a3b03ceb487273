//! Checks that an image does its work.
