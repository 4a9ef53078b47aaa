//! The line of a file that is meant, with a caret below.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use cofferdam_analysis::{Place, Severity};

use super::text::Style;

/// A marked range over more lines than this is marked in its first line only.
const MARKED_LINES: usize = 6;
/// More of a line than this is not shown: generated SQL has lines of megabytes.
const SHOWN_OF_LINE: usize = 400;

/// `place` within `text`, as compilers show it; only `--> file:line:column` where the
/// text does not have that place.
pub(crate) fn at(place: &Place, text: Option<&str>, severity: Severity, style: Style) -> String {
    let excerpt = text.and_then(|text| Excerpt::of(text, place));
    let Some(excerpt) = excerpt else {
        return format!(" --> {}:{}:{}\n", super::text::printable(&place.file), place.line, place.column);
    };
    let level = match severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let file = super::text::printable(&place.file);
    let snippet = Snippet::source(excerpt.source)
        .line_start(place.line)
        .path(file.as_str())
        .fold(false)
        .annotation(AnnotationKind::Primary.span(excerpt.mark));
    let renderer = if style.color { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Ascii).term_width(style.width);
    let mut rendered = renderer.render(&[Group::with_level(level).element(snippet)]);
    rendered.push('\n');
    rendered
}

/// Whole lines of a text, and the bytes among them to mark.
struct Excerpt<'a> {
    source: &'a str,
    mark: std::ops::Range<usize>,
}

impl<'a> Excerpt<'a> {
    fn of(text: &'a str, place: &Place) -> Option<Self> {
        let (start, end) = (place.span.start, place.span.end.max(place.span.start).min(text.len()));
        let marked = text.get(start..end)?;
        let first = text[..start].rfind('\n').map_or(0, |at| at + 1);
        // A range over many lines is cut behind its first.
        let end = match marked.match_indices('\n').nth(MARKED_LINES - 1) {
            Some(_) => start + marked.find('\n').unwrap_or(marked.len()),
            None => start + marked.trim_end().len(),
        };
        let last = text[end..].find('\n').map_or(text.len(), |at| end + at);
        let source = text[first..last].trim_end_matches('\r');
        if source.lines().any(|line| line.len() > SHOWN_OF_LINE) {
            return None;
        }
        Some(Self { source, mark: start - first..(end - first).min(source.len()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_analysis::{Lines, Span};

    const PLAIN: Style = Style { color: false, width: 80 };

    fn shown(text: &str, start: usize, end: usize) -> String {
        let place = Lines::of(text).place("migrations/0002_x.sql", text, Span::new(start, end));
        at(&place, Some(text), Severity::Error, PLAIN)
    }

    #[test]
    fn the_marked_words_have_carets_below() {
        let text = "select 1;\r\ndrop table notes;\r\n";
        insta::assert_snapshot!(shown(text, 11, 27), @r"
         --> migrations/0002_x.sql:2:1
          |
        2 | drop table notes;
          | ^^^^^^^^^^^^^^^^
        ");
    }

    #[test]
    fn the_end_of_the_text_can_be_marked() {
        insta::assert_snapshot!(shown("select", 6, 6), @r"
         --> migrations/0002_x.sql:1:7
          |
        1 | select
          |       ^
        ");
    }

    #[test]
    fn a_long_statement_is_marked_in_its_first_line() {
        let text = "create table t (\n  a int,\n  b int,\n  c int,\n  d int,\n  e int,\n  f int\n);\n";
        insta::assert_snapshot!(shown(text, 0, text.len() - 2), @r"
         --> migrations/0002_x.sql:1:1
          |
        1 | create table t (
          | ^^^^^^^^^^^^^^^^
        ");
    }

    #[test]
    fn a_line_of_a_megabyte_is_only_named() {
        let text = format!("select '{}';", "x".repeat(1_000_000));
        insta::assert_snapshot!(shown(&text, 0, 6), @r" --> migrations/0002_x.sql:1:1");
    }
}
