//! Changes of a pipeline's documents.
