//! What does not grow with the number of migrations and tables, and what does not grow
//! faster than a file. Counts and limits, never times: `bench/scale` measures those.

use std::fmt::Write as _;

use cofferdam_testkit::postgres::{Database, majors};
use cofferdam_testkit::proxy::Proxy;
use cofferdam_testkit::{Output, soak};

use crate::project::{Project, document};

/// A table for each of `tables`, and so many migrations in all.
fn folder(tables: usize, migrations: usize) -> Project {
    let mut schema = String::new();
    for table in 0..tables {
        writeln!(schema, "create table t{table} (id bigint primary key, body text);")
            .expect("a string takes any text");
    }
    let project = Project::new().file("migrations/0001_schema.sql", schema);
    for number in 2..=migrations {
        project.write(&format!("migrations/{number:04}_m{number}.sql"), "select 1;\n");
    }
    project
}

/// The round trips of each command on a database of that size.
fn turns(major: u32, tables: usize, migrations: usize) -> Vec<(&'static str, usize)> {
    let database = Database::new(major);
    let project = folder(tables, migrations);
    let direct = format!("migrate --database-url {}", database.url());
    project.cofferdam(&direct).stderr_contains(format!("{migrations} applied")).run();
    let proxy = Proxy::start(database.address());
    let url = database.url_through(&proxy);
    let count = |line: &'static str| {
        let before = proxy.turns();
        project.cofferdam(&format!("{line} --database-url {url}")).run();
        (line, proxy.turns() - before)
    };
    let mut turns = vec![count("status"), count("migrate"), count("audit --verify")];
    project.write("migrations/9999_last.sql", "create table last (id bigint primary key);\n");
    turns.extend([count("status --quiet"), count("plan"), count("check"), count("migrate --quiet")]);
    turns
}

#[test]
fn no_command_asks_the_server_more_for_more_migrations_or_tables() {
    for major in majors() {
        let (small, large) = (turns(major, 3, 5), turns(major, 120, 125));
        for ((command, small), (_, large)) in small.into_iter().zip(large) {
            assert!(small > 0, "Postgres {major}: {command} asked nothing through the proxy");
            assert!(large < small + 10, "Postgres {major}: {command} asks {small} times, then {large} times");
        }
    }
}

#[test]
fn a_file_of_another_tools_folder_costs_the_same_behind_a_long_ledger() {
    let major = majors()[0];
    let bytes = |applied: usize| {
        let database = Database::new(major);
        let project = Project::new();
        let mut ledger = "create table schema_migrations (version varchar primary key)".to_owned();
        for number in 1..=applied + 5 {
            let text = "-- migrate:up\nselect 1;\n-- migrate:down\n";
            project.write(&format!("migrations/{:014}_m.sql", 20_240_000_000_000_usize + number), text);
        }
        for number in 1..=applied {
            let version = 20_240_000_000_000_usize + number;
            write!(ledger, "; insert into schema_migrations values ('{version}')")
                .expect("a string takes any text");
        }
        database.psql(&ledger);
        let adopt = format!("adopt --database-url {}", database.url());
        project.cofferdam(&adopt).run();
        let proxy = Proxy::start(database.address());
        let url = database.url_through(&proxy);
        let migrate = format!("migrate --database-url {url}");
        project.cofferdam(&migrate).stderr_contains("5 applied").run();
        proxy.answers()
    };
    let (short, long) = (bytes(10), bytes(1_010));
    // Before the lease and under it, and once before the first file; not before each of five.
    let a_row = 150;
    assert!(long < short + 4 * 1_000 * a_row, "{short} bytes of answers, then {long}");
}

/// A command beside the file `migrations/1_one.sql`, with so many bytes of memory to be had;
/// fails where that is not enough.
#[cfg(target_os = "linux")]
fn within(megabytes: usize, command: &str, text: &str) -> Output {
    let project = Project::new().file("migrations/1_one.sql", text);
    let limit = megabytes * 1024;
    let script = format!("ulimit -v {limit}; exec {} {command}", env!("CARGO_BIN_EXE_cofferdam"));
    cofferdam_testkit::Cofferdam::new("/bin/sh")
        .args(["-c", &script])
        .env("MALLOC_ARENA_MAX", "1")
        .current_dir(project.path("."))
        .run()
}

#[cfg(target_os = "linux")]
fn checked_within(megabytes: usize, dialect: &str, text: &str) {
    let command = format!("check --format json --dialect {dialect} migrations/1_one.sql");
    document("check", &within(megabytes, &command, text));
}

/// Some hundred thousand statements: rows, changes of them, and now and then a table.
#[cfg(target_os = "linux")]
fn statements(bytes: usize) -> String {
    let mut text = "create table items (id bigint primary key, title text not null, body text);\n".to_owned();
    let mut number = 0;
    while text.len() < bytes {
        number += 1;
        match number % 200 {
            0 => writeln!(text, "create table part_{number} (id bigint primary key, item bigint);"),
            1..=20 => writeln!(
                text,
                "update items set title = 'title {number}', body = 'another text' where id = {number};"
            ),
            _ => writeln!(
                text,
                "insert into items (id, title, body) values ({number}, 'title {number}', 'some text');"
            ),
        }
        .expect("a string takes any text");
    }
    text
}

#[test]
#[cfg(target_os = "linux")]
fn many_small_statements_take_a_small_multiple_of_their_size() {
    let text = statements(10_000_000);
    // The program itself takes some 100 MB of addresses; with the rows of each insert kept it
    // was 300 MB and more.
    for dialect in ["postgres", "sqlite"] {
        checked_within(230, dialect, &text);
    }
    within(230, "plan --quiet --database-url sqlite:new.db", &text);
    within(230, "migrate --quiet --database-url sqlite:new.db", &text);
}

#[cfg(target_os = "linux")]
fn insert(bytes: usize) -> String {
    let mut text =
        "create table items (id bigint);\ninsert into items (id, title) values (0, 'a')".to_owned();
    let mut number = 0;
    while text.len() < bytes {
        number += 1;
        write!(text, ",\n({number}, 'title {number}')").expect("a string takes any text");
    }
    text + ";\n"
}

#[cfg(target_os = "linux")]
fn body(bytes: usize) -> String {
    let mut text = "create function load() returns void language plpgsql as $$\nbegin\n".to_owned();
    while text.len() < bytes {
        text.push_str("  insert into items (id, title) values (1, 'title');\n");
    }
    text + "end\n$$;\n"
}

#[test]
#[cfg(target_os = "linux")]
fn one_huge_insert_and_one_huge_body_take_a_small_multiple_of_their_size() {
    const BYTES: usize = 10_000_000;
    for text in [insert(BYTES), body(BYTES)] {
        // The program itself takes some 100 MB of addresses; the parser's tree of it all took 250 and 500.
        checked_within(200, "postgres", &text);
    }
}

#[test]
#[ignore = "soak"]
#[cfg(target_os = "linux")]
fn soak_fifty_megabytes_in_one_statement() {
    let _ = soak::duration();
    for text in [insert(50_000_000), body(50_000_000)] {
        checked_within(600, "postgres", &text);
    }
}

#[test]
#[ignore = "soak"]
fn soak_five_thousand_migrations_and_two_thousand_tables() {
    for major in majors() {
        let (small, large) = (turns(major, 3, 5), turns(major, 2_000, 5_000));
        for ((command, small), (_, large)) in small.into_iter().zip(large) {
            // The driver fetches nothing in pieces: only what both say at once may differ.
            assert!(large < small + 10, "Postgres {major}: {command} asks {small} times, then {large} times");
        }
    }
}
