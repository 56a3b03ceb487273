//! Wheels: their names, their content, installing and writing them (*Binary distribution format*).
