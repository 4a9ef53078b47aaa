//! File names of migrations.

use super::{Format, Version};

/// sqlx runs a file that begins with these bytes outside of a transaction.
pub(super) const SQLX_NO_TRANSACTION: &str = "-- no-transaction";

/// A file name, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FileName {
    pub(super) version: Version,
    pub(super) name: String,
    pub(super) down: bool,
}

/// Takes a `.sql` file's name apart; `None` when it is no migration's.
pub(super) fn parse(file: &str, format: Format) -> Option<FileName> {
    let stem = file.get(..file.len().checked_sub(".sql".len())?)?;
    let (stem, down) = match format {
        Format::Native => (stem.strip_suffix(".down").unwrap_or(stem), stem.ends_with(".down")),
        Format::Sqlx => {
            let down = stem.ends_with(".down");
            (stem.strip_suffix(".down").or_else(|| stem.strip_suffix(".up")).unwrap_or(stem), down)
        }
    };
    let (version, name) = stem.split_once('_')?;
    let version = Version::parse(version)?;
    // sqlx keeps versions as bigint: a longer number is no migration of its.
    let fits = format == Format::Native || version.number <= i64::MAX as u128;
    (fits && !name.is_empty()).then(|| FileName { version, name: name.to_owned(), down })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn native(file: &str) -> Option<(String, String, bool)> {
        parse(file, Format::Native).map(|n| (n.version.to_string(), n.name, n.down))
    }

    #[test]
    fn a_native_name_is_digits_underscore_name() {
        assert_eq!(native("0007_drop_legacy.sql"), Some(("0007".into(), "drop_legacy".into(), false)));
        assert_eq!(native("7_x.down.sql"), Some(("7".into(), "x".into(), true)));
        assert_eq!(native("1_a.b \u{1f600}.sql"), Some(("1".into(), "a.b \u{1f600}".into(), false)));
        for strange in ["x.sql", "_x.sql", "1.sql", "1_.sql", "V1__x.sql", "-1_x.sql", ".sql", "1x_y.sql"] {
            assert_eq!(native(strange), None, "{strange}");
        }
    }

    #[test]
    fn sqlx_names_may_say_up_and_must_fit_a_bigint() {
        let up = parse("20210425153745_init.up.sql", Format::Sqlx).map(|n| n.name);
        assert_eq!(up.as_deref(), Some("init"));
        assert!(parse("99999999999999999999_x.sql", Format::Sqlx).is_none());
    }
}
