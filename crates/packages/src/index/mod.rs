//! Package indexes of Python (*Simple repository API*).
