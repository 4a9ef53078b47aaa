//! Sections of `name = value` lines: alembic.ini, sqitch.conf, flyway.conf.

/// One line: its section (empty before the first), name and value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) section: String,
    pub(super) name: String,
    pub(super) value: String,
}

/// All lines that set something; of two for one name the later counts for most tools.
pub(super) fn lines(text: &str) -> Vec<Line> {
    let mut section = String::new();
    let mut found: Vec<Line> = Vec::new();
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';', '!']) {
            continue;
        }
        if let Some(name) = trimmed.strip_prefix('[') {
            section = name.split(']').next().unwrap_or_default().trim().to_owned();
            continue;
        }
        let Some((name, value)) = trimmed.split_once('=') else { continue };
        found.push(Line {
            section: section.clone(),
            name: name.trim().to_owned(),
            value: value.trim().to_owned(),
        });
    }
    found
}

/// The value of `name` in `section`.
pub(super) fn value<'a>(lines: &'a [Line], section: &str, name: &str) -> Option<&'a str> {
    let found =
        lines.iter().rev().find(|line| line.section == section && line.name.eq_ignore_ascii_case(name));
    found.map(|line| line.value.as_str()).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_comments_and_repeated_names() {
        let lines =
            lines("top = 1\n# x = 2\n[a]\n; y = 3\n x = 4\nx=5=6\n[b \"c\"]\n\tx = 7\nrubbish\n[broken\nz=1");
        assert_eq!(value(&lines, "", "top"), Some("1"));
        assert_eq!(value(&lines, "a", "X"), Some("5=6"));
        assert_eq!(value(&lines, "b \"c\"", "x"), Some("7"));
        assert_eq!(value(&lines, "a", "y"), None);
        assert_eq!(value(&lines, "broken", "z"), Some("1"));
    }
}
