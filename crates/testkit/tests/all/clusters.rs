//! Servers of one's own: start, crash, restart, and what stays when they go.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cofferdam_testkit::postgres::{self, Cluster, Settings, StopMode};
use cofferdam_testkit::{Cofferdam, Running};

const PATIENCE: Duration = Duration::from_secs(30);

/// Asks until the answer is yes; what becomes true without telling us has to be asked for.
#[track_caller]
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        std::thread::yield_now();
    }
}

fn is_alive(pid: u32) -> bool {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).expect("a process id")).expect("not zero");
    rustix::process::test_kill_process(pid).is_ok()
}

#[test]
fn a_dropped_cluster_takes_its_processes_and_files_along() {
    for major in postgres::majors() {
        let cluster = postgres::cluster(major);
        let (pid, directory) = (cluster.pid().expect("it runs"), cluster.address().directory().to_owned());
        assert!(is_alive(pid) && directory.exists());
        drop(cluster);
        assert!(!is_alive(pid), "{pid} lives");
        assert!(!directory.exists(), "{} is there", directory.display());
    }
}

/// Run by [`a_cluster_dies_when_its_parent_is_killed`] in a process of its own.
#[test]
#[ignore = "waits to be killed"]
fn helper_that_holds_a_cluster_until_it_is_killed() {
    let cluster = postgres::cluster(postgres::majors()[0]);
    println!(
        "\nholding {} {} here",
        cluster.pid().expect("it runs"),
        cluster.address().directory().display()
    );
    // Nobody unparks it.
    loop {
        std::thread::park();
    }
}

/// What the holder says about its server: process id and directory.
fn holding(holder: &mut Running) -> (u32, PathBuf) {
    holder.wait_for_stdout("holding ");
    let said = holder.wait_for_stdout(" here\n");
    let line = said.lines().find_map(|line| line.strip_prefix("holding ")).expect("it was said");
    let mut words = line.split(' ');
    let mut word = || words.next().expect("two words");
    (word().parse().expect("a process id"), PathBuf::from(word()))
}

#[test]
fn a_cluster_dies_when_its_parent_is_killed() {
    let this = std::env::current_exe().expect("a test has a file");
    let mut holder = Cofferdam::new(this)
        .args([
            "--exact",
            "clusters::helper_that_holds_a_cluster_until_it_is_killed",
            "--ignored",
            "--nocapture",
        ])
        .spawn();
    let (pid, directory) = holding(&mut holder);
    assert!(is_alive(pid));
    holder.kill();
    eventually("the server is gone", || !is_alive(pid));
    eventually("its files are gone", || !directory.exists());
}

#[test]
fn with_postgres_names_servers_and_stops_them_when_killed() {
    let program = env!("CARGO_BIN_EXE_with-postgres");
    let mut child = Command::new(program)
        .args(["sh", "-c", "echo $COFFERDAM_TEST_SERVERS; exec cat"])
        .env_remove(postgres::SERVERS)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("it is piped");
    BufReader::new(stdout).read_line(&mut line).expect("it says a line");
    let directories: Vec<PathBuf> = line
        .trim()
        .split(',')
        .map(|entry| entry.split(['=', ':']).nth(1).expect("MAJOR=DIRECTORY:PORT").into())
        .collect();
    assert!(directories.iter().all(|directory| directory.exists()), "{line}");
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    for directory in directories {
        eventually("its files are gone", || !directory.exists());
    }
}

#[test]
fn with_postgres_ends_as_its_command_did() {
    let with_postgres = || Cofferdam::new(env!("CARGO_BIN_EXE_with-postgres"));
    with_postgres().args(["sh", "-c", "exit 7"]).status(7).run();
    with_postgres().arg("no-such-program").status(127).stderr_contains("no-such-program").run();
    with_postgres().status(2).stderr_contains("usage").run();
}

#[test]
fn committed_rows_survive_a_killed_server() {
    for major in postgres::majors() {
        let cluster = postgres::cluster(major);
        cluster.run("postgres", "create table t (n int); insert into t values (1)").expect("it runs");
        cluster.run("postgres", "begin; insert into t values (2)").expect("it runs");
        let before = cluster.pid();
        cluster.kill_server().expect("it dies");
        assert_eq!(cluster.pid(), None);
        assert!(cluster.run("postgres", "select 1").is_err(), "a killed server answers");
        cluster.start_again().expect("it recovers");
        assert_ne!(cluster.pid(), before);
        let rows = cluster.run("postgres", "select n from t").expect("it runs");
        assert_eq!(rows, [vec![Some("1".to_owned())]]);
        assert!(cluster.log().contains("not properly shut down"), "{}", cluster.log());
    }
}

#[test]
fn a_killed_server_leaves_no_process_behind() {
    let cluster = postgres::cluster(postgres::majors()[0]);
    // A backend that computes does not notice by itself that its parent is gone.
    let address = cluster.address().clone();
    let busy = std::thread::spawn(move || {
        address.run("postgres", "select count(*) from generate_series(1, 1000000000)")
    });
    let query = "select pid from pg_stat_activity where query like 'select count(*) from generate%'";
    let mut backend = None;
    eventually("the query runs", || {
        let rows = cluster.run("postgres", query).expect("it answers");
        backend = rows.first().and_then(|row| row[0].as_ref()?.parse().ok());
        backend.is_some()
    });
    cluster.kill_server().expect("it dies");
    eventually("the backend is gone", || !is_alive(backend.expect("it was seen")));
    assert!(busy.join().expect("no panic").is_err());
}

#[test]
fn a_server_keeps_no_file_open_that_its_parent_was_given() {
    let this = std::env::current_exe().expect("a test has a file");
    let script = "exec 7</etc/passwd; exec \"$0\" \"$@\"";
    let test = "clusters::helper_that_holds_a_cluster_until_it_is_killed";
    let mut holder = Cofferdam::new("/bin/sh")
        .args(["-c", script, &this.to_string_lossy(), "--exact", test, "--ignored", "--nocapture"])
        .spawn();
    let (pid, _) = holding(&mut holder);
    let open = |pid: u32| {
        let entries = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten();
        let files = entries.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
        files.filter(|file| file == Path::new("/etc/passwd")).count()
    };
    if cfg!(target_os = "linux") {
        assert_eq!((open(holder.pid()), open(pid)), (1, 0));
    }
}

#[test]
fn both_ways_of_stopping_can_be_started_again() {
    let cluster = postgres::cluster(postgres::majors()[0]);
    for (mode, recovers) in [(StopMode::Fast, false), (StopMode::Immediate, true)] {
        let seen = cluster.log().len();
        cluster.restart(mode).expect("it restarts");
        let log = cluster.log()[seen..].to_owned();
        assert_eq!(log.contains("not properly shut down"), recovers, "{mode:?}: {log}");
    }
}

#[test]
fn a_port_of_the_loopback_interface_needs_the_password() {
    let cluster =
        Cluster::start(&postgres::binaries()[0], &Settings::default().tcp(true)).expect("it starts");
    let url = cluster.tcp_url("postgres").expect("a port was asked for");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let connect = |url: String| {
        runtime.block_on(async move {
            let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await?;
            let task = tokio::spawn(connection);
            let row = client.query_one("select inet_server_addr()::text", &[]).await?;
            drop(client);
            task.await.expect("no panic")?;
            Ok::<String, tokio_postgres::Error>(row.get(0))
        })
    };
    assert_eq!(connect(url.clone()).expect("the password is right"), "127.0.0.1/32");
    let (before, after) = url.split_once('@').expect("user and host");
    let wrong = format!("{}x@{after}", before);
    assert!(connect(wrong).is_err(), "a wrong password was accepted");
}

#[test]
fn a_refused_setting_is_told_in_the_servers_words() {
    let settings = postgres::settings(postgres::majors()[0]).parameter("wal_level", "sideways");
    let binaries =
        postgres::binaries().iter().find(|b| b.major() == postgres::majors()[0]).expect("it is there");
    let error = Cluster::start(binaries, &settings).expect_err("no such level");
    assert!(error.details().iter().any(|line| line.contains("sideways")), "{error}: {:?}", error.details());
}

#[test]
fn a_server_that_is_left_running_runs_on() {
    let cluster = postgres::cluster(postgres::majors()[0]);
    let left = cluster.leave_running().expect("it runs");
    let rows = left.address.run("postgres", "select 1").expect("it answers");
    assert_eq!(rows.len(), 1);
    let pid =
        rustix::process::Pid::from_raw(i32::try_from(left.pid).expect("a process id")).expect("not zero");
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("it is ours");
    let pid_file: &Path = &left.directory.join("data/postmaster.pid");
    eventually("it has stopped", || !pid_file.exists());
    std::fs::remove_dir_all(&left.directory).expect("nobody else uses it");
}
