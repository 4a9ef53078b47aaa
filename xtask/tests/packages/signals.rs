//! Signals to the launcher: they reach the program once, and nobody is left behind.

use std::os::unix::process::ExitStatusExt as _;

use cofferdam_testkit::{Cofferdam, Running};

use crate::packed::installed;
use crate::project::{LONG, Project, group_lives, nodes};

/// A project that is in the middle of a long statement, with each kind of Node.
fn running(judge: impl Fn(&Project, Cofferdam) -> Cofferdam, signal: impl Fn(&Project, Running)) {
    if !installed("npm") {
        return;
    }
    for node in nodes() {
        let project = Project::with_npm();
        project.write("migrations/0002_long.sql", LONG);
        project.write("migrations/0003_after.sql", "create table later (id integer);\n");
        let run = project.run(node, &project.launcher()).args(["migrate", "--progress", "json"]);
        let mut running = judge(&project, run).spawn();
        running.wait_for_stderr("\"step\":\"0002\"");
        signal(&project, running);
    }
}

/// The first migration is applied and the last one is not: it stopped where it was told to.
fn stopped_between_steps(project: &Project) {
    let status = project.run(crate::packed::program(), "status").run().stdout;
    assert!(status.contains("0003"), "{status}");
    project.run(crate::packed::program(), "migrate").stderr_contains("migrations completed").run();
}

#[test]
fn an_interrupt_stops_after_the_step_with_the_programs_own_exit_code() {
    running(
        |_, run| run.status(7).stderr_lacks("stopped at once"),
        |project, running| {
            running.interrupt();
            running.wait();
            stopped_between_steps(project);
        },
    );
}

#[test]
fn so_does_a_termination_and_no_process_is_left() {
    running(
        |_, run| run.status(7).stderr_lacks("stopped at once"),
        |project, running| {
            let leader = running.pid();
            running.terminate();
            running.wait();
            assert!(!group_lives(leader), "the program outlived its launcher");
            stopped_between_steps(project);
        },
    );
}

#[test]
fn a_program_that_a_signal_ends_ends_its_launcher_by_the_same_signal() {
    running(
        |_, run| run.any_status(),
        |_, running| {
            let leader = running.pid();
            running.hang_up();
            let output = running.wait();
            assert_eq!(output.status.signal(), Some(1), "{output}");
            assert!(!group_lives(leader), "the program outlived its launcher");
        },
    );
}

/// A terminal sends Ctrl-C to npm, its shell, the launcher and the program, and npm passes it on.
#[test]
fn ctrl_c_in_a_terminal_under_npm_run_is_one_interrupt() {
    if !installed("npm") || !installed("python3") {
        return;
    }
    let project = Project::with_npm();
    project.write("migrations/0002_long.sql", LONG);
    project.write("migrations/0003_after.sql", "create table later (id integer);\n");
    let manifest = r#"{ "scripts": { "db:migrate": "cofferdam migrate --progress json" } }"#;
    project.write("package.json", manifest);
    let run = project.run("python3", "-c").arg(TERMINAL).arg("\"step\":\"0002\"").args([
        "npm",
        "run",
        "db:migrate",
    ]);
    // npm's shell may have died of the Ctrl-C; npm then dies of it too, which is told as -2.
    let output = run.any_status().stdout_contains("after the last finished").run();
    assert!(matches!(output.status.code(), Some(7 | 254)), "{output}");
    stopped_between_steps(&project);
}

/// Runs a command in a terminal of its own, types Ctrl-C when it has said the first word, and
/// ends as the command does.
const TERMINAL: &str = "
import os, pty, sys
word, *command = sys.argv[1:]
child, terminal = pty.fork()
if child == 0:
    os.execvp(command[0], command)
said, typed = b'', False
while True:
    try:
        piece = os.read(terminal, 4096)
    except OSError:
        break
    if not piece:
        break
    said += piece
    sys.stdout.buffer.write(piece)
    if not typed and word.encode() in said:
        typed = True
        os.write(terminal, b'\\x03')
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
";
