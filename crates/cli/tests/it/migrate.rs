//! `plan`, `migrate` and `status` on SQLite, from the outside.

use std::time::{Duration, Instant};

use crate::project::{Project, document};

const CREATE: &str = "create table notes (id integer primary key, body text not null);\n";
const STATUS: &str =
    "alter table notes add column status text;\ncreate index notes_status on notes (status);\n";

fn project() -> Project {
    Project::new()
        .file("cofferdam.toml", "database_url = \"sqlite:notes.db\"\n")
        .file("migrations/0001_create.sql", CREATE)
        .file("migrations/0002_status.sql", STATUS)
}

#[test]
fn a_plan_shows_steps_and_changes_nothing() {
    let project = project();
    let before = project.files();
    let output = project.cofferdam("plan").run();
    insta::assert_snapshot!(output.stdout, @r"
    step 0001  migrations/0001_create.sql, one transaction
        create table notes (id integer primary key, body text not null)
      undo: none

    step 0002  migrations/0002_status.sql, one transaction
        alter table notes add column status text
        create index notes_status on notes (status)
      undo: none

    rollback point: none, nothing rebuilds a table or loses rows
    2 steps, 0 already applied
    ");
    let plan = document("plan", &project.cofferdam("plan --format json").run());
    assert_eq!(plan["steps"].as_array().map(Vec::len), Some(2));
    assert_eq!(project.files(), before);
}

#[test]
fn a_plan_can_be_kept_as_a_file() {
    let project = project();
    let printed = document("plan", &project.cofferdam("plan --format json --out plan.json").run());
    let kept: serde_json::Value = serde_json::from_str(&project.read("plan.json")).expect("a document");
    assert_eq!(kept, printed);
}

#[test]
fn migrate_applies_and_says_the_line_that_deployments_wait_for() {
    let project = project();
    let output =
        project.cofferdam("migrate").stderr_contains("migrations completed: 2 applied, 0 already\n").run();
    assert!(output.stdout.starts_with("applied  name"), "{output}");
    project.cofferdam("migrate").stdout("").stderr("migrations completed: 0 applied, 2 already\n").run();
}

#[test]
fn the_documents_of_migrate_are_valid_in_every_end() {
    let project = project();
    let dry = document("migrate", &project.cofferdam("migrate --dry-run --format json").run());
    assert_eq!(dry["would_apply"], serde_json::json!(["0001", "0002"]));
    assert!(!project.path("notes.db").exists());
    let first = document("migrate", &project.cofferdam("migrate --to 1 --format json").run());
    assert_eq!(
        (&first["applied"][0]["version"], &first["skipped"]),
        (&"0001".into(), &serde_json::json!(["0002"]))
    );
    let rest = document("migrate", &project.cofferdam("migrate --format json").run());
    assert_eq!((&rest["already"], &rest["run"]), (&1.into(), &serde_json::Value::Null));
}

#[test]
fn a_failing_statement_is_shown_in_its_file_and_what_ran_before_stays() {
    let project =
        project().file("migrations/0003_wrong.sql", "create table a (b);\ninsert into nope values (1);\n");
    let output = project.cofferdam("migrate --progress none").status(1).run();
    insta::assert_snapshot!(output.stderr, @r"
    error: cannot apply 0003_wrong.sql: no such table: nope
     --> migrations/0003_wrong.sql:2:1
      |
    2 | insert into nope values (1);
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^
    ");
    project.write("migrations/0004_later.sql", "select 1;");
    let failed = document("migrate", &project.cofferdam("migrate --format json").status(1).run());
    assert_eq!(failed["error"]["kind"], "conflict");
    assert_eq!(failed["error"]["place"]["line"], 2);
    let status = document("status", &project.cofferdam("status --format json").status(1).run());
    assert_eq!(status["applied"].as_array().map(Vec::len), Some(2));
    assert_eq!(status["pending"][0]["version"], "0003");
    assert_eq!(
        (&status["error"]["kind"], &status["error"]["message"], &status["error"]["hint"]),
        (&"findings".into(), &"the last run failed in 0003".into(), &"cofferdam migrate".into())
    );
    let status = project.cofferdam("status").status(1).run();
    assert!(
        status.stdout.contains("run: 0003 failed, 0 % done; next: cofferdam migrate\ncause: "),
        "{status}"
    );
}

#[test]
fn the_statements_of_a_file_from_windows_are_shown_as_others() {
    let crlf = "create table tags (\r\n  id integer primary key,\r\n  name text\r\n);\r\n";
    let project = project().file("migrations/0003_tags.sql", crlf);
    let output = project.cofferdam("plan").stdout_lacks("\u{fffd}").stdout_lacks("\r").run();
    assert!(output.stdout.contains("    create table tags (\n      id integer primary key,\n"), "{output}");
}

#[test]
fn the_audit_shows_each_entry_with_its_exact_text_uncut() {
    let project = project();
    project.cofferdam("migrate").run();
    let log = document("audit", &project.cofferdam("audit --format json").run());
    let shown = project.cofferdam("audit").run();
    for entry in log["log"].as_array().expect("entries") {
        let field = |name: &str| entry[name].as_str().expect("text").to_owned();
        let head = format!("{}  {}  {}  {}", entry["seq"], field("at"), field("actor"), field("action"));
        assert!(shown.stdout.lines().any(|line| line.trim_start() == head), "{head} in {shown}");
        let detail = field("detail");
        let is_shown = shown.stdout.lines().any(|line| line.trim_start() == detail);
        assert!(is_shown || detail == "{}", "{detail} in {shown}");
    }
}

#[test]
fn a_refusal_is_exit_3_with_its_findings_and_an_allow_needs_a_known_rule_and_a_reason() {
    let project = project();
    project.cofferdam("migrate").run();
    project.write("migrations/0003_drop.sql", "drop table notes;\n");
    let refused = document("migrate", &project.cofferdam("migrate --format json").status(3).run());
    assert_eq!(
        (&refused["error"]["kind"], &refused["findings"][0]["rule"]),
        (&"refused".into(), &"drop-table".into())
    );
    let planned = document("plan", &project.cofferdam("plan --format json").status(1).run());
    assert_eq!(planned["error"]["kind"], "findings");
    for (line, says) in [
        ("migrate --allow drop-table", "--reason"),
        ("migrate --reason because", "--allow"),
        ("migrate --allow drop-tabel --reason because", "did you mean `drop-table`?"),
        ("migrate --allow unused-allow --reason because", "cannot be allowed"),
    ] {
        project.cofferdam(line).status(2).stderr_contains(says).run();
    }
    project
        .cofferdam("migrate --allow drop-table")
        .arg("--reason= ")
        .status(2)
        .stderr_contains("--reason is empty")
        .run();
    project.cofferdam("migrate --allow drop-table --reason unused").run();
    let audit = document("audit", &project.cofferdam("audit --format json").run());
    let log = audit["log"].to_string();
    assert!(log.contains("drop-table") && log.contains("unused"), "{log}");
}

#[test]
fn progress_as_json_is_one_object_a_line() {
    let output = project().cofferdam("migrate --progress json").run();
    let mut lines: Vec<&str> = output.stderr.lines().collect();
    assert_eq!(lines.pop(), Some("migrations completed: 2 applied, 0 already"));
    let events: Vec<String> = lines
        .iter()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("an object")["event"].to_string())
        .collect();
    assert_eq!(events, ["\"step-started\"", "\"step-done\""].repeat(2));
}

#[test]
fn quiet_says_nothing_when_nothing_fails() {
    project().cofferdam("migrate --quiet").stderr("").run();
}

#[test]
fn status_tells_pending_from_problems() {
    let project = project();
    project.cofferdam("migrate --to 0001").run();
    project.cofferdam("status").stdout_contains("1 applied, 1 pending\n").run();
    project.cofferdam("status --exit-code").status(1).run();
    project.cofferdam("migrate").run();
    project.cofferdam("status --exit-code").run();
    project.write("migrations/0001_create.sql", "create table other (id);\n");
    let edited = document("status", &project.cofferdam("status --format json").status(1).run());
    assert_eq!(edited["problems"][0]["rule"], "history-edited");
    assert_eq!(edited["error"]["kind"], "findings");
}

#[test]
fn waiting_ends_with_exit_4_when_nobody_migrates() {
    let project = project();
    project.cofferdam("migrate --to 0001").run();
    let begun = Instant::now();
    let output = project.cofferdam("status --wait=600ms --format json").status(4).run();
    assert!(begun.elapsed() >= Duration::from_millis(400), "it did not wait");
    assert_eq!(document("status", &output)["error"]["message"], "still pending after 600 ms: 0002");
    project.cofferdam("migrate").run();
    project.cofferdam("status --wait").run();
    project.cofferdam("status --wait=10").status(2).stderr_contains("the unit is missing").run();
}

#[test]
fn check_judges_what_is_pending_in_the_database() {
    let project = project();
    project.cofferdam("migrate").run();
    project.write("migrations/0003_drop.sql", "drop table notes;\n");
    let live = document("check", &project.cofferdam("check --format json").status(1).run());
    assert_eq!((&live["summary"]["files"], &live["findings"][0]["rule"]), (&1.into(), &"drop-table".into()));
    // Without the database all three are one set, and the table is nobody's.
    project.cofferdam("check migrations").run();
    // Asked about the typed database, the table holds rows.
    project.cofferdam("check migrations/0003_drop.sql --database-url sqlite:notes.db").status(1).run();
}

#[test]
fn a_database_that_is_not_there_is_said() {
    let project = Project::new().file("migrations/0001_a.sql", CREATE);
    let gone = "postgres://nobody@127.0.0.1:9/app?connect_timeout=5";
    for command in ["plan", "migrate", "status", "check"] {
        let output =
            project.cofferdam(&format!("{command} --format json --database-url {gone}")).status(5).run();
        assert_eq!(document(command, &output)["error"]["kind"], "unreachable");
    }
    project.cofferdam("migrate").status(2).stderr_contains("no database is named").run();
}

#[test]
fn a_migration_is_taken_back_and_what_it_would_lose_is_counted_first() {
    let project = project().file(
        "migrations/0002_status.down.sql",
        "drop index notes_status;\nalter table notes drop column status;\n",
    );
    project.cofferdam("migrate").run();
    let db = rusqlite::Connection::open(project.path("notes.db")).expect("the database");
    db.execute("insert into notes (body, status) values ('a', 'open')", []).expect("a note");
    drop(db);
    let refused = document("rollback", &project.cofferdam("rollback --format json").status(3).run());
    assert_eq!(refused["error"]["kind"], "refused");
    let undone = document("rollback", &project.cofferdam("rollback --format json --discard-writes").run());
    assert_eq!(undone["undone"], serde_json::json!(["0002"]));
    assert_eq!(undone["would_lose"].as_object().map(|lost| lost.len()), Some(1), "{undone:#}");
    project.cofferdam("rollback 7").status(2).run();
}

#[test]
fn a_record_that_was_changed_by_hand_is_exit_6() {
    let project = project();
    project.cofferdam("migrate").run();
    project.cofferdam("audit --verify").stdout_contains("all as they were written").run();
    let db = rusqlite::Connection::open(project.path("notes.db")).expect("the database");
    db.execute("update _cofferdam_audit set actor = 'somebody else' where seq = 2", []).expect("an edit");
    drop(db);
    let broken = document("audit", &project.cofferdam("audit --verify --format json").status(6).run());
    assert_eq!((&broken["verified"], &broken["error"]["kind"]), (&false.into(), &"corrupt".into()));
    project.cofferdam("audit").status(6).stdout_contains("the audit is broken at entry").run();
}

#[test]
fn a_database_with_tables_of_others_is_refused_and_adopted_empty() {
    let project = project();
    let db = rusqlite::Connection::open(project.path("notes.db")).expect("the database");
    db.execute("create table theirs (id integer)", []).expect("a table");
    drop(db);
    project.cofferdam("migrate").status(3).stderr_contains("adopt").run();
    let adopted = document("adopt", &project.cofferdam("adopt --none --format json").run());
    assert_eq!((&adopted["source"], &adopted["adopted"]), (&serde_json::Value::Null, &serde_json::json!([])));
    project.cofferdam("migrate").stderr_contains("migrations completed: 2 applied").run();
}
