//! SQLite: what is read, what drift is, what is none.

use std::path::PathBuf;

use cofferdam::ErrorKind;
use cofferdam::catalog::sqlite::read;
use cofferdam_analysis::catalog::{
    Action, Catalog, ConstraintKind, Ignore, QualifiedName, Relation, TableKind, fingerprint,
};
use rusqlite::Connection;

use super::{in_full, told};

const TORTURE: &str = "
    create table users (
      id integer primary key autoincrement,
      email text not null unique collate nocase,
      name varchar(50) default 'anon' check (length(name) > 0),
      born text default (datetime('now')),
      lower_name text as (lower(name)) stored,
      upper_name text as (upper(name))
    );
    create table notes (
      id integer not null, user_id int not null references users(id) on delete cascade deferrable initially deferred,
      body text, price real, parent int,
      constraint notes_pk primary key (id, user_id desc),
      constraint positive check (price >= 0),
      unique (body, price) on conflict ignore,
      foreign key (parent, user_id) references notes (id, user_id) on update set null
    ) without rowid, strict;
    create table \"Mixed \"\"Case\"\"\" (\"from\" int, [odd name] text, `tick` blob);
    create index notes_price on notes (price desc) where price > 10;
    create unique index users_lower on users (lower(name), email collate binary);
    create view active as select u.id, n.body from users u join notes n on n.user_id = u.id;
    create trigger touch after update of body on notes when old.body <> new.body
      begin update users set name = 'x;y' where id = new.user_id; end;
    create trigger redirect instead of insert on active begin select 1; end;
    create virtual table search using fts5(body, content='notes', tokenize = 'porter');";

fn torture() -> Connection {
    let conn = Connection::open_in_memory().unwrap();
    conn.execute_batch(TORTURE).unwrap();
    conn
}

fn after(conn: &Connection, sql: &str) -> Catalog {
    conn.execute_batch("savepoint planted").unwrap();
    conn.execute_batch(sql).unwrap_or_else(|e| panic!("{e}\nin: {sql}"));
    let live = read(conn).unwrap();
    conn.execute_batch("rollback to planted; release planted").unwrap();
    live
}

#[test]
fn everything_is_read_and_survives_a_snapshot() {
    let found = read(&torture()).unwrap();
    let users = found.table(None, "USERS").unwrap();
    assert!(users.autoincrement);
    let names: Vec<_> = users.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["id", "email", "name", "born", "lower_name", "upper_name"]);
    assert_eq!(users.columns[1].collation.as_deref(), Some("nocase"));
    assert_eq!(users.columns[3].default.as_deref(), Some("datetime ('now')"));
    let stored: Vec<_> =
        users.columns.iter().filter_map(|c| c.generated.as_ref()).map(|g| g.stored).collect();
    assert_eq!(stored, [true, false]);
    assert_eq!(users.indexes["users_lower"].keys[0].expression.as_deref(), Some("lower (name)"));
    assert!(users.has_index_on(&["id".to_owned()]) && users.has_index_on(&["email".to_owned()]));
    assert!(!users.has_index_on(&["name".to_owned()]));

    let notes = found.table(None, "notes").unwrap();
    assert!(notes.without_rowid && notes.strict);
    let kinds: Vec<_> = notes.constraints.values().map(|c| c.kind).collect();
    assert_eq!(kinds.iter().filter(|k| **k == ConstraintKind::ForeignKey).count(), 2);
    assert_eq!(notes.primary_key().unwrap().columns, ["id", "user_id"]);
    assert_eq!(notes.indexes["notes_price"].predicate.as_deref(), Some("price > 10"));
    let users_name = QualifiedName::bare("users");
    let key = found.foreign_keys_to(&users_name).next().unwrap();
    assert_eq!((key.table.name.as_str(), key.reference.on_delete), ("notes", Action::Cascade));
    assert!(key.constraint.initially_deferred);

    assert_eq!(found.table(None, "search").unwrap().kind, TableKind::Virtual);
    assert_eq!(found.table(None, "search_data").unwrap().kind, TableKind::Shadow);
    assert!(found.table(None, "sqlite_sequence").is_none());
    let Some((_, Relation::View(active))) = found.relation(None, "active") else { panic!("no view") };
    assert_eq!((active.columns.len(), active.triggers.len()), (2, 1));

    let back = Catalog::from_snapshot(&found.to_snapshot().unwrap()).unwrap();
    assert_eq!(back, found);
    assert_eq!(fingerprint(&back), fingerprint(&read(&torture()).unwrap()));
}

#[test]
fn planted_differences_are_found_as_one_each() {
    let planted = [
        ("create table stray (a int)", "extra table stray"),
        ("drop table search", "missing table search"),
        ("alter table users add stray text", "extra column users.stray"),
        ("drop index notes_price", "missing index notes_price"),
        ("create index stray on users (born)", "extra index stray"),
        (
            "drop index notes_price; create index notes_price on notes (price) where price > 10",
            "definition of index notes_price",
        ),
        (
            "drop index notes_price; create index notes_price on notes (price desc)",
            "definition of index notes_price",
        ),
        (
            "drop index users_lower; create index users_lower on users (lower(name), email collate binary)",
            "unique of index users_lower",
        ),
        ("drop trigger touch", "missing trigger notes.touch"),
        (
            "drop trigger redirect; create trigger redirect instead of insert on active begin select 2; end",
            "definition of trigger active.redirect",
        ),
        ("drop view active", "missing view active"),
        (
            "drop table search; create virtual table search using fts5(body, content='notes')",
            "module of table search",
        ),
        ("alter table \"Mixed \"\"Case\"\"\" rename \"from\" to \"to\"", ""),
    ];
    let conn = torture();
    let expected = read(&conn).unwrap();
    for (sql, line) in planted {
        let found = told(&expected, &after(&conn, sql), &Ignore::default()).join("; ");
        assert!(
            if line.is_empty() { !found.is_empty() } else { found == line },
            "{sql}\nwanted {line}\nfound {found}"
        );
    }
}

/// A table made anew with one thing different: SQLite alters little in place.
#[test]
fn differences_inside_a_table_are_found() {
    let base = "create table t (a integer primary key, b text default 'x' check (b <> ''), c int references p(id), unique (b))";
    let changed = [
        ("default 'x'", "default 'y'", "default of column t.b"),
        (
            "b <> ''",
            "b <> 'B'",
            "missing constraint t.\"CHECK (b <> '')\"; extra constraint t.\"CHECK (b <> 'B')\"",
        ),
        ("b text", "b text not null", "not_null of column t.b"),
        ("b text", "b text collate nocase", "collation of column t.b"),
        ("b text", "b blob", "type of column t.b"),
        ("integer primary key", "integer primary key autoincrement", "autoincrement of table t"),
        ("p(id)", "p(id) on delete cascade", ""),
        (", unique (b)", "", "missing constraint t.\"UNIQUE (b)\""),
        ("unique (b))", "unique (b)) strict", "strict of table t"),
        ("c int references p(id), unique", "d int, c int references p(id), unique", "extra column t.d"),
        (
            "b text default 'x' check (b <> ''), c int references p(id)",
            "c int references p(id), b text default 'x' check (b <> '')",
            "column_order of table t",
        ),
    ];
    let made = |sql: &str| {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch("create table p (id integer primary key)").unwrap();
        conn.execute_batch(sql).unwrap_or_else(|e| panic!("{e}\nin: {sql}"));
        read(&conn).unwrap()
    };
    let expected = made(base);
    for (from, to, line) in changed {
        let sql = base.replace(from, to);
        assert_ne!(sql, base, "{from}");
        let live = made(&sql);
        let found = told(&expected, &live, &Ignore::default()).join("; ");
        assert!(
            if line.is_empty() { !found.is_empty() } else { found == line },
            "{sql}\nwanted {line}\nfound {found}"
        );
        assert_ne!(fingerprint(&expected), fingerprint(&live), "{sql}");
    }
}

#[test]
fn innocent_differences_are_silent() {
    let innocent = [
        "insert into users (email) values ('a'), ('b'); analyze",
        "drop view active; CREATE VIEW \"active\" AS SELECT u.[id],n.`body` FROM users u JOIN notes n ON n.user_id=u.id -- same
           ; create trigger redirect instead of insert on active begin select 1; end",
        "drop trigger touch; CREATE TRIGGER \"touch\" AFTER UPDATE OF body ON \"notes\" WHEN OLD.body <> NEW.body
           BEGIN UPDATE users SET name='x;y' WHERE id=new.user_id; END",
        "drop index notes_price; CREATE INDEX IF NOT EXISTS \"notes_price\" ON \"notes\"(\"price\" DESC) WHERE price>10",
        "alter table users rename to people; alter table people rename to users",
        "create table _cofferdam_migration (a int primary key); create index _cofferdam_i on users (born)",
        "create temp table passing (a int)",
        "create table gone (a int); drop table gone",
        "alter table users add stray text; alter table users drop stray",
        "create table \"new\" (\"from\" INT, \"odd name\" TEXT, tick BLOB); drop table \"Mixed \"\"Case\"\"\";
         alter table new rename to \"Mixed \"\"Case\"\"\"",
    ];
    let conn = torture();
    let expected = read(&conn).unwrap();
    for sql in innocent {
        let live = after(&conn, sql);
        assert_eq!(in_full(&expected, &live, &Ignore::default()), "", "{sql}");
        assert_eq!(fingerprint(&expected), fingerprint(&live), "{sql}");
    }
}

#[test]
fn chinook_reads_and_rebuilds_equal() {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/chinook.sqlite");
    if !file.exists() {
        eprintln!("skipped: {} is not there", file.display());
        return;
    }
    let database = cofferdam_testkit::sqlite::Database::copy_of(&file);
    let conn = database.connection();
    let found = read(&conn).unwrap();
    assert!(found.foreign_keys_of(&QualifiedName::bare("Album")).count() == 1);
    let fresh = Connection::open_in_memory().unwrap();
    let mut statement =
        conn.prepare("select sql from sqlite_schema where sql is not null order by type = 'index'").unwrap();
    for sql in statement.query_map([], |row| row.get::<_, String>(0)).unwrap() {
        fresh.execute_batch(&sql.unwrap()).unwrap();
    }
    assert_eq!(in_full(&found, &read(&fresh).unwrap(), &Ignore::nothing()), "");
}

#[test]
fn a_file_that_is_no_database_is_corrupt() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("x.db");
    std::fs::write(&file, "This is a shopping list, not a database. ".repeat(40)).unwrap();
    let error = read(&Connection::open(&file).unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
}

#[test]
fn a_view_over_a_missing_table_and_an_unknown_module_do_not_stop_the_read() {
    let conn = torture();
    conn.execute_batch(
        "create view broken as select * from users; pragma legacy_alter_table = on;
         create view gone as select * from nowhere; pragma writable_schema = on;
         insert into sqlite_schema (type, name, tbl_name, rootpage, sql)
         values ('table', 'geo', 'geo', 0, 'create virtual table geo using nomodule(a)'); pragma writable_schema = reset",
    )
    .unwrap();
    let found = read(&conn).unwrap();
    assert!(found.relation(None, "gone").is_some());
    assert_eq!(found.table(None, "geo").unwrap().kind, TableKind::Virtual);
}
