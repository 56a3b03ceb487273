//! The layer of the user’s own files.
