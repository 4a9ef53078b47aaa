//! What the `sqlite-*` rules claim, put before SQLite itself: each bad example is run on
//! a database with rows and must do the damage its card tells of, each good one must not.

use cofferdam_analysis::Severity;
use cofferdam_analysis::card::{Card, Example};
use cofferdam_analysis::judge::{Input, JudgedFile, Role, judge};
use cofferdam_analysis::plan;
use cofferdam_analysis::rules;
use cofferdam_analysis::sql::{Dialect, Script};
use rusqlite::Connection;

fn card(id: &str) -> &'static Card {
    rules::find(id).unwrap_or_else(|| panic!("{id} is no rule")).card
}

fn bad(id: &str) -> Example {
    card(id).bad.expect("an example")
}

fn good(id: &str) -> Example {
    card(id).good.expect("an example")
}

/// A database as it stands before the migration: what the example is given, and `rows`.
fn database(example: &Example, rows: &str) -> Connection {
    let db = Connection::open_in_memory().expect("memory database");
    db.pragma_update(None, "foreign_keys", true).expect("foreign keys");
    db.execute_batch(example.given).expect("the example's tables");
    db.execute_batch(rows).expect("rows");
    db
}

/// Runs the file as `migrate` does: a `pragma foreign_keys` at its ends is lifted, each
/// step is a transaction. Stops at the first error, and after `upto` statements as a
/// crash would.
fn migrate_upto(db: &Connection, text: &str, upto: usize) -> Result<(), String> {
    let script = Script::parse(Dialect::Sqlite, "example.sql", text);
    let planned = plan::file(&script, "0007", false).map_err(|e| e.to_string())?;
    db.pragma_update(None, "foreign_keys", planned.foreign_keys.unwrap_or(true)).expect("foreign keys");
    let mut ran = 0;
    for step in &planned.steps {
        db.execute_batch("begin immediate").expect("begin");
        for index in &step.statements {
            let sql = script.sql(&script.statements[*index]);
            ran += 1;
            if ran > upto {
                db.execute_batch("rollback").expect("rollback");
                return Err("stopped".to_owned());
            }
            if let Err(error) = db.execute_batch(sql) {
                let _ = db.execute_batch("rollback");
                return Err(error.to_string());
            }
        }
        db.execute_batch("commit").map_err(|e| e.to_string())?;
    }
    Ok(())
}

fn migrate(db: &Connection, example: &Example) -> Result<(), String> {
    migrate_upto(db, example.text, usize::MAX)
}

fn number(db: &Connection, sql: &str) -> i64 {
    db.query_row(sql, [], |row| row.get(0)).unwrap_or_else(|e| panic!("{sql}: {e}"))
}

fn text(db: &Connection, sql: &str) -> String {
    db.query_row(sql, [], |row| row.get(0)).unwrap_or_else(|e| panic!("{sql}: {e}"))
}

#[test]
fn examples_of_sqlite_rules_say_what_they_claim() {
    let mut seen = 0;
    for rule in rules::all().iter().filter(|r| r.card.id.starts_with("sqlite-")) {
        seen += 1;
        let found = |example: &Example| {
            let given = Script::parse(Dialect::Sqlite, "given.sql", example.given);
            let script = Script::parse(Dialect::Sqlite, example.file, example.text);
            let files = [JudgedFile::new(&given, Role::Schema), JudgedFile::new(&script, Role::Judged)];
            let findings = judge(&Input::new(Dialect::Sqlite, &files));
            findings.into_iter().map(|f| (f.rule, f.severity)).collect::<Vec<_>>()
        };
        let (bad, good) = (rule.card.bad.expect("an example"), rule.card.good.expect("an example"));
        let mut expected = vec![(rule.card.id, rule.card.severity)];
        expected.extend(found(&bad).into_iter().filter(|f| bad.also.contains(&f.0)));
        let mut all = found(&bad);
        all.sort_unstable();
        all.dedup();
        expected.sort_unstable();
        assert_eq!(all, expected, "{}", rule.card.id);
        let serious: Vec<_> = found(&good).into_iter().filter(|f| f.1 > Severity::Note).collect();
        assert!(serious.is_empty(), "{}: {serious:?}", rule.card.id);
    }
    assert_eq!(seen, 15);
}

#[test]
fn a_foreign_keys_pragma_does_nothing_within_a_transaction() {
    let example = bad("sqlite-fk-pragma-in-transaction");
    let db = database(&example, "");
    db.execute_batch("begin; pragma foreign_keys = off;").expect("sqlite takes it");
    assert_eq!(number(&db, "pragma foreign_keys"), 1);
    db.execute_batch("commit; pragma foreign_keys = off;").expect("outside");
    assert_eq!(number(&db, "pragma foreign_keys"), 0);
}

const NOTES: &str =
    "insert into notes (id, body) values (1, 'a'), (2, 'b'); insert into marks values (1), (2), (2);";

#[test]
fn a_rebuild_with_foreign_keys_on_empties_the_children() {
    let id = "sqlite-rebuild-fk-on";
    let db = database(&bad(id), NOTES);
    migrate(&db, &bad(id)).expect("no word of warning");
    assert_eq!(
        (number(&db, "select count(*) from notes"), number(&db, "select count(*) from marks")),
        (2, 0)
    );

    let db = database(&bad(id), NOTES);
    let deferred = format!("pragma defer_foreign_keys = on;\n{}", bad(id).text);
    migrate_upto(&db, &deferred, usize::MAX).expect("no word of warning");
    assert_eq!(number(&db, "select count(*) from marks"), 0);

    let db = database(&good(id), NOTES);
    migrate(&db, &good(id)).expect("it runs");
    assert_eq!(
        (number(&db, "select count(*) from notes"), number(&db, "select count(*) from marks")),
        (2, 3)
    );
}

#[test]
fn a_rebuild_with_foreign_keys_on_cuts_links_or_fails() {
    for (action, expected) in [("set null", Ok(0)), ("no action", Err(())), ("restrict", Err(()))] {
        let id = "sqlite-rebuild-fk-on";
        let given = bad(id).given.replace("on delete cascade", &format!("on delete {action}"));
        let db = Connection::open_in_memory().expect("memory database");
        db.execute_batch(&format!("pragma foreign_keys = on; {given} {NOTES}")).expect("rows");
        let done = migrate(&db, &bad(id)).map_err(|_| ());
        let links = done.map(|()| number(&db, "select count(*) from marks where note_id is not null"));
        assert_eq!(links, expected, "{action}");
    }
}

#[test]
fn a_rebuild_in_several_transactions_stops_half_way() {
    let id = "sqlite-rebuild-not-atomic";
    let rows = "insert into tags values (1, 'a');";
    let statements = Script::parse(Dialect::Sqlite, "example.sql", bad(id).text).statements.len();
    let survives = |example: &Example| {
        (1..statements).all(|upto| {
            let db = database(example, rows);
            let _ = migrate_upto(&db, example.text, upto);
            let there = "select count(*) from sqlite_schema where name";
            number(&db, &format!("{there} = 'tags'")) == 1
                && number(&db, &format!("{there} = 'tags_new'")) == 0
        })
    };
    assert!(!survives(&bad(id)));
    assert!(survives(&good(id)));
}

#[test]
fn a_table_renamed_away_takes_the_references_with_it() {
    let id = "sqlite-rename-old-away";
    let rows = "insert into notes values (1, 'a'); insert into marks values (1);";
    let schema = "select sql from sqlite_schema where name = 'marks'";
    let db = database(&bad(id), rows);
    migrate(&db, &bad(id)).expect("no word of warning");
    assert!(text(&db, schema).contains("notes_old"), "{}", text(&db, schema));
    db.pragma_update(None, "foreign_keys", true).expect("on again");
    assert!(db.execute("insert into marks values (1)", []).is_err());

    let db = database(&good(id), rows);
    migrate(&db, &good(id)).expect("it runs");
    assert!(!text(&db, schema).contains("notes_"), "{}", text(&db, schema));

    let db = database(&bad(id), rows);
    db.execute_batch(
        "pragma foreign_keys = off; pragma legacy_alter_table = on; alter table notes rename to n;",
    )
    .expect("legacy");
    assert!(text(&db, schema).contains("references notes "), "legacy_alter_table leaves references alone");
}

#[test]
fn a_rebuild_takes_indexes_and_triggers_with_it() {
    let id = "sqlite-rebuild-loses-objects";
    let indexes = "select count(*) from sqlite_schema where name = 'notes_body'";
    for (example, left) in [(bad(id), 0), (good(id), 1)] {
        let db = database(&example, "insert into notes values (1, 'a');");
        migrate(&db, &example).expect("it runs");
        assert_eq!(number(&db, indexes), left);
    }
}

#[test]
fn a_rebuild_gives_old_ids_again() {
    let id = "sqlite-autoincrement";
    let rows = "insert into notes (body) values ('a'), ('b'), ('c'); delete from notes where id = 3;";
    for (example, next) in [(bad(id), 3), (good(id), 4)] {
        let db = database(&example, rows);
        migrate(&db, &example).expect("it runs");
        db.execute("insert into notes (body) values ('d')", []).expect("a row");
        assert_eq!(number(&db, "select max(id) from notes"), next);
    }
    let fixed = fixed(id);
    let db = database(&bad(id), rows);
    migrate_upto(&db, &fixed, usize::MAX).expect("the fix runs");
    db.execute("insert into notes (body) values ('d')", []).expect("a row");
    assert_eq!(number(&db, "select max(id) from notes"), 4);
}

#[test]
fn orphans_are_accepted_while_foreign_keys_are_off() {
    let id = "sqlite-no-fk-check";
    let lossy = bad(id).text.replace("from notes;", "from notes where id > 1;");
    let db =
        database(&bad(id), "insert into notes values (1, 'a'), (2, 'b'); insert into marks values (1), (2);");
    migrate_upto(&db, &lossy, usize::MAX).expect("no word of warning");
    db.pragma_update(None, "foreign_keys", true).expect("on again, and still no word");
    assert_eq!(number(&db, "select count(*) from pragma_foreign_key_check"), 1);
}

#[test]
fn columns_that_cannot_be_added_are_refused() {
    let rows = "insert into notes (id, body) values (1, 'a');";
    let id = "sqlite-add-column-limits";
    assert!(migrate(&database(&bad(id), rows), &bad(id)).is_err());
    assert!(migrate(&database(&bad(id), ""), &bad(id)).is_ok(), "an empty table takes it");
    assert!(migrate(&database(&good(id), rows), &good(id)).is_ok());
    let db = database(&bad(id), rows);
    migrate_upto(&db, &fixed(id), usize::MAX).expect("the fix runs");
    assert_eq!(number(&db, "select count(*) from notes where created_at is null"), 0);
}

/// Each form of `add column`, on a table with a row: the rule and SQLite agree.
#[test]
fn the_rule_about_added_columns_agrees_with_sqlite() {
    for column in [
        "c",
        "c int",
        "c int not null",
        "c int not null default 0",
        "c int not null default null",
        "c int not null default (null)",
        "c default (1)",
        "c default (-1)",
        "c default (1 + 2)",
        "c default true",
        "c default (true)",
        "c default current_timestamp",
        "c default (current_timestamp)",
        "c default (date('now'))",
        "c default x'00'",
        "c default foo",
        "c default \"foo\"",
        "c default null",
        "c default (abs(1))",
        "c default ('a' || 'b')",
        "c default (cast(1 as text))",
        "c int unique",
        "c int primary key",
        "c int references p (a)",
        "c int references p (a) default 1",
        "c int references p (a) default null",
        "c as (a)",
        "c as (a) stored",
        "c as (a) not null",
        "c check (c > 0)",
        "c int not null default +1",
    ] {
        let given = "create table p (a integer primary key); create table t (a int);";
        let sql = format!("alter table t add column {column}");
        let db = Connection::open_in_memory().expect("memory database");
        db.execute_batch(&format!("pragma foreign_keys = on; {given} insert into t values (1);"))
            .expect("rows");
        let refused = db.execute_batch(&sql).is_err();
        let (schema, script) =
            (Script::parse(Dialect::Sqlite, "s", given), Script::parse(Dialect::Sqlite, "f", &sql));
        let files = [JudgedFile::new(&schema, Role::Schema), JudgedFile::new(&script, Role::Judged)];
        let findings = judge(&Input::new(Dialect::Sqlite, &files));
        let found = findings.iter().any(|f| f.rule == "sqlite-add-column-limits");
        assert_eq!(found, refused, "{column}");
    }
}

#[test]
fn the_rule_about_dropped_columns_agrees_with_sqlite() {
    for given in [
        "create table t (a, c int primary key)",
        "create table t (a, c, primary key (a, c))",
        "create table t (a, c unique)",
        "create table t (a, c, unique (a, c))",
        "create table t (a, c, check (c > a))",
        "create table t (a check (a > c), c)",
        "create table t (a, c check (c > 0))",
        "create table t (a, c, foreign key (c) references p)",
        "create table t (a, c references p)",
        "create table t (a, c); create index i on t (a, c)",
        "create table t (a, c); create index i on t (lower(c))",
        "create table t (a, c); create index i on t (a) where c > 0",
        "create table t (a, c); create index i on t (a)",
        "create table t (a, c); create view v as select a, c from t",
        "create table t (a, c); create view v as select a from t where c",
        "create table t (a, c); create view v as select * from t",
        "create table t (a, c); create view v as select a from t",
        "create table t (a, c); create index i on t (c); drop index i",
    ] {
        let db = Connection::open_in_memory().expect("memory database");
        db.execute_batch(&format!("create table p (a integer primary key); {given};")).expect(given);
        let refused = db.execute_batch("alter table t drop column c").is_err();
        let schema = Script::parse(Dialect::Sqlite, "s", given);
        let script = Script::parse(Dialect::Sqlite, "f", "alter table t drop column c");
        let files = [JudgedFile::new(&schema, Role::Schema), JudgedFile::new(&script, Role::Judged)];
        let findings = judge(&Input::new(Dialect::Sqlite, &files));
        let found = findings.iter().any(|f| f.rule == "sqlite-drop-column-limits");
        assert_eq!(found, refused, "{given}");
    }
}

#[test]
fn columns_that_are_needed_cannot_be_dropped() {
    let id = "sqlite-drop-column-limits";
    assert!(migrate(&database(&bad(id), ""), &bad(id)).is_err());
    assert!(migrate(&database(&good(id), ""), &good(id)).is_ok());
    assert!(migrate_upto(&database(&bad(id), ""), &fixed(id), usize::MAX).is_ok(), "the fix runs");
}

#[test]
fn foreign_forms_of_alter_are_syntax_errors() {
    let id = "sqlite-unsupported-alter";
    let error = migrate(&database(&bad(id), ""), &bad(id)).expect_err("a syntax error");
    assert!(error.contains("syntax error"), "{error}");
    assert!(migrate(&database(&good(id), ""), &good(id)).is_ok());
}

#[test]
fn a_row_without_value_stops_the_copy_or_is_left_out() {
    let id = "sqlite-not-null-copy";
    let rows = "insert into notes values (1, 'a'), (2, null);";
    assert!(migrate(&database(&bad(id), rows), &bad(id)).is_err());
    let db = database(&bad(id), rows);
    let ignoring = bad(id).text.replace("insert into", "insert or ignore into");
    migrate_upto(&db, &ignoring, usize::MAX).expect("no word of warning");
    assert_eq!(number(&db, "select count(*) from notes"), 1);
    let db = database(&good(id), rows);
    migrate(&db, &good(id)).expect("it runs");
    assert_eq!(number(&db, "select count(*) from notes"), 2);
}

#[test]
fn a_misspelt_name_goes_into_every_row() {
    let id = "sqlite-quoted-typo";
    let rows = "insert into notes (id, heading) values (1, 'A'), (2, 'B');";
    for (example, titles) in [(bad(id), "headin,headin"), (good(id), "A,B")] {
        let db = database(&example, rows);
        migrate(&db, &example).expect("no word of warning");
        assert_eq!(text(&db, "select group_concat(title) from notes"), titles);
    }
}

#[test]
fn an_open_schema_table_takes_anything() {
    let id = "sqlite-writable-schema";
    let db = database(&bad(id), "create table t (a); insert into t values (1);");
    migrate(&db, &bad(id)).expect("no word of warning");
    db.execute_batch("update sqlite_schema set sql = 'create table t (' where name = 't';")
        .expect("nothing is checked");
    let _ = db.execute_batch("pragma writable_schema = reset");
    assert!(db.prepare("select * from t").is_err());
    assert!(migrate(&database(&good(id), ""), &good(id)).is_ok());
}

#[test]
fn a_plain_insert_overwrites_what_stands() {
    let id = "sqlite-on-conflict-in-ddl";
    let write = "insert into settings values ('a', '1'); insert into settings values ('a', '2');";
    let db = database(&bad(id), "");
    migrate(&db, &bad(id)).expect("it runs");
    db.execute_batch(write).expect("no word of warning");
    assert_eq!(text(&db, "select group_concat(value) from settings"), "2");
    let db = database(&good(id), "");
    migrate(&db, &good(id)).expect("it runs");
    assert!(db.execute_batch(write).is_err());
}

#[test]
fn a_text_key_takes_nulls() {
    let id = "sqlite-nullable-pk";
    let nulls = "insert into tags values (null); insert into tags values (null);";
    for (example, taken) in [(bad(id), true), (good(id), false)] {
        let db = database(&example, "");
        migrate(&db, &example).expect("it runs");
        assert_eq!(db.execute_batch(nulls).is_ok(), taken);
    }
    for table in ["(name text primary key) strict", "(name text primary key) without rowid"] {
        let db = Connection::open_in_memory().expect("memory database");
        assert!(db.execute_batch(&format!("create table tags {table}; {nulls}")).is_err(), "{table}");
    }
}

/// The bad example with the rule's fixes applied.
fn fixed(id: &str) -> String {
    let example = bad(id);
    let given = Script::parse(Dialect::Sqlite, "given.sql", example.given);
    let script = Script::parse(Dialect::Sqlite, example.file, example.text);
    let files = [JudgedFile::new(&given, Role::Schema), JudgedFile::new(&script, Role::Judged)];
    let mut text = example.text.to_owned();
    for finding in judge(&Input::new(Dialect::Sqlite, &files)).into_iter().filter(|f| f.rule == id) {
        let (fix, statement) = (finding.fix.expect("a fix"), finding.statement.expect("a statement"));
        text = text.replace(&statement, &fix.sql.join(";\n"));
    }
    text
}
