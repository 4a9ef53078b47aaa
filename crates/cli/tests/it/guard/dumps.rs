//! Dumps of guarded databases, and old dumps played back onto them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cofferdam_testkit::postgres::{self, Database};

use super::Scene;

/// A directory with pg_dump, pg_restore and psql of one version that knows servers of `major`;
/// `None`, with a word on why, where there is none.
fn programs(major: u32) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let installed = PathBuf::from(format!("/usr/lib/postgresql/{major}/bin"));
    let found = std::iter::once(installed).chain(std::env::split_paths(&path)).find(|at| {
        let version = Command::new(at.join("pg_dump")).arg("--version").output();
        let version = version.map(|o| String::from_utf8_lossy(&o.stdout).into_owned()).unwrap_or_default();
        let own =
            version.split_whitespace().nth(2).and_then(|v| v.split('.').next()).and_then(|v| v.parse().ok());
        own.is_some_and(|own: u32| own >= major)
            && ["pg_restore", "psql"].iter().all(|p| at.join(p).is_file())
    });
    if found.is_none() {
        eprintln!("skipped for Postgres {major}: there is no pg_dump with pg_restore and psql for it");
    }
    found
}

fn run(path: &Path, program: &str, arguments: &[&str]) -> Output {
    Command::new(path.join(program)).args(arguments).output().expect("it starts")
}

#[track_caller]
fn good(path: &Path, program: &str, arguments: &[&str]) -> Output {
    let output = run(path, program, arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("ERROR"), "{program} {arguments:?}: {said}");
    output
}

fn file(scene: &Scene, name: &str) -> String {
    scene.project.path(name).display().to_string()
}

#[test]
fn a_plain_dump_goes_into_a_fresh_database_and_the_copy_is_guarded() {
    for major in postgres::majors() {
        let Some(path) = postgres::pg_dump(major) else { continue };
        let scene = Scene::guarded(major);
        let copy = Scene { project: crate::project::Project::new(), database: Database::new(major) };
        let dump = good(&path, "pg_dump", &["--inserts", &scene.database.url()]).stdout;
        let dump = String::from_utf8(dump).expect("text");
        // What only psql understands, and what an older server does not know.
        let dump: Vec<&str> = dump
            .lines()
            .filter(|line| !line.starts_with('\\') && !line.contains("transaction_timeout"))
            .collect();
        copy.database.psql(&dump.join("\n"));
        assert_eq!(copy.rows(), scene.rows());
        assert!(copy.said("postgres", "drop table tags").expect("refused").by_guard());
        assert!(copy.said("postgres", "truncate tags").expect("refused").by_guard());
        copy.run("guard status").stdout_contains("5 of 5 tables covered").stdout_lacks("warning").run();
        copy.run("guard remove").run();
        assert!(copy.said("postgres", "drop table tags").is_none());
    }
}

#[test]
fn psql_plays_a_plain_dump_into_a_fresh_database_without_an_error() {
    for major in postgres::majors() {
        let Some(path) = programs(major) else { continue };
        let scene = Scene::guarded(major);
        let copy = Database::new(major);
        let dump = file(&scene, "plain.sql");
        good(&path, "pg_dump", &["-f", &dump, &scene.database.url()]);
        good(&path, "psql", &["-v", "ON_ERROR_STOP=1", "-qX", "-f", &dump, &copy.url()]);
    }
}

#[test]
fn the_guard_is_left_out_of_an_archive_by_its_name() {
    for major in postgres::majors() {
        let Some(path) = programs(major) else { continue };
        let scene = Scene::guarded(major);
        let copy = Scene { project: crate::project::Project::new(), database: Database::new(major) };
        let archive = file(&scene, "archive");
        good(&path, "pg_dump", &["-Fc", "-f", &archive, &scene.database.url()]);
        let listed = good(&path, "pg_restore", &["-l", &archive]).stdout;
        let listed = String::from_utf8(listed).expect("text");
        let kept: Vec<&str> = listed.lines().filter(|line| !line.contains("cofferdam_guard")).collect();
        assert!(kept.len() + 15 < listed.lines().count());
        scene.project.write("list", kept.join("\n"));
        good(&path, "pg_restore", &["-e", "-L", &file(&scene, "list"), "-d", &copy.database.url(), &archive]);
        assert_eq!(copy.rows(), scene.rows());
        assert!(copy.said("postgres", "drop table tags; truncate events").is_none());
        copy.run("guard status").stdout_contains("no guard").run();
        // All of it at once, by several workers, which truncate the tables that they made.
        let all = Scene { project: crate::project::Project::new(), database: Database::new(major) };
        good(&path, "pg_restore", &["-j", "3", "-d", &all.database.url(), &archive]);
        assert!(all.said("postgres", "drop table tags").expect("refused").by_guard());
    }
}

#[test]
fn an_old_dump_made_with_clean_drops_nothing() {
    for major in postgres::majors() {
        let Some(path) = programs(major) else { continue };
        let scene = Scene::new(major);
        let (dump, archive) = (file(&scene, "old.sql"), file(&scene, "old"));
        good(&path, "pg_dump", &["--clean", "--if-exists", "-f", &dump, &scene.database.url()]);
        good(&path, "pg_dump", &["-Fc", "-f", &archive, &scene.database.url()]);
        scene.run("guard install").run();
        let before = scene.rows();
        // psql goes on after an error: COPY adds the old rows where no key forbids it.
        let played =
            run(&path, "psql", &["-qX", "-v", "ON_ERROR_STOP=1", "-f", &dump, &scene.database.url()]);
        let said = String::from_utf8_lossy(&played.stderr);
        assert!(!played.status.success() && said.contains("cofferdam guard: drop"), "{said}");
        let restored = run(
            &path,
            "pg_restore",
            &["--clean", "--if-exists", "-e", "-d", &scene.database.url(), &archive],
        );
        let said = String::from_utf8_lossy(&restored.stderr);
        assert!(!restored.status.success() && said.contains("cofferdam guard: drop"), "{said}");
        assert_eq!(scene.rows(), before);
        let tables = "select count(*) from pg_class where relkind = 'r' and relnamespace in ('public'::regnamespace, 'shop'::regnamespace)";
        assert_eq!(scene.database.psql(tables), "4");
    }
}

#[test]
fn an_old_dump_played_back_to_its_end_doubles_no_row_that_has_a_key() {
    for major in postgres::majors() {
        let Some(path) = programs(major) else { continue };
        let scene = Scene::new(major);
        let (dump, archive) = (file(&scene, "old.sql"), file(&scene, "old"));
        good(&path, "pg_dump", &["--clean", "--if-exists", "-f", &dump, &scene.database.url()]);
        good(&path, "pg_dump", &["-Fc", "-f", &archive, &scene.database.url()]);
        scene.run("guard install").run();
        let keyed = "select (select count(*) from notes), (select count(*) from shop.orders),
            (select count(*) from cofferdam.lease), (select count(*) from cofferdam.migration),
            (select string_agg(conname, ' ' order by conname) from pg_constraint where contype in ('p', 'u', 'f', 'c')),
            (select count(*) from pg_index where indisunique)";
        let before = scene.database.psql(keyed);
        let url = scene.database.url();
        run(&path, "psql", &["-qX", "-f", &dump, &url]);
        assert_eq!(scene.database.psql(keyed), before, "psql on {major}");
        run(&path, "pg_restore", &["--clean", "--if-exists", "-d", &url, &archive]);
        assert_eq!(scene.database.psql(keyed), before, "pg_restore on {major}");
        // A table without a key takes the old rows once more: the page says so.
        assert_ne!(scene.database.psql("select count(*) from tags"), "1");
        scene.run("audit --verify").run();
    }
}

#[test]
fn a_baseline_of_a_copy_without_the_ledger_has_nothing_of_the_guard() {
    for major in postgres::majors() {
        let Some(path) = programs(major) else { continue };
        let Some(found) = postgres::programs(major) else { continue };
        let scene = Scene::guarded(major);
        let copy = Scene::empty(major);
        let dump = file(&scene, "copy.sql");
        good(&path, "pg_dump", &["--exclude-schema=cofferdam", "-f", &dump, &scene.database.url()]);
        good(&path, "psql", &["-v", "ON_ERROR_STOP=1", "-qX", "-f", &dump, &copy.database.url()]);
        copy.run("baseline").env("PATH", found).run();
        let mut written = String::new();
        for entry in std::fs::read_dir(copy.project.path("migrations")).expect("the folder") {
            written += &std::fs::read_to_string(entry.expect("an entry").path()).expect("text");
        }
        assert!(written.contains("CREATE TABLE public.notes"), "{written}");
        assert!(!written.contains("cofferdam_guard"), "on {major}: {written}");
    }
}

#[test]
fn a_dump_of_the_guarded_database_made_with_clean_takes_the_guard_off_first_for_a_superuser_only() {
    for major in postgres::majors() {
        let Some(path) = programs(major) else { continue };
        let scene = Scene::guarded(major);
        let owner = format!("owner_{}", scene.database.name());
        scene.database.psql(&format!("create role {owner} login; alter table tags owner to {owner}"));
        let dump = file(&scene, "guarded.sql");
        good(&path, "pg_dump", &["--clean", "--if-exists", "-t", "tags", "-f", &dump, &scene.database.url()]);
        let url = scene.database.url().replacen("postgres@", &format!("{owner}@"), 1);
        let played = run(&path, "psql", &["-qX", "-f", &dump, &url]);
        assert!(String::from_utf8_lossy(&played.stderr).contains("cofferdam guard: drop"), "{played:?}");
        good(&path, "pg_dump", &["--clean", "--if-exists", "-f", &dump, &scene.database.url()]);
        let played = run(&path, "psql", &["-qX", "-v", "ON_ERROR_STOP=1", "-f", &dump, &url]);
        assert!(!played.status.success());
        assert!(scene.said(&owner, "drop table tags").expect("refused").by_guard());
        // An owner of everything who says so: out of reach, as the page tells.
        good(&path, "psql", &["-qX", "-v", "ON_ERROR_STOP=1", "-f", &dump, &scene.database.url()]);
        scene.database.psql(&format!(
            "drop event trigger cofferdam_guard_drop; alter table tags owner to postgres; drop role {owner}"
        ));
    }
}
