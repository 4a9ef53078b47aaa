//! An error, for people.

use std::error::Error as _;
use std::fmt::Write as _;

use cofferdam_analysis::{Error, Severity};

use super::snippet;
use super::text::{self, Style};
use crate::exit::Exit;

/// The message, what else is known, the place with a caret, and what to do next; without
/// place and hint where findings above have said both.
pub(crate) fn human(error: &Error, in_full: bool, style: Style, verbose: u8) -> String {
    let mut out = text::labelled("error", error.message(), style);
    if let Some(place) = error.place().filter(|_| in_full) {
        out += &snippet::at(place, error.text().map(|text| &**text), Severity::Error, style);
    }
    for detail in error.details() {
        for line in text::wrap(&text::printable(detail), style.width.saturating_sub(2)) {
            _ = writeln!(out, "  {line}");
        }
    }
    if let Some(hint) = error.hint_text().filter(|_| in_full) {
        out += &text::labelled("hint", hint, style);
    }
    if verbose > 0 {
        let mut source = error.source();
        while let Some(cause) = source {
            out += &text::labelled("cause", &cause.to_string(), style);
            source = cause.source();
        }
        let exit = Exit::from(error.kind()) as u8;
        out += &text::labelled("note", &format!("cofferdam explain exit-{exit} says more"), style);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_analysis::{Lines, Span};

    #[test]
    fn a_failed_statement_is_shown_in_its_file_with_what_the_server_said() {
        let sql = "alter table notes\n  add constraint one_title unique (title);\n";
        let place = Lines::of(sql).place("migrations/0007_unique.sql", sql, Span::new(20, 60));
        let error = Error::conflict("could not create unique index \"one_title\"")
            .while_("cannot apply 0007_unique.sql")
            .detail("DETAIL: Key (title)=(groceries) is duplicated.")
            .hint("remove the duplicates in a migration before this one, then run `cofferdam migrate` again")
            .at(place, Some(sql.into()));
        insta::assert_snapshot!(human(&error, true, Style { color: false, width: 80 }, 0), @r#"
        error: cannot apply 0007_unique.sql: could not create unique index "one_title"
         --> migrations/0007_unique.sql:2:3
          |
        2 |   add constraint one_title unique (title);
          |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          DETAIL: Key (title)=(groceries) is duplicated.
        hint: remove the duplicates in a migration before this one, then run
              `cofferdam migrate` again
        "#);
    }

    #[test]
    fn colour_is_only_added_never_needed() {
        let error = Error::invalid("no such thing").hint("look again");
        let plain = human(&error, true, Style { color: false, width: 80 }, 0);
        let painted = human(&error, true, Style { color: true, width: 80 }, 0);
        assert!(painted.contains('\u{1b}'));
        assert_eq!(anstream::adapter::strip_str(&painted).to_string(), plain);
    }
}
