//! Names with stars, as settings and options choose tables.

use super::{Engine, QualifiedName};

impl QualifiedName {
    /// Whether `pattern` means this name: `schema.table`, or `table` in any schema; `*` is any
    /// run of characters. SQLite's names match whatever their ASCII case.
    pub fn fits(&self, pattern: &str, engine: Engine) -> bool {
        let fold = |text: &str| match engine {
            Engine::Sqlite => text.to_ascii_lowercase(),
            Engine::Postgres => text.to_owned(),
        };
        let (pattern, bare) = (fold(pattern), fold(&self.name));
        let schema = self.schema.as_deref().unwrap_or("main");
        fits(&pattern, &format!("{schema}.{bare}")) || (!pattern.contains('.') && fits(&pattern, &bare))
    }
}

fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text.strip_prefix(before).is_some_and(|rest| {
            rest.char_indices().map(|(at, _)| at).chain([rest.len()]).any(|at| fits(after, &rest[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_without_a_schema_means_every_schema() {
        let name = QualifiedName::new("app", "events_2020");
        for (pattern, is) in [
            ("app.events_2020", true),
            ("events_*", true),
            ("*.events_2020", true),
            ("app.*", true),
            ("other.*", false),
            ("vents_2020", false),
            ("EVENTS_2020", false),
        ] {
            assert_eq!(name.fits(pattern, Engine::Postgres), is, "{pattern}");
        }
        assert!(QualifiedName::bare("Notes").fits("main.notes", Engine::Sqlite));
    }
}
