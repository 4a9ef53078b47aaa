//! Durations as people type them: `500ms`, `10s`, `5m`, `2h`, `7d`.

use std::time::Duration;

const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Reads one number with its unit. A number alone is refused, because half of
/// all tools mean seconds by it and the others milliseconds.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    if number.is_empty() {
        return Err("a duration is a number with a unit: 500ms, 10s, 5m, 2h, 7d".to_owned());
    }
    if unit.is_empty() {
        return Err(format!(
            "the unit is missing: write {number}s, {number}ms, {number}m, {number}h or {number}d"
        ));
    }
    if unit.starts_with('.') {
        return Err("a duration is a whole number: write 1500ms rather than 1.5s".to_owned());
    }
    let Some((_, millis)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(format!("the unit `{unit}` is unknown: use ms, s, m, h or d"));
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|n| n.checked_mul(*millis))
        .filter(|ms| *ms <= LONGEST_MS)
        .map(Duration::from_millis)
        .ok_or_else(|| "the duration is longer than ten years".to_owned())
}

/// Deadlines are computed by adding to a clock; ten years cannot overflow it.
const LONGEST_MS: u64 = 3_650 * 86_400_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_read() {
        for (text, ms) in [("0s", 0), ("500ms", 500), ("10s", 10_000), ("5m", 300_000), ("2h", 7_200_000)] {
            assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        assert_eq!(parse("7d"), Ok(Duration::from_secs(7 * 86_400)));
    }

    #[test]
    fn what_could_mean_two_things_is_refused_with_the_way_to_write_it() {
        for (text, expected) in [
            ("10", "the unit is missing: write 10s"),
            ("", "a number with a unit"),
            ("s", "a number with a unit"),
            ("-1s", "a number with a unit"),
            ("1.5s", "write 1500ms"),
            ("10 s", "the unit ` s` is unknown"),
            ("10S", "the unit `S` is unknown"),
            ("1h30m", "the unit `h30m` is unknown"),
            ("99999999999999999999s", "longer than ten years"),
            ("4000d", "longer than ten years"),
        ] {
            let message = parse(text).expect_err(text);
            assert!(message.contains(expected), "{text}: {message}");
        }
    }
}
