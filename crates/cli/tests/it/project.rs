//! A project folder for one test, and its documents checked against their schemas.

use std::path::{Path, PathBuf};

use cofferdam_testkit::{Cofferdam, Output, checkout};
use serde_json::Value;

/// A folder that goes with the value.
pub(crate) struct Project {
    root: tempfile::TempDir,
}

impl Project {
    /// An empty folder.
    pub(crate) fn new() -> Self {
        Self { root: tempfile::tempdir().expect("a directory") }
    }

    /// Adds or replaces a file.
    pub(crate) fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.write(path, content);
        self
    }

    /// Adds or replaces a file.
    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, content).expect("a file");
    }

    /// What a file holds.
    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// A path below the folder.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    /// All files, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![self.root.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("readable").flatten() {
                if entry.path().is_dir() {
                    folders.push(entry.path());
                } else {
                    let below = entry.path();
                    let below = below.strip_prefix(self.root.path()).expect("below the root");
                    found.push(below.display().to_string());
                }
            }
        }
        found.sort();
        found
    }

    /// The program in this folder; `line` is cut at spaces.
    pub(crate) fn cofferdam(&self, line: &str) -> Cofferdam {
        Cofferdam::new(env!("CARGO_BIN_EXE_cofferdam"))
            .args(line.split_whitespace())
            .current_dir(self.root.path())
    }
}

/// The document on stdout, valid by the schema of its command. Nothing else may stand there.
#[track_caller]
pub(crate) fn document(command: &str, output: &Output) -> Value {
    let text = &output.stdout;
    let document: Value =
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in: {text}\n{output}"));
    assert_eq!(text.lines().count(), 1, "one line: {text}");
    let keys = text.matches("\"command\":").count();
    assert!(keys >= 1, "{text}");
    let schema = schema(&format!("{command}.json"));
    let validator = jsonschema::options()
        .with_base_uri("file:///schemas/document.json")
        .with_retriever(Committed)
        .build(&schema)
        .unwrap_or_else(|error| panic!("docs/schemas/{command}.json: {error}"));
    let errors: Vec<String> =
        validator.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{command}: {}\n{document:#}", errors.join("\n"));
    assert_eq!(document["command"], command);
    document
}

/// Finds a schema's neighbours in docs/schemas.
struct Committed;

impl jsonschema::Retrieve for Committed {
    fn retrieve(
        &self,
        uri: &jsonschema::Uri<String>,
    ) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        let name = uri.as_str().rsplit('/').next().unwrap_or_default();
        Ok(schema(name))
    }
}

fn schema(name: &str) -> Value {
    let path: &Path = &checkout::root().join("docs/schemas").join(name);
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
