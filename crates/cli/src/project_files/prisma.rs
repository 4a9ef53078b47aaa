//! Prisma: the schema's `datasource`, and since version 7 `prisma.config.ts`.
//!
//! Source: Prisma's references of the schema and of the configuration. A relative SQLite
//! path counts from the folder of the file that says it.

use std::path::{Path, PathBuf};

use cofferdam_analysis::Error;

use super::address::Address;
use super::script::{self, Value};
use super::{Settings, Tool, file, folder};
use crate::project_files::address::Text;

const CONFIGS: [&str; 4] = ["prisma.config.ts", "prisma.config.js", "prisma.config.mjs", "prisma.config.mts"];

pub(super) fn read(root: &Path) -> Result<Vec<Settings>, Error> {
    let config = file::first(root, &CONFIGS)?;
    let parsed =
        config.as_ref().and_then(|(_, text)| script::object(text, &["datasource", "schema", "migrations"]));
    let named = parsed.as_ref().and_then(|value| value.plain("schema"));
    let named = named.or(in_package(root)?).and_then(|path| folder(&path));
    let schema = schema(root, named)?;
    if schema.is_none() && config.is_none() {
        return Ok(Vec::new());
    }
    let (file, text) = schema.unwrap_or_default();
    let mut settings = Settings::of(Tool::Prisma, root, &file);
    let dir = Path::new(&file).parent().unwrap_or(Path::new("")).to_owned();
    settings.base = root.join(&dir);
    // Migrations lie beside the schema file, or beside the folder of several.
    let above = if dir.ends_with("schema") { dir.parent().unwrap_or(&dir).to_owned() } else { dir };
    settings.dir = (!file.is_empty()).then(|| above.join("migrations"));
    datasource(&text, &mut settings);
    if let Some((file, _)) = config {
        let said = settings.address.is_some();
        if !said {
            settings.file = file.to_owned();
            settings.base = root.join(file).parent().unwrap_or(root).to_owned();
        }
        match parsed {
            Some(value) => config_says(&value, said, &mut settings),
            None if said => {}
            None => settings.not_understood("the configuration"),
        }
    }
    Ok(vec![settings])
}

/// The schema's path as package.json may have it, before version 7.
fn in_package(root: &Path) -> Result<Option<String>, Error> {
    let package = file::text(root, "package.json")?;
    let value = package.and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok());
    Ok(value.and_then(|value| Some(value.get("prisma")?.get("schema")?.as_str()?.to_owned())))
}

/// The schema file that has the datasource, seen from `root`, and its text.
fn schema(root: &Path, named: Option<PathBuf>) -> Result<Option<(String, String)>, Error> {
    let usual = ["prisma/schema.prisma", "prisma/schema", "schema.prisma"].map(PathBuf::from);
    for path in named.into_iter().chain(usual) {
        let files = if root.join(&path).is_dir() { several(root, &path) } else { vec![path] };
        for file in files {
            let file = file.display().to_string();
            let Some(text) = file::text(root, &file)? else { continue };
            if text.contains("datasource") {
                return Ok(Some((file, text)));
            }
        }
    }
    Ok(None)
}

/// The `.prisma` files of a folder in the order of their names.
fn several(root: &Path, dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root.join(dir)).into_iter().flatten().flatten();
    let names = entries.map(|entry| dir.join(entry.file_name()));
    let mut files: Vec<PathBuf> =
        names.filter(|path| path.extension().is_some_and(|e| e == "prisma")).collect();
    files.sort();
    files
}

/// Takes what stands in `datasource NAME { .. }`.
fn datasource(text: &str, settings: &mut Settings) {
    let mut inside = false;
    for line in text.lines() {
        let line = line.trim();
        if !inside {
            inside = line.strip_prefix("datasource").is_some_and(|rest| rest.starts_with([' ', '\t']));
            continue;
        }
        if line.starts_with('}') {
            return;
        }
        let Some((name, value)) = line.split_once('=') else { continue };
        let value = value.trim();
        match name.trim() {
            "provider" => {
                if let Some(provider) = string(value) {
                    settings.set_dialect(&provider);
                }
            }
            "url" => match url(value) {
                Some(text) => settings.address = Some(Address::url(text)),
                None => settings.not_understood("`url`"),
            },
            "directUrl" => settings.direct = url(value).map(Address::url),
            _ => {}
        }
    }
}

/// `env("NAME")` or a string.
fn url(value: &str) -> Option<Text> {
    match value.strip_prefix("env").map(str::trim_start).and_then(|rest| rest.strip_prefix('(')) {
        Some(argument) => string(argument.trim_start()).map(Text::variable),
        None => string(value).map(Text::literal),
    }
}

/// The string that `text` begins with.
fn string(text: &str) -> Option<String> {
    let mut value = String::new();
    let mut chars = text.strip_prefix('"')?.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => return Some(value),
            '\\' => value.extend(chars.next()),
            c => value.push(c),
        }
    }
    None
}

/// Takes what `prisma.config.ts` says; a URL of the schema stands where one is.
fn config_says(value: &Value, said: bool, settings: &mut Settings) {
    if let Some(path) = value.get("migrations").and_then(|m| m.plain("path")).and_then(|path| folder(&path)) {
        settings.dir = Some(path);
    }
    let Some(datasource) = value.get("datasource").filter(|_| !said) else { return };
    match (datasource.text("url"), datasource.get("url")) {
        (Some(text), _) => settings.address = Some(Address::url(text)),
        (None, Some(_)) => settings.not_understood("`datasource.url`"),
        (None, None) => {}
    }
    settings.direct = datasource.text("directUrl").map(Address::url);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project_files::testing::{of, project, url};

    fn one(files: &[(&str, &str)]) -> Settings {
        read(project(files).path()).expect("readable").pop().expect("one")
    }

    #[test]
    fn the_datasource_names_the_variables() {
        let schema = "// datasource in a comment\ngenerator client {\n  provider = \"prisma-client-js\"\n}\n\n\
            datasource db {\n  provider  = \"postgresql\" // kind\n  url       = env(\"POSTGRES_URL\")\n  \
            directUrl = env( \"DIRECT\" )\n  shadowDatabaseUrl = env(\"SHADOW\")\n}\nmodel A {\n  url String\n}\n";
        let settings = one(&[("prisma/schema.prisma", schema)]);
        assert_eq!(settings.address.as_ref().and_then(Address::only_variable), Some("POSTGRES_URL"));
        assert_eq!(url(&settings, "POSTGRES_URL=postgres://h/d").as_deref(), Some("postgres://h/d"));
        let direct = settings.direct.as_ref().expect("one");
        assert_eq!(of(direct, &settings, "DIRECT=postgres://d/d").as_deref(), Some("postgres://d/d"));
        assert_eq!(settings.dir.as_deref(), Some(Path::new("prisma/migrations")));
        assert_eq!(settings.file, "prisma/schema.prisma");
    }

    #[test]
    fn paths_count_from_the_schemas_folder() {
        for file in ["prisma/schema.prisma", "prisma/schema/base.prisma"] {
            let text = "datasource db {\n provider = \"sqlite\"\n url = \"file:./dev.db\"\n}";
            let settings = one(&[(file, text), ("prisma/schema/a.prisma", "model A {}")]);
            assert!(settings.base.ends_with(Path::new(file).parent().expect("one")), "{:?}", settings.base);
            assert_eq!(settings.dir.as_deref(), Some(Path::new("prisma/migrations")));
        }
    }

    #[test]
    fn since_version_7_the_url_stands_in_the_configuration() {
        let config = "import 'dotenv/config'\nimport { defineConfig, env } from 'prisma/config'\n\
            export default defineConfig({\n  schema: './db/schema.prisma',\n  migrations: { path: 'db/changes' },\n  \
            datasource: { url: env('DATABASE_URL') },\n})\n";
        let files = [
            ("prisma.config.ts", config),
            ("db/schema.prisma", "datasource db {\n provider = \"sqlite\"\n}"),
        ];
        let root = project(&files);
        let settings = read(root.path()).expect("readable").pop().expect("one");
        assert_eq!(settings.file, "prisma.config.ts");
        assert_eq!(
            (settings.base.as_path(), settings.dir.as_deref()),
            (root.path(), Some(Path::new("db/changes")))
        );
        assert_eq!(url(&settings, "DATABASE_URL=file:dev.db").as_deref(), Some("file:dev.db"));
    }

    #[test]
    fn package_json_may_name_the_schema() {
        let package = "{\"name\": \"a\", \"prisma\": {\"schema\": \"./src/db/schema.prisma\"}}";
        let schema = "datasource db {\n provider = \"sqlite\"\n url = \"file:a.db\"\n}";
        let settings = one(&[("package.json", package), ("src/db/schema.prisma", schema)]);
        assert_eq!(settings.file, "src/db/schema.prisma");
        assert_eq!(settings.dir.as_deref(), Some(Path::new("src/db/migrations")));
    }

    #[test]
    fn other_databases_and_computed_values_are_said() {
        let settings =
            one(&[("prisma/schema.prisma", "datasource db {\n provider = \"mysql\"\n url = env(\"X\")\n}")]);
        let error = settings.trouble.expect("mysql");
        assert!(
            error.message().contains("prisma/schema.prisma is for a database of mysql"),
            "{}",
            error.message()
        );
        let config = "export default { datasource: { url: make() } }";
        let settings = one(&[("prisma.config.ts", config)]);
        assert!(
            settings.address.is_none() && settings.notes[0].contains("`datasource.url` in prisma.config.ts")
        );
    }
}
