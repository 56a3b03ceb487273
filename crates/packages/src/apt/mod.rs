//! Debian archives: sources, signatures, indexes, versions, and which packages belong together (*apt*).
