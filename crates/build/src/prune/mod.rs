//! Leaving out what does not run, by category, and saying so.
