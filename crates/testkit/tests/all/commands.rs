//! Running programs, and killing them at a named place.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use cofferdam_testkit::crash::{self, Crash};
use cofferdam_testkit::{Cofferdam, Output};

fn shell(script: &str) -> Cofferdam {
    Cofferdam::new("/bin/sh").args(["-c", script])
}

/// The message of the panic that `test` must end with.
fn panic_of<T>(test: impl FnOnce() -> T) -> String {
    match catch_unwind(AssertUnwindSafe(test)) {
        Ok(_) => panic!("it did not panic"),
        Err(panic) => panic.downcast_ref::<String>().expect("a message").clone(),
    }
}

#[test]
fn a_child_sees_nothing_of_the_developers_environment() {
    // Whatever runs the tests has set HOME and CARGO_MANIFEST_DIR.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    let output = shell("env").env("DATABASE_URL", "sqlite:x").current_dir("/tmp").run();
    let mut names: Vec<&str> =
        output.stdout.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    names.retain(|name| {
        ![
            "PATH",
            "TMPDIR",
            "LD_LIBRARY_PATH",
            "DYLD_FALLBACK_LIBRARY_PATH",
            "LLVM_PROFILE_FILE",
            "RUST_BACKTRACE",
        ]
        .contains(name)
    });
    names.retain(|name| !["PWD", "OLDPWD", "SHLVL", "_"].contains(name));
    names.sort_unstable();
    assert_eq!(names, ["DATABASE_URL", "HOME", "LC_ALL"]);
    assert!(output.stdout.contains("HOME=/tmp\n"), "{output}");
}

#[test]
fn each_expectation_can_fail() {
    let script = "echo out; echo err >&2; exit 3";
    shell(script).status(3).stdout("out\n").stderr("err\n").stdout_lacks("err").stderr_contains("rr").run();
    let cases: [(&str, Cofferdam); 6] = [
        ("expected exit code 0", shell(script)),
        ("expected exit code 4", shell(script).status(4)),
        ("expected an end by SIGKILL", shell(script).killed()),
        ("expected stdout to be \"out\"", shell(script).status(3).stdout("out")),
        ("expected stderr to contain \"out\"", shell(script).status(3).stderr_contains("out")),
        ("expected stdout to not contain \"ut\"", shell(script).status(3).stdout_lacks("ut")),
    ];
    for (expected, command) in cases {
        let message = panic_of(|| command.run());
        assert!(message.contains(expected), "{message}");
        assert!(message.contains("--- stdout\nout\n") && message.contains("--- stderr\nerr\n"), "{message}");
    }
}

#[test]
fn a_hung_child_is_killed_with_what_it_started_and_its_output_told() {
    let command = shell("echo begun; sleep 1000 & echo $!; wait").timeout(Duration::from_millis(300));
    let message = panic_of(|| command.run());
    assert!(message.contains("hung") && message.contains("begun"), "{message}");
    let pid = message.lines().find_map(|line| line.parse::<i32>().ok()).expect("the sleeper's id");
    let pid = rustix::process::Pid::from_raw(pid).expect("not zero");
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while rustix::process::test_kill_process(pid).is_ok() {
        assert!(std::time::Instant::now() < deadline, "the sleeper lives");
        std::thread::yield_now();
    }
}

#[test]
fn a_child_reads_what_it_is_given_even_more_than_a_pipe_holds() {
    let output = shell("wc -c").stdin(vec![b'x'; 1 << 20]).run();
    assert_eq!(output.stdout.trim(), "1048576");
    shell("exit 0").stdin(vec![b'x'; 1 << 20]).run();
}

#[test]
fn a_running_child_can_be_waited_for_paused_and_killed() {
    let mut child = shell("echo ready; exec sleep 1000").spawn();
    assert_eq!(child.wait_for_stdout("ready"), "ready\n");
    child.pause();
    child.go_on();
    let output = child.kill();
    assert!(output.was_killed());
}

#[test]
fn a_child_that_ends_before_it_says_the_words_fails_the_test() {
    let message = panic_of(|| shell("echo other").spawn().wait_for_stdout("ready"));
    assert!(message.contains("never said \"ready\"") && message.contains("other"), "{message}");
}

/// Comes three times to the place `step`, and dies there as a binary with crash points does.
const STEPS: &str = r#"
    for n in 1 2 3; do
        case ${COFFERDAM_CRASH_AT:-} in step:$n) kill -9 $$ ;; step) kill -9 $$ ;; esac
        echo step $n
    done"#;

#[test]
fn a_crash_is_a_real_sigkill_and_the_second_run_is_checked() {
    let steps = || shell(STEPS).stdout("step 1\nstep 2\nstep 3\n");
    let Crash::Killed(output) = crash::at("step:2", shell(STEPS)) else { panic!("not killed") };
    assert_eq!(output.stdout, "step 1\n");
    crash::then_again("step", steps);
    let message = panic_of(|| crash::then_again("step", || shell(STEPS).stdout("something else")));
    assert!(message.contains("something else"), "{message}");
}

#[test]
fn a_place_that_is_never_reached_fails_the_test() {
    let message = panic_of(|| crash::then_again("elsewhere", || shell(STEPS)));
    assert!(message.contains("never came to elsewhere"), "{message}");
    let message = panic_of(|| crash::every_hit("elsewhere", |point| crash::at(point, shell(STEPS))));
    assert!(message.contains("never came to elsewhere"), "{message}");
}

#[test]
fn every_hit_of_a_place_is_tried() {
    let mut seen = Vec::new();
    let hits = crash::every_hit("step", |point| {
        let crash = crash::at(point, shell(STEPS));
        if let Crash::Killed(Output { stdout, .. }) = &crash {
            seen.push(stdout.lines().count());
        }
        crash
    });
    assert_eq!((hits, seen), (3, vec![0, 1, 2]));
}

#[test]
fn another_signal_is_not_a_crash_point() {
    let message = panic_of(|| crash::at("step", shell("kill -SEGV $$")));
    assert!(message.contains("another signal"), "{message}");
}
