//! How much an honest stream may unpack to.

use std::io;

/// A stream may unpack to 16 GiB whatever it is, and beyond that to 2,000 times its compressed size:
/// more than gzip can reach (1,032), and more than any honest zstd layer or archive does. What is larger
/// is a decompression bomb.
const FREE_UNPACKED_BYTES: u64 = 16 << 30;
const MAX_RATIO: u64 = 2_000;

/// Fails where `unpacked` bytes are more than `compressed` ones may become.
pub fn check_ratio(unpacked: u64, compressed: u64) -> io::Result<()> {
    if unpacked <= FREE_UNPACKED_BYTES.max(compressed.saturating_mul(MAX_RATIO)) {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidData,
        format!(
            "{compressed} compressed bytes unpack to more than {unpacked}: this is a decompression bomb"
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_small_or_plausible_may_unpack() {
        for (unpacked, compressed) in
            [(0, 0), (16 << 30, 1), (20 << 30, 11 << 20), (1 << 40, u64::MAX)]
        {
            check_ratio(unpacked, compressed).unwrap();
        }
        for (unpacked, compressed) in [((16 << 30) + 1, 0), (20 << 30, 10 << 20)] {
            let error = check_ratio(unpacked, compressed).unwrap_err();
            assert!(error.to_string().contains("bomb"), "{error}");
        }
    }
}
