//! Drizzle: `drizzle.config.ts` and its kin. Source: drizzle-kit's reference of its configuration.

use std::path::Path;

use cofferdam_analysis::Error;

use super::address::Address;
use super::script::{self, Value};
use super::{Settings, Tool, file, folder};

const FILES: [&str; 5] = [
    "drizzle.config.ts",
    "drizzle.config.js",
    "drizzle.config.mjs",
    "drizzle.config.json",
    "drizzle.config.cjs",
];

pub(super) fn read(root: &Path) -> Result<Vec<Settings>, Error> {
    let Some((file, text)) = file::first(root, &FILES)? else { return Ok(Vec::new()) };
    let mut settings = Settings::of(Tool::Drizzle, root, file);
    let Some(value) = script::object(&text, &["dialect", "driver", "dbCredentials", "out"]) else {
        settings.not_understood("the configuration");
        return Ok(vec![settings]);
    };
    // Without `out` drizzle-kit writes here.
    settings.dir = folder("drizzle");
    match (value.get("out"), value.plain("out")) {
        (Some(_), Some(out)) => settings.dir = folder(&out),
        (Some(_), None) => {
            settings.dir = None;
            settings.not_understood("`out`");
        }
        (None, _) => {}
    }
    // Before version 0.21 `driver` said it.
    if let Some(dialect) = value.plain("dialect").or_else(|| value.plain("driver")) {
        settings.set_dialect(&dialect);
    }
    match value.get("dbCredentials") {
        Some(Value::Object(_)) => credentials(&value, &mut settings),
        Some(_) => settings.not_understood("`dbCredentials`"),
        None => {}
    }
    Ok(vec![settings])
}

fn credentials(value: &Value, settings: &mut Settings) {
    let Some(said) = value.get("dbCredentials") else { return };
    if let Some(name) = ["url", "connectionString"].into_iter().find(|name| said.get(name).is_some()) {
        match said.text(name) {
            Some(url) => settings.address = Some(Address::url(url)),
            None => settings.not_understood("the URL under `dbCredentials`"),
        }
        return;
    }
    let names = ["host", "port", "user", "password", "database"];
    if names.iter().any(|name| said.get(name).is_some() && said.text(name).is_none()) {
        settings.not_understood("a part of `dbCredentials`");
        return;
    }
    let [host, port, user, password, database] = names.map(|name| said.text(name));
    let address = Address { url: None, host, port, user, password, database };
    settings.address = (!address.is_empty()).then_some(address);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project_files::testing::{project, url};

    fn one(file: &str, text: &str) -> Settings {
        read(project(&[(file, text)]).path()).expect("readable").pop().expect("one")
    }

    #[test]
    fn the_configurations_that_people_have() {
        for (text, dir, expected) in [
            (
                "export default { dialect: 'sqlite', dbCredentials: { url: './a b.db' } }",
                "drizzle",
                Some("sqlite:./a b.db"),
            ),
            (
                "import { defineConfig } from 'drizzle-kit';\nexport default defineConfig({\n  out: './db/out',\n  \
                 schema: './src/schema.ts',\n  dialect: 'postgresql',\n  dbCredentials: {\n    url: process.env.URL!,\n  },\n});",
                "db/out",
                Some("postgres://h/d"),
            ),
            (
                "export default { dialect: \"sqlite\", dbCredentials: { url: 'file:notes.db' } } satisfies Config;",
                "drizzle",
                Some("file:notes.db"),
            ),
            (
                "export default defineConfig({ dialect: 'postgresql', dbCredentials: { host: process.env.NO_HOST ?? 'db',\n\
                 port: 5433, user: 'app', database: \"app\", ssl: { ca: read() } } })",
                "drizzle",
                Some("host='db' port='5433' dbname='app' user='app'"),
            ),
            ("export default { dialect: 'postgresql', dbCredentials: { url: env.URL } }", "drizzle", None),
            (
                "export default { dialect: 'postgresql', dbCredentials: { host: pick(), database: 'a' } }",
                "drizzle",
                None,
            ),
        ] {
            let settings = one("drizzle.config.ts", text);
            assert_eq!(settings.dir.as_deref(), Some(Path::new(dir)), "{text}");
            assert_eq!(url(&settings, "URL=postgres://h/d").as_deref(), expected, "{text}");
            assert_eq!(settings.notes.is_empty(), expected.is_some(), "{:?}", settings.notes);
        }
    }

    #[test]
    fn json_and_what_is_not_supported() {
        let settings = one("drizzle.config.json", "{\"dialect\": \"postgresql\", \"out\": \"./m\"}");
        assert!(settings.address.is_none() && settings.dir.as_deref() == Some(Path::new("m")));
        assert!(one("drizzle.config.ts", "export default { dialect: 'mysql' }").trouble.is_some());
        assert_eq!(one("drizzle.config.ts", "export default make()").notes.len(), 1);
    }
}
