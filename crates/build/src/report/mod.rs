//! What a build made, and what it saved.
