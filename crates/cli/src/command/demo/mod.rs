//! `cofferdam demo`: the whole way of a migration, on databases that are thrown away.
//!
//! Promise: every number shown was read from a database while it ran; what the story
//! claims (refused, nothing lost, as it was) is checked, and a claim that does not hold
//! fails the command. It needs neither network nor server nor client programs, and
//! touches no database of the user.
//!
//! Refused: nothing. Without Postgres server binaries that part is left out and said so.
//!
//! When it ends, by itself or by Ctrl-C, its folder and its server are gone, unless
//! --keep. After a `kill -9` the server goes as well; a folder with one small SQLite file
//! stays.

mod content;
mod place;
mod postgres;
mod sqlite;
mod story;
mod text;

use std::path::PathBuf;

use cofferdam_analysis::{Error, ErrorKind};
use serde::Serialize;

use self::place::Place;
use self::postgres::Server;
use self::story::Story;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::{Failure, Result};

/// Where everybody may write; the path of a socket below it has to be short.
#[cfg(unix)]
const ROOMY: &str = "/tmp";
/// Where everybody may write.
#[cfg(not(unix))]
const ROOMY: &str = ".";

/// See a dangerous migration refused, and the safe one applied, proved and undone
///
/// Works on databases of its own: SQLite, and a Postgres server that is started for it
/// when its binaries are installed. Nothing of yours is read or changed, and nothing is
/// left behind.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Leave the databases and their migrations, to look around in
    #[arg(long)]
    keep: bool,
    /// Work in a new folder below this one
    #[arg(long = "in", value_name = "DIR", default_value = ROOMY)]
    within: PathBuf,
    /// Start the Postgres server in DIR, instead of the newest one found
    #[arg(long, value_name = "DIR")]
    postgres_bin: Option<PathBuf>,
}

/// The document.
#[derive(Debug, Serialize)]
struct Demo {
    stories: Vec<Story>,
    /// What could not be shown.
    skipped: Vec<Skipped>,
    /// With `--keep`: the folder of everything.
    kept: Option<PathBuf>,
    /// With `--keep`: the commands that remove all of it.
    remove: Vec<String>,
    /// How the program was called, where its bare name would not be found.
    #[serde(skip)]
    program: Option<String>,
}

#[derive(Debug, Serialize)]
struct Skipped {
    database: &'static str,
    reason: String,
}

pub(crate) fn run(context: &Context, args: Args) -> Result<Exit> {
    let place = Place::make(&args.within)?;
    let demo = context.run(tell(context, &args, &place)).map_err(of_the_demo)?;
    if args.keep {
        place.keep();
    }
    let style = context.output.style();
    context.output.result(true, &demo, || text::demo(&demo, style));
    Ok(Exit::Done)
}

async fn tell(context: &Context, args: &Args, place: &Place) -> Result<Demo> {
    let mut demo =
        Demo { stories: Vec::new(), skipped: Vec::new(), kept: None, remove: Vec::new(), program: program() };
    let stage = sqlite::stage(place)?;
    demo.stories.push(story::tell(&stage, &context.stop).await?);
    match Server::start(args.postgres_bin.clone(), args.within.clone(), &context.output).await {
        Ok(server) => {
            let stage = server.stage(place)?;
            demo.stories.push(story::tell(&stage, &context.stop).await?);
            if args.keep {
                demo.remove.extend(server.leave_running()?);
            }
        }
        Err(reason) => demo.skipped.push(Skipped { database: "Postgres", reason }),
    }
    context.stop.check()?;
    if args.keep {
        demo.remove.push(format!("rm -r {}", place.path().display()));
        demo.kept = Some(place.path().to_owned());
    }
    Ok(demo)
}

/// Where the program is, when it was called by a path: after `cargo run` there is no
/// `cofferdam` to be found.
fn program() -> Option<String> {
    let by_path = std::env::args_os().next()?.to_str()?.contains(std::path::is_separator);
    std::env::current_exe().ok().filter(|_| by_path).map(|path| path.display().to_string())
}

/// The engine's hint after an interruption is to go on; a demo begins again.
fn of_the_demo(failure: Failure) -> Failure {
    if failure.error.kind() != ErrorKind::Interrupted {
        return failure;
    }
    Error::interrupted("the demo was stopped")
        .hint("nothing of it is left; cofferdam demo begins again")
        .into()
}
