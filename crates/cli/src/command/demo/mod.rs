//! `cofferdam demo`: the story of a migration that loses rows, on databases made for it.
//!
//! Promise: no database of the user's is touched, and nothing is left behind unless
//! `--keep` asks for it. A step of the story that does not come out as told is an error,
//! so the demo cannot show what the program does not do.

mod story;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use cofferdam::scratch::{Binaries, Cluster, Settings};
use cofferdam_analysis::Error;
use serde::Serialize;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Result;
use crate::output::text::{self, Style};
use story::{Database, Story};

/// See a dangerous migration refused, and the safe one applied and taken back
///
/// On a SQLite file, and on a throw-away Postgres server where one is installed. No
/// database of yours is touched.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Keep the SQLite project in ./cofferdam-demo to go on with it
    #[arg(long)]
    keep: bool,
}

/// Where `--keep` leaves the project.
const KEPT: &str = "cofferdam-demo";

#[derive(Serialize)]
struct Report {
    stories: Vec<Story>,
    skipped: Vec<String>,
    kept: Option<PathBuf>,
    next: Vec<String>,
}

pub(crate) fn run(context: &Context, args: Args) -> Result<Exit> {
    let kept = args.keep.then(|| PathBuf::from(KEPT));
    if let Some(kept) = kept.as_ref().filter(|kept| kept.exists()) {
        return Err(Error::refused(format!("{} exists already", kept.display()))
            .hint("remove it, or run the demo elsewhere")
            .into());
    }
    // Scratch servers live there too: their users must be able to reach it.
    let temporary = tempfile::Builder::new()
        .prefix("cofferdam-demo-")
        .tempdir_in("/tmp")
        .map_err(|error| Error::invalid(format!("cannot make a folder in /tmp: {error}")))?;
    let mut skipped = Vec::new();
    let cluster = postgres(context, &mut skipped);
    let stories = context.run(async {
        let folder = kept.clone().unwrap_or_else(|| temporary.path().join("sqlite"));
        let mut stories = vec![story::tell(context, Database::sqlite(&folder)?).await?];
        if let Some(cluster) = &cluster {
            let folder = temporary.path().join("postgres");
            stories.push(story::tell(context, Database::postgres(cluster, &folder)?).await?);
        }
        Ok(stories)
    })?;
    let next = next(kept.as_deref());
    let report = Report { stories, skipped, kept, next };
    context.output.result(true, &report, || human(&report, context.output.style()));
    Ok(Exit::Done)
}

/// A server of our own, if this machine has the programs. The demo is complete without.
fn postgres(context: &Context, skipped: &mut Vec<String>) -> Option<Cluster> {
    let Some(binaries) = Binaries::find(&[], None).into_iter().find(|found| found.usable().is_ok()) else {
        skipped.push("Postgres: no server programs were found on this machine".to_owned());
        return None;
    };
    context.output.log(&format!("starting a throw-away Postgres {}", binaries.major()));
    match Cluster::start(&binaries, &Settings::default()) {
        Ok(cluster) => Some(cluster),
        Err(error) => {
            skipped.push(format!("Postgres: {error}"));
            None
        }
    }
}

fn next(kept: Option<&Path>) -> Vec<String> {
    match kept {
        Some(kept) => vec![format!("cd {}", kept.display()), "cofferdam status".to_owned()],
        None => vec!["cofferdam init".to_owned(), "cofferdam check migrations".to_owned()],
    }
}

fn human(report: &Report, style: Style) -> String {
    let mut out = String::new();
    for story in &report.stories {
        out += &story.human(style);
    }
    for skipped in &report.skipped {
        out += &text::labelled("not shown", skipped, style);
    }
    match &report.kept {
        Some(kept) => _ = writeln!(out, "kept in {}; next:", kept.display()),
        None => out += "nothing was left behind; next, in a project of yours:\n",
    }
    for next in &report.next {
        _ = writeln!(out, "  {next}");
    }
    out
}
