//! An application that brings its own migrations and runs them when it starts.
//!
//! `cargo run -p cofferdam-example-embedded` starts three instances at once, as a deployment
//! does: one applies the files, the others wait for it and find nothing to do. They use the
//! database that `DATABASE_URL` names, else a SQLite file in a temporary directory.

use std::process::{Child, Command, ExitCode};

use cofferdam::{Event, Migrations};

static MIGRATIONS: Migrations = cofferdam::migrations!("migrations");

const INSTANCES: usize = 3;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let result = match (std::env::args().nth(1), std::env::var("DATABASE_URL").ok()) {
        (Some(name), Some(url)) => instance(name, &url).await,
        (Some(_), None) => Err("an instance needs DATABASE_URL".into()),
        (None, url) => start_all(url),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// One instance of the application: migrates, and would then serve.
async fn instance(name: String, url: &str) -> Outcome {
    let shown = name.clone();
    let migrations =
        MIGRATIONS.clone().actor(&name).watch(move |event| println!("{shown}: {}", told(&event)));
    let report = migrations.run(url).await?;
    println!("{name}: ready, {} applied now, {} before", report.applied.len(), report.already);
    Ok(())
}

fn told(event: &Event) -> String {
    match event {
        Event::Note { text } => text.clone(),
        Event::Resuming { version, done, steps } => {
            format!("goes on with {version}, {done} of {steps} steps are done")
        }
        Event::StepStarted { step, number, of } => format!("step {number} of {of}: {step}"),
        Event::StepDone { step, duration_ms } => format!("{step} done in {duration_ms} ms"),
        Event::Waiting { for_what, blocker } => {
            format!("waits for {for_what}, held by {}", blocker.as_deref().unwrap_or("somebody"))
        }
    }
}

/// Starts them all and waits for them.
fn start_all(url: Option<String>) -> Outcome {
    let directory = std::env::temp_dir().join(format!("cofferdam-embedded-{}", std::process::id()));
    let url = match url {
        Some(url) => url,
        None => {
            std::fs::create_dir_all(&directory)?;
            format!("sqlite:{}", directory.join("notes.db").display())
        }
    };
    let program = std::env::current_exe()?;
    let start = |number: usize| {
        Command::new(&program).arg(format!("instance {number}")).env("DATABASE_URL", &url).spawn()
    };
    let instances = (1..=INSTANCES).map(start).collect::<std::io::Result<Vec<Child>>>()?;
    let mut all_ready = true;
    for mut instance in instances {
        all_ready &= instance.wait()?.success();
    }
    if directory.exists() {
        std::fs::remove_dir_all(&directory)?;
    }
    if all_ready { Ok(()) } else { Err("an instance did not start".into()) }
}
