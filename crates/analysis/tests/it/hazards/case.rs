//! A case of the hazards corpus, as `tests/corpus/README.md` describes the form.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use cofferdam_analysis::Severity;
use cofferdam_analysis::document::DocumentKind;
use cofferdam_analysis::judge::{SMALL, Transaction};
use cofferdam_analysis::sql::Dialect;

/// One case.
#[derive(Debug, Clone, Default)]
pub(crate) struct Case {
    /// `postgres/loss`.
    pub(crate) family: String,
    /// A fact; one of a kind in its family.
    pub(crate) name: String,
    /// Shared schemas and its own, one text.
    pub(crate) schema: String,
    /// Whether the program is told the schema.
    pub(crate) known: bool,
    /// Row estimates of a catalog; `None`: there is no catalog.
    pub(crate) sizes: Option<BTreeMap<String, i64>>,
    /// How files run.
    pub(crate) transaction: Transaction,
    /// Rules tolerated anywhere in it.
    pub(crate) may: Vec<String>,
    /// It changes rows on purpose.
    pub(crate) meant_rows: bool,
    /// It reads a table under a lock, and there is no better way.
    pub(crate) meant_scan: bool,
    /// Whether the engine can prove it.
    pub(crate) provable: bool,
    /// SQL that makes rows before the generated ones.
    pub(crate) rows: String,
    /// SQL that runs behind the generated ones.
    pub(crate) then: String,
    /// A query behind the last file that counts what went wrong.
    pub(crate) harm: String,
    /// In order.
    pub(crate) files: Vec<File>,
    /// The engine's record: by major, or 0 for all.
    pub(crate) proved: BTreeMap<u32, Vec<String>>,
}

/// One file of a case.
#[derive(Debug, Clone, Default)]
pub(crate) struct File {
    pub(crate) name: String,
    /// Without the marks.
    pub(crate) text: String,
    pub(crate) marks: Vec<Mark>,
}

/// What is said of a line.
#[derive(Debug, Clone)]
pub(crate) struct Mark {
    /// From 1.
    pub(crate) line: usize,
    /// `None`: tolerated, not asked for.
    pub(crate) severity: Option<Severity>,
    pub(crate) rule: String,
}

impl Case {
    /// `postgres/loss: a table is dropped`.
    pub(crate) fn title(&self) -> String {
        format!("{}: {}", self.family, self.name)
    }

    pub(crate) fn dialect(&self) -> Dialect {
        if self.family.starts_with("sqlite/") { Dialect::Sqlite } else { Dialect::Postgres }
    }

    /// What must be found, with its file.
    pub(crate) fn musts(&self) -> impl Iterator<Item = (&File, &Mark)> {
        self.files.iter().flat_map(|f| f.marks.iter().filter(|m| m.severity.is_some()).map(move |m| (f, m)))
    }

    /// Nothing must be found.
    pub(crate) fn innocent(&self) -> bool {
        self.musts().next().is_none()
    }

    /// Whether a catalog says that the table is small.
    pub(crate) fn small(&self, table: &str) -> bool {
        let sizes = self.sizes.as_ref();
        sizes.and_then(|s| s.get(table)).is_some_and(|rows| *rows >= 0 && (*rows as u64) < SMALL)
    }
}

impl File {
    /// What it is, if it is no SQL.
    pub(crate) fn document(&self) -> Option<DocumentKind> {
        DocumentKind::of(&self.name)
    }
}

/// The corpus' directory.
pub(crate) fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../analysis/tests/corpus")
}

/// Every family's file, `postgres/loss` and so on, in order.
pub(crate) fn families() -> Vec<String> {
    let mut families = Vec::new();
    for folder in ["documents", "postgres", "sqlite"] {
        for entry in fs::read_dir(directory().join(folder)).expect("the corpus can be listed") {
            let name = entry.expect("the corpus can be listed").file_name().to_string_lossy().into_owned();
            families.push(format!("{folder}/{}", name.trim_end_matches(".txt")));
        }
    }
    families.sort();
    families
}

/// The cases of a family.
pub(crate) fn read(family: &str) -> Vec<Case> {
    let text = fs::read_to_string(path(family)).expect("the family's file can be read");
    let cases: Vec<Case> = blocks(&text).map(|block| parse(family, block)).collect();
    let mut names: Vec<&str> = cases.iter().map(|c| c.name.as_str()).collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        panic!("{family}: two cases are named '{}'", twice[0]);
    }
    cases
}

/// Every case.
pub(crate) fn all() -> Vec<Case> {
    families().iter().flat_map(|family| read(family)).collect()
}

/// The family's file.
pub(crate) fn path(family: &str) -> PathBuf {
    directory().join(format!("{family}.txt"))
}

/// The text of each case, from its name on.
pub(crate) fn blocks(text: &str) -> impl Iterator<Item = &str> {
    let from = text.find("\n=== ").map_or(text.len(), |at| at + 5);
    text[from..].split("\n=== ").map(|b| b.strip_suffix('\n').map_or(b, |_| b))
}

fn parse(family: &str, block: &str) -> Case {
    let mut lines = block.lines();
    let name = lines.next().expect("a block has a line").to_owned();
    let mut case = Case { family: family.to_owned(), name, known: true, provable: true, ..Case::default() };
    let mut section: Option<(String, String)> = None;
    for line in lines {
        if let Some(head) = line.strip_prefix("--- ") {
            if let Some((head, text)) = section.replace((head.to_owned(), String::new())) {
                end_section(&mut case, &head, text);
            }
        } else if let Some((_, text)) = &mut section {
            *text += line;
            text.push('\n');
        } else if !line.is_empty() {
            let (key, value) = line.split_once(": ").unwrap_or_else(|| panic!("{}: '{line}'", case.title()));
            header(&mut case, key, value);
        }
    }
    let (head, text) = section.unwrap_or_else(|| panic!("{} has no file", case.title()));
    end_section(&mut case, &head, text);
    assert!(!case.files.is_empty(), "{} has no file", case.title());
    case
}

fn header(case: &mut Case, key: &str, value: &str) {
    match (key, value) {
        ("from", _) => {}
        ("schema", names) => {
            for name in names.split_whitespace() {
                let file = directory().join(format!("schemas/{name}.sql"));
                case.schema += &fs::read_to_string(file).expect("the schema can be read");
            }
        }
        ("known", "no") => case.known = false,
        ("sizes", list) => {
            let size = |entry: &str| {
                let (table, rows) = entry.trim().split_once(' ').expect("TABLE ROWS");
                (table.to_owned(), rows.parse().expect("a number of rows"))
            };
            case.sizes = Some(list.split(',').map(size).collect());
        }
        ("runner", "wraps") => case.transaction = Transaction::Always,
        ("runner", "none") => case.transaction = Transaction::Never,
        ("may", rules) => case.may.extend(rules.split_whitespace().map(str::to_owned)),
        ("meant", "rows") => case.meant_rows = true,
        ("meant", "scan") => case.meant_scan = true,
        ("proof", "-") => case.provable = false,
        _ => panic!("{}: '{key}: {value}' is not known", case.title()),
    }
}

fn end_section(case: &mut Case, head: &str, text: String) {
    let (kind, argument) = head.split_once(' ').unwrap_or((head, ""));
    match kind {
        "schema" => case.schema += &text,
        "rows" => case.rows = text,
        "then" => case.then = text,
        "harm" => case.harm = text,
        "file" => {
            let name = match argument {
                "" => format!("{}.sql", case.files.len() + 1),
                name => name.to_owned(),
            };
            let file = file(&case.title(), name, &text);
            case.files.push(file);
        }
        "proved" => {
            let major = if argument.is_empty() { 0 } else { argument.parse().expect("a major") };
            let lines = text.lines().filter(|l| !l.is_empty()).map(str::to_owned).collect();
            case.proved.insert(major, lines);
        }
        _ => panic!("{}: a section '{kind}' is not known", case.title()),
    }
}

fn file(title: &str, name: String, text: &str) -> File {
    let mut file = File { name, ..File::default() };
    for (n, line) in text.trim_end().lines().enumerate() {
        let (line, said) = line.split_once("<<<").map_or((line, ""), |(line, said)| (line.trim_end(), said));
        for said in said.split(',').filter(|s| !s.trim().is_empty()) {
            let mut words = said.split_whitespace();
            let severity = match words.next() {
                Some("error") => Some(Severity::Error),
                Some("warning") => Some(Severity::Warning),
                Some("note") => Some(Severity::Note),
                Some("may") => None,
                other => panic!("{title}: {other:?} is no severity"),
            };
            file.marks.extend(words.map(|rule| Mark { line: n + 1, severity, rule: rule.to_owned() }));
        }
        file.text += line;
        file.text.push('\n');
    }
    file
}
