//! What is different between two images.
