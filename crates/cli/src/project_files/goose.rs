//! goose and dbmate: settings that stand in `.env`. Sources: the tools' own references of
//! their variables. Those of the environment itself are not read: nothing names them.

use std::path::Path;

use super::address::{Address, Text};
use super::dotenv::{DotEnv, FILE};
use super::{Settings, Tool, folder};

pub(super) fn read(root: &Path, dotenv: &DotEnv) -> Vec<Settings> {
    let value = |name: &str| dotenv.get(name).ok().flatten();
    let mut found = Vec::new();
    if let Some(dir) = value("DBMATE_MIGRATIONS_DIR") {
        found.push(Settings { dir: folder(dir), ..Settings::of(Tool::Dbmate, root, FILE) });
    }
    let (driver, text, dir) = (value("GOOSE_DRIVER"), value("GOOSE_DBSTRING"), value("GOOSE_MIGRATION_DIR"));
    if driver.is_none() && text.is_none() && dir.is_none() {
        return found;
    }
    let mut goose = Settings::of(Tool::Goose, root, FILE);
    goose.dir = dir.and_then(folder);
    if let Some(driver) = driver {
        goose.set_dialect(driver);
    }
    if text.is_some() {
        let text = Text::variable("GOOSE_DBSTRING");
        // A SQLite database is named by its path alone.
        goose.address = Some(match goose.dialect {
            Some(cofferdam_analysis::sql::Dialect::Sqlite) => {
                Address { database: Some(text), ..Address::default() }
            }
            Some(cofferdam_analysis::sql::Dialect::Postgres) | None => Address::url(text),
        });
    }
    found.push(goose);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project_files::testing::url;

    #[test]
    fn what_stands_in_the_file_counts() {
        for (text, expected) in [
            (
                "GOOSE_DRIVER=postgres\nGOOSE_DBSTRING=\"user=app dbname=app\"\nGOOSE_MIGRATION_DIR=./m",
                Some("user=app dbname=app"),
            ),
            (
                "GOOSE_DRIVER=sqlite3\nGOOSE_DBSTRING=./notes.db\nGOOSE_MIGRATION_DIR=m",
                Some("sqlite:./notes.db"),
            ),
            ("GOOSE_DRIVER=mysql\nGOOSE_MIGRATION_DIR=m/", None),
        ] {
            let found = read(Path::new(""), &DotEnv::parse(FILE, text));
            let [goose] = found.as_slice() else { panic!("{found:?}") };
            assert_eq!(goose.dir.as_deref(), Some(Path::new("m")));
            assert_eq!(url(goose, text).as_deref(), expected, "{text}");
        }
        let found = read(Path::new(""), &DotEnv::parse(FILE, "DBMATE_MIGRATIONS_DIR=./db/m"));
        assert_eq!((found[0].tool, found[0].dir.as_deref()), (Tool::Dbmate, Some(Path::new("db/m"))));
    }
}
