use std::fs;

use super::*;
use crate::folder::Checksum;
use crate::ledger::{Kind, Step};

/// A folder with these files, each holding its own name as a comment.
fn folder(files: &[&str]) -> (tempfile::TempDir, Folder) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for file in files {
        fs::write(dir.path().join(file), format!("-- {file}")).expect("a file");
    }
    let folder = Folder::read(dir.path(), None).expect("a folder");
    (dir, folder)
}

fn applied(file: &str) -> Applied {
    let version = file.split('_').next().unwrap_or_default();
    Applied {
        seq: 1,
        source: "native".into(),
        version: version.into(),
        name: "x".into(),
        kind: Kind::Applied,
        checksum: Some(Checksum::of_text(&format!("-- {file}"))),
        foreign_checksum: None,
        applied_at: "2026-11-20T09:00:00.000000Z".into(),
        duration_ms: None,
        run_id: None,
        audit_seq: 1,
    }
}

fn look(files: &[&str], history: &[&str], late: OutOfOrder) -> (Vec<String>, Vec<String>, Vec<String>) {
    let (_dir, folder) = folder(files);
    let history = History { applied: history.iter().map(|f| applied(f)).collect(), open_run: None };
    let standing = standing(&folder, &history, late);
    let pending = standing.pending.iter().map(|m| m.version.to_string()).collect();
    let problems = standing.problems.iter().map(|p| p.message.clone()).collect();
    (pending, problems, standing.notes)
}

#[test]
fn what_is_not_applied_is_pending_and_zeros_do_not_count() {
    let (pending, problems, notes) =
        look(&["0001_a.sql", "2_b.sql", "3_c.sql"], &["0001_a.sql", "2_b.sql"], OutOfOrder::Refuse);
    assert_eq!((pending, problems, notes), (vec!["3".to_owned()], vec![], vec![]));
}

#[test]
fn an_edited_file_is_a_problem_and_names_both_checksums() {
    let (_, problems, _) = look(&["1_a.sql"], &["1_other.sql"], OutOfOrder::Refuse);
    assert!(
        problems[0].starts_with("1_a.sql was edited after it was applied on 2026-11-20: its checksum was")
    );
}

#[test]
fn an_older_checkout_is_a_note_and_a_hole_is_a_problem() {
    let (_, problems, notes) = look(&["1_a.sql"], &["1_a.sql", "2_b.sql"], OutOfOrder::Refuse);
    assert_eq!((problems.len(), notes), (0, vec!["the database is ahead of this folder by 2_x".to_owned()]));
    let (_, problems, _) = look(&["1_a.sql", "3_c.sql"], &["1_a.sql", "2_b.sql"], OutOfOrder::Refuse);
    assert!(problems[0].starts_with("2_x is applied and its file is not in"), "{problems:?}");
}

#[test]
fn a_late_file_is_refused_or_noted_as_the_format_has_it() {
    let files = ["1_a.sql", "2_b.sql", "3_c.sql"];
    let (_, problems, _) = look(&files, &["1_a.sql", "3_c.sql"], OutOfOrder::Refuse);
    assert_eq!(problems, ["2_b.sql is older than 3, which is applied"]);
    let (pending, problems, notes) = look(&files, &["1_a.sql", "3_c.sql"], OutOfOrder::Apply);
    assert_eq!((pending.len(), problems.len(), notes.len()), (1, 0, 1));
}

#[test]
fn done_steps_must_still_be_what_the_file_says() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let plan = |sql: &str| {
        fs::write(dir.path().join("7_x.sql"), sql).expect("a file");
        let folder = Folder::read(dir.path(), None).expect("a folder");
        let migration = folder.migrations()[0].clone();
        let script = migration.script(cofferdam_analysis::sql::Dialect::Postgres);
        let plan = cofferdam_analysis::plan::file(&script, "7", false).expect("a plan");
        (migration, plan.steps)
    };
    let (_, before) = plan("-- cofferdam:no-transaction\nselect 1; select 2; select 3;");
    let step = |n: usize, state| Step {
        id: format!("7/{n}"),
        hash: before[n - 1].hash.to_vec(),
        state,
        xid: None,
        backend: None,
        outcome: None,
    };
    let steps = vec![step(1, StepState::Done), step(2, StepState::Done), step(3, StepState::Failed)];
    let run = Run { id: 1, command: MIGRATE.into(), state: RunState::Failed, error: None, steps };
    for (sql, done) in [
        ("-- cofferdam:no-transaction\nselect 1; select 2; select 3;", Some(2)),
        ("-- cofferdam:no-transaction\nselect 1; select 2; select 'mended'; select 4;", Some(2)),
        ("-- cofferdam:no-transaction\nselect 1; select 2;", Some(2)),
        ("-- cofferdam:no-transaction\nselect 1; select 'edited'; select 3;", None),
        ("-- cofferdam:no-transaction\nselect 1;", None),
        ("select 1; select 2; select 3;", None),
    ] {
        let (migration, now) = plan(sql);
        assert_eq!(done_steps(&migration, &now, Some(&run)).ok(), done, "{sql}");
    }
}

#[test]
fn a_file_that_vanished_half_way_is_a_problem() {
    let (_dir, folder) = folder(&["1_a.sql"]);
    let half = Step {
        id: "2/1".into(),
        hash: Vec::new(),
        state: StepState::Done,
        xid: None,
        backend: None,
        outcome: None,
    };
    let run = Run { id: 1, command: MIGRATE.into(), state: RunState::Failed, error: None, steps: vec![half] };
    let history = History { applied: vec![applied("1_a.sql")], open_run: Some(run) };
    let standing = standing(&folder, &history, OutOfOrder::Refuse);
    assert!(standing.problems[0].message.contains("the file of 2 is gone"));
}
