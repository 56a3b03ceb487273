//! Moments as numbers: nanoseconds since 1970, exactly as they were. What lies outside of the years 1677 to 2262 becomes
//! the nearest that does not.

use lightship_base::Timestamp;

pub(crate) fn number(at: Timestamp) -> i64 {
    let nanoseconds = at.as_nanosecond();
    i64::try_from(nanoseconds).unwrap_or(if nanoseconds < 0 { i64::MIN } else { i64::MAX })
}

pub(crate) fn moment(number: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(number)).unwrap_or(Timestamp::UNIX_EPOCH)
}
