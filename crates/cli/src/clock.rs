//! The time, as files and names write it. No other file asks the clock for a date.

use std::time::{SystemTime, UNIX_EPOCH};

/// A second, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Second {
    seconds: u64,
}

/// The present one.
pub(crate) fn now() -> Second {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
    Second { seconds }
}

impl Second {
    /// `20261120090000`, as versions of files are written.
    pub(crate) fn version(self) -> u128 {
        let (year, month, day) = self.date();
        let (hour, minute, second) = self.time();
        let date = (year * 100 + month) * 100 + day;
        let time = (hour * 100 + minute) * 100 + second;
        u128::from(date) * 1_000_000 + u128::from(time)
    }

    /// `2026-11-20 09:00:00Z`, for people.
    pub(crate) fn text(self) -> String {
        self.iso().replacen('T', " ", 1)
    }

    /// `2026-11-20T09:00:00Z`.
    pub(crate) fn iso(self) -> String {
        let (year, month, day) = self.date();
        let (hour, minute, second) = self.time();
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }

    /// `20261120T090000Z`, for names of files.
    pub(crate) fn compact(self) -> String {
        self.iso().replace(['-', ':'], "")
    }

    fn time(self) -> (u64, u64, u64) {
        let rest = self.seconds % 86_400;
        (rest / 3_600, rest % 3_600 / 60, rest % 60)
    }

    /// Year, month and day in the proleptic Gregorian calendar (Howard Hinnant,
    /// "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`).
    fn date(self) -> (u64, u64, u64) {
        let days = self.seconds / 86_400 + 719_468;
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        (year_of_era + era * 400 + u64::from(month <= 2), month, day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_people_write_them() {
        for (seconds, version, text) in [
            (0, 19_700_101_000_000, "1970-01-01 00:00:00Z"),
            (951_782_399, 20_000_228_235_959, "2000-02-28 23:59:59Z"),
            (951_782_400, 20_000_229_000_000, "2000-02-29 00:00:00Z"),
            (4_102_444_800, 21_000_101_000_000, "2100-01-01 00:00:00Z"),
        ] {
            assert_eq!((Second { seconds }.version(), &*Second { seconds }.text()), (version, text));
        }
        assert_eq!(Second { seconds: 951_782_399 }.compact(), "20000228T235959Z");
    }
}
