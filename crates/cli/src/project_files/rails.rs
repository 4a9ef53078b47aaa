//! Rails: `config/database.yml`, in its simple forms. Source: the Rails guide to configuration.
//!
//! Of the environments `development` is read, Rails' own default. Understood are plain
//! values, a merged `*default` and `<%= ENV["X"] %>`; other Ruby is not executed.

use std::collections::HashMap;
use std::path::Path;

use cofferdam_analysis::Error;

use super::address::{Address, Text};
use super::{Settings, Tool, file, folder};

const FILE: &str = "config/database.yml";
const ENVIRONMENT: &str = "development";

pub(super) fn read(root: &Path) -> Result<Vec<Settings>, Error> {
    let Some(text) = file::text(root, FILE)? else { return Ok(Vec::new()) };
    let mut settings = Settings::of(Tool::Rails, root, FILE);
    settings.dir = folder("db/migrate");
    let values = environment(&text);
    if let Some(adapter) = values.get("adapter").and_then(|text| value(text)?.plain()) {
        settings.set_dialect(&adapter);
    }
    let names = ["url", "host", "port", "username", "password", "database"];
    if names.iter().any(|name| values.get(name).is_some_and(|text| value(text).is_none())) {
        settings.not_understood("a part of `development`");
        return Ok(vec![settings]);
    }
    let said = |name: &str| values.get(name).and_then(|text| value(text));
    let [url, host, port, user, password, database] = names.map(said);
    let address = Address { url, host, port, user, password, database };
    if address.is_empty() && values.values().any(String::is_empty) {
        settings.notes.push(format!("{FILE} has several databases; name one with --database-url"));
    }
    settings.address = (!address.is_empty()).then_some(address);
    Ok(vec![settings])
}

/// The values of [`ENVIRONMENT`], with those that it merges.
fn environment(text: &str) -> HashMap<&str, String> {
    let mut sections: HashMap<&str, HashMap<&str, String>> = HashMap::new();
    let mut anchors: HashMap<&str, &str> = HashMap::new();
    let mut section = "";
    let mut depth = None;
    for line in text.lines() {
        let trimmed = line.trim();
        let indent = line.len() - line.trim_start().len();
        if trimmed.is_empty() || trimmed.starts_with(['#', '-']) {
            continue;
        }
        let Some((name, value)) = trimmed.split_once(':') else { continue };
        let value = value.trim();
        if indent == 0 {
            (section, depth) = (name, None);
            if let Some(anchor) = value.strip_prefix('&') {
                anchors.insert(anchor, section);
            }
            continue;
        }
        // What stands deeper belongs to one of several databases.
        if indent != *depth.get_or_insert(indent) {
            continue;
        }
        if name == "<<" {
            let merged =
                anchors.get(value.trim_start_matches('*')).and_then(|name| sections.get(name)).cloned();
            let own = sections.entry(section).or_default();
            for (name, value) in merged.into_iter().flatten() {
                own.entry(name).or_insert(value);
            }
        } else {
            sections.entry(section).or_default().insert(name, value.to_owned());
        }
    }
    sections.remove(ENVIRONMENT).unwrap_or_default()
}

/// A value: plain, quoted, or one variable. `None` where something else is computed.
fn value(text: &str) -> Option<Text> {
    let text = match text.strip_prefix(['"', '\'']) {
        Some(rest) => rest
            .split(['"', '\''])
            .next()
            .filter(|inner| !inner.contains("<%"))
            .or_else(|| text.get(1..text.len().saturating_sub(1)))?,
        None => text.split(" #").next().unwrap_or(text).trim(),
    };
    let Some((before, rest)) = text.split_once("<%=") else { return Some(Text::literal(text)) };
    let (ruby, after) = rest.split_once("%>")?;
    let variable = variable(ruby.trim())?;
    if before.is_empty() && after.is_empty() {
        return Some(variable);
    }
    let after = (!after.contains("<%")).then(|| Text::literal(after))?;
    Some(Text::literal(before).then(variable).then(after))
}

/// `ENV["X"]`, `ENV.fetch("X")`, and with what counts otherwise: `|| "y"`, `, "y"`, `{ "y" }`.
fn variable(ruby: &str) -> Option<Text> {
    let rest = ruby.strip_prefix("ENV")?;
    let (rest, close) = match rest.strip_prefix('[') {
        Some(rest) => (rest, ']'),
        None => (rest.strip_prefix(".fetch(")?, ')'),
    };
    let (name, rest) = quoted(rest.trim())?;
    let name = Text::variable(name);
    let rest = rest.trim();
    if let Some(rest) = rest.strip_prefix(',') {
        let (otherwise, rest) = quoted(rest.trim())?;
        return (rest.trim() == ")").then(|| name.or(otherwise));
    }
    let rest = rest.strip_prefix(close)?.trim();
    if rest.is_empty() {
        return Some(name);
    }
    let rest = rest.strip_prefix("||").or_else(|| rest.strip_prefix('{')?.trim_end().strip_suffix('}'))?;
    let (otherwise, rest) = quoted(rest.trim())?;
    rest.trim().is_empty().then(|| name.or(otherwise))
}

/// A quoted text or a number, and what follows it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next()?;
    if quote.is_ascii_digit() {
        return Some(text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len())));
    }
    ['"', '\''].contains(&quote).then(|| text[1..].split_once(quote))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project_files::testing::{project, url};

    #[test]
    fn the_simple_forms_are_read() {
        for (text, expected) in [
            (
                "default: &default\n  adapter: postgresql\n  encoding: unicode\n  host: <%= ENV.fetch(\"DB_HOST\") { \"db\" } %>\n\n\
                 development:\n  <<: *default\n  database: app_development # local\n\ntest:\n  <<: *default\n  database: app_test\n",
                Some("host='db' dbname='app_development'"),
            ),
            (
                "development:\n  adapter: sqlite3\n  database: storage/development.sqlite3\n",
                Some("sqlite:storage/development.sqlite3"),
            ),
            ("development:\n  url: <%= ENV['URL'] %>\n", Some("postgres://h/d")),
            (
                "development:\n  adapter: postgresql\n  url: \"<%= ENV['URL'] || 'x' %>\"\n",
                Some("postgres://h/d"),
            ),
            (
                "development:\n  adapter: postgresql\n  port: <%= ENV.fetch('P', 5433) %>\n  database: a\n",
                Some("port='5433' dbname='a'"),
            ),
            ("development:\n  adapter: postgresql\n  database: <%= Rails.root.join('x') %>\n", None),
            ("development:\n  primary:\n    database: a\n", None),
            ("production:\n  database: a\n", None),
        ] {
            let settings = read(project(&[(FILE, text)]).path()).expect("readable").pop().expect("one");
            assert_eq!(url(&settings, "URL=postgres://h/d").as_deref(), expected, "{text}");
        }
    }
}
