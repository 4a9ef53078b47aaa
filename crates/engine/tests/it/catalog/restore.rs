//! What pg_dump restores is the same schema.

use std::path::Path;
use std::process::Command;

use cofferdam_analysis::catalog::{Ignore, fingerprint};
use cofferdam_testkit::postgres::{Database, majors, pg_dump};

use super::{catalog, in_full, run, torture};

/// The schema as pg_dump writes it, without the lines that only psql understands.
fn dump(program: &Path, database: &Database) -> String {
    let output = Command::new(program)
        .args(["--schema-only", "--dbname", &database.url()])
        .output()
        .unwrap_or_else(|e| panic!("cannot run {}: {e}", program.display()));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("a dump of a UTF-8 database is UTF-8");
    // A newer pg_dump also sets what an older server does not know.
    let strange = ["\\restrict", "\\unrestrict", "SET transaction_timeout"];
    let understood = |line: &&str| !strange.iter().any(|start| line.starts_with(start));
    text.lines().filter(understood).map(|line| format!("{line}\n")).collect()
}

#[tokio::test]
async fn a_restored_dump_has_an_equal_catalog() {
    for major in majors() {
        let Some(program) = pg_dump(major).map(|directory| directory.join("pg_dump")) else { continue };
        let (database, client) = torture(major).await;
        let before = catalog(&client).await;
        let restored = Database::new(major);
        let other = restored.client().await;
        // The schema public is there already, here and in every new database.
        run(&other, &dump(&program, &database).replace("CREATE SCHEMA public;", "")).await;
        let other = restored.client().await;
        let after = catalog(&other).await;
        let strict = Ignore { populated: true, ..Ignore::nothing() };
        assert_eq!(in_full(&before, &after, &Ignore::default()), "", "Postgres {major}");
        assert_eq!(in_full(&before, &after, &strict), "", "to the letter, Postgres {major}");
        assert_eq!(fingerprint(&before), fingerprint(&after), "Postgres {major}");
    }
}
