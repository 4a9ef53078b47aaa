//! A schema dump of a large application, run as migrations.

use std::fmt::Write as _;

use cofferdam_testkit::postgres;

use super::corpus;
use super::fresh::Fresh;
use crate::project::{Project, document};

/// matrix-synapse's full schema of version 72: 140 tables in three parts.
#[test]
fn a_schema_dump_gives_the_catalog_of_plain_execution() {
    let Some(synapse) = corpus("matrix-synapse") else { return };
    let databases =
        postgres::majors().into_iter().map(|major| ("postgres", Fresh::postgres as fn(u32) -> Fresh, major));
    let sqlite = ("sqlite", (|_| Fresh::sqlite()) as fn(u32) -> Fresh, 0);
    for (engine, fresh, major) in databases.chain([sqlite]) {
        let (project, ours, plain) = (Project::new(), fresh(major), fresh(major));
        for (number, part) in ["common", "main", "state"].into_iter().enumerate() {
            let file = synapse.join(part).join(format!("full_schemas/72/full.sql.{engine}"));
            let text = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
            plain.run_plainly([text.as_str()]);
            let mut name = String::new();
            write!(name, "migrations/{}_{part}.sql", number + 1).expect("a string takes it");
            project.write(&name, text);
        }
        let output = project.cofferdam("migrate --format json --database-url").arg(ours.url()).run();
        assert_eq!(document("migrate", &output)["applied"].as_array().map(Vec::len), Some(3));
        ours.assert_like(&plain.catalog(), engine);
    }
}
