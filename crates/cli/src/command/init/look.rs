//! What `init` sees: the folder, the tool, and the database if it answers soon.

use std::path::Path;
use std::time::Duration;

use cofferdam::db::{self, ConnectOptions, Target};
use cofferdam::folder::Folder;
use cofferdam_analysis::Error;

use super::seen::{BASELINE, Seen};
use super::{Named, Report};
use crate::context::Context;
use crate::failure::Result;
use crate::output::text;
use crate::places;
use crate::project_files::{self, Sought};
use crate::target::{self, Chosen};

/// How long a database may take to answer: it is asked for a hint, and no more.
const PATIENCE: Duration = Duration::from_secs(3);

/// What the project holds.
pub(super) fn look(context: &Context, file: &Path) -> Result<Report> {
    let mut report = Report {
        wrote: file.display().to_string(),
        dir: None,
        format: None,
        files: 0,
        since: None,
        tool: None,
        database: None,
        notes: Vec::new(),
        next: Vec::new(),
        programs: None,
        not_understood: false,
    };
    let folder = folder(context, &mut report)?;
    let seen = database(context, &mut report)?;
    let folder = match (&seen, folder) {
        (Some(seen), Some(folder)) => Some(seen.folder(folder)),
        (_, folder) => folder,
    };
    report.since = match (&seen, &folder) {
        (Some(seen), Some(folder)) => seen.newest_applied(folder),
        (_, folder) => folder.as_ref().and_then(Folder::newest).map(|newest| newest.version.to_string()),
    };
    report.next = next(&report, folder.as_ref(), seen.as_ref());
    Ok(report)
}

/// The migrations folder and whose it is.
fn folder(context: &Context, report: &mut Report) -> Result<Option<Folder>> {
    let place = context.place()?;
    report.dir = place.as_ref().map(|place| place.dir.clone());
    report.tool = place.as_ref().and_then(|place| place.tool).map(|tool| tool.as_str());
    let read = place.as_ref().map(|place| {
        let format = context.format_of(place).map_err(|failure| failure.error)?;
        Folder::read(&place.dir, format)
    });
    match read {
        Some(Ok(folder)) => {
            report.files = folder.migrations().len();
            report.format = (report.files > 0).then_some(folder.format);
            report.notes.clone_from(&folder.notes);
            return Ok(Some(folder));
        }
        // Files of another tool are no reason to have no configuration.
        Some(Err(error)) => {
            let hint = error.hint_text().map(|hint| format!("; {hint}")).unwrap_or_default();
            report.notes.push(format!("the folder is not understood: {}{hint}", error.message()));
            report.not_understood = true;
        }
        None => programs(context, report)?,
    }
    Ok(None)
}

/// Folders of programs, where there is none of SQL.
fn programs(context: &Context, report: &mut Report) -> Result<()> {
    let places = places::look(".".as_ref(), context.environment.dotenv())?;
    let Some(place) = places.programs.into_iter().next() else {
        report.notes.push("no migrations folder was found".to_owned());
        return Ok(());
    };
    let dir = place.dir.display();
    match place.tool {
        Some(tool) => {
            report.notes.push(format!(
                "{}'s migrations are programs ({dir}): the lines for format = \"command\" stand in {}",
                tool.name(),
                report.wrote
            ));
            report.tool = Some(tool.as_str());
            report.programs = Some((place.dir, tool));
        }
        None => report.notes.push(format!("{dir} holds programs, and no SQL")),
    }
    Ok(())
}

/// What names the database, what the sources disagree about, and what it holds.
fn database(context: &Context, report: &mut Report) -> Result<Option<Seen>> {
    let chosen = match context.named_database() {
        Ok(Some(chosen)) => chosen,
        Ok(None) => match sought(context) {
            Ok(chosen) => chosen,
            Err(why) => {
                report.notes.extend(why);
                return Ok(None);
            }
        },
        // What was typed is wrong; what only stands in the environment is no reason to stop.
        Err(failure) if context.global.database_url.is_some() || context.global.env.is_some() => {
            return Err(failure);
        }
        Err(failure) => {
            report.notes.push(failure.error.message().to_owned());
            return Ok(None);
        }
    };
    report.notes.extend(chosen.target.notes().iter().cloned());
    report.notes.extend(chosen.notes.iter().cloned());
    report.notes.extend(disagreements(context, &chosen));
    let asked = ask(context, &chosen.target);
    report.database = Some(Named {
        source: chosen.source,
        target: chosen.target.redacted(),
        ledger: asked
            .iter()
            .flatten()
            .find_map(|seen| seen.around.foreign.first())
            .map(|found| found.tool.name()),
        reached: asked.as_ref().is_ok_and(Option::is_some),
        implied: chosen.implied,
    });
    match asked {
        Ok(seen) => Ok(seen),
        Err(why) => {
            report.notes.push(format!("the database was not asked what it holds: {why}"));
            Ok(None)
        }
    }
}

fn sought(context: &Context) -> Result<Chosen, Vec<String>> {
    match context.seek() {
        Sought::Found(found) => target::implied(found, &context.environment, &context.config)
            .map_err(|error| vec![error.message().to_owned()]),
        Sought::Nothing(why) => Err(why),
        Sought::Unusable(error) => Err(vec![error.message().to_owned()]),
    }
}

/// Files that name other databases than the chosen one, which wins by the order.
fn disagreements(context: &Context, chosen: &Chosen) -> Vec<String> {
    let named = project_files::all_named(context.root(), &context.environment);
    let other = named.into_iter().filter(|(_, target)| target.identity() != chosen.target.identity());
    let text = |(source, target): (String, Target)| {
        format!("{source} names {target}; {} goes before it and leads to {}", chosen.source, chosen.target)
    };
    other.map(text).collect()
}

/// What the database holds, `None` of one that is yet to be made; else why that is not known.
fn ask(context: &Context, target: &Target) -> Result<Option<Seen>, String> {
    let plain = |error: Error| error.message().to_owned();
    match target {
        Target::Sqlite(sqlite) if sqlite.path().is_none_or(|path| !path.exists()) => Ok(None),
        Target::Sqlite(sqlite) => Seen::on_sqlite(sqlite).map(Some).map_err(plain),
        Target::Postgres(postgres) => {
            let connect = context.environment.connect_options().map_err(plain)?;
            let connect = ConnectOptions { connect_timeout: PATIENCE, allow_standby: true, ..connect };
            let asked = context.run(async {
                let looked = async {
                    let session = db::connect(postgres, &connect).await?;
                    let seen = Seen::on_postgres(&session).await;
                    session.close().await;
                    seen
                };
                let late = || Error::unreachable(format!("no answer within {}", text::millis(3_000)));
                Ok(tokio::time::timeout(PATIENCE, looked).await.unwrap_or_else(|_| Err(late())))
            });
            match asked {
                Ok(looked) => looked.map(Some).map_err(plain),
                Err(failure) => Err(plain(failure.error)),
            }
        }
    }
}

/// What to type next.
fn next(report: &Report, folder: Option<&Folder>, seen: Option<&Seen>) -> Vec<&'static str> {
    if report.not_understood && report.tool.is_none() {
        return vec!["settle whose the folder's files are (see the note)", "cofferdam status"];
    }
    let take_over = seen.and_then(|seen| seen.take_over(folder));
    let ours = if report.programs.is_some() {
        vec!["take the lines of [migrations] in cofferdam.toml into use", "cofferdam check"]
    } else if report.files == 0
        && (report.dir.is_none() || report.tool.is_none())
        && take_over != Some(BASELINE)
    {
        vec!["cofferdam new NAME", "cofferdam migrate"]
    } else {
        vec!["cofferdam status", "cofferdam check"]
    };
    take_over.into_iter().chain(ours).collect()
}
