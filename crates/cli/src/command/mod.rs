//! One file per command: its arguments, whose comments are its help, and `run`.

pub(crate) mod adopt;
pub(crate) mod audit;
pub(crate) mod baseline;
pub(crate) mod check;
pub(crate) mod demo;
pub(crate) mod diff;
pub(crate) mod explain;
pub(crate) mod generate;
pub(crate) mod guard;
pub(crate) mod init;
pub(crate) mod migrate;
pub(crate) mod new;
pub(crate) mod plan;
pub(crate) mod rollback;
pub(crate) mod status;
pub(crate) mod uninstall;

use crate::arguments::Command;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Result;

/// Runs `command` to its end.
pub(crate) fn run(context: &Context, command: Command) -> Result<Exit> {
    match command {
        Command::Init(args) => init::run(context, args),
        Command::New(args) => new::run(context, args),
        Command::Check(args) => check::run(context, args),
        Command::Explain(args) => explain::run(context, args),
        Command::Plan(args) => plan::run(context, args),
        Command::Migrate(args) => migrate::run(context, args),
        Command::Status(args) => status::run(context, args),
        Command::Adopt(args) => adopt::run(context, args),
        Command::Baseline(args) => baseline::run(context, args),
        Command::Guard(args) => guard::run(context, args),
        Command::Uninstall(args) => uninstall::run(context, args),
        Command::Rollback(args) => rollback::run(context, args),
        Command::Diff(args) => diff::run(context, args),
        Command::Audit(args) => audit::run(context, args),
        Command::Demo(args) => demo::run(context, args),
        Command::Generate(args) => generate::run(context, args),
    }
}
