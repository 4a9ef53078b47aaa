//! YAML, by the reader that pre-commit brings, or the one that Python has.

use cofferdam_testkit::{Cofferdam, checkout};
use serde_json::Value;

use crate::packed::installed;

/// The document as JSON; `None`, with a word on why, where nothing here reads YAML.
pub(crate) fn read(text: &str) -> Option<Value> {
    if !installed("python3") {
        return None;
    }
    let site = checkout::cache().join("tools/pre_commit/site");
    let script = "import sys\ntry:\n  import json, yaml\nexcept ImportError:\n  sys.exit(99)\n\
                  print(json.dumps(yaml.safe_load(sys.stdin), default=str))";
    let run = Cofferdam::new("python3").args(["-c", script]).env("PYTHONPATH", site).stdin(text);
    let output = run.any_status().run();
    match output.status.code() {
        Some(0) => Some(serde_json::from_str(&output.stdout).expect("JSON")),
        Some(99) => {
            eprintln!("skipped: nothing reads YAML here; `cargo xtask fetch-tools pre_commit` brings it");
            None
        }
        _ => panic!("no YAML:\n{output}\n{text}"),
    }
}

/// A file of the repository.
pub(crate) fn file(path: &str) -> String {
    let path = checkout::root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The blocks of a document that are fenced as `language`, in order.
pub(crate) fn blocks(document: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    file(document)
        .split(&fence)
        .skip(1)
        .map(|rest| rest.split("```").next().expect("a block").to_owned())
        .collect()
}
