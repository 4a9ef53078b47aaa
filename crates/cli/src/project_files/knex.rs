//! Knex: `knexfile.js` and `.ts`. Source: Knex's guide to migrations.
//!
//! Of several environments `development` is read, Knex's own default.

use std::path::Path;

use cofferdam_analysis::Error;

use super::address::{Address, Text};
use super::script::{self, Value};
use super::{Settings, Tool, file, folder};

const FILES: [&str; 4] = ["knexfile.js", "knexfile.ts", "knexfile.mjs", "knexfile.cjs"];

pub(super) fn read(root: &Path) -> Result<Vec<Settings>, Error> {
    let Some((file, text)) = file::first(root, &FILES)? else { return Ok(Vec::new()) };
    let mut settings = Settings::of(Tool::Knex, root, file);
    settings.dir = folder("migrations");
    let development = script::object(&text, &["development"]);
    let chosen = development.as_ref().and_then(|all| all.get("development")).cloned();
    let Some(value) = chosen.or_else(|| script::object(&text, &["client", "connection"])) else {
        settings.not_understood("the configuration");
        return Ok(vec![settings]);
    };
    if let Some(client) = value.plain("client") {
        settings.set_dialect(&client);
    }
    if let Some(dir) = value.get("migrations").and_then(|migrations| migrations.plain("directory")) {
        settings.dir = folder(&dir);
    }
    match value.get("connection") {
        Some(Value::Text(url)) => settings.address = Some(Address::url(url.clone())),
        Some(said @ Value::Object(_)) => connection(said, &mut settings),
        Some(Value::Computed | Value::List) => settings.not_understood("`connection`"),
        None => {}
    }
    Ok(vec![settings])
}

fn connection(said: &Value, settings: &mut Settings) {
    let names = ["connectionString", "host", "port", "user", "password", "database", "filename"];
    if names.iter().any(|name| said.get(name).is_some() && said.text(name).is_none()) {
        settings.not_understood("a part of `connection`");
        return;
    }
    let [url, host, port, user, password, database, filename] = names.map(|name| said.text(name));
    let database: Option<Text> = filename.or(database);
    let address = Address { url, host, port, user, password, database };
    settings.address = (!address.is_empty()).then_some(address);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project_files::testing::{project, url};

    fn one(text: &str) -> Settings {
        read(project(&[("knexfile.js", text)]).path()).expect("readable").pop().expect("one")
    }

    #[test]
    fn development_is_read_and_a_flat_file_too() {
        for (text, expected) in [
            (
                "module.exports = {\n  development: { client: 'sqlite3', connection: { filename: './dev.sqlite3' } },\n  \
                 production: { client: 'postgresql', connection: { database: 'p' }, migrations: { directory: 'x' } },\n};",
                Some("sqlite:./dev.sqlite3"),
            ),
            ("module.exports = { client: 'pg', connection: process.env.URL }", Some("postgres://h/d")),
            (
                "const config = { client: 'pg', connection: { host: '127.0.0.1', user: 'app', database: 'app' } };\n\
                 module.exports = config;",
                Some("host='127.0.0.1' dbname='app' user='app'"),
            ),
            ("module.exports = { client: 'pg', connection: async () => ({ host: 'h' }) }", None),
        ] {
            let settings = one(text);
            assert_eq!(url(&settings, "URL=postgres://h/d").as_deref(), expected, "{text}");
            assert_eq!(settings.dir.as_deref(), Some(Path::new("migrations")));
        }
        assert!(one("module.exports = { client: 'mysql2', connection: 'x' }").trouble.is_some());
    }
}
