//! Native bases: a root of distribution packages, made without running their scripts.
