//! One statement's text through the parser, and what the parser says against it.

use squawk_line_index::TextRange;
use squawk_syntax::{
    SourceFile, SyntaxNode, SyntaxToken,
    ast::{self, AstNode},
    syntax_error::SyntaxError,
};

use super::quirk;

/// Why a statement could not be read: the bytes meant, in its own text, and a fragment.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) range: TextRange,
    pub(super) message: String,
}

/// Parses the text of one statement.
///
/// The parser makes a tree of anything and lists what it did not like; a missing
/// parenthesis leaves no trace in the tree. So the list decides, less those of its
/// entries that belong to the body of a function, which the server reads no sooner
/// than the function is called.
pub(super) fn parse(text: &str) -> Result<ast::Stmt, Refusal> {
    parse_as_written(text).or_else(|refusal| match quirk::reworded(text) {
        Some(other) => parse_as_written(&other).map_err(|_| refusal),
        None => Err(refusal),
    })
}

fn parse_as_written(text: &str) -> Result<ast::Stmt, Refusal> {
    let parsed = SourceFile::parse(text);
    let file = parsed.tree();
    let mut errors = parsed.errors();
    if !errors.is_empty() {
        let of_bodies = file.sql_body_errors();
        errors.retain(|error| !of_bodies.contains(error));
    }
    if let Some(error) = errors.first() {
        return Err(refusal(error, file.syntax()));
    }
    let mut stmts = file.stmts().filter(|stmt| !matches!(stmt, ast::Stmt::EmptyStmt(_)));
    match (stmts.next(), stmts.next()) {
        (Some(stmt), None) => Ok(stmt),
        (Some(_), Some(second)) => {
            let range =
                second.syntax().first_token().map_or(second.syntax().text_range(), |t| t.text_range());
            Err(Refusal { range, message: "missing semicolon before this statement".to_owned() })
        }
        (None, _) => {
            Err(Refusal { range: file.syntax().text_range(), message: "not a statement".to_owned() })
        }
    }
}

fn refusal(error: &SyntaxError, root: &SyntaxNode) -> Refusal {
    let range = error.range();
    let range = if range.is_empty() { token_at(root, range).unwrap_or(range) } else { range };
    Refusal { range, message: fragment(error.message()) }
}

/// The token at an empty range, or the last one before it when only blanks follow.
fn token_at(root: &SyntaxNode, range: TextRange) -> Option<TextRange> {
    let is_text = |token: &SyntaxToken| !token.kind().is_trivia();
    let here = root.token_at_offset(range.start()).right_biased();
    let next = std::iter::successors(here.clone(), |t| t.next_token()).find(is_text);
    let token = next.or_else(|| std::iter::successors(here, |t| t.prev_token()).find(is_text));
    token.map(|t| t.text_range())
}

/// The parser's message as a lower-case fragment, its names of tokens as they are written.
fn fragment(message: &str) -> String {
    let message = message.trim_end_matches('.');
    let words = message.split(' ').map(|word| {
        let bare = word.trim_end_matches([',', ':']);
        let is_kind = bare.len() > 1 && bare.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
        if !is_kind {
            return word.to_owned();
        }
        format!("{}{}", token_name(bare), &word[bare.len()..])
    });
    let text = words.collect::<Vec<_>>().join(" ");
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_lowercase().chain(characters).collect(),
        None => "not understood".to_owned(),
    }
}

/// A token as people write it, by the parser's name of its kind.
fn token_name(kind: &str) -> String {
    let sign = match kind {
        "L_PAREN" => "(",
        "R_PAREN" => ")",
        "L_BRACK" => "[",
        "R_BRACK" => "]",
        "COMMA" => ",",
        "SEMICOLON" => ";",
        "EQ" => "=",
        "DOT" => ".",
        "STAR" => "*",
        "COLON" => ":",
        "COLON_EQ" => ":=",
        "FAT_ARROW" => "=>",
        "ERROR" => return "this".to_owned(),
        "EOF" => return "the end".to_owned(),
        "IDENT" => return "a name".to_owned(),
        "STRING" => return "a string".to_owned(),
        "INT_NUMBER" => return "a number".to_owned(),
        _ => return format!("`{}`", kind.trim_end_matches("_KW").to_ascii_lowercase()),
    };
    format!("`{sign}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> (String, String) {
        let refusal = parse(text).expect_err(text);
        let range = usize::from(refusal.range.start())..usize::from(refusal.range.end());
        (text[range].to_owned(), refusal.message)
    }

    #[test]
    fn refusals_point_at_a_token_and_speak_plainly() {
        assert_eq!(refused("create table t (a int").1, "expected `)`");
        assert_eq!(refused("selct 1").0, "selct");
        assert_eq!(refused("select 1 create table t (a int)").0, "create");
    }

    #[test]
    fn a_bad_body_does_not_make_the_function_bad() {
        assert!(parse("create function f() returns int language sql as 'selct 1'").is_ok());
        assert!(parse("create function f() returns int language plpgsql as $$ gibberish $$").is_ok());
        assert!(parse("create function f( returns int language sql as 'selct 1'").is_err());
    }
}
