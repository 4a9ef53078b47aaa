//! Applying them, at an application's start.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use cofferdam::folder::Format;
use cofferdam::{ErrorKind, Event, Migrations, Stop, migrations};
use cofferdam_testkit::{postgres, sqlite};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

static NATIVE: Migrations = migrations!("$CARGO_MANIFEST_DIR/tests/it/embedded/folders/native");
static DANGEROUS: Migrations = migrations!("$CARGO_MANIFEST_DIR/tests/it/embedded/folders/dangerous");
const ON_DISK: &str = "tests/it/embedded/folders/native";

const INSTANCES: usize = 20;
/// How long one side of a test waits for the other before it fails.
const PATIENCE: Duration = Duration::from_secs(30);

fn versions(report: &cofferdam::migrate::MigrateReport) -> Vec<&str> {
    report.applied.iter().map(|applied| applied.version.as_str()).collect()
}

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn is_send<T: Send>(value: T) -> T {
    value
}

#[tokio::test]
async fn the_future_can_be_spawned_and_awaited_anywhere() {
    let database = sqlite::Database::new();
    let url = database.url();
    let report = tokio::spawn(is_send(async move { NATIVE.run(&url).await })).await.unwrap().unwrap();
    assert_eq!(versions(&report), ["0001", "0002", "0010"]);
    drop(is_send(NATIVE.plan("sqlite:x")));
    drop(is_send(NATIVE.status("sqlite:x")));
    // Also where a runtime is at work, and where none is.
    assert_eq!(NATIVE.run_blocking(&database.url()).unwrap().already, 3);
    let url = database.url();
    std::thread::spawn(move || assert_eq!(NATIVE.run_blocking(&url).unwrap().already, 3)).join().unwrap();
}

#[tokio::test(flavor = "current_thread")]
async fn sqlite_work_does_not_keep_the_callers_only_thread_busy() {
    let database = sqlite::Database::new();
    let (go, wait) = mpsc::channel();
    let migrations = NATIVE.clone().watch(move |event| {
        if matches!(event, Event::StepStarted { number: 1, .. }) {
            // Comes only if the other task of the caller's runtime runs meanwhile.
            wait.recv_timeout(PATIENCE).unwrap();
        }
    });
    let url = database.url();
    let (report, ()) = tokio::join!(migrations.run(&url), async {
        tokio::task::yield_now().await;
        go.send(()).unwrap();
    });
    assert_eq!(report.unwrap().applied.len(), 3);
}

/// A file that is read to its end only once somebody has said so.
fn pipe(path: &Path) -> (mpsc::Sender<()>, JoinHandle<bool>) {
    let path = path.to_owned();
    let (go, wait) = mpsc::channel();
    let writer = std::thread::spawn(move || {
        let told_in_time = wait.recv_timeout(PATIENCE).is_ok();
        std::fs::write(path, "create table a (id integer primary key);").unwrap();
        told_in_time
    });
    (go, writer)
}

#[tokio::test(flavor = "current_thread")]
async fn reading_the_folder_does_not_keep_the_callers_only_thread_busy() {
    let (database, files) = (sqlite::Database::new(), folder(&[]));
    let (url, file) = (database.url(), files.path().join("0001_a.sql"));
    assert!(std::process::Command::new("mkfifo").arg(&file).status().unwrap().success());
    // Else it is read a second time, to tell whose it is.
    let migrations = Migrations::of_folder(files.path()).format(Format::Native);

    let (go, writer) = pipe(&file);
    let (plan, _) = tokio::join!(migrations.plan(&url), async { go.send(()) });
    assert_eq!((plan.unwrap().steps.len(), writer.join().unwrap()), (1, true));

    let (go, writer) = pipe(&file);
    let (report, _) = tokio::join!(migrations.run(&url), async { go.send(()) });
    assert_eq!((report.unwrap().applied.len(), writer.join().unwrap()), (1, true));

    let (go, writer) = pipe(&file);
    let (status, _) = tokio::join!(migrations.status(&url), async { go.send(()) });
    assert_eq!((status.unwrap().applied.len(), writer.join().unwrap()), (1, true));
}

#[tokio::test]
async fn everything_is_told_on_the_thread_that_migrates() {
    let database = sqlite::Database::new();
    let (tell, told) = mpsc::channel();
    let migrations = NATIVE.clone().watch(move |event| {
        tell.send((std::thread::current().name().map(str::to_owned), event)).unwrap();
    });
    migrations.run(&format!("{}?connection_limit=5", database.url())).await.unwrap();
    drop(migrations);
    let told: Vec<_> = told.iter().collect();
    assert!(matches!(&told[0].1, Event::Note { text } if text.contains("connection_limit")), "{told:?}");
    assert!(told.iter().all(|(thread, _)| thread.as_deref() == Some("cofferdam")), "{told:?}");
}

/// Starts them all; the one that applies waits in its first step for another that waits for it.
async fn at_once(url: &str) {
    let steps = Arc::new(AtomicUsize::new(0));
    let (waiting, somebody_waits) = mpsc::channel();
    let somebody_waits = Arc::new(Mutex::new(somebody_waits));
    let mut instances = JoinSet::new();
    for number in 0..INSTANCES {
        let (url, steps) = (url.to_owned(), Arc::clone(&steps));
        let (waiting, somebody_waits) = (waiting.clone(), Arc::clone(&somebody_waits));
        let watch = move |event| match event {
            Event::StepStarted { number: 1, .. } => {
                somebody_waits.lock().unwrap().recv_timeout(PATIENCE).unwrap();
            }
            Event::StepDone { .. } => _ = steps.fetch_add(1, Ordering::SeqCst),
            Event::Waiting { .. } => waiting.send(()).unwrap(),
            _ => {}
        };
        let migrations = NATIVE.clone().actor(format!("instance {number}")).watch(watch);
        instances.spawn(async move { migrations.run(&url).await });
    }
    let reports = instances.join_all().await;
    let applied: usize = reports.iter().map(|report| report.as_ref().unwrap().applied.len()).sum();
    assert_eq!((applied, steps.load(Ordering::SeqCst)), (3, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_instances_at_once_apply_each_file_once_on_sqlite() {
    let database = sqlite::Database::new();
    at_once(&database.url()).await;
    assert_eq!(database.sql("select group_concat(version) from _cofferdam_migration"), "0001,0002,0010");
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_instances_at_once_apply_each_file_once_on_postgres() {
    for major in postgres::majors() {
        let database = postgres::Database::new(major);
        at_once(&database.url()).await;
        let versions = database.psql("select string_agg(version, ',' order by seq) from cofferdam.migration");
        assert!(versions.contains("0001,0002,0010"), "{versions}");
    }
}

#[tokio::test]
async fn the_same_folder_on_disk_finds_everything_applied_by_its_checksums() {
    let database = sqlite::Database::new();
    NATIVE.run(&database.url()).await.unwrap();
    let disk = Migrations::of_folder(ON_DISK);
    let status = disk.status(&database.url()).await.unwrap();
    assert!(status.pending.is_empty() && status.problems.is_empty(), "{status:?}");
    let folder = disk.folder().unwrap();
    let kept: Vec<_> = status.applied.iter().map(|row| row.checksum.unwrap()).collect();
    assert_eq!(kept, folder.migrations().iter().map(|one| one.checksum).collect::<Vec<_>>());
    assert_eq!(disk.run(&database.url()).await.unwrap().already, 3);
}

#[tokio::test]
async fn an_edited_file_is_refused_with_the_finding_in_the_text() {
    let database = sqlite::Database::new();
    NATIVE.run(&database.url()).await.unwrap();
    let edited = folder(&[]);
    for entry in std::fs::read_dir(ON_DISK).unwrap().flatten().filter(|entry| entry.path().is_file()) {
        std::fs::copy(entry.path(), edited.path().join(entry.file_name())).unwrap();
    }
    std::fs::write(edited.path().join("0010_tags.sql"), "create table labels (id integer primary key);")
        .unwrap();
    let error = Migrations::of_folder(edited.path()).run(&database.url()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    let text = error.to_string().replace(&edited.path().display().to_string(), "FOLDER");
    insta::with_settings!({filters => [(r"\d{4}-\d\d-\d\d", "DATE")]}, { insta::assert_snapshot!(text) });
}

#[tokio::test]
async fn what_a_rule_refuses_stands_in_the_text_and_nothing_is_applied() {
    let database = sqlite::Database::new();
    DANGEROUS.clone().to("0001").run(&database.url()).await.unwrap();
    database.sql("insert into notes values (1, 'keep me'), (2, 'me too')");
    let error = DANGEROUS.run(&database.url()).await.unwrap_err();
    insta::assert_snapshot!(error);
    assert_eq!(database.sql("select text from notes order by id"), "keep me\nme too");
    let failure = DANGEROUS.apply(&database.url()).await.unwrap_err();
    assert!(failure.findings.iter().any(|finding| finding.refuses()) && failure.applied.is_empty());
    // What a `main` that returns the error prints.
    assert!(format!("{error:?}").starts_with(&format!("Refused: {error}")), "{error:?}");
}

#[tokio::test]
async fn a_statement_that_fails_is_told_with_its_place_and_with_what_stays() {
    let files = folder(&[
        ("0001_a.sql", "create table a (id integer primary key);"),
        ("0002_b.sql", "create table b (id integer primary key);\ninsert into nowhere values (1);\n"),
    ]);
    let database = sqlite::Database::new();
    let error = Migrations::of_folder(files.path()).run(&database.url()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let text = error.to_string().replace(&files.path().display().to_string(), "FOLDER");
    insta::assert_snapshot!(text);
    // The same run goes on once the file is right.
    std::fs::write(files.path().join("0002_b.sql"), "create table b (id integer primary key);").unwrap();
    let report = Migrations::of_folder(files.path()).run(&database.url()).await.unwrap();
    assert_eq!((versions(&report), report.already), (vec!["0002"], 1));
}

#[tokio::test]
async fn an_empty_folder_and_a_missing_file_are_fine_and_a_database_in_memory_is_not() {
    let database = sqlite::Database::new();
    let empty = folder(&[]);
    let report = Migrations::of_folder(empty.path()).run(&database.url()).await.unwrap();
    assert_eq!((report.applied.len(), report.already), (0, 0));
    for url in ["sqlite::memory:", ":memory:", "sqlite:x?mode=memory"] {
        let error = NATIVE.run(url).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert!(error.message().contains("in memory is gone"), "{error}");
    }
    let url = format!("sqlite:{}", database.directory().join("no/such/directory.db").display());
    assert_eq!(NATIVE.run(&url).await.unwrap_err().kind(), ErrorKind::Invalid);
    assert!(NATIVE.run("env:DATABASE_URL").await.unwrap_err().message().contains("was not resolved"));
}

/// Runs it until its first step is done, drops it there, and lets what is left of it go on.
async fn dropped_after_its_first_step(migrations: Migrations, url: &str) {
    let (begun, at_work) = oneshot::channel();
    let (dropped, go_on) = mpsc::channel();
    let mut begun = Some(begun);
    let migrations = migrations.watch(move |event| {
        if matches!(event, Event::StepDone { .. })
            && let Some(begun) = begun.take()
        {
            begun.send(()).unwrap();
            go_on.recv_timeout(PATIENCE).unwrap();
        }
    });
    tokio::select! {
        _ = migrations.run(url) => panic!("it waits in its first step"),
        _ = at_work => {}
    }
    dropped.send(()).unwrap();
}

#[tokio::test]
async fn one_dropped_on_sqlite_ends_after_its_step_and_the_next_goes_on() {
    let database = sqlite::Database::new();
    dropped_after_its_first_step(NATIVE.clone(), &database.url()).await;
    let report = NATIVE.run(&database.url()).await.unwrap();
    assert_eq!((versions(&report), report.already), (vec!["0002", "0010"], 1));
}

#[tokio::test]
async fn one_dropped_on_postgres_rolls_its_step_back_and_the_next_goes_on() {
    for major in postgres::majors() {
        let database = postgres::Database::new(major);
        let url = database.url();
        NATIVE.clone().to("0001").run(&url).await.unwrap();
        let mut holder = database.client().await;
        let lock = holder.transaction().await.unwrap();
        lock.batch_execute("lock table notes in access share mode").await.unwrap();
        let (begun, at_work) = oneshot::channel();
        let mut begun = Some(begun);
        let migrations = NATIVE.clone().watch(move |event| {
            if matches!(event, Event::Waiting { .. })
                && let Some(begun) = begun.take()
            {
                begun.send(()).unwrap();
            }
        });
        tokio::select! {
            _ = migrations.run(&url) => panic!("the table is locked"),
            _ = at_work => {}
        }
        drop(lock);
        let report = NATIVE.run(&url).await.unwrap();
        assert_eq!((versions(&report), report.already), (vec!["0002", "0010"], 1));
    }
}

#[tokio::test]
async fn a_stop_of_the_applications_ends_it_and_does_not_last_beyond() {
    let database = sqlite::Database::new();
    let stop = Stop::default();
    let raised = stop.clone();
    let migrations = NATIVE.clone().stop(stop).watch(move |event| {
        if matches!(event, Event::StepDone { .. }) {
            raised.raise();
        }
    });
    assert_eq!(migrations.run(&database.url()).await.unwrap_err().kind(), ErrorKind::Interrupted);
    assert_eq!(versions(&NATIVE.run(&database.url()).await.unwrap()), ["0002", "0010"]);
}

#[tokio::test]
async fn one_that_is_dropped_raises_a_flag_of_its_own_and_never_the_applications() {
    let database = sqlite::Database::new();
    let stop = Stop::default();
    let migrations = NATIVE.clone().stop(stop.clone());
    dropped_after_its_first_step(migrations.clone(), &database.url()).await;
    stop.check().unwrap();
    // The flag of the dropped run is not that of the next one either.
    assert_eq!(versions(&migrations.run(&database.url()).await.unwrap()), ["0002", "0010"]);
}

#[tokio::test]
async fn a_plan_reads_only_and_a_version_to_stop_at_is_kept() {
    let database = sqlite::Database::new();
    let plan = NATIVE.plan(&database.url()).await.unwrap();
    assert_eq!(plan.steps.len(), 3);
    assert!(!database.path().exists());
    let report = NATIVE.clone().to("0002_note_author").run(&database.url()).await.unwrap();
    assert_eq!((versions(&report), report.skipped.len()), (vec!["0001", "0002"], 1));
    let actor = database.sql("select distinct actor from _cofferdam_audit");
    assert!(actor.starts_with("cofferdam@"), "{actor}");
}

#[tokio::test]
async fn down_files_in_the_program_take_migrations_back() {
    use cofferdam::rollback;
    let database = sqlite::Database::new();
    NATIVE.clone().to("0002").run(&database.url()).await.unwrap();
    let project = NATIVE.project(&database.url()).unwrap();
    assert!(Path::new(ON_DISK).exists());
    let customary = cofferdam::migrate::Options::default();
    let options = rollback::Options {
        to: Some("0001".to_owned()),
        discard_writes: false,
        locks: customary.locks,
        lease_wait: customary.lease_wait,
        stop: customary.stop,
    };
    rollback::run(&project, &options, &mut cofferdam::Silent).await.unwrap();
    assert_eq!(database.sql("select count(*) from pragma_table_info('notes')"), "2");
}
