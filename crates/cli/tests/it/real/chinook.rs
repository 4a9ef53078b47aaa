//! Table rebuilds on a real SQLite database: Chinook, 11 tables with 15 607 rows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cofferdam::{catalog, runner};
use cofferdam_analysis::catalog::{Ignore, diff};
use cofferdam_testkit::{Cofferdam, checkout, sqlite};
use rusqlite::types::Value as Cell;
use serde_json::json;

use crate::project::{Project, document};

/// `None`, with a word on why, where the file is not there: it is too large to commit.
pub(super) fn chinook() -> Option<PathBuf> {
    let beside = checkout::root().parent().map(|parent| parent.join("shared/data/chinook.sqlite"));
    let named = std::env::var_os("COFFERDAM_TEST_CHINOOK").map(PathBuf::from);
    let found = named.into_iter().chain(beside).find(|path| path.is_file());
    if found.is_none() {
        eprintln!("skipped: no chinook.sqlite; COFFERDAM_TEST_CHINOOK may name it");
    }
    found
}

/// A copy of Chinook under management, and its only migration.
struct Store {
    project: Project,
    database: sqlite::Database,
}

impl Store {
    fn new(chinook: &Path, migration: &str) -> Self {
        let database = sqlite::Database::copy_of(chinook);
        let mut rights = database.path().metadata().expect("it was copied").permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut rights, 0o600);
        std::fs::set_permissions(database.path(), rights).expect("the copy is ours");
        let store = Self { project: Project::new().file("migrations/0001_rebuild.sql", migration), database };
        store.cofferdam("adopt --none").run();
        store
    }

    fn cofferdam(&self, line: &str) -> Cofferdam {
        self.project.cofferdam(line).args(["--format", "json", "--database-url"]).arg(self.database.url())
    }

    /// Every value of every table of Chinook, in the order of its columns.
    fn content(&self) -> BTreeMap<String, Vec<Vec<Cell>>> {
        let connection = self.database.connection();
        let names =
            "select name from sqlite_schema where type = 'table' and name not like '\\_%' escape '\\'";
        let mut statement = connection.prepare(names).expect("tables");
        let tables = statement.query_map([], |row| row.get(0)).expect("tables");
        let tables: Vec<String> = tables.collect::<Result<_, _>>().expect("names");
        let rows_of = |table: &String| {
            let mut statement = connection.prepare(&format!("select * from \"{table}\"")).expect("a table");
            let columns = statement.column_count();
            let cells = |row: &rusqlite::Row<'_>| (0..columns).map(|i| row.get(i)).collect();
            let rows = statement.query_map([], cells).expect("rows").collect::<Result<Vec<Vec<Cell>>, _>>();
            let mut rows = rows.expect("cells");
            rows.sort_by_cached_key(|row| format!("{row:?}"));
            rows
        };
        tables.iter().map(|table| (table.clone(), rows_of(table))).collect()
    }

    fn assert_sound(&self) {
        assert_eq!(self.database.sql("pragma integrity_check; pragma foreign_key_check"), "ok");
    }
}

/// A rebuild in the twelve steps of SQLite's manual, with `copy` in the place of the copy.
struct Rebuild {
    table: &'static str,
    /// What stands between the parentheses of `create table`.
    columns: &'static str,
    /// What it takes to make again what the drop takes with it.
    indexes: &'static str,
}

const PLAYLIST_TRACK: Rebuild = Rebuild {
    table: "PlaylistTrack",
    columns: "PlaylistId integer not null references Playlist (PlaylistId),
    TrackId integer not null references Track (TrackId),
    constraint PK_PlaylistTrack primary key (PlaylistId, TrackId), check (TrackId > 0)",
    indexes: "create unique index IPK_PlaylistTrack on PlaylistTrack (PlaylistId, TrackId);
create index IFK_PlaylistTrackTrackId on PlaylistTrack (TrackId);",
};
/// Refers to itself, and customers refer to it.
const EMPLOYEE: Rebuild = Rebuild {
    table: "Employee",
    columns: "EmployeeId integer not null constraint PK_Employee primary key, LastName nvarchar(20) not null,
    FirstName nvarchar(20) not null, Title nvarchar(30),
    ReportsTo integer references Employee (EmployeeId) check (ReportsTo <> EmployeeId),
    BirthDate datetime, HireDate datetime, Address nvarchar(70), City nvarchar(40), State nvarchar(40),
    Country nvarchar(40), PostalCode nvarchar(10), Phone nvarchar(24), Fax nvarchar(24), Email nvarchar(60)",
    indexes: "create unique index IPK_Employee on Employee (EmployeeId);
create index IFK_EmployeeReportsTo on Employee (ReportsTo);",
};
const ALBUM: Rebuild = Rebuild {
    table: "Album",
    columns:
        "AlbumId integer not null constraint PK_Album primary key, Title text not null check (Title <> ''),
    ArtistId integer not null references Artist (ArtistId) on delete cascade",
    indexes: "create unique index IPK_Album on Album (AlbumId);
create index IFK_AlbumArtistId on Album (ArtistId);",
};

impl Rebuild {
    fn copying(&self, copy: &str) -> String {
        let Self { table, columns, indexes } = self;
        format!(
            "pragma foreign_keys = off;\nbegin;\ncreate table {table}_new (\n    {columns}\n);\n{copy};\n\
             drop table {table};\nalter table {table}_new rename to {table};\n{indexes}\n\
             pragma foreign_key_check;\ncommit;\npragma foreign_keys = on;\n"
        )
    }

    fn whole(&self) -> String {
        self.copying(&format!("insert into {0}_new select * from {0}", self.table))
    }
}

#[test]
fn a_rebuild_in_twelve_steps_keeps_every_value_and_its_copy_takes_it_back() {
    let Some(chinook) = chinook() else { return };
    for rebuild in [PLAYLIST_TRACK, EMPLOYEE, ALBUM] {
        let store = Store::new(&chinook, &rebuild.whole());
        let before = store.content();
        assert_eq!(before.values().map(Vec::len).sum::<usize>(), 15_607);
        let states = runner::sqlite::table_states(&store.database.connection()).expect("states");
        let catalog_before = catalog::sqlite::read(&store.database.connection()).expect("a catalog");

        let migrated = document("migrate", &store.cofferdam("migrate").run());
        assert_eq!(migrated["rollback_point"]["kind"], "file-copy", "{migrated:#}");
        assert_eq!(store.content(), before, "{}", rebuild.table);
        let after = runner::sqlite::table_states(&store.database.connection()).expect("states");
        assert_eq!(after, states, "{}", rebuild.table);
        store.assert_sound();
        let catalog = catalog::sqlite::read(&store.database.connection()).expect("a catalog");
        let changed = diff(&catalog_before, &catalog, &Ignore::default());
        assert!(!changed.is_empty(), "{}: nothing was rebuilt", rebuild.table);
        let of_the_table = |d: &&_| format!("{d:?}").contains(rebuild.table);
        assert_eq!(changed.iter().filter(of_the_table).count(), changed.len(), "{changed:#?}");

        let undone = document("rollback", &store.cofferdam("rollback").run());
        assert_eq!((&undone["undone"], &undone["would_lose"]), (&json!(["0001"]), &json!({})));
        assert_eq!(store.content(), before);
        let catalog = catalog::sqlite::read(&store.database.connection()).expect("a catalog");
        assert_eq!(diff(&catalog_before, &catalog, &Ignore::nothing()), []);
        store.assert_sound();
        assert_eq!(document("audit", &store.cofferdam("audit --verify").run())["verified"], true);
    }
}

#[test]
fn rows_written_after_a_rebuild_are_not_rolled_back_unasked() {
    let Some(chinook) = chinook() else { return };
    let store = Store::new(&chinook, &PLAYLIST_TRACK.whole());
    store.cofferdam("migrate").run();
    store.database.sql("insert into Artist values (9001, 'New'), (9002, 'Newer')");
    let refused = document("rollback", &store.cofferdam("rollback").status(3).run());
    let message = refused["error"]["message"].as_str().expect("a message");
    assert!(message.contains("Artist (2 rows)"), "{refused:#}");
    assert_eq!(store.database.sql("select count(*) from Artist where ArtistId > 9000"), "2");
    let undone = document("rollback", &store.cofferdam("rollback --discard-writes").run());
    assert_eq!(undone["would_lose"], json!({"Artist": 2}));
    assert_eq!(store.database.sql("select count(*) from Artist where ArtistId > 9000"), "0");
}

#[test]
fn a_rebuild_that_leaves_something_behind_is_refused_before_it_runs() {
    let Some(chinook) = chinook() else { return };
    let rebuild = PLAYLIST_TRACK;
    let filtered = "insert into PlaylistTrack_new select * from PlaylistTrack where TrackId > 100";
    let ignoring = "insert or ignore into PlaylistTrack_new select * from PlaylistTrack";
    let joined = "insert into PlaylistTrack_new select p.PlaylistId, t.TrackId from PlaylistTrack p
        join Track t using (TrackId) where t.Composer is not null";
    let enforced = rebuild.whole().replace("pragma foreign_keys", "-- ");
    for (migration, rule) in [
        (rebuild.copying(filtered), "drop-table"),
        (rebuild.copying(ignoring), "silent-row-loss"),
        (rebuild.copying(joined), "drop-table"),
        (Rebuild { indexes: "", ..PLAYLIST_TRACK }.whole(), "sqlite-rebuild-loses-objects"),
        (enforced.replace("PlaylistTrack", "Track").replace(rebuild.indexes, ""), "sqlite-rebuild-fk-on"),
    ] {
        let store = Store::new(&chinook, &migration);
        let before = store.content();
        let refused = document("migrate", &store.cofferdam("migrate").status(3).run());
        let rules: Vec<_> =
            refused["findings"].as_array().into_iter().flatten().map(|f| &f["rule"]).collect();
        assert!(rules.contains(&&json!(rule)), "{rule}: {refused:#}");
        assert_eq!(store.content(), before, "{rule}");
    }
}

#[test]
fn a_loss_that_no_rule_sees_is_found_by_counting() {
    let Some(chinook) = chinook() else { return };
    let copy = "create trigger quietly before insert on PlaylistTrack_new when new.TrackId = 1
        begin select raise(ignore); end;
        insert into PlaylistTrack_new select * from PlaylistTrack;
        drop trigger quietly";
    let straight = PLAYLIST_TRACK.copying(copy);
    // The same rebuild the other way round: the old table steps aside first.
    let aside = straight
        .replace(
            "create table PlaylistTrack_new",
            "alter table PlaylistTrack rename to Old; create table PlaylistTrack",
        )
        .replace("on PlaylistTrack_new", "on PlaylistTrack")
        .replace("into PlaylistTrack_new select * from PlaylistTrack", "into PlaylistTrack select * from Old")
        .replace("drop table PlaylistTrack;", "drop table Old;")
        .replace("alter table PlaylistTrack_new rename to PlaylistTrack;", "");
    for (migration, allow) in [(straight, ""), (aside, " --allow sqlite-rename-old-away --reason tried")] {
        let store = Store::new(&chinook, &migration);
        let before = store.content();
        let failed = document("migrate", &store.cofferdam(&format!("migrate{allow}")).status(1).run());
        let message = failed["error"]["message"].as_str().expect("a message");
        assert!(message.contains("PlaylistTrack would change its rows from 8715 to 8712"), "{failed:#}");
        assert_eq!(store.content(), before);
        store.assert_sound();
    }
}

#[test]
fn rows_whose_drop_was_allowed_may_go_and_the_copy_keeps_them() {
    let Some(chinook) = chinook() else { return };
    let copy = "insert into PlaylistTrack_new select * from PlaylistTrack where TrackId > 100";
    let store = Store::new(&chinook, &PLAYLIST_TRACK.copying(copy));
    let before = store.content();
    store.cofferdam("migrate --allow drop-table --reason old-tracks").run();
    assert_eq!(store.database.sql("select count(*) from PlaylistTrack"), "8458");
    store.cofferdam("rollback").run();
    assert_eq!(store.content(), before);
}
