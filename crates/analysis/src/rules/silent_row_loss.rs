//! A copy that leaves out rows it cannot place, and says nothing.

use crate::card::{Card, Example};
use crate::judge::{Check, Context, Report, Rule, listed};
use crate::sql::{Action, Dialect, Effect, Insert, InsertSource, ObjectName, OnConflict};

pub(crate) const RULE: Rule = Rule { card: &CARD, check: Check::Effect(check) };

const CARD: Card = Card {
    id: "silent-row-loss",
    title: "A copy leaves out rows without an error",
    why: "each row that meets an equal key (in SQLite also a NULL or a failed check) is left out without \
          an error: four rows can become two",
    safe_form: "use a plain INSERT, which fails on the first such row, and settle the duplicates before",
    loss: true,
    fixable: true,
    lock: Some("RowExclusive"),
    rewrite: Some(false),
    bad: Some(Example::on(
        "create table notes (id integer, body text);\ncreate table archive (id integer primary key, body text);\n",
        "insert into archive (id, body)\n  select id, body from notes on conflict do nothing;\n",
    )),
    good: Some(Example::on(
        "create table notes (id integer, body text);\ncreate table archive (id integer primary key, body text);\n",
        "insert into archive (id, body)\n  select id, body from notes;\n",
    )),
    ..Card::BLANK
};

fn check(cx: &Context<'_>, effect: &Effect, report: &mut Report<'_>) {
    let Action::Insert(insert) = &effect.action else { return };
    let (OnConflict::Ignore, InsertSource::Query(query)) = (insert.on_conflict, &insert.source) else {
        return;
    };
    // What is computed from nothing, or from the table itself, loses nobody's row.
    let sources: Vec<&ObjectName> =
        query.tables.iter().filter(|t| !t.same_as(&insert.table, cx.dialect())).collect();
    if sources.is_empty() || !effect.within.runs_now() {
        return;
    }
    let message = format!(
        "copies {} into {} and leaves out, without a word, each row that does not fit",
        listed(&sources),
        insert.table
    );
    let draft = report.at(effect.span, message);
    draft.losing(cx.world.tables_hold(sources));
    if let Some(plain) = without_ignore(cx, effect, insert) {
        draft.rewrite(plain);
    }
}

/// `insert or ignore into ..` -> `insert into ..`.
fn without_ignore(cx: &Context<'_>, effect: &Effect, insert: &Insert) -> Option<String> {
    if cx.dialect() != Dialect::Sqlite || !insert.conflict_columns.is_empty() {
        return None;
    }
    let text = cx.text(effect.span);
    let mut words = text.split_whitespace();
    let found = [words.next()?, words.next()?, words.next()?];
    let is_prefix = found.iter().zip(["insert", "or", "ignore"]).all(|(a, b)| a.eq_ignore_ascii_case(b));
    if !is_prefix {
        return None;
    }
    let behind = text.to_ascii_lowercase().find("ignore")? + "ignore".len();
    Some(format!("{}{}", found[0], &text[behind..]))
}

#[cfg(test)]
mod tests {
    use crate::judge::testing::{Set, assert_silent, postgres, sqlite};

    #[test]
    fn copies_that_skip_are_errors_in_both_dialects() {
        let message = "error copies old into new and leaves out, without a word, each row that does not fit";
        for sql in [
            "insert into new (a) select a from old on conflict do nothing",
            "insert into new (a) select a from old on conflict (a) do nothing",
            "do $$ begin insert into new (a) select a from old on conflict do nothing; end $$",
            "create table new (a int primary key); insert into new (a) select a from old on conflict do nothing",
        ] {
            assert_eq!(postgres(sql).lines("silent-row-loss"), [message], "{sql}");
        }
        for sql in [
            "INSERT OR IGNORE INTO new (a) SELECT a FROM old",
            "insert into new (a) select a from old where true on conflict do nothing",
            "CREATE TABLE new (a PRIMARY KEY); INSERT OR IGNORE INTO new (a) SELECT a FROM old",
        ] {
            assert_eq!(sqlite(sql).lines("silent-row-loss"), [message], "{sql}");
        }
    }

    #[test]
    fn the_fix_is_the_plain_insert() {
        let found = sqlite("INSERT  OR IGNORE INTO new (a) SELECT a FROM old;");
        let fix = found.findings[0].fix.as_ref().expect("it is mechanical");
        assert_eq!(fix.sql, ["INSERT INTO new (a) SELECT a FROM old"]);
    }

    #[test]
    fn seeds_and_rows_of_this_run_are_not_reported() {
        for sql in [
            "insert into new (a) values (1) on conflict do nothing",
            "insert into new (a) select 1 on conflict do nothing",
            "insert into new (a) select a from old",
            "insert into new (a) select a from old on conflict (a) do update set b = excluded.b",
            "create table old (a int); insert into new (a) select a from old on conflict do nothing",
        ] {
            assert_silent("silent-row-loss", &postgres(sql));
        }
        for sql in
            ["INSERT OR IGNORE INTO new (a) VALUES (1)", "INSERT OR FAIL INTO new (a) SELECT a FROM old"]
        {
            assert_silent("silent-row-loss", &sqlite(sql));
        }
        let earlier = Set::sqlite()
            .earlier_in_run("CREATE TABLE old (a)")
            .file("INSERT OR IGNORE INTO new (a) SELECT a FROM old");
        assert_eq!(earlier.judge().lines("silent-row-loss")[0].split(' ').next(), Some("note"));
    }
}
