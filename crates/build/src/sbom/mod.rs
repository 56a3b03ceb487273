//! The bill of materials (*`CycloneDX` 1.6*).
