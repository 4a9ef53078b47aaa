//! The present time as versions of migrations write it.

use std::time::{SystemTime, UNIX_EPOCH};

/// The present time in UTC as `YYYYMMDDhhmmss`.
pub(crate) fn now() -> u128 {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
    stamp(seconds)
}

/// Seconds since 1970 as `YYYYMMDDhhmmss`; the calendar is the proleptic Gregorian one
/// (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`).
fn stamp(seconds: u64) -> u128 {
    let (days, rest) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let date = (year * 100 + month) * 100 + day;
    let time = (rest / 3_600 * 100 + rest % 3_600 / 60) * 100 + rest % 60;
    u128::from(date) * 1_000_000 + u128::from(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_people_write_them() {
        assert_eq!(stamp(0), 19_700_101_000_000);
        assert_eq!(stamp(951_782_399), 20_000_228_235_959);
        assert_eq!(stamp(951_782_400), 20_000_229_000_000);
        assert_eq!(stamp(4_102_444_800), 21_000_101_000_000);
    }
}
