//! Refinery: `refinery.toml`. Source: refinery's configuration, `[main]` with `db_*`.

use std::path::Path;

use cofferdam_analysis::Error;

use super::address::{Address, Text};
use super::{Settings, Tool, file};

pub(super) fn read(root: &Path) -> Result<Vec<Settings>, Error> {
    let Some(text) = file::text(root, "refinery.toml")? else { return Ok(Vec::new()) };
    let mut settings = Settings::of(Tool::Refinery, root, "refinery.toml");
    let table = text.parse::<toml::Table>().ok();
    let Some(main) = table.as_ref().and_then(|table| table.get("main")?.as_table()) else {
        settings.notes.push("refinery.toml has no [main] that can be read".to_owned());
        return Ok(vec![settings]);
    };
    let value = |name: &str| match main.get(name)? {
        toml::Value::String(text) => Some(Text::literal(text)),
        toml::Value::Integer(number) => Some(Text::literal(number.to_string())),
        _ => None,
    };
    if let Some(kind) = main.get("db_type").and_then(toml::Value::as_str) {
        settings.set_dialect(kind);
    }
    let address = Address {
        url: None,
        host: value("db_host"),
        port: value("db_port"),
        user: value("db_user"),
        password: value("db_pass"),
        database: value("db_path").or_else(|| value("db_name")),
    };
    settings.address = (!address.is_empty()).then_some(address);
    Ok(vec![settings])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project_files::testing::{project, url};

    #[test]
    fn parts_and_files() {
        for (text, expected) in [
            (
                "[main]\ndb_type = \"Postgres\"\ndb_host = \"db\"\ndb_port = \"5432\"\ndb_user = \"app\"\ndb_pass = \"p\"\ndb_name = \"app\"",
                Some("host='db' port='5432' dbname='app' user='app' password='p'"),
            ),
            ("[main]\ndb_type = \"Sqlite\"\ndb_path = \"notes.db\"", Some("sqlite:notes.db")),
            ("[main]\ndb_type = \"Mysql\"", None),
            ("[", None),
        ] {
            let settings =
                read(project(&[("refinery.toml", text)]).path()).expect("readable").pop().expect("one");
            assert_eq!(url(&settings, "").as_deref(), expected, "{text}");
        }
    }
}
