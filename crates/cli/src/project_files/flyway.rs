//! Flyway: `flyway.toml`, `flyway.conf`. Source: Flyway's reference of its configuration files.
//!
//! Of the environments of a flyway.toml the one that it names is read, else `default`.

use std::path::Path;

use cofferdam_analysis::Error;

use super::address::{Address, Text};
use super::{Settings, Tool, file, folder, ini};

/// Where Flyway's command line looks when nothing is configured.
const DEFAULT: &str = "sql";

pub(super) fn read(root: &Path) -> Result<Vec<Settings>, Error> {
    const FILES: [&str; 4] = ["flyway.toml", "flyway.conf", "conf/flyway.toml", "conf/flyway.conf"];
    let Some((file, text)) = file::first(root, &FILES)? else { return Ok(Vec::new()) };
    let mut settings = Settings::of(Tool::Flyway, root, file);
    settings.dir = folder(DEFAULT);
    if file.ends_with(".toml") {
        from_toml(&text, &mut settings);
    } else {
        from_conf(&text, &mut settings);
    }
    Ok(vec![settings])
}

fn from_conf(text: &str, settings: &mut Settings) {
    let lines = ini::lines(text);
    let value = |name: &str| ini::value(&lines, "", &format!("flyway.{name}"));
    let said = |name: &str| value(name).and_then(|text| variables(text, settings.file.as_str()).ok());
    let computed = ["url", "user", "password"]
        .iter()
        .any(|name| value(name).is_some_and(|text| variables(text, settings.file.as_str()).is_err()));
    let address =
        Address { url: said("url"), user: said("user"), password: said("password"), ..Address::default() };
    let locations: Vec<&str> = value("locations").map(|all| all.split(',').collect()).unwrap_or_default();
    take(settings, address, computed, &locations);
}

fn from_toml(text: &str, settings: &mut Settings) {
    let Ok(table) = text.parse::<toml::Table>() else {
        settings.notes.push(format!("{} is not valid TOML, and is not read", settings.file));
        return;
    };
    let flyway = table.get("flyway");
    let name = flyway.and_then(|flyway| flyway.get("environment")?.as_str()).unwrap_or("default");
    let environment = table.get("environments").and_then(|all| all.get(name));
    let value = |name: &str| environment.and_then(|environment| environment.get(name)?.as_str());
    let said = |name: &str| value(name).and_then(|text| variables(text, "toml").ok());
    let computed = ["url", "user", "password"]
        .iter()
        .any(|name| value(name).is_some_and(|text| variables(text, "toml").is_err()));
    let address =
        Address { url: said("url"), user: said("user"), password: said("password"), ..Address::default() };
    let locations = flyway.and_then(|flyway| flyway.get("locations")?.as_array());
    let locations: Vec<&str> = locations.into_iter().flatten().filter_map(toml::Value::as_str).collect();
    take(settings, address, computed, &locations);
}

fn take(settings: &mut Settings, address: Address, computed: bool, locations: &[&str]) {
    if computed {
        settings.not_understood("a part of the database's address");
    } else if !address.is_empty() {
        settings.address = Some(address);
    }
    match locations {
        [] => {}
        [one] => settings.dir = location(one),
        _ => {
            settings.dir = None;
            settings.notes.push(format!("{} names several locations; name one with --dir", settings.file));
        }
    }
}

/// `filesystem:DIR`; what lies on Java's class path is looked for where Maven and Gradle keep it.
fn location(text: &str) -> Option<std::path::PathBuf> {
    match text.trim().split_once(':') {
        Some(("filesystem", path)) => folder(path),
        Some(("classpath", path)) => folder(&format!("src/main/resources/{}", path.trim_start_matches('/'))),
        Some(_) => None,
        None => folder(&format!("src/main/resources/{}", text.trim())),
    }
}

/// A text with `${env.NAME}`, or in a .conf file `${NAME}`. `Err` for other resolvers.
fn variables(text: &str, file: &str) -> Result<Text, ()> {
    let mut said = Text::default();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (inner, behind) = after.split_once('}').ok_or(())?;
        let name = match inner.split_once('.') {
            Some(("env", name)) => name,
            None if file.ends_with(".conf") => inner,
            _ => return Err(()),
        };
        said = said.then(Text::literal(before)).then(Text::variable(name.trim()));
        rest = behind;
    }
    Ok(if rest.is_empty() { said } else { said.then(Text::literal(rest)) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project_files::testing::{project, url};

    #[test]
    fn both_kinds_of_files() {
        for (file, text, dir, expected) in [
            (
                "flyway.conf",
                "# comment\nflyway.url=jdbc:postgresql://db:5432/app\nflyway.user=app\nflyway.password=${PW}\nflyway.locations=filesystem:./db/sql\n",
                Some("db/sql"),
                Some("postgres://db:5432/app?user=app&password=s%26t"),
            ),
            (
                "flyway.toml",
                "[environments.default]\nurl = \"jdbc:sqlite:notes.db\"\n[flyway]\nlocations = [\"classpath:db/migration\"]",
                Some("src/main/resources/db/migration"),
                Some("sqlite:notes.db"),
            ),
            (
                "flyway.toml",
                "[flyway]\nenvironment = \"dev\"\n[environments.dev]\nurl = \"jdbc:postgresql://${env.PW}/app\"",
                Some("sql"),
                Some("postgres://s&t/app"),
            ),
            (
                "flyway.toml",
                "[environments.default]\nurl = \"jdbc:postgresql://h/d\"\npassword = \"${vault.x}\"",
                Some("sql"),
                None,
            ),
            ("flyway.toml", "[", Some("sql"), None),
            ("flyway.conf", "flyway.locations=filesystem:a,filesystem:b", None, None),
        ] {
            let settings = read(project(&[(file, text)]).path()).expect("readable").pop().expect("one");
            assert_eq!(settings.dir.as_deref(), dir.map(Path::new), "{text}");
            assert_eq!(url(&settings, "PW='s&t'").as_deref(), expected, "{text}");
        }
    }
}
