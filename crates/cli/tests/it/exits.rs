//! Every exit code is reached for real, and its page knows the message that was printed.

use serde_json::Value;

use crate::project::{Project, document};

const CREATE: &str = "create table notes (id integer primary key, body text not null);\n";

fn project() -> Project {
    Project::new()
        .file("cofferdam.toml", "database_url = \"sqlite:notes.db\"\n")
        .file("migrations/0001_create.sql", CREATE)
}

fn sql(project: &Project, sql: &str) {
    let db = rusqlite::Connection::open(project.path("notes.db")).expect("the database");
    db.execute_batch(sql).expect("SQL");
}

/// Whether `message` is one that the page quotes, with `..` for what differs.
fn quoted(markdown: &str, message: &str) -> bool {
    let fits = |pattern: &str| {
        let mut rest = message;
        let parts: Vec<&str> = pattern.split("..").collect();
        parts.iter().all(|part| match rest.find(part) {
            Some(found) => {
                rest = &rest[found + part.len()..];
                true
            }
            _ => false,
        })
    };
    markdown.split('`').skip(1).step_by(2).filter(|pattern| pattern.len() > 12).any(fits)
}

/// Runs `line` in `project`; the code, the kind and the page have to agree.
#[track_caller]
fn ends(project: &Project, line: &str, code: i32) -> Value {
    let output = project.cofferdam(&format!("{line} --format json")).status(code).run();
    let command = line.split(' ').next().expect("a command");
    let said = document(command, &output);
    let page = document("explain", &project.cofferdam(&format!("explain exit-{code} --format json")).run());
    let page = &page["exits"][0];
    assert_eq!(page["code"], code);
    let kinds = page["kinds"].as_array().expect("kinds");
    match said["error"]["message"].as_str() {
        None => assert!(kinds.is_empty(), "{said:#}"),
        Some(message) => {
            assert!(kinds.contains(&said["error"]["kind"]), "{said:#}");
            let markdown = page["markdown"].as_str().expect("a page");
            let judged = said["error"]["kind"] == "findings";
            assert!(judged || quoted(markdown, message), "exit-{code} does not know: {message}");
        }
    }
    said
}

#[test]
fn done_is_0_also_when_nothing_is_to_be_done() {
    let project = project();
    for line in ["check", "plan", "migrate", "migrate", "status"] {
        ends(&project, line, 0);
    }
}

#[test]
fn what_is_found_or_fails_is_1() {
    let project = project();
    project.cofferdam("migrate").run();
    project.write("migrations/0002_drop.sql", "drop table notes;\n");
    ends(&project, "check", 1);
    project.write("migrations/0002_drop.sql", "insert into nowhere values (1);\n");
    ends(&project, "migrate", 1);
    ends(&project, "status", 1);
}

#[test]
fn what_is_wrong_is_2() {
    let project = Project::new();
    ends(&project, "status", 2);
    ends(&project, "status --env production", 2);
    ends(&project, "status --database-url env:NOWHERE", 2);
    ends(&project, "status --stauts", 2);
    ends(&project, "status --database-url sqlite:nowhere.db", 2);
    project.write("cofferdam.toml", "[check]\nsinse = \"1\"\n");
    ends(&project, "status", 2);
    project.write("cofferdam.toml", "database_url = \"postgres://a:b@h/d\"\n");
    ends(&project, "status", 2);
    project.write("cofferdam.toml", "database_url = \"sqlite:notes.db\"\n");
    ends(&project, "migrate", 2);
    project.write("migrations/0001_a.sql", "");
    project.write("migrations/0001_b.sql", "");
    ends(&project, "migrate", 2);
    project.write("db/migrations/0001_b.sql", "");
    ends(&project, "migrate", 2);
}

#[test]
fn what_could_lose_something_is_3() {
    let project = project();
    project.cofferdam("migrate").run();
    sql(&project, "insert into notes (body) values ('a')");
    ends(&project, "rollback", 3);
    project.write("migrations/0002_drop.sql", "drop table notes;\n");
    ends(&project, "migrate", 3);
    project.write("migrations/0002_drop.sql", "alter table notes add column status text;\n");
    project.write("migrations/0002_drop.down.sql", "alter table notes drop column status;\n");
    project.cofferdam("migrate").run();
    sql(&project, "update notes set status = 'open'");
    ends(&project, "rollback", 3);
    ends(&project, "init", 3);
    project.write("migrations/0001_create.sql", "create table other (id);\n");
    ends(&project, "migrate", 3);
    project.write("migrations/0001_create.sql", CREATE);
    let other = self::project();
    sql(&other, "create table theirs (id integer)");
    ends(&other, "migrate", 3);
}

#[test]
fn somebody_in_the_way_is_4() {
    let project = project();
    project.cofferdam("migrate").run();
    project.write("migrations/0002_more.sql", "create table more (id integer primary key);\n");
    ends(&project, "status --wait=10ms", 4);
    let db = rusqlite::Connection::open(project.path("notes.db")).expect("the database");
    db.execute_batch("begin immediate; insert into notes (body) values ('a')").expect("a lock");
    ends(&project, "migrate --lock-budget 200ms --patience 100ms --lease-wait 200ms", 4);
}

#[test]
fn a_database_that_does_not_answer_is_5() {
    let project = Project::new().file("migrations/0001_create.sql", CREATE);
    ends(&project, "status --database-url postgres://app@127.0.0.1:9/app", 5);
    ends(&project, "status --database-url postgres://app@nowhere.invalid/app", 5);
}

#[test]
fn damage_is_6() {
    let project = project();
    project.cofferdam("migrate").run();
    sql(&project, "update _cofferdam_audit set actor = 'somebody else' where seq = 2");
    ends(&project, "audit --verify", 6);
    project.write("text.db", "this is no database, and it is longer than a header of one ".repeat(30));
    ends(&project, "status --database-url sqlite:text.db", 6);
}

#[test]
fn a_stop_that_was_asked_for_is_7() {
    let count = "create table counted as with recursive c(n) as \
                 (select 1 union all select n + 1 from c where n < 5000000) select max(n) as n from c;\n";
    let project = project().file("migrations/0002_count.sql", count).file("migrations/0003_more.sql", CREATE);
    let mut running = project.cofferdam("migrate --progress json --format json").status(7).spawn();
    running.wait_for_stderr("\"step\":\"0002\"");
    running.interrupt();
    let said = document("migrate", &running.wait());
    let page = document("explain", &project.cofferdam("explain interrupted --format json").run());
    let markdown = page["exits"][0]["markdown"].as_str().expect("a page");
    assert!(quoted(markdown, said["error"]["message"].as_str().expect("a message")), "{said:#}");
}

#[test]
fn a_kind_and_a_number_lead_to_the_same_page() {
    let project = Project::new();
    for (kind, code) in [("refused", 3), ("blocked", 4), ("conflict", 1), ("invalid", 2), ("unreachable", 5)]
    {
        let pages = [kind.to_owned(), code.to_string(), format!("exit-{code}")];
        let shown: Vec<String> =
            pages.iter().map(|page| project.cofferdam(&format!("explain {page}")).run().stdout).collect();
        assert!(shown[0].starts_with(&format!("Exit {code}: ")), "{}", shown[0]);
        assert!(shown.iter().all(|page| *page == shown[0]));
    }
}
