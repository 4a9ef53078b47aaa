//! `docs`: writes the pages of the reference, and makes the guide of all pages.
//!
//! What can be told by the program is told by it: the commands from the definition of its
//! command line, the rules from their cards, the JSON documents from their schemas. These pages
//! are committed, so that they can be read and reviewed like others, and tests compare them
//! with what would be written. The guide itself is made by mdbook into `target/guide`, from a
//! copy of `docs` whose links to the rest of the repository are addresses, and then every link
//! in it is followed.
//!
//! Exit codes: 1 a link leads nowhere or mdbook failed, 2 mdbook is not there.

mod built;
mod documents;
mod source;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Failure;
use crate::fetch_tools::{checkout, mdbook_program};
use crate::files::{cannot, clear};

/// `docs` writes and makes, `docs --book` only makes.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    match words {
        [] => write().and_then(|()| book()),
        [word] if word == "--book" => book(),
        _ => Err(Failure::usage("docs takes nothing but --book")),
    }
}

/// Writes `docs/reference`.
fn write() -> Result<(), Failure> {
    let folder = checkout().join("docs/reference");
    let mut program = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    program.args([
        "run",
        "--quiet",
        "--locked",
        "-p",
        "cofferdam-cli",
        "--",
        "generate",
        "reference",
        "--out",
    ]);
    succeed(program.arg(&folder).current_dir(checkout()), "cofferdam generate reference")?;
    let page = folder.join("json.md");
    std::fs::write(&page, documents::page(&checkout().join("docs/schemas"))?).map_err(cannot("write", &page))
}

/// Makes the guide and follows its links.
fn book() -> Result<(), Failure> {
    let Some(mdbook) = mdbook_program() else {
        return Err(Failure::usage("the guide is not made: `cargo xtask fetch-mdbook` brings mdbook"));
    };
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| checkout().join("target"), PathBuf::from);
    let target = std::path::absolute(target).map_err(|e| Failure::here(e.to_string()))?;
    let (source, into) = (target.join("guide-source"), target.join("guide"));
    clear(&into)?;
    source::copy(&checkout().join("docs"), &source)?;
    let mut command = Command::new(mdbook);
    succeed(command.arg("build").arg(&source).arg("--dest-dir").arg(&into), "mdbook")?;
    let dead = built::dead_links(&into)?;
    if !dead.is_empty() {
        return Err(Failure::here(format!("links of the guide lead nowhere:\n{}", dead.join("\n"))));
    }
    println!("the guide: {}", into.join("index.html").display());
    Ok(())
}

fn succeed(command: &mut Command, name: &str) -> Result<(), Failure> {
    let output = command.output().map_err(|e| Failure::here(format!("cannot run {name}: {e}")))?;
    let said = String::from_utf8_lossy(&output.stderr);
    // mdbook goes on after what it calls an error, such as a file that cannot be included.
    if output.status.success() && !said.contains("ERROR") {
        return Ok(());
    }
    Err(Failure::here(format!("{name} failed ({})\n{}", output.status, said.trim())))
}

/// All files below a folder with this ending, sorted.
fn files(folder: &Path, ending: &str) -> Result<Vec<PathBuf>, Failure> {
    let mut found = all_files(folder)?;
    found.retain(|path| path.extension().is_some_and(|extension| extension == ending));
    Ok(found)
}

fn all_files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(cannot("list", &folder))? {
            let path = entry.map_err(cannot("list", &folder))?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
