//! Placeholders: names in a file that its tool replaces by values before it runs it.
//!
//! Promise: a file never reaches a database with a placeholder in it; lines stay where
//! they are. Refused: a name without a value, a value of several lines.

use std::collections::BTreeMap;
use std::sync::Arc;

use cofferdam_analysis::{Error, Lines, Result, Span};

/// Values by name, as cofferdam.toml has them under `[migrations.placeholders]`.
pub type Placeholders = BTreeMap<String, String>;

const BEGIN: &str = "${";
const END: char = '}';

/// Replaces placeholders in files, and remembers what had no value.
#[derive(Debug)]
pub(super) struct Replacing<'a> {
    values: &'a Placeholders,
    missing: Vec<Missing>,
}

#[derive(Debug)]
struct Missing {
    file: String,
    text: Arc<str>,
    span: Span,
    name: String,
}

impl<'a> Replacing<'a> {
    /// # Errors
    /// `Invalid` for a value that would move the lines of a file.
    pub(super) fn by(values: &'a Placeholders) -> Result<Replacing<'a>> {
        match values.iter().find(|(_, value)| value.contains(['\n', '\r'])) {
            Some((name, _)) => Err(Error::invalid(format!(
                "the placeholder {name} has a value of several lines: places in files would be wrong"
            ))
            .hint("write the value into one line")),
            None => Ok(Replacing { values, missing: Vec::new() }),
        }
    }

    /// The text with its placeholders replaced, in comments and strings as well, as Flyway
    /// does; `file_name` is the value of its own `${flyway:filename}`.
    pub(super) fn replace(&mut self, text: &str, path: &str, file_name: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        while let Some(begin) = text[at..].find(BEGIN).map(|found| at + found) {
            out.push_str(&text[at..begin]);
            let inner = begin + BEGIN.len();
            let name = text[inner..].split(END).next().unwrap_or_default();
            let end = (inner + name.len() + END.len_utf8()).min(text.len());
            match self.values.get(name).map(String::as_str) {
                Some(value) => out.push_str(value),
                None if name == "flyway:filename" => out.push_str(file_name),
                None => self.missing.push(Missing {
                    file: path.to_owned(),
                    text: text.into(),
                    span: Span::new(begin, end),
                    name: name.lines().next().unwrap_or_default().to_owned(),
                }),
            }
            at = end;
        }
        out.push_str(&text[at..]);
        out
    }

    /// # Errors
    /// `Invalid`, at the first placeholder without a value, naming all of them.
    pub(super) fn refuse_missing(self) -> Result<()> {
        let Some(first) = self.missing.first() else { return Ok(()) };
        let place = Lines::of(&first.text).place(&first.file, &first.text, first.span);
        let mut names: Vec<&str> = self.missing.iter().map(|missing| missing.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let lines: Vec<String> = names.iter().map(|name| format!("\"{name}\" = \"..\"")).collect();
        Err(Error::invalid(format!(
            "{}, line {}: the placeholder ${{{}}} has no value",
            first.file, place.line, first.name
        ))
        .hint(format!(
            "write under [migrations.placeholders] in cofferdam.toml the values that Flyway has: {} \
             (a text that is no placeholder stands for itself: \"{}\" = \"${{{}}}\")",
            lines.join(", "),
            first.name,
            first.name
        ))
        .at(place, Some(first.text.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> Placeholders {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn values_stand_where_their_names_stood_and_are_not_looked_at_again() {
        let values = values(&[("owner", "app"), ("keep", "${keep}"), ("none", "")]);
        let mut replacing = Replacing::by(&values).expect("good values");
        let out =
            replacing.replace("-- ${owner}\r\n${none}'${keep}' $1 $$ ${flyway:filename}", "p", "V1__a.sql");
        assert_eq!(out, "-- app\r\n'${keep}' $1 $$ V1__a.sql");
        assert!(replacing.refuse_missing().is_ok());
    }

    #[test]
    fn all_names_without_a_value_are_told_at_the_place_of_the_first() {
        let values = values(&[]);
        let mut replacing = Replacing::by(&values).expect("good values");
        replacing.replace("select 1;\nselect '${b}', '${a}', '${b}'", "V1__a.sql", "V1__a.sql");
        replacing.replace("${never closed", "V2__b.sql", "V2__b.sql");
        let error = replacing.refuse_missing().expect_err("no values");
        assert_eq!(error.message(), "V1__a.sql, line 2: the placeholder ${b} has no value");
        let hint = error.hint_text().expect("a way out");
        assert!(hint.contains("\"a\" = \"..\", \"b\" = \"..\", \"never closed\""), "{hint}");
    }

    #[test]
    fn a_value_may_not_move_lines() {
        assert!(Replacing::by(&values(&[("a", "x\ny")])).is_err());
    }
}
