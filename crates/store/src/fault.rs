//! What failures of `SQLite` mean.

use lightship_engine::StoreFault;
use rusqlite::{Error, ErrorCode};

/// The kind of a failure.
#[expect(clippy::needless_pass_by_value, reason = "it goes straight into `map_err`")]
pub(crate) fn of(error: Error) -> StoreFault {
    match &error {
        Error::SqliteFailure(failure, _) => match failure.code {
            ErrorCode::DiskFull => StoreFault::Full,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
                StoreFault::Damaged(error.to_string())
            }
            _ => StoreFault::Io(error.to_string()),
        },
        Error::FromSqlConversionFailure(..)
        | Error::IntegralValueOutOfRange(..)
        | Error::InvalidColumnType(..)
        | Error::Utf8Error(..) => StoreFault::Damaged(error.to_string()),
        _ => StoreFault::Io(error.to_string()),
    }
}

/// Something that was kept is not what it should be.
pub(crate) fn damaged(what: impl std::fmt::Display) -> StoreFault {
    StoreFault::Damaged(what.to_string())
}
