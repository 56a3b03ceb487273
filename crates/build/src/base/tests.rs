//! Bases of packages made here.
