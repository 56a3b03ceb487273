//! Writes YAML.
