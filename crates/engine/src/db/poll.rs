//! Waiting from the client's side: ask again a little later, until a deadline.
//!
//! We never queue inside the server (a queued strong lock makes everybody behind
//! it wait), so whatever must be waited for is polled. The pause is spread, so
//! that twenty runners started together do not ask at the same instants.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use tokio::time::Instant;

/// A deadline and a pause; the clock is our own, not the server's.
#[derive(Debug, Clone)]
pub struct Poll {
    every: Duration,
    until: Instant,
}

impl Poll {
    /// Asks about every `every`, for at most `budget` from now.
    pub fn new(every: Duration, budget: Duration) -> Self {
        // A budget past the end of the clock means "for ever" as far as anybody can tell.
        let far = Duration::from_secs(10 * 365 * 24 * 3600);
        Self { every, until: Instant::now() + budget.min(far) }
    }

    /// What is left of the budget.
    pub fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// Pauses, and says whether to ask again. The pause never passes the
    /// deadline, so the last question is asked when the budget ends.
    pub async fn pause(&mut self) -> bool {
        let left = self.left();
        if left.is_zero() {
            return false;
        }
        tokio::time::sleep(spread(self.every).min(left)).await;
        true
    }

    /// Changes the pause, for a caller that asks less often as time goes by.
    pub fn set_every(&mut self, every: Duration) {
        self.every = every;
    }
}

/// `base` times a factor between 0.5 and 1.5, evenly spread.
///
/// The randomness is the standard library's hasher keys: good enough to part
/// processes, and no dependency.
pub fn spread(base: Duration) -> Duration {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u8(0);
    let share = (hasher.finish() >> 11) as f64 / (1u64 << 53) as f64;
    base.mul_f64(0.5 + share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_differ_and_stay_within_half_and_one_and_a_half() {
        let base = Duration::from_millis(100);
        let pauses: Vec<_> = (0..200).map(|_| spread(base)).collect();
        assert!(pauses.iter().all(|p| *p >= base / 2 && *p <= base * 3 / 2), "{pauses:?}");
        let below = pauses.iter().filter(|p| **p < base).count();
        assert!((50..150).contains(&below), "{below} of 200 below the middle");
    }

    #[tokio::test(start_paused = true)]
    async fn polling_ends_exactly_at_the_deadline() {
        let begun = Instant::now();
        let mut poll = Poll::new(Duration::from_millis(300), Duration::from_secs(1));
        let mut asked = 0;
        while poll.pause().await {
            asked += 1;
        }
        assert_eq!(begun.elapsed(), Duration::from_secs(1));
        assert!((3..=7).contains(&asked), "{asked}");
    }
}
