//! The program `cofferdam`: the engine with a terminal, an environment and exit codes.

mod arguments;
mod bug;
mod caller;
mod checklist;
mod clock;
mod command;
mod config;
mod confirm;
mod context;
mod duration;
mod environment;
mod exit;
mod failure;
mod interrupt;
mod nearest;
mod output;
mod pages;
mod places;
mod programs;
mod project_files;
mod scratch;
mod target;

use std::ffi::OsString;
use std::process::ExitCode;

use crate::arguments::Command;
use crate::context::{Configured, Context};
use crate::environment::Environment;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Format, Output, usage};

fn main() -> ExitCode {
    let argv: Vec<OsString> = std::env::args_os().collect();
    let (format, command) = arguments::intent(&argv);
    bug::guard(format, &command, || run(&argv, format, &command)).into()
}

fn run(argv: &[OsString], format: Format, command: &str) -> Exit {
    let arguments = match arguments::parse(argv) {
        Ok(arguments) => arguments,
        Err(error) => return usage::report(&error, format, command, arguments::style(argv)),
    };
    let environment = match Environment::read() {
        Ok(environment) => environment,
        Err(error) => {
            let exit = Exit::from(error.kind());
            Output::new(&arguments.global, arguments.command.name()).failure(&Failure::from(error));
            return exit;
        }
    };
    #[cfg(feature = "crash-points")]
    if let Err(error) = arm() {
        eprintln!("{error}");
        return Exit::Usage;
    }
    let output = Output::new(&arguments.global, arguments.command.name());
    output.log_to_stderr();
    let configured = match arguments.command {
        Command::Init(_) => Configured::ToBe,
        Command::Explain(_) | Command::Generate(_) => Configured::Never,
        _ => Configured::Already,
    };
    let result = Context::new(arguments.global, environment, output.clone(), configured)
        .and_then(|context| command::run(&context.typed(argv), arguments.command));
    match result {
        Ok(exit) => exit,
        Err(failure) => {
            output.failure(&failure);
            failure.error.kind().into()
        }
    }
}

/// Kills the process where a test asks for it.
#[cfg(feature = "crash-points")]
fn arm() -> Result<(), cofferdam_analysis::Error> {
    environment::lease_ms()?.as_deref().map_or(Ok(()), cofferdam::crash::shorten_lease)?;
    environment::crash_at()?.as_deref().map_or(Ok(()), cofferdam::crash::arm)
}
