//! kill -9 at every place where a crash leaves something behind, and the same command again.
//!
//! Each story is run once without a fault, and then once for every visit of every crash
//! point: killed there, run again, and compared with the run without a fault in catalog,
//! contents, ledger and files. Together the stories must visit every point there is.

use std::collections::BTreeSet;
use std::panic::catch_unwind;

use cofferdam::crash::CrashPoint;
use cofferdam_testkit::crash::{self, Crash};
use cofferdam_testkit::postgres;
use sha2::Digest as _;

use super::scene::{Kind, Scene};

/// Something to do, from a prepared database on.
struct Story {
    name: &'static str,
    kind: Kind,
    command: &'static str,
    prepare: fn(Kind) -> Scene,
}

impl Story {
    /// Kills at every `visit`-th visit of every point (all of them for `None`); returns the points reached.
    fn at_every_point(&self, visits: Option<u32>) -> BTreeSet<&'static str> {
        let straight = (self.prepare)(self.kind);
        straight.run(self.command).run();
        let expected = straight.state();
        let mut reached = BTreeSet::new();
        let mut wrong = 0;
        for point in CrashPoint::ALL {
            for visit in 1..=visits.unwrap_or(u32::MAX) {
                let at = format!("{}:{visit}", point.name());
                // All places are visited even when one is wrong: the message of each is printed.
                match catch_unwind(|| self.killed_at(&at, &expected)) {
                    Ok(false) => break,
                    Ok(true) => {}
                    Err(_) => wrong += 1,
                }
                reached.insert(point.name());
            }
        }
        assert_eq!(wrong, 0, "{} on {:?}: so many kills were not made good", self.name, self.kind);
        reached
    }

    fn killed_at(&self, at: &str, expected: &super::scene::State) -> bool {
        let scene = (self.prepare)(self.kind);
        let what = format!("{} on {:?} killed at {at}", self.name, self.kind);
        match crash::at(at, scene.run(self.command)) {
            Crash::Killed(_) => {}
            Crash::NotReached(output) => {
                assert_eq!(output.code(), Some(0), "{what}\n{output}");
                return false;
            }
        }
        let again = scene.run(self.command).any_status().run();
        assert_eq!(again.code(), Some(0), "{what}, then again\n{again}");
        scene.assert_is(expected, &what);
        let left: Vec<_> = scene.project.files();
        assert!(left.iter().all(|file| file.ends_with(".sql")), "{what}: {left:?}");
        true
    }
}

const POSTGRES: [(&str, &str); 5] = [
    (
        "0001_create.sql",
        "create table notes (id bigint primary key, body text not null);
         create table tags (id bigint primary key, note bigint references notes (id));
         insert into notes values (1, 'a'), (2, 'b');
         insert into tags values (1, 1);",
    ),
    (
        "0002_status.sql",
        "alter table notes add column status text;
         update notes set status = 'open' where status is null;",
    ),
    (
        "0003_steps.sql",
        "insert into notes values (3, 'before');
         create index concurrently notes_body on notes (body);
         insert into notes values (4, 'between');
         begin;
         alter table notes add column rank integer;
         update notes set rank = id where id > 0;
         commit;
         create index concurrently notes_rank on notes (rank);
         drop index concurrently notes_rank;
         vacuum notes;",
    ),
    (
        "0004_enum.sql",
        "-- cofferdam:no-transaction
         create type mood as enum ('good');
         alter type mood add value 'bad';
         alter table notes add column mood mood default 'bad';",
    ),
    ("0005_drop.sql", "-- cofferdam:allow drop-table nobody reads tags\ndrop table tags;"),
];

const SQLITE: [(&str, &str); 5] = [
    (
        "0001_create.sql",
        "create table notes (id integer primary key, body text not null);
         create table tags (id integer primary key, note integer references notes (id) on delete cascade);
         create index tags_note on tags (note);
         insert into notes (body) values ('a'), ('b');
         insert into tags values (1, 1);",
    ),
    (
        "0002_status.sql",
        "alter table notes add column status text;
         update notes set status = 'open' where status is null;",
    ),
    (
        "0003_steps.sql",
        "-- cofferdam:no-transaction
         insert into notes (body) values ('before');
         vacuum;
         begin;
         alter table notes add column rank integer;
         update notes set rank = id where id > 0;
         commit;
         insert into notes (body) values ('after');",
    ),
    (
        "0004_rebuild.sql",
        "create table notes_new (id integer primary key, body text not null, status text not null, rank integer);
         insert into notes_new (id, body, status, rank)
             select id, body, coalesce(status, 'open'), rank from notes;
         drop table notes;
         alter table notes_new rename to notes;",
    ),
    ("0005_drop.sql", "-- cofferdam:allow drop-table nobody reads tags\ndrop table tags;"),
];

fn files(kind: Kind) -> &'static [(&'static str, &'static str)] {
    match kind {
        Kind::Sqlite => &SQLITE,
        Kind::Postgres(_) => &POSTGRES,
    }
}

fn fresh(kind: Kind) -> Scene {
    Scene::new(kind, files(kind))
}

/// A folder of sqlx's and its ledger, of which the first two files are applied.
pub(super) fn applied_by_sqlx(kind: Kind) -> Scene {
    let files = files(kind);
    let scene = Scene::new(kind, files);
    let mut rows = Vec::new();
    for (at, (name, text)) in files.iter().take(2).enumerate() {
        scene.sql(text);
        let hash: String = sha2::Sha384::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
        let hash = match kind {
            Kind::Sqlite => format!("x'{hash}'"),
            Kind::Postgres(_) => format!("'\\x{hash}'"),
        };
        let description = name.trim_end_matches(".sql")[5..].replace('_', " ");
        rows.push(format!("({}, '{description}', true, {hash}, 1)", at + 1));
    }
    let bytes = if kind == Kind::Sqlite { "blob" } else { "bytea" };
    scene.sql(&format!(
        "create table _sqlx_migrations (version bigint primary key, description text not null,
             installed_on timestamp not null default '2026-11-20 09:00:00', success boolean not null,
             checksum {bytes} not null, execution_time bigint not null);
         insert into _sqlx_migrations (version, description, success, checksum, execution_time) values {}",
        rows.join(", ")
    ));
    scene
}

/// Tables that nobody manages, and an empty folder.
fn unmanaged(kind: Kind) -> Scene {
    let scene = Scene::new(kind, &[]);
    scene.sql(files(kind)[0].1);
    scene
}

/// The same, where an earlier `adopt --none` left a ledger that counts nothing.
fn unmanaged_with_ledger(kind: Kind) -> Scene {
    let scene = unmanaged(kind);
    scene.run("adopt --none").run();
    scene
}

/// Two migrations applied, the last with a down file of several steps.
fn with_down_file(kind: Kind) -> Scene {
    let outside = if kind == Kind::Sqlite { "vacuum" } else { "drop index concurrently notes_at" };
    let down = format!(
        "-- cofferdam:no-transaction
         insert into log values ('first');
         {outside};
         insert into log values ('second');
         begin;
         drop index if exists notes_at;
         alter table notes drop column at;
         commit;
         insert into log values ('third');"
    );
    let files = [
        (
            "0001_create.sql",
            "create table notes (id integer primary key, body text);\ncreate table log (what text);",
        ),
        ("0002_more.sql", "insert into notes values (1, 'a');"),
        ("0002_more.down.sql", "delete from notes where id = 1;"),
        ("0003_at.sql", "alter table notes add column at text;\ncreate index notes_at on notes (at);"),
        ("0003_at.down.sql", &down),
    ];
    let scene = Scene::new(kind, &files);
    scene.run("migrate").run();
    scene
}

/// A rebuild was applied, which only the copy can take back.
fn with_copy(_: Kind) -> Scene {
    let scene = Scene::new(Kind::Sqlite, &SQLITE[..4]);
    scene.run("migrate").run();
    scene
}

fn stories(kind: Kind) -> Vec<Story> {
    let story = |name, command, prepare| Story { name, kind, command, prepare };
    let mut stories = vec![
        story("migrate", "migrate", fresh as fn(Kind) -> Scene),
        story("adopt", "adopt", applied_by_sqlx),
        story("rollback by down file", "rollback --discard-writes", with_down_file),
    ];
    if kind == Kind::Sqlite {
        stories.push(story("rollback by copy", "rollback", with_copy));
    }
    if can_baseline(kind) {
        // Not on a server of its own: it would be made dozens of times.
        let command = match kind {
            Kind::Sqlite => "baseline",
            Kind::Postgres(_) => "baseline --scratch-url env:SCRATCH_URL",
        };
        stories.push(story("baseline", command, unmanaged));
        stories.push(story("baseline with a ledger", command, unmanaged_with_ledger));
    }
    stories
}

/// Points of a command whose end leaves no ledger to compare: see `leave`.
pub(super) const OF_UNINSTALL: [CrashPoint; 4] = [
    CrashPoint::UninstallDropped,
    CrashPoint::ExportWritten,
    CrashPoint::ExportNamed,
    CrashPoint::UninstallCommitted,
];
/// Whether there is a pg_dump for this database.
fn can_baseline(kind: Kind) -> bool {
    match kind {
        Kind::Sqlite => true,
        Kind::Postgres(major) => postgres::programs(major).is_some(),
    }
}

/// Points that one database does not have, and those visited by a test of their own.
fn expected(kind: Kind) -> BTreeSet<&'static str> {
    let not_here: &[CrashPoint] = match kind {
        // A file has no intents: repeating what SQLite forbids in a transaction does no harm.
        Kind::Sqlite => &[CrashPoint::IntentCommitted, CrashPoint::OutsideRunning],
        Kind::Postgres(_) => &[
            CrashPoint::CopyWritten,
            CrashPoint::CopyNamed,
            CrashPoint::RestorePrepared,
            CrashPoint::RestoreDone,
            // Needs somebody in the way: see `outside`.
            CrashPoint::OutsideRunning,
        ],
    };
    let baseline = [CrashPoint::BaselineWritten, CrashPoint::BaselineNamed, CrashPoint::BaselineRecorded];
    let here = |point: &&CrashPoint| {
        !not_here.contains(point)
            && !OF_UNINSTALL.contains(point)
            // Needs a protected database: see `protect`.
            && **point != CrashPoint::MarkWritten
            && !super::guard::OF_GUARD.contains(point)
            && (can_baseline(kind) || !baseline.contains(point))
    };
    CrashPoint::ALL.iter().filter(here).map(|point| point.name()).collect()
}

fn all_points(kind: Kind, visits: Option<u32>) {
    let stories = stories(kind);
    let all: Vec<_> = stories.iter().map(|story| catch_unwind(|| story.at_every_point(visits))).collect();
    let reached: BTreeSet<_> =
        all.into_iter().flat_map(|reached| reached.expect("all kills made good")).collect();
    let never: Vec<_> = expected(kind).difference(&reached).copied().collect();
    assert!(never.is_empty(), "no story comes to {never:?}");
}

#[test]
fn killed_at_any_point_on_sqlite_the_same_command_ends_as_if_nothing_had_happened() {
    all_points(Kind::Sqlite, None);
}

#[test]
fn killed_at_any_point_on_the_newest_postgres_the_same_command_ends_as_if_nothing_had_happened() {
    let newest = *postgres::majors().last().expect("a major");
    all_points(Kind::Postgres(newest), None);
}

#[test]
fn killed_at_any_point_on_the_other_majors_the_same_command_ends_as_if_nothing_had_happened() {
    let majors = postgres::majors();
    for major in &majors[..majors.len() - 1] {
        all_points(Kind::Postgres(*major), Some(1));
    }
}

#[test]
fn rows_written_between_a_kill_and_the_next_run_are_never_lost_as_nobodys() {
    // 0004 loses what 0001 made: nobody's rows, as long as only this run wrote them.
    for kind in Kind::all() {
        let drop = [POSTGRES[0], ("0002_drop.sql", "drop table tags;")];
        let scene = Scene::new(kind, &drop);
        let Crash::Killed(_) = crash::at("step-begun:2", scene.run("migrate")) else { panic!("two steps") };
        scene.sql("insert into tags values (2, 2)");
        let refused = scene.run("migrate").status(3).run();
        assert!(refused.stderr.contains("tags (2 rows)"), "{refused}");
        assert_eq!(scene.sql("select count(*) from tags"), "2");
        scene.sql("delete from tags where id = 2");
        // Postgres sees by each row who wrote it, SQLite by the contents as a whole.
        scene.run("migrate").run();
    }
}

/// As often as the time allows: every point with every visit, then kills at random moments.
fn soak(kind: Kind) {
    let until = std::time::Instant::now() + cofferdam_testkit::soak::duration();
    let mut rounds = 0;
    while rounds < 20 && std::time::Instant::now() < until {
        all_points(kind, None);
        rounds += 1;
        println!("{kind:?}: round {rounds} at every point");
    }
    let mut seed = std::process::id().into();
    let mut kills = 0;
    while kills < 20 || std::time::Instant::now() < until {
        for story in stories(kind) {
            seed = next(seed);
            story.killed_at_random(seed);
            kills += 1;
        }
    }
    println!("{kind:?}: {kills} kills at random moments");
}

/// The next number of a small generator (splitmix64), so that a printed seed repeats a round.
fn next(seed: u64) -> u64 {
    let mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

impl Story {
    #[expect(clippy::disallowed_methods, reason = "nothing is waited for: the moment is drawn")]
    /// Kills after a time drawn from `seed`, up to three times in a row, then lets it finish.
    fn killed_at_random(&self, seed: u64) {
        let what = format!("{} on {:?}, seed {seed}", self.name, self.kind);
        println!("{what}");
        let straight = (self.prepare)(self.kind);
        let begun = std::time::Instant::now();
        straight.run(self.command).run();
        let took = begun.elapsed();
        let expected = straight.state();
        let scene = (self.prepare)(self.kind);
        let mut draw = seed;
        for _ in 0..1 + seed % 3 {
            // What is finished must not be asked for again: that would take back one more.
            if scene.state() == expected {
                break;
            }
            draw = next(draw);
            let running = scene.run(self.command).any_status().spawn();
            std::thread::sleep(took.mul_f64((draw % 1000) as f64 / 1000.0));
            drop(running);
        }
        if scene.state() != expected {
            let again = scene.run(self.command).any_status().run();
            assert_eq!(again.code(), Some(0), "{what}\n{again}");
        }
        scene.assert_is(&expected, &what);
    }
}

#[test]
#[ignore = "soak"]
fn soak_kills_on_sqlite() {
    soak(Kind::Sqlite);
}

#[test]
#[ignore = "soak"]
fn soak_kills_on_postgres() {
    for major in postgres::majors() {
        soak(Kind::Postgres(major));
    }
}
