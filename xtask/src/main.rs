//! Chores of this repository: `cargo xtask COMMAND`.

mod docs;
mod fetch_corpus;
mod fetch_pg_dump;
mod fetch_postgres;
mod fetch_tools;
mod files;
mod new_rule;
mod package;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  fetch-corpus                            bring real projects' migrations for the tests into .cache/corpus
  docs [--book]                           write docs/reference from the program, the rules and the schemas,
                                          make the guide in target/guide and follow its links;
                                          --book: make it of what is written
  fetch-mdbook                            bring mdbook, which makes the guide, into .cache/tools
  fetch-pg-dump                           bring the newest pg_dump for the tests into .cache/postgres-client
  fetch-postgres [--into DIR] [MAJOR..]   bring Postgres servers for the tests into .cache/postgres
  fetch-tools [--into DIR] [--quick] [TOOL..]
                                          bring other migration tools for the tests into .cache/tools;
                                          --quick: those that need no compiler
  new-rule ID                             write the file of a new rule of `check` and register it
  package npm|wheel --binary PATH [--binary PATH ..] --out DIR
                                          make the packages that bring these programs into Node or Python
                                          projects; each program tells what platform it is for
";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = words.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
    let result = match command {
        "fetch-corpus" => fetch_corpus::run(rest),
        "docs" => docs::run(rest),
        "fetch-mdbook" => fetch_tools::mdbook(rest),
        "fetch-pg-dump" => fetch_pg_dump::run(rest),
        "fetch-postgres" => fetch_postgres::run(rest),
        "fetch-tools" => fetch_tools::run(rest),
        "package" => package::run(rest),
        "new-rule" => new_rule::run(rest),
        "help" | "--help" | "-h" => {
            print!("{USAGE}");
            Ok(())
        }
        _ => Err(Failure::usage(USAGE)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{}", failure.message.trim_end());
            ExitCode::from(failure.code)
        }
    }
}

/// Why a chore was not done. The codes are those of the program itself.
#[derive(Debug)]
struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// Something on this machine failed: a disk, a program.
    fn here(message: impl Into<String>) -> Self {
        Self { code: 1, message: message.into() }
    }

    /// The command is wrong, or something that it needs is missing.
    fn usage(message: impl Into<String>) -> Self {
        Self { code: 2, message: message.into() }
    }

    /// Somebody else's server cannot be reached.
    fn unreachable(message: impl Into<String>) -> Self {
        Self { code: 5, message: message.into() }
    }

    /// What came is not what was asked for.
    fn damaged(message: impl Into<String>) -> Self {
        Self { code: 6, message: message.into() }
    }
}
