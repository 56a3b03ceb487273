//! The lock file, `lightship.lock`.
