//! `check` on every file that real projects wrote.

use std::path::{Path, PathBuf};

use cofferdam_testkit::Output;
use serde_json::Value;

use super::corpus;
use crate::project::{Project, document};

fn judged(project: &Project, dialect: &str, path: &Path) -> Value {
    let check = project.cofferdam("check --format json --dialect").arg(dialect).arg(path);
    let output: Output = check.any_status().run();
    let document = document("check", &output);
    let errors = document["summary"]["error"].as_u64().expect("a number");
    assert_eq!(output.code(), Some(i32::from(errors > 0)), "{}: {output}", path.display());
    document
}

/// The folders of the corpus that hold SQL files themselves.
fn folders(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        let mut holds_sql = false;
        for entry in std::fs::read_dir(&folder).expect("the corpus can be listed") {
            let path = entry.expect("the corpus can be listed").path();
            holds_sql |= path.extension().is_some_and(|extension| extension == "sql");
            if path.is_dir() {
                open.push(path);
            }
        }
        if holds_sql {
            found.push(folder);
        }
    }
    found.sort();
    found
}

#[test]
fn every_folder_is_judged_in_either_dialect() {
    let Some(root) = corpus("") else { return };
    let project = Project::new();
    let folders = folders(&root);
    assert!(!folders.is_empty(), "{} holds no SQL files", root.display());
    for folder in &folders {
        for dialect in ["postgres", "sqlite"] {
            let document = judged(&project, dialect, folder);
            let findings = document["findings"].as_array().expect("an array");
            let files = document["summary"]["files"].as_u64().expect("a number");
            assert!(files > 0, "{}: no file was judged", folder.display());
            for finding in findings {
                let file = finding["file"].as_str().expect("a finding has its file");
                let text = std::fs::read_to_string(file).expect("the file is there");
                let line = finding["line"].as_u64().and_then(|line| usize::try_from(line).ok());
                let lines = text.lines().count().max(1);
                assert!(line.is_some_and(|line| (1..=lines).contains(&line)), "{finding:#}");
            }
        }
    }
}

#[test]
fn all_of_it_at_once_is_one_set() {
    let Some(root) = corpus("") else { return };
    for dialect in ["postgres", "sqlite"] {
        let document = judged(&Project::new(), dialect, &root);
        assert!(document["summary"]["files"].as_u64() > Some(300), "{dialect}: {}", document["summary"]);
    }
}

#[test]
fn a_file_named_for_one_dialect_is_judged_when_it_is_named() {
    let Some(synapse) = corpus("matrix-synapse") else { return };
    let project = Project::new();
    for dialect in ["postgres", "sqlite"] {
        let dump = synapse.join(format!("main/full_schemas/72/full.sql.{dialect}"));
        let document = judged(&project, dialect, &dump);
        let syntax = document["findings"].as_array().expect("an array").iter();
        assert_eq!(syntax.filter(|finding| finding["rule"] == "syntax-error").count(), 0, "{document:#}");
        assert!(document["summary"]["statements"].as_u64() > Some(100), "{document:#}");
    }
}
