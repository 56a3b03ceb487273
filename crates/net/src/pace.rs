//! When to try again: how often, after how long, and who waits.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How often and how patiently to try again.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    /// Attempts in all for one request; for a transfer, attempts in a row that move no byte. At
    /// least 1.
    pub attempts: u32,
    /// How many times one transfer may break in all, progress or not. A server that gives one byte per
    /// connection is thereby survived.
    pub breaks: u32,
    /// The pause after the first failure; each further one doubles it.
    pub first_pause: Duration,
    /// The longest pause of our own choosing.
    pub longest_pause: Duration,
    /// The longest pause that a server may ask for (`Retry-After`); more is cut to this.
    pub longest_asked: Duration,
}

impl Default for RetryPolicy {
    /// Five attempts over about seven seconds, or over two minutes where the server asks for it.
    fn default() -> Self {
        Self {
            attempts: 5,
            breaks: 200,
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(30),
            longest_asked: Duration::from_secs(30),
        }
    }
}

/// Whoever waits: a thread, or a test that does not.
pub trait Sleeper: Send + Sync {
    /// Returns after `pause`, or at once and remembers.
    fn sleep(&self, pause: Duration);
}

/// Makes the calling thread wait.
#[derive(Debug, Clone, Copy, Default)]
pub struct ThreadSleeper;

impl Sleeper for ThreadSleeper {
    fn sleep(&self, pause: Duration) {
        std::thread::sleep(pause);
    }
}

/// Spreads the pauses of many clients that failed at the same moment. The seed is handed in: a library
/// has no random source of its own.
#[derive(Debug)]
pub struct Jitter(AtomicU64);

impl Jitter {
    /// The same seed gives the same pauses.
    pub const fn seeded(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// The next number of the generator `SplitMix64`, whose state is a plain counter and
    /// therefore can be shared among threads without a lock.
    fn next(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Something between half of `pause` and all of it.
    fn soften(&self, pause: Duration) -> Duration {
        let share = (self.next() >> 32) as f64 / f64::from(u32::MAX);
        pause.mul_f64(0.5 + share / 2.0)
    }
}

/// Policy, sleeper and jitter together: what every retry loop needs.
#[derive(Clone)]
pub struct Pacer {
    policy: RetryPolicy,
    sleeper: Arc<dyn Sleeper>,
    jitter: Arc<Jitter>,
}

impl Pacer {
    /// Puts the three together.
    pub fn new(policy: RetryPolicy, sleeper: Arc<dyn Sleeper>, jitter: Jitter) -> Self {
        Self { policy, sleeper, jitter: Arc::new(jitter) }
    }

    /// The policy.
    pub fn policy(&self) -> &RetryPolicy {
        &self.policy
    }

    /// Waits after the `failures`-th failure in a row (from 1), at least as long as the server asked
    /// for, within the policy's limits.
    pub fn wait(&self, failures: u32, asked: Option<Duration>) {
        let doubled = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        let own = self.policy.first_pause.saturating_mul(doubled).min(self.policy.longest_pause);
        let asked = asked.unwrap_or_default().min(self.policy.longest_asked);
        self.sleeper.sleep(self.jitter.soften(own).max(asked));
    }
}

impl fmt::Debug for Pacer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pacer").field("policy", &self.policy).finish_non_exhaustive()
    }
}

/// Statuses after which the same request may succeed: the server was busy, slow or broken for a
/// moment. 501 and 505 say that it never will.
pub(crate) fn transient_status(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502..=504 | 506..=599)
}

/// *RFC 9110, 10.2.3, Retry-After*: seconds, or a date. A date is read against the answer's own `Date`
/// and not against our clock, which need not agree with the server's.
pub(crate) fn retry_after(value: &str, date: Option<&str>) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let parser = jiff::fmt::rfc2822::DateTimeParser::new();
    let then = parser.parse_timestamp(value).ok()?;
    let now = parser.parse_timestamp(date?).ok()?;
    Some(then.duration_since(now).try_into().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Noted(Mutex<Vec<Duration>>);

    impl Sleeper for Noted {
        fn sleep(&self, pause: Duration) {
            self.0.lock().unwrap().push(pause);
        }
    }

    #[test]
    fn pauses_double_up_to_a_limit_and_jitter_stays_in_its_half() {
        let noted = Arc::new(Noted::default());
        let policy = RetryPolicy::default();
        let pacer = Pacer::new(policy, noted.clone(), Jitter::seeded(7));
        for failures in [1, 2, 3, 4, 40, 4000] {
            pacer.wait(failures, None);
        }
        let full = [500, 1000, 2000, 4000, 30_000, 30_000].map(Duration::from_millis);
        for (pause, full) in noted.0.lock().unwrap().iter().zip(full) {
            assert!(*pause >= full / 2 && *pause <= full, "{pause:?} of {full:?}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_pauses() {
        let draw = |seed| {
            let jitter = Jitter::seeded(seed);
            [jitter.next(), jitter.next(), jitter.next()]
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn a_servers_wish_is_respected_up_to_a_limit() {
        let noted = Arc::new(Noted::default());
        let pacer = Pacer::new(RetryPolicy::default(), noted.clone(), Jitter::seeded(7));
        pacer.wait(1, Some(Duration::from_secs(9)));
        pacer.wait(1, Some(Duration::from_hours(24)));
        let waited = noted.0.lock().unwrap().clone();
        assert_eq!(waited, [9, 30].map(Duration::from_secs));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        let later = "Sun, 06 Nov 1994 08:50:07 GMT";
        assert_eq!(retry_after(" 120 ", None), Some(Duration::from_mins(2)));
        assert_eq!(retry_after(later, Some(date)), Some(Duration::from_secs(30)));
        assert_eq!(retry_after(date, Some(later)), Some(Duration::ZERO));
        assert_eq!(retry_after(&"9".repeat(40), None), Some(Duration::from_secs(u64::MAX)));
        for nonsense in ["", "-1", "soon", "1.5"] {
            assert_eq!(retry_after(nonsense, Some(date)), None, "{nonsense}");
        }
        assert_eq!(retry_after(later, None), None);
    }
}
