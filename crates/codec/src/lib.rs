//! Tar archives and compression: what layers, packages and archives are made of. Bytes in, bytes out:
//! nothing here touches a file system or a network.

pub mod compression;
pub mod tar;
