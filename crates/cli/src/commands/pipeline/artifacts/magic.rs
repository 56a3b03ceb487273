//! What bytes seem to be, by their beginning.

/// Beginnings that tell, the longer ones first.
const BEGINNINGS: &[(&[u8], &str)] = &[
    (b"SQLite format 3\0", "a SQLite database"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file (Keras and others)"),
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"ARROW1\0\0", "an Arrow file"),
    (b"Obj\x01", "an Avro file"),
    (b"PK\x03\x04", "a zip archive (PyTorch, .npz, .xlsx and others are ones)"),
    (b"PAR1", "a Parquet file"),
    (b"GGUF", "a GGUF model"),
    (b"%PDF", "a PDF document"),
    (b"\x7fELF", "an ELF program or library"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (b"\xfd7zXZ\0", "compressed with xz"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"BZh", "compressed with bzip2"),
    (b"GIF8", "a GIF image"),
    (b"ORC", "an ORC file"),
    (b"\x1f\x8b", "compressed with gzip"),
];

/// What bytes seem to be; none where nothing tells.
pub(super) fn kind(bytes: &[u8]) -> Option<&'static str> {
    let known = BEGINNINGS.iter().find(|(beginning, _)| bytes.starts_with(beginning));
    if let Some((_, kind)) = known {
        return Some(kind);
    }
    if bytes.get(257..262) == Some(b"ustar") {
        return Some("a tar archive");
    }
    match bytes {
        [0x80, 2..=5, ..] => Some("a Python pickle (loading one runs what is in it)"),
        [_, _, _, 0, 0, 0, 0, 0, b'{', b'"', ..] => Some("a safetensors model"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_tell() {
        assert_eq!(
            kind(b"\x80\x04\x95abc"),
            Some("a Python pickle (loading one runs what is in it)")
        );
        assert_eq!(kind(b"\x10\0\0\0\0\0\0\0{\"w\":1}"), Some("a safetensors model"));
        assert_eq!(kind(b"PAR1...."), Some("a Parquet file"));
        let mut tar = vec![0; 512];
        tar[257..262].copy_from_slice(b"ustar");
        assert_eq!(kind(&tar), Some("a tar archive"));
        assert_eq!(kind(b""), None);
        assert_eq!(kind(b"\x80"), None);
    }
}
