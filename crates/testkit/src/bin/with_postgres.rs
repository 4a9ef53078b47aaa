//! `with-postgres COMMAND ARGS..`: runs a command with one Postgres server per
//! major under test, and stops them when it ends.
//!
//! The servers are named in `COFFERDAM_TEST_SERVERS`, so that a test process
//! needs only `create database`. Exits as the command did.

use std::process::{Command, ExitCode};

use cofferdam_testkit::postgres::{self, SERVERS};

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    let Some(program) = words.next() else {
        eprintln!("usage: with-postgres COMMAND [ARGS..]");
        return ExitCode::from(2);
    };
    let clusters: Vec<_> = postgres::majors().into_iter().map(postgres::shared).collect();
    let name = |cluster: &postgres::Cluster| {
        let address = cluster.address();
        format!("{}={}:{}", cluster.major(), address.directory().display(), address.port())
    };
    let servers: Vec<String> = clusters.iter().map(name).collect();
    let status = Command::new(&program).args(words).env(SERVERS, servers.join(",")).status();
    match status {
        // A command that a signal ended has no code; shells say 128 and the signal's number.
        Ok(status) => ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(129)),
        Err(e) => {
            eprintln!("cannot run {}: {e}", program.display());
            ExitCode::from(127)
        }
    }
}
