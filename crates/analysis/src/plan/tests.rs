use super::*;
use crate::ErrorKind;

fn script(dialect: Dialect, sql: &str) -> Script {
    Script::parse(dialect, "0007_x.sql", sql)
}

/// Steps as `id[statements]`, with `!` behind those outside of a transaction.
fn steps(dialect: Dialect, sql: &str) -> String {
    match file(&script(dialect, sql), "0007", false) {
        Ok(plan) => {
            let step = |s: &Step| {
                let numbers: Vec<String> = s.statements.iter().map(ToString::to_string).collect();
                format!("{}[{}]{}", s.id, numbers.join(" "), if s.transaction() { "" } else { "!" })
            };
            let keys = plan.foreign_keys.map(|on| if on { "keys on: " } else { "keys off: " });
            format!("{}{}", keys.unwrap_or(""), plan.steps.iter().map(step).collect::<Vec<_>>().join(" "))
        }
        Err(error) => format!("{:?}: {}", error.kind(), error.message()),
    }
}

#[test]
fn a_file_is_one_step_unless_it_must_not_be() {
    for (sql, expected) in [
        ("", "0007[]"),
        ("-- nothing but words", "0007[]"),
        ("create table a (b int); insert into a values (1);", "0007[0 1]"),
        ("begin; create table a (b int); create table c (d int); commit;", "0007[1 2]"),
        (
            "create table a (b int); create index concurrently i on a (b); drop table a;",
            "0007/1[0] 0007/2[1]! 0007/3[2]",
        ),
        ("create index concurrently i on a (b)", "0007[0]!"),
        (
            "-- cofferdam:no-transaction\nselect 1; begin; select 2; select 3; commit; vacuum a;",
            "0007/1[0] 0007/2[2 3] 0007/3[5]!",
        ),
        ("do $$ begin perform 1; end $$; select 1;", "0007[0 1]"),
        ("\\restrict x\nselect 1;\n\\unrestrict x\n", "0007[0]"),
    ] {
        assert_eq!(steps(Dialect::Postgres, sql), expected, "{sql}");
    }
}

#[test]
fn what_would_commit_half_a_step_is_refused_before_anything_runs() {
    for (sql, expected) in [
        (
            "select 1; commit; select 2;",
            "Refused: it contains COMMIT, and the file itself is the transaction",
        ),
        ("begin; select 1; rollback;", "Refused: it contains BEGIN, and the file itself is the transaction"),
        ("savepoint a; select 1;", "Refused: it contains SAVEPOINT, and the file itself is the transaction"),
        (
            "begin; select 1; commit; select 2;",
            "Refused: it contains BEGIN, and the file itself is the transaction",
        ),
        (
            "begin; create index concurrently i on a (b); commit;",
            "Refused: it runs CREATE INDEX CONCURRENTLY inside BEGIN .. COMMIT, where the database forbids it",
        ),
        (
            "-- cofferdam:no-transaction\nbegin; select 1;",
            "Refused: it opens a transaction and never commits it",
        ),
        (
            "\\connect other\nselect 1;",
            "Refused: it has a command that only a shell understands: \\connect other",
        ),
        ("copy a from stdin;\n1\n\\.\n", "Refused: it reads rows from standard input (COPY .. FROM STDIN)"),
        (
            "-- cofferdam:online\nselect 1;",
            "Invalid: it asks for an online change, which this version cannot run: cofferdam:online",
        ),
        (
            "-- cofferdam:no-transacton\nselect 1;",
            "Invalid: it has a directive that nobody knows: cofferdam:no-transacton",
        ),
    ] {
        assert_eq!(steps(Dialect::Postgres, sql), expected, "{sql}");
    }
}

#[test]
fn a_refusal_names_the_place() {
    let error =
        file(&script(Dialect::Postgres, "select 1;\n  commit;"), "0007", false).expect_err("a commit");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert_eq!(error.place().map(|p| (p.line, p.column)), Some((2, 3)));
}

#[test]
fn sqlite_lifts_the_pragma_that_a_transaction_would_ignore() {
    let rebuild =
        "create table n (a); insert into n select a from t; drop table t; alter table n rename to t;";
    for (sql, expected) in [
        (
            format!("pragma foreign_keys = off; begin; {rebuild} commit; pragma foreign_keys = on;"),
            "keys off: 0007[2 3 4 5]",
        ),
        (format!("PRAGMA foreign_keys(0); {rebuild}"), "keys off: 0007[1 2 3 4]"),
        (format!("pragma foreign_keys = 1; {rebuild}"), "keys on: 0007[1 2 3 4]"),
        (rebuild.to_owned(), "0007[0 1 2 3]"),
        // Prisma's, Drizzle's, and what would do something else with foreign keys off.
        (
            format!(
                "create table o (a); pragma defer_foreign_keys=on; pragma foreign_keys=off; {rebuild} \
                 pragma foreign_keys=on; pragma defer_foreign_keys=off; create index i on t (a);"
            ),
            "keys off: 0007[0 1 2 3 4 5 6 7 8 9]",
        ),
        (
            format!("pragma foreign_keys=off; {rebuild} pragma foreign_keys=on; create index i on t (a);"),
            "keys off: 0007[1 2 3 4 5 6]",
        ),
        (
            format!("delete from o; pragma foreign_keys=off; {rebuild} pragma foreign_keys=on;"),
            "0007[0 1 2 3 4 5]",
        ),
        (format!("pragma foreign_keys=on; {rebuild}"), "keys on: 0007[1 2 3 4]"),
        ("vacuum; create table a (b);".to_owned(), "0007/1[0]! 0007/2[1]"),
        (
            "-- cofferdam:no-transaction\ncreate table a (b); pragma foreign_keys = off; drop table a;"
                .to_owned(),
            "0007/1[0] 0007/2[1]! 0007/3[2]",
        ),
    ] {
        assert_eq!(steps(Dialect::Sqlite, &sql), expected, "{sql}");
    }
}

#[test]
fn a_step_hash_is_its_statements_without_comments_and_line_ends() {
    let hash =
        |sql: &str| file(&script(Dialect::Postgres, sql), "0007", false).expect("a plan").steps[0].hash;
    let plain = hash("select 1;\nselect 2;");
    assert_eq!(plain, hash("-- a word\r\nselect 1;\r\n\r\nselect 2"));
    assert_ne!(plain, hash("select 1; select 3;"));
    assert_ne!(hash("select 12;"), hash("select 1; select 2;"));
}

#[test]
fn no_file_changes_the_ledger_by_whatever_way() {
    for (sql, what) in [
        ("update cofferdam.migration set checksum = null", "cofferdam.migration"),
        ("update cofferdam.lease set fence = fence + 5", "cofferdam.lease"),
        ("insert into \"cofferdam\".audit values (1)", "cofferdam.audit"),
        ("delete from cofferdam.step", "cofferdam.step"),
        ("truncate a, cofferdam.run", "cofferdam.run"),
        ("drop table a, COFFERDAM.meta", "cofferdam.meta"),
        ("drop schema a, cofferdam cascade", "schema cofferdam"),
        ("alter schema cofferdam rename to b", "schema cofferdam"),
        ("alter table cofferdam.lease add column a int", "cofferdam.lease"),
        ("alter table a set schema cofferdam", "schema cofferdam"),
        ("create trigger a before insert on cofferdam.audit execute function b()", "cofferdam.audit"),
        ("create table cofferdam.a (b int)", "cofferdam.a"),
        ("lock table cofferdam.lease", "cofferdam.lease"),
        ("with a as (delete from cofferdam.run returning *) select * from a", "cofferdam.run"),
        ("do $$ begin update cofferdam.lease set fence = 9; end $$", "cofferdam.lease"),
        ("do $$ begin execute 'delete from cofferdam.lease'; end $$", "cofferdam.lease"),
        ("set search_path to public, cofferdam; update lease set fence = 9", "search_path to cofferdam"),
        ("create function f() returns void language sql as $$ delete from cofferdam.run $$", "cofferdam.run"),
    ] {
        let expected = format!("Refused: it changes {what}, which belongs to the ledger");
        assert_eq!(steps(Dialect::Postgres, sql), expected, "{sql}");
    }
    for (sql, what) in [
        ("update _cofferdam_lease set fence = 9", "_cofferdam_lease"),
        ("insert into main._Cofferdam_audit values (1)", "main._Cofferdam_audit"),
        ("drop table _cofferdam_meta", "_cofferdam_meta"),
        ("create temp table _cofferdam_lease (fence)", "_cofferdam_lease"),
        ("alter table a rename to _cofferdam_run", "_cofferdam_run"),
        ("create trigger t after insert on a begin delete from _cofferdam_run; end", "_cofferdam_run"),
    ] {
        let expected = format!("Refused: it changes {what}, which belongs to the ledger");
        assert_eq!(steps(Dialect::Sqlite, sql), expected, "{sql}");
    }
}

#[test]
fn reading_the_ledger_and_names_that_only_look_like_it_are_fine() {
    for sql in [
        "select * from cofferdam.migration",
        "create table a as select version from cofferdam.migration",
        "insert into a select version from cofferdam.migration",
        "create table cofferdam (a int); update cofferdam set a = 1; drop table cofferdam",
        "create table _cofferdam_a (a int)",
        "set search_path to cofferdam_app",
    ] {
        assert!(steps(Dialect::Postgres, sql).starts_with("0007["), "{sql}");
    }
    for sql in ["select * from _cofferdam_migration", "create table cofferdam_a (b)", "create table _é (b)"]
    {
        assert!(steps(Dialect::Sqlite, sql).starts_with("0007["), "{sql}");
    }
}
