//! Layers unpacked once, as folders that every sandbox shares.
