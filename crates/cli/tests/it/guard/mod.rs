//! The guard against accidents, from the outside: what it refuses, what it lets pass.

mod accidents;
mod allow;
mod dumps;
mod innocents;
mod permit;
mod privileges;
mod status;
mod tools;

use cofferdam_testkit::Cofferdam;
use cofferdam_testkit::postgres::Database;

use crate::project::Project;

/// What every kind of accident can befall.
const SCHEMA: &str = r#"
create schema shop;
create type mood as enum ('good', 'bad');
create type pair as (a integer, b integer);
create domain email as text check (value like '%@%');
create sequence loose;
create function shout(text) returns text language sql immutable as 'select upper($1)';
create table notes (
    id bigint generated always as identity primary key,
    body text not null,
    status text default 'new',
    feeling mood,
    writer email,
    loud text generated always as (shout(body)) stored
);
create table tags (note_id bigint references notes, tag text);
create table events (at date not null, what text) partition by range (at);
create table events_2026 partition of events for values from ('2026-01-01') to ('2027-01-01');
create table shop.orders (id serial primary key, total numeric, extra pair);
create view recent as select id, body from notes;
create materialized view totals as select sum(total) as total from shop.orders;
create unique index totals_total on totals (total);
insert into notes (body, feeling, writer) values ('a', 'good', 'a@b'), ('b', 'bad', 'b@b');
insert into tags values (1, 'x');
insert into events values ('2026-05-05', 'spring');
insert into shop.orders (total, extra) values (10, (1, 2));
"#;

/// A migrated project with its database.
struct Scene {
    project: Project,
    database: Database,
}

impl Scene {
    fn new(major: u32) -> Self {
        let scene = Self::empty(major);
        scene.project.write("migrations/0001_all.sql", SCHEMA);
        scene.run("migrate").run();
        scene
    }

    fn empty(major: u32) -> Self {
        let project = Project::new();
        std::fs::create_dir_all(project.path("migrations")).expect("a folder");
        Self { project, database: Database::new(major) }
    }

    fn guarded(major: u32) -> Self {
        let scene = Self::new(major);
        scene.run("guard install").stdout_contains("guarded by event-trigger").run();
        scene
    }

    fn run(&self, line: &str) -> Cofferdam {
        self.as_role("postgres", line)
    }

    fn as_role(&self, role: &str, line: &str) -> Cofferdam {
        let url = self.database.url().replacen("postgres@", &format!("{role}@"), 1);
        self.project.cofferdam(line).env("DATABASE_URL", url)
    }

    /// What the server said to `sql`, run as `role` and rolled back: SQLSTATE and message, or nothing.
    fn said(&self, role: &str, sql: &str) -> Option<Said> {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let client = self.database.client().await;
            client.batch_execute(&format!("set session authorization \"{role}\"")).await.expect("a role");
            let begun = if sql.contains("drop database") { "" } else { "begin" };
            client.batch_execute(begun).await.expect("a transaction");
            let said = client.batch_execute(sql).await.err();
            // The transaction goes with its session.
            let _ = client.batch_execute("rollback").await;
            said.map(|error| Said::of(&error))
        })
    }

    /// Rows of every table of [`SCHEMA`].
    fn rows(&self) -> String {
        self.database.psql(
            "select (select count(*) from notes), (select count(*) from tags), (select count(*) from events),
                    (select count(*) from shop.orders)",
        )
    }
}

/// An error as a client sees it.
#[derive(Debug)]
struct Said {
    state: String,
    message: String,
    detail: String,
    hint: String,
}

impl Said {
    fn of(error: &tokio_postgres::Error) -> Self {
        let error = error.as_db_error().unwrap_or_else(|| panic!("no answer of the server: {error}"));
        Self {
            state: error.code().code().to_owned(),
            message: error.message().to_owned(),
            detail: error.detail().unwrap_or_default().to_owned(),
            hint: error.hint().unwrap_or_default().to_owned(),
        }
    }

    fn by_guard(&self) -> bool {
        self.state == "ZG001"
            && self.message.starts_with("cofferdam guard: ")
            && self.hint.contains("guard allow")
    }
}
