//! The arrows of ARCHITECTURE.md, held by a test, and the soft budgets as a printed list
//! (`cargo test -p cofferdam-cli --test architecture -- --nocapture`).

use std::fs;
use std::path::{Path, PathBuf};

/// What each crate's sources may import of ours.
const ARROWS: [(&str, &[&str]); 4] = [
    ("analysis", &[]),
    ("engine", &["cofferdam_analysis"]),
    ("cli", &["cofferdam_analysis", "cofferdam", "cofferdam_server"]),
    ("testkit", &["cofferdam_analysis", "cofferdam", "cofferdam_testkit"]),
];
const OURS: [&str; 5] =
    ["cofferdam", "cofferdam_analysis", "cofferdam_server", "cofferdam_cli", "cofferdam_testkit"];

/// What a crate does not do at all.
const FORBIDDEN: [(&str, &[&str]); 2] = [
    (
        "analysis",
        &["tokio", "std::env", "std::net", "std::fs", "SystemTime", "Instant::", "println!", "print!("],
    ),
    // `env::split_paths` takes a value apart that was handed in.
    ("engine", &["env::var", "env::args", "env::temp_dir", "env::current_dir", "println!", "print!("]),
];

/// The engine's bands, from the ground up. A module imports only from bands below its own;
/// so capabilities, which share the top one, do not import each other.
const BANDS: [&[&str]; 9] = [
    &["crash", "progress"],
    &["db", "scratch", "folder"],
    &["ledger", "catalog"],
    &["foreign"],
    &["project"],
    &["chunk", "feed", "runner"],
    &["replay"],
    &[
        "migrate",
        "adopt",
        "baseline",
        "rollback",
        "status",
        "audit",
        "preflight",
        "uninstall",
        "guard",
        "drift",
        "online",
        "bridge",
        "backup",
    ],
    // What an application calls: it hands on to the capabilities.
    &["embedded"],
];

const FILE_LINES: usize = 400;
const FUNCTION_LINES: usize = 60;

#[test]
fn imports_follow_the_arrows() {
    let mut wrong = Vec::new();
    for (name, allowed) in ARROWS {
        for (path, code) in sources(name) {
            for other in OURS.into_iter().filter(|other| !allowed.contains(other)) {
                if code.lines().any(|line| line.contains(&format!("{other}::"))) {
                    wrong.push(format!("{}: {name} must not import {other}", path.display()));
                }
            }
        }
    }
    for (name, words) in FORBIDDEN {
        for (path, code) in sources(name) {
            let found = words.iter().filter(|word| code.contains(**word));
            wrong.extend(found.map(|word| format!("{}: no `{word}` in {name}", path.display())));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn the_engine_imports_downwards() {
    let band = |module: &str| BANDS.iter().position(|band| band.contains(&module));
    let mut wrong = Vec::new();
    for (path, code) in sources("engine") {
        let below = path.strip_prefix(root().join("crates/engine/src")).expect("below src");
        let first = below.components().next().and_then(|first| first.as_os_str().to_str());
        let module = first.map(|first| first.trim_end_matches(".rs"));
        let Some(module) = module.filter(|module| *module != "lib") else { continue };
        let Some(own) = band(module) else {
            wrong.push(format!("{module} stands in no band: say where it belongs in this test"));
            continue;
        };
        for used in imports(&code).filter(|used| used != module) {
            if band(&used).is_some_and(|used| used >= own) {
                wrong.push(format!("{}: {module} must not import {used}", path.display()));
            }
        }
    }
    wrong.dedup();
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn what_is_longer_than_the_soft_budgets_is_listed() {
    for (name, _) in ARROWS {
        for (path, code) in sources(name) {
            let shown = path.strip_prefix(root()).unwrap_or(&path).display().to_string();
            let lines = code.lines().count();
            if lines > FILE_LINES {
                println!("{lines:5} lines  {shown}");
            }
            for (function, lines) in functions(&code).filter(|(_, lines)| *lines > FUNCTION_LINES) {
                println!("{lines:5} lines  {shown}: {function}");
            }
        }
    }
}

/// The modules named behind `crate::`, alone or in braces.
fn imports(code: &str) -> impl Iterator<Item = String> {
    let name = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    code.split("crate::").skip(1).flat_map(move |rest| match rest.strip_prefix('{') {
        None => vec![name(rest)],
        Some(group) => {
            let mut depth = 0;
            let top = |c: char| {
                depth += i32::from(c == '{') - i32::from(c == '}');
                c == ',' && depth == 0
            };
            let group = &group[..group.find(';').unwrap_or(group.len())];
            group.split(top).map(|part| name(part.trim())).collect()
        }
    })
}

/// Functions with their length, told from the indentation that rustfmt gives them.
fn functions(code: &str) -> impl Iterator<Item = (&str, usize)> {
    let lines: Vec<&str> = code.lines().collect();
    let starts = (0..lines.len()).filter(|at| {
        let words = lines[*at].trim_start();
        let words = words.strip_prefix("pub(crate) ").or(words.strip_prefix("pub(super) ")).unwrap_or(words);
        let words = words.strip_prefix("pub ").unwrap_or(words);
        let words = words.strip_prefix("const ").unwrap_or(words);
        words.strip_prefix("async ").unwrap_or(words).starts_with("fn ")
    });
    let found: Vec<(&str, usize)> = starts
        .filter_map(|start| {
            let indent = lines[start].len() - lines[start].trim_start().len();
            let end = format!("{:indent$}}}", "");
            let length = lines[start..].iter().position(|line| *line == end)?;
            Some((lines[start].trim(), length + 1))
        })
        .collect();
    found.into_iter()
}

/// The sources of a crate without comments and tests.
fn sources(name: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join("crates").join(name).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a source folder").flatten() {
            let path = entry.path();
            let is_test = path.file_stem().is_some_and(|stem| stem == "tests" || stem == "testing");
            if path.is_dir() && !is_test {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !is_test {
                let text = fs::read_to_string(&path).expect("a source file");
                found.push((path, without_tests(&text)));
            }
        }
    }
    found.sort();
    found
}

fn without_tests(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).map(|line| format!("{line}\n")).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace")
}
