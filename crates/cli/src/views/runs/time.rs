//! How long something took, and how long ago it was.

use std::time::Duration;

use lightship_base::Timestamp;

/// `0.4 s`, `12 s`, `3 min 05 s`, `2 h 07 min`, `5 d 3 h`: two units at most.
pub fn span(time: Duration) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        10..MINUTE => format!("{seconds} s"),
        MINUTE..HOUR => format!("{} min {:02} s", seconds / MINUTE, seconds % MINUTE),
        HOUR..DAY => format!("{} h {:02} min", seconds / HOUR, seconds % HOUR / MINUTE),
        DAY.. => format!("{} d {} h", seconds / DAY, seconds % DAY / HOUR),
    }
}

/// In one unit: `40 s`, `3 min`, `2 h`, `5 d`.
pub fn age(since: Timestamp, now: Timestamp) -> String {
    let text = span(between(since, now));
    let mut words = text.split(' ');
    let (number, unit) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let whole = number.split('.').next().unwrap_or(number);
    format!("{whole} {unit}")
}

/// The time from one moment to a later one; none where clocks say otherwise.
pub fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

/// A day and a time of it, in UTC.
pub fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_two_units_at_most() {
        let of = |seconds: f64| span(Duration::from_secs_f64(seconds));
        assert_eq!(
            [of(0.04), of(9.94), of(59.9), of(185.0)],
            ["0.0 s", "9.9 s", "59 s", "3 min 05 s"]
        );
        assert_eq!([of(7620.0), of(442_800.0)], ["2 h 07 min", "5 d 3 h"]);
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(age(at(0), at(185)), "3 min");
        assert_eq!(age(at(0), at(4)), "4 s");
        assert_eq!(age(at(9), at(4)), "0 s", "a clock that was set back");
    }
}
