//! How long the tests may take that take as long as they are given.
//!
//! Such a test is named `soak_..` and is `#[ignore]`d; `./soak --minutes N` runs it.

use std::time::Duration;

/// The time that one soak test has: `COFFERDAM_SOAK_MINUTES`, a minute when it is not set.
///
/// # Panics
/// When the variable is not a whole number.
pub fn duration() -> Duration {
    let minutes = std::env::var("COFFERDAM_SOAK_MINUTES").map_or(1, |text| {
        text.parse().unwrap_or_else(|_| panic!("COFFERDAM_SOAK_MINUTES: '{text}' is not a number"))
    });
    Duration::from_secs(60 * minutes)
}
