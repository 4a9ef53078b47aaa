//! The links of the guide as it was made: what a page names is there, with its anchor.

use std::collections::BTreeSet;
use std::path::Path;

use super::files;
use crate::Failure;
use crate::files::cannot;

/// Every link from one page to another, or to a file beside it, that leads nowhere.
pub(super) fn dead_links(guide: &Path) -> Result<Vec<String>, Failure> {
    let mut dead = Vec::new();
    for page in files(guide, "html")? {
        // Served under any address, so its links say nothing of its place; and the contents of a
        // page without JavaScript are links from the root.
        if page.file_name().is_some_and(|name| name == "404.html" || name == "toc.html") {
            continue;
        }
        let text = read(&page)?;
        for link in attributes(&text, "href").chain(attributes(&text, "src")) {
            if let Some(fault) = fault(&page, &text, link)? {
                let page = page.strip_prefix(guide).unwrap_or(&page);
                dead.push(format!("{}: {link} {fault}", page.display()));
            }
        }
    }
    Ok(dead)
}

fn fault(page: &Path, text: &str, link: &str) -> Result<Option<&'static str>, Failure> {
    if link.contains(':') {
        return Ok(None);
    }
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    if file.is_empty() {
        return Ok((!has_anchor(text, anchor)).then_some("names a heading that is not there"));
    }
    let target = page.with_file_name(file);
    if !target.exists() {
        return Ok(Some("is not there"));
    }
    let fits = anchor.is_empty() || has_anchor(&read(&target)?, anchor);
    Ok((!fits).then_some("names a heading that is not there"))
}

fn has_anchor(text: &str, anchor: &str) -> bool {
    anchor.is_empty() || attributes(text, "id").collect::<BTreeSet<_>>().contains(anchor)
}

/// The values of an attribute, as mdbook writes them: in double quotes.
fn attributes<'a>(text: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let start = format!(" {name}=\"");
    let starts: Vec<usize> = text.match_indices(&start).map(|(at, found)| at + found.len()).collect();
    starts.into_iter().filter_map(|at| text[at..].split('"').next())
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(cannot("read", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_a_heading_and_a_picture_that_are_not_there_are_named() {
        let guide = tempfile::tempdir().expect("a directory");
        let page = |name: &str, text: &str| std::fs::write(guide.path().join(name), text).expect("a file");
        page("b.html", "<h1 id=\"there\">B</h1>");
        page(
            "a.html",
            "<h1 id=\"here\"></h1> <a href=\"b.html\"> <a href=\"b.html#there\"> <a href=\"#here\">\
             <a href=\"https://example.org/x\"> <a href=\"c.html\"> <a href=\"b.html#gone\"> <a href=\"#gone\">\
             <img src=\"d.png\">",
        );
        let dead = dead_links(guide.path()).expect("it can be read");
        assert_eq!(
            dead,
            [
                "a.html: c.html is not there",
                "a.html: b.html#gone names a heading that is not there",
                "a.html: #gone names a heading that is not there",
                "a.html: d.png is not there",
            ]
        );
    }
}
