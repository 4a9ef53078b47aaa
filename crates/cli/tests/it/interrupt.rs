//! Ctrl-C on SQLite, whose statements run inside our own process.

use crate::project::{Project, document};

/// Counts to `n`: long enough to be interrupted, whatever the machine.
fn counting(n: &str) -> String {
    format!(
        "create table counted as\n\
         with recursive c(n) as (select 1 union all select n + 1 from c where n < {n})\n\
         select max(n) as n from c;\n"
    )
}

fn project(first: &str) -> Project {
    Project::new()
        .file("cofferdam.toml", "database_url = \"sqlite:notes.db\"\n")
        .file("migrations/0001_first.sql", first)
        .file("migrations/0002_second.sql", "create table second (id integer);\n")
}

#[test]
fn the_first_stops_after_the_current_step_and_the_same_command_goes_on() {
    let project = project(&counting("20000000"));
    let mut running = project.cofferdam("migrate --progress json").status(7).spawn();
    running.wait_for_stderr("step-started");
    running.interrupt();
    running.wait();
    let status = document("status", &project.cofferdam("status --format json").run());
    // Heard before the step began or while it ran, but never after the next one.
    let applied = status["applied"].as_array().map_or(0, Vec::len);
    assert!(applied < 2, "{status:#}");
    let goes_on = format!("migrations completed: {} applied, {applied} already", 2 - applied);
    project.cofferdam("migrate").stderr_contains(goes_on).run();
}

#[test]
fn one_that_arrives_twice_is_the_first() {
    let project = project(&counting("20000000"));
    let mut running = project.cofferdam("migrate --progress json").status(7).spawn();
    running.wait_for_stderr("step-started");
    // Two kinds: two of one kind could be one already for the kernel.
    running.interrupt();
    running.terminate();
    let said = running.wait().stderr;
    assert!(!said.contains("stopped at once"), "{said}");
}

#[test]
fn the_second_ends_a_statement_that_never_ends() {
    let project = project(&counting("9e300"));
    let mut running = project.cofferdam("migrate --progress json --format json").status(7).spawn();
    running.wait_for_stderr("step-started");
    running.interrupt();
    running.wait_for_stderr("once more stops at once");
    running.interrupt();
    let output = running.wait();
    assert_eq!(document("migrate", &output)["error"]["kind"], "interrupted");
    let status = document("status", &project.cofferdam("status --format json").run());
    assert_eq!(status["applied"], serde_json::json!([]));
}
