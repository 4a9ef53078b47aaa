//! Links between documents lead somewhere, and no page of the guide is left out of its contents.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cofferdam_testkit::checkout;

/// Not ours, or made.
const ELSEWHERE: [&str; 4] = ["target", ".cache", ".git", "node_modules"];

/// Every Markdown file of the repository.
fn documents() -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![checkout::root()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder").flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            if path.is_dir() && !ELSEWHERE.iter().any(|elsewhere| name == *elsewhere) {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn text_of(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The lines outside of code blocks, without code spans.
fn prose(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut in_block = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        } else if !in_block {
            // What stands between two backticks is code.
            lines.push(line.split('`').step_by(2).collect::<Vec<_>>().join("`"));
        }
    }
    lines
}

/// Where links lead: `[text](target)`.
fn links(text: &str) -> Vec<String> {
    let prose = prose(text).join("\n");
    prose.split("](").skip(1).filter_map(|rest| rest.split(')').next()).map(str::to_owned).collect()
}

/// The anchors that headings have, as GitHub and mdBook make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut in_block = false;
    for line in text.lines() {
        in_block ^= line.starts_with("```");
        let Some(title) = line.strip_prefix('#').filter(|_| !in_block) else { continue };
        let title = title.trim_start_matches('#').trim().to_lowercase();
        let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        let anchor: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
        let again = (1..).map(|number| format!("{anchor}-{number}"));
        let free = std::iter::once(anchor.clone()).chain(again).find(|anchor| !found.contains(anchor));
        found.extend(free);
    }
    found
}

/// Why a link leads nowhere.
fn fault(document: &Path, link: &str) -> Option<String> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
    let target = if file.is_empty() { document.to_owned() } else { document.with_file_name(file) };
    if !target.exists() {
        return Some("is not there".to_owned());
    }
    let anchor = anchor?;
    let leads = target.extension().is_some_and(|e| e == "md") && anchors(&text_of(&target)).contains(anchor);
    (!leads).then(|| format!("has no heading #{anchor}"))
}

#[test]
fn links_between_documents_lead_somewhere() {
    let documents = documents();
    assert!(documents.len() > 15, "{documents:?}");
    let mut dead = Vec::new();
    for path in documents {
        for link in links(&text_of(&path)) {
            if let Some(fault) = fault(&path, &link) {
                dead.push(format!("{}: {link} {fault}", path.display()));
            }
        }
    }
    assert!(dead.is_empty(), "{}", dead.join("\n"));
}

#[test]
fn the_guide_holds_every_page_once() {
    let docs = checkout::root().join("docs");
    let listed = links(&text_of(&docs.join("SUMMARY.md")));
    let once: BTreeSet<&String> = listed.iter().collect();
    assert_eq!(once.len(), listed.len(), "a page stands twice in SUMMARY.md");
    let pages = documents().into_iter().filter(|path| path.starts_with(&docs));
    let pages: Vec<PathBuf> = pages.filter(|path| !path.ends_with("SUMMARY.md")).collect();
    for page in &pages {
        let below = page.strip_prefix(&docs).expect("below docs").display().to_string();
        assert!(once.contains(&below), "docs/{below} does not stand in SUMMARY.md");
    }
    assert_eq!(pages.len(), listed.len());
}

#[test]
fn a_dead_link_is_seen() {
    let docs = checkout::root().join("docs/output.md");
    for (link, expected) in [
        ("nowhere.md", Some("is not there")),
        ("#no-such-heading", Some("has no heading #no-such-heading")),
        ("ledger.md#no-such", Some("has no heading #no-such")),
        ("ledger.md#lease-and-fence", None),
        ("#exit-codes", None),
        ("https://example.org/x", None),
    ] {
        assert_eq!(fault(&docs, link).as_deref(), expected, "{link}");
    }
    assert_eq!(links("[a](b.md) and `[c](d.md)`\n```\n[e](f.md)\n```\n"), ["b.md"]);
    let anchors = anchors("# `a` B's!\n## C\n## C\n```\n# no\n```\n");
    assert_eq!(anchors.into_iter().collect::<Vec<_>>(), ["a-bs", "c", "c-1"]);
}
