//! kill -9 while another tool's history is imported and its ledger caught up with ours.

use cofferdam_testkit::crash::{self, Crash};
use cofferdam_testkit::postgres;
use sha2::Digest as _;

use super::scene::{Kind, Scene};

const FILES: [(&str, &str); 4] = [
    ("20260101000000_theirs/migration.sql", "create table theirs (id integer primary key);"),
    ("20260102000000_ours/migration.sql", "create table ours (id integer primary key);"),
    ("20260103000000_more/migration.sql", "create table more (id integer primary key);"),
    ("20260104000000_late/migration.sql", "create table late (id integer primary key);"),
];

fn applied_by_prisma(scene: &Scene, (file, text): (&str, &str)) {
    let name = file.trim_end_matches("/migration.sql");
    let hash: String = sha2::Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
    scene.sql(text);
    scene.sql(&format!(
        "insert into _prisma_migrations (id, checksum, finished_at, migration_name, applied_steps_count)
         values ('{name}', '{hash}', current_timestamp, '{name}', 1)"
    ));
}

/// How many migrations our ledger counts, how many Prisma's, and whether it is kept in step.
fn counted(scene: &Scene) -> [String; 3] {
    let count = |what: String| scene.sql(&format!("select count(*) from {what}"));
    [
        count(scene.ledger("migration")),
        count("_prisma_migrations".to_owned()),
        count(format!("{} where key = 'keep_in_step'", scene.ledger("meta"))),
    ]
}

#[test]
fn killed_before_its_commit_nothing_is_imported_and_the_other_ledger_is_not_caught_up() {
    let newest = *postgres::majors().last().expect("a major");
    for kind in [Kind::Sqlite, Kind::Postgres(newest)] {
        let scene = Scene::new(kind, &FILES);
        let time = if kind == Kind::Sqlite { "datetime" } else { "timestamptz" };
        scene.sql(&format!(
            "create table _prisma_migrations (id varchar(36) primary key not null, checksum varchar(64) not null,
                 finished_at {time}, migration_name varchar(255) not null, logs text, rolled_back_at {time},
                 started_at {time} not null default current_timestamp,
                 applied_steps_count integer not null default 0)"
        ));
        applied_by_prisma(&scene, FILES[0]);
        scene.run("adopt").run();
        scene.run("migrate --to 20260103000000").run();
        applied_by_prisma(&scene, FILES[3]);
        let before = counted(&scene);
        assert_eq!(before, ["3", "2", "0"]);
        match crash::at("adopt-recorded", scene.run("adopt --keep-in-step")) {
            Crash::Killed(_) => {}
            Crash::NotReached(output) => panic!("{output}"),
        }
        assert_eq!(counted(&scene), before, "{kind:?}: something is half imported");
        scene.run("adopt --keep-in-step").run();
        assert_eq!(counted(&scene), ["4", "4", "1"]);
        scene.run("status").stdout_contains("4 applied, 0 pending").run();
        scene.run("audit --verify").run();
    }
}
