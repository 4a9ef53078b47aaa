//! Databases of real applications taken under management: the file makes them again.

use super::chinook::chinook;
use super::fresh::Fresh;
use super::{corpus, with_folders};
use crate::project::{Project, document};

/// Takes a database over, and makes a new one of what was written.
fn round_trip(what: &str, from: &Fresh, fresh: &dyn Fn() -> Fresh) {
    let Some(path) = from.programs() else { return };
    let project = Project::new();
    let run = |line: &str, on: &Fresh| {
        let run = project.cofferdam(line).env("PATH", &path).env("DATABASE_URL", on.url());
        run.timeout(std::time::Duration::from_secs(180)).run()
    };
    let before = from.catalog();
    let taken = document("baseline", &run("baseline --format json", from));
    assert_eq!(taken["outcome"], "written", "{what}");
    from.assert_like(&before, what);
    let new = fresh();
    assert_eq!(document("migrate", &run("migrate --format json", &new))["applied"][0]["name"], "baseline");
    new.assert_like(&before, what);
    let status = document("status", &run("status --format json", from));
    assert_eq!(status["pending"].as_array().map(Vec::len), Some(0), "{what}");
    document("check", &run("check --format json", &new));
}

#[test]
fn what_the_migrations_of_atuin_made() {
    with_folders(|folder, _, files, fresh| {
        let database = fresh();
        database.run_plainly(files.iter().map(|file| file.text.as_str()));
        round_trip(folder.path, &database, fresh);
    });
}

#[test]
fn the_hundred_and_forty_tables_of_synapse() {
    let Some(synapse) = corpus("matrix-synapse") else { return };
    let databases = cofferdam_testkit::postgres::majors().into_iter().map(|major| ("postgres", major));
    for (engine, major) in databases.chain([("sqlite", 0)]) {
        let fresh = || if engine == "sqlite" { Fresh::sqlite() } else { Fresh::postgres(major) };
        let database = fresh();
        for part in ["common", "main", "state"] {
            let file = synapse.join(part).join(format!("full_schemas/72/full.sql.{engine}"));
            let text = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
            database.run_plainly([text.as_str()]);
        }
        round_trip(&format!("synapse on {engine} {major}"), &database, &fresh);
    }
}

#[test]
fn chinook_and_its_rows_stay_as_they_are() {
    let Some(chinook) = chinook() else { return };
    let database = cofferdam_testkit::sqlite::Database::copy_of(&chinook);
    let mut rights = database.path().metadata().expect("it was copied").permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut rights, 0o600);
    std::fs::set_permissions(database.path(), rights).expect("the copy is ours");
    let rows = "select (select count(*) from Track) || ' ' || (select sum(Total) from Invoice)";
    let (before, journal) = (database.sql(rows), database.sql("pragma journal_mode"));
    let fresh = Fresh::Sqlite(database);
    round_trip("chinook", &fresh, &Fresh::sqlite);
    assert_eq!(fresh.sql(rows), before);
    // A setting of the file that is not ours to change.
    assert_eq!(fresh.sql("pragma journal_mode"), journal);
}
