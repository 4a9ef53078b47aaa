//! A copy that deletes what stands in its way.

use crate::card::{Card, Example};
use crate::judge::{Check, Context, Report, Rule, ident, listed};
use crate::sql::{Action, Dialect, Effect, Insert, InsertSource, ObjectName, OnConflict, Query};

pub(crate) const RULE: Rule = Rule { card: &CARD, check: Check::Effect(check) };

const CARD: Card = Card {
    id: "silent-overwrite",
    title: "A copy replaces rows that stand",
    why: "the standing row is deleted first: columns that are not copied fall back to their defaults, \
          ON DELETE CASCADE takes its children along, and of duplicates the last one wins",
    safe_form: "use a plain INSERT ... ON CONFLICT (key) DO UPDATE, which changes only the columns it names",
    dialects: &[Dialect::Sqlite],
    loss: true,
    fixable: true,
    bad: Some(Example::on(
        "create table notes (id integer primary key, body text, tag text);\ncreate table inbox (id integer, body text);\n",
        "insert or replace into notes (id, body) select id, body from inbox;\n",
    )),
    good: Some(Example::on(
        "create table notes (id integer primary key, body text, tag text);\ncreate table inbox (id integer, body text);\n",
        "insert into notes (id, body) select id, body from inbox where true\n  on conflict (id) do update set body = excluded.body;\n",
    )),
    ..Card::BLANK
};

fn check(cx: &Context<'_>, effect: &Effect, report: &mut Report<'_>) {
    let Action::Insert(insert) = &effect.action else { return };
    let (OnConflict::Replace, InsertSource::Query(query)) = (insert.on_conflict, &insert.source) else {
        return;
    };
    let sources: Vec<&ObjectName> = query.tables.iter().collect();
    if sources.is_empty() || !effect.within.runs_now() {
        return;
    }
    let message = format!(
        "copies {} into {} and deletes, without a word, each row that stands in the way",
        listed(&sources),
        insert.table
    );
    let draft = report.at(effect.span, message);
    draft.losing(cx.world.tables_hold(sources));
    if let Some(upsert) = upsert(cx, effect, insert, query) {
        draft.rewrite(upsert);
    }
}

/// The same rows by `on conflict (key) do update`, where the table has one key only, so
/// that no other conflict can arise.
fn upsert(cx: &Context<'_>, effect: &Effect, insert: &Insert, query: &Query) -> Option<String> {
    let table = cx.world.table(&insert.table).filter(|t| t.columns_complete)?;
    let columns = insert.columns.as_ref()?;
    let keys = table.unique_keys();
    let [key] = keys.as_slice() else { return None };
    let is_key = |column: &str| key.iter().any(|k| k.eq_ignore_ascii_case(column));
    if !key.iter().all(|k| columns.iter().any(|c| c.eq_ignore_ascii_case(k))) {
        return None;
    }
    let text = cx.text(effect.span);
    let lower = text.to_ascii_lowercase();
    let behind = lower.strip_prefix("replace").map(|_| "replace".len()).or_else(|| {
        let mut words = lower.split_whitespace();
        let prefix = [words.next()?, words.next()?, words.next()?];
        (prefix == ["insert", "or", "replace"])
            .then(|| lower.find("replace").map(|at| at + "replace".len()))?
    })?;
    // `on conflict` behind a join or an order would be read as part of it.
    let joined = query.compound || query.tables.len() != 1 || query.reduces;
    if joined || ["order", "returning", "--", "/*"].iter().any(|word| lower[behind..].contains(word)) {
        return None;
    }
    let condition = if query.filter.is_all() && !lower.contains("where") { " where true" } else { "" };
    let key_list: Vec<String> = key.iter().map(|k| ident(k)).collect();
    let rest: Vec<String> =
        columns.iter().filter(|c| !is_key(c)).map(|c| format!("{0} = excluded.{0}", ident(c))).collect();
    let action =
        if rest.is_empty() { "nothing".to_owned() } else { format!("update set {}", rest.join(", ")) };
    Some(format!("insert{}{condition} on conflict ({}) do {action}", &text[behind..], key_list.join(", ")))
}

#[cfg(test)]
mod tests {
    use crate::judge::testing::{Set, assert_silent, sqlite};

    #[test]
    fn copies_that_replace_are_errors() {
        for sql in [
            "INSERT OR REPLACE INTO notes SELECT id, body FROM inbox",
            "REPLACE INTO notes (id) SELECT id FROM inbox",
            "INSERT OR REPLACE INTO notes (id) SELECT a.id FROM inbox a JOIN b ON b.id = a.id",
            "CREATE TABLE notes_new (id PRIMARY KEY); INSERT OR REPLACE INTO notes_new SELECT id FROM notes",
        ] {
            assert_eq!(sqlite(sql).lines("silent-overwrite").len(), 1, "{sql}");
        }
    }

    #[test]
    fn the_fix_updates_only_what_is_copied() {
        let fix = |tables: &str, sql: &str| {
            let judged = Set::sqlite().schema(tables).file(sql).judge();
            judged.findings[0].fix.clone().map(|f| f.sql[0].clone())
        };
        let notes = "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT, tag TEXT);";
        assert_eq!(
            fix(notes, "INSERT OR REPLACE INTO notes (id, body) SELECT id, body FROM inbox").as_deref(),
            Some(
                "insert INTO notes (id, body) SELECT id, body FROM inbox where true on conflict (id) do update set body = excluded.body"
            )
        );
        assert_eq!(
            fix(notes, "REPLACE INTO notes (id) SELECT id FROM inbox WHERE id > 3").as_deref(),
            Some("insert INTO notes (id) SELECT id FROM inbox WHERE id > 3 on conflict (id) do nothing")
        );
        let joined = "REPLACE INTO notes (id, body) SELECT a.id, b.body FROM a LEFT JOIN b ON b.id = a.id";
        assert_eq!(fix(notes, joined), None, "ON CONFLICT would be read as the join's condition");
        let two_keys = "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT UNIQUE);";
        assert_eq!(fix(two_keys, "REPLACE INTO notes (id, body) SELECT id, body FROM inbox"), None);
        assert_eq!(fix("", "REPLACE INTO notes (id, body) SELECT id, body FROM inbox"), None);
    }

    #[test]
    fn seeds_and_upserts_are_not_reported() {
        for sql in [
            "INSERT OR REPLACE INTO settings (k, v) VALUES ('a', 1)",
            "REPLACE INTO settings (k, v) SELECT 'a', 1",
            "INSERT INTO notes (id) SELECT id FROM inbox WHERE true ON CONFLICT (id) DO UPDATE SET id = excluded.id",
            "INSERT OR ABORT INTO notes SELECT id FROM inbox",
            "CREATE TABLE inbox (id); INSERT OR REPLACE INTO notes SELECT id FROM inbox",
        ] {
            assert_silent("silent-overwrite", &sqlite(sql));
        }
    }
}
