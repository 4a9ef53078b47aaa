//! The demo tells the truth, and leaves nothing behind.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use cofferdam_testkit::{Cofferdam, postgres};
use serde_json::Value;

use crate::project::{Project, document};

/// A folder for the demo's, which the user of a scratch server may pass through.
fn place() -> Project {
    let project = Project::new();
    let mode = std::fs::Permissions::from_mode(0o711);
    std::fs::set_permissions(project.path(""), mode).expect("a folder of ours");
    project
}

/// The demo in `place`, where no Postgres can be found.
fn sqlite_only(place: &Project, more: &str) -> Cofferdam {
    let nowhere = place.path("nowhere");
    place.cofferdam("demo --in . --postgres-bin").arg(nowhere).args(more.split_whitespace())
}

fn server() -> PathBuf {
    let usable = postgres::binaries().iter().find(|binaries| binaries.usable().is_ok());
    usable.expect("a Postgres server on this machine").directory().to_owned()
}

/// What lies in the folder, empty folders among it.
fn entries(place: &Project) -> Vec<String> {
    let entries = std::fs::read_dir(place.path("")).expect("readable").flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

fn rows(content: &Value) -> Vec<u64> {
    let tables = content.as_array().expect("tables").iter();
    tables.map(|table| table["rows"].as_u64().expect("a number")).collect()
}

#[test]
fn on_sqlite_it_reads_as_follows() {
    let place = place();
    let output = sqlite_only(&place, "").run();
    insta::with_settings!({filters => vec![
        (r"Applied in [0-9.]+ m?s", "Applied in [TIME]"),
        (r"server in\s+\S+", "server in [DIR]"),
        (r"(run-\d+)\.[0-9a-f]{8}", "$1.[ID]"),
        (r"(?s)note: cofferdam is not installed; here it is.*", "[WHERE]"),
    ]}, {
        insta::assert_snapshot!(output.stdout);
    });
    for line in output.stdout.lines().filter(|line| !line.contains('/')) {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert!(!output.stdout.contains('\u{1b}'), "plain text where nobody looks at a terminal");
    assert_eq!(entries(&place), Vec::<String>::new());
}

#[test]
fn its_numbers_are_those_of_the_database() {
    let place = place();
    let document = document("demo", &sqlite_only(&place, "--format json").run());
    let story = &document["stories"][0];
    assert_eq!(rows(&story["before"]), [3, 2000, 2000]);
    assert_eq!(rows(&story["refused"]["without_us"]), [3, 0, 0]);
    assert_eq!((&story["after"], &story["restored"]), (&story["before"], &story["before"]));
    assert_eq!(story["rolled_back"]["undone"], serde_json::json!(["0012"]));
    assert_eq!(document["skipped"][0]["database"], "Postgres");
    assert_eq!(entries(&place), Vec::<String>::new());
}

#[test]
fn on_postgres_the_index_is_a_step_outside_of_a_transaction_and_goes_again() {
    let place = place();
    let output = place.cofferdam("demo --in . --format json --postgres-bin").arg(server()).run();
    let document = document("demo", &output);
    assert_eq!(document["skipped"], serde_json::json!([]), "{document:#}");
    let story = &document["stories"][1];
    let steps = story["plan"]["steps"].as_array().expect("steps");
    let steps: Vec<_> = steps.iter().map(|step| (&step["id"], &step["transaction"])).collect();
    assert_eq!(steps, [(&"0012/1".into(), &true.into()), (&"0012/2".into(), &false.into())]);
    assert_eq!(rows(&story["before"]), [3, 20_000, 20_000]);
    assert_eq!(rows(&story["refused"]["without_us"]), [3, 19_501, 20_000]);
    assert_eq!((&story["after"], &story["restored"]), (&story["before"], &story["before"]));
    assert_eq!(entries(&place), Vec::<String>::new());
}

#[test]
fn what_is_kept_is_a_project_to_go_on_with() {
    let place = place();
    let document = document("demo", &sqlite_only(&place, "--keep --format json").run());
    let kept = PathBuf::from(document["kept"].as_str().expect("a folder"));
    let status = place.cofferdam("status --format json").current_dir(kept.join("sqlite")).run().json();
    assert_eq!(status["applied"].as_array().map(Vec::len), Some(2));
    assert_eq!(status["pending"][0]["version"], "0012");
    assert_eq!(document["remove"], serde_json::json!([format!("rm -r {}", kept.display())]));
}

#[test]
fn an_interrupted_demo_takes_its_server_and_its_files_along() {
    let place = place();
    let demo = place.cofferdam("demo --in . --postgres-bin").arg(server()).status(7);
    let mut running = demo.stderr_contains("the demo was stopped").spawn();
    running.wait_for_stderr("starting a Postgres");
    running.interrupt();
    running.wait();
    assert_eq!(entries(&place), Vec::<String>::new());
}

#[test]
fn a_place_that_is_not_there_is_named() {
    let output = place().cofferdam("demo --in missing --format json").status(2).run();
    let document = document("demo", &output);
    assert!(document["error"]["message"].as_str().is_some_and(|message| message.contains("missing")));
}
