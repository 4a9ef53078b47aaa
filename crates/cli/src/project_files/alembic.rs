//! Alembic: `alembic.ini`. Source: Alembic's tutorial and its own template of that file.

use std::path::Path;

use cofferdam_analysis::Error;

use super::address::{Address, Text};
use super::{Settings, Tool, file, folder, ini};

pub(super) fn read(root: &Path) -> Result<Vec<Settings>, Error> {
    let Some((file, text)) = file::first(root, &["alembic.ini", "migrations/alembic.ini"])? else {
        return Ok(Vec::new());
    };
    let lines = ini::lines(&text);
    let mut settings = Settings::of(Tool::Alembic, root, file);
    let beside = Path::new(file).parent().unwrap_or(Path::new(""));
    let location = match ini::value(&lines, "alembic", "script_location") {
        Some(location) => folder(location.trim_start_matches("%(here)s").trim_start_matches('/')),
        // Flask-Migrate's file stands in the folder itself.
        None => (!beside.as_os_str().is_empty()).then(|| beside.to_owned()),
    };
    settings.dir = location.map(|location| location.join("versions"));
    match ini::value(&lines, "alembic", "sqlalchemy.url") {
        // The template's own text, which stands for nothing.
        Some(url) if url.starts_with("driver://") => {}
        Some(url) if url.replace("%%", "").contains("%(") => settings.not_understood("`sqlalchemy.url`"),
        Some(url) => {
            settings.address = Some(Address::url(Text::literal(sqlalchemy(&url.replace("%%", "%")))))
        }
        None => {}
    }
    if settings.address.is_none() {
        settings.notes.push(format!(
            "{file} names no database; its env.py may, which is a program and is not executed"
        ));
    }
    Ok(vec![settings])
}

/// SQLAlchemy's three slashes begin a relative SQLite path, its four an absolute one.
fn sqlalchemy(url: &str) -> String {
    let Some((scheme, path)) = url.split_once(":///") else { return url.to_owned() };
    match scheme.split('+').next() {
        Some("sqlite") => super::address::sqlite(if path.is_empty() { ":memory:" } else { path }),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project_files::testing::{project, url};

    #[test]
    fn urls_and_folders() {
        for (text, expected) in [
            (
                "[alembic]\nscript_location = %(here)s/alembic\nsqlalchemy.url = postgresql+psycopg://app@db/app%%20\n",
                Some("postgresql+psycopg://app@db/app%20"),
            ),
            (
                "[alembic]\nscript_location=alembic\nsqlalchemy.url=sqlite:///./app.db\n[loggers]\nkeys = root",
                Some("sqlite:./app.db"),
            ),
            (
                "[alembic]\nscript_location=alembic\nsqlalchemy.url=sqlite+pysqlite:////tmp/app.db",
                Some("sqlite:/tmp/app.db"),
            ),
            (
                "[alembic]\nscript_location = alembic\nsqlalchemy.url = driver://user:pass@localhost/dbname",
                None,
            ),
            ("[alembic]\nscript_location = alembic\nsqlalchemy.url = postgresql://%(user)s@h/d", None),
        ] {
            let root = project(&[("alembic.ini", text)]);
            let settings = read(root.path()).expect("readable").pop().expect("one");
            assert_eq!(url(&settings, "").as_deref(), expected, "{text}");
            assert_eq!(settings.dir.as_deref(), Some(Path::new("alembic/versions")));
            assert_eq!(settings.notes.is_empty(), expected.is_some());
        }
    }
}
