//! Names of platforms, as in `--platform` and in a lock.

use std::fmt;
use std::str::FromStr;

/// A platform as people write it: `linux/amd64`, `linux/arm/v7` (*OCI image-spec 1.1, image-index.md,
/// platform*).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlatformName(String);

/// A text is no platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no platform: expected one like `linux/amd64`")]
pub struct ParsePlatformError(String);

impl PlatformName {
    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The processor's part: `amd64`, `arm64`.
    pub fn architecture(&self) -> &str {
        self.0.split('/').nth(1).unwrap_or_default()
    }
}

impl FromStr for PlatformName {
    type Err = ParsePlatformError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        let fine = text.len() <= 60
            && (2..=3).contains(&text.split('/').count())
            && text.split('/').all(plain);
        if fine {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParsePlatformError(text.chars().take(60).collect()))
        }
    }
}

impl fmt::Display for PlatformName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
