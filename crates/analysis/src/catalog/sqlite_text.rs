//! What SQLite keeps only as text: checks, collations, conflict clauses, foreign keys.
//!
//! SQLite stores the `CREATE` statement as it was typed, and after a rename or an
//! added column as it patched it. Two such texts mean the same schema whatever
//! their case, blanks, comments and superfluous quotes; [`same_text`] brings them
//! to one form. The reader below trusts that SQLite accepted the text, so it looks
//! for clauses and checks no grammar; what it does not know it passes over.

use std::collections::BTreeMap;

use super::id::QualifiedName;
use super::table::{Action, Constraint, ConstraintKind, Generated, Reference};

/// What a `CREATE TABLE` says beyond SQLite's pragmas.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TableText {
    /// By column, as declared.
    pub columns: BTreeMap<String, ColumnText>,
    /// By their definition, which stands for a name: SQLite uses names for nothing.
    pub constraints: BTreeMap<String, Constraint>,
    /// The key is `AUTOINCREMENT`.
    pub autoincrement: bool,
}

/// What a column definition says beyond SQLite's pragmas.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ColumnText {
    /// `COLLATE`, in lower case.
    pub collation: Option<String>,
    /// `AS (...)`.
    pub generated: Option<Generated>,
}

/// The text in the one form that is compared: words in lower case, one blank where one is
/// needed, no comments, no quotes around names that need none.
///
/// `is_name` says whether the database knows a name (in any case): a double-quoted word that
/// it does not know is a string to SQLite, and keeps its quotes and its case.
pub fn same_text(sql: &str, is_name: &dyn Fn(&str) -> bool) -> String {
    join(&tokens(sql), is_name)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Word,
    Quoted,
    Literal,
    Sign,
}

#[derive(Debug, Clone, Copy)]
struct Token<'a> {
    kind: Kind,
    text: &'a str,
}

impl Token<'_> {
    fn is(&self, word: &str) -> bool {
        self.kind != Kind::Quoted && self.kind != Kind::Literal && self.text.eq_ignore_ascii_case(word)
    }

    /// The name that it is, without quotes. SQLite takes a string for a name where only a name can stand.
    fn name(&self) -> String {
        let quote = match self.text.chars().next() {
            Some('[') => ']',
            Some(c @ ('"' | '`' | '\'')) => c,
            _ => return self.text.to_owned(),
        };
        let inner = self.text.get(1..self.text.len().saturating_sub(1)).unwrap_or("");
        if quote == ']' {
            inner.to_owned()
        } else {
            inner.replace(&format!("{quote}{quote}"), &quote.to_string())
        }
    }

    fn same(&self, is_name: &dyn Fn(&str) -> bool) -> String {
        match self.kind {
            Kind::Word => self.text.to_ascii_lowercase(),
            Kind::Literal | Kind::Sign => self.text.to_owned(),
            Kind::Quoted => {
                let name = self.name();
                if self.text.starts_with('"') && !is_name(&name) {
                    return self.text.to_owned();
                }
                let name = name.to_ascii_lowercase();
                let simple = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
                if simple && name.chars().all(is_word) {
                    name
                } else {
                    format!("\"{}\"", name.replace('"', "\"\""))
                }
            }
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii()
}

fn tokens(sql: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let (kind, length) = match first {
            c if c.is_whitespace() => (None, c.len_utf8()),
            '-' if rest.starts_with("--") => (None, rest.find('\n').unwrap_or(rest.len())),
            '/' if rest.starts_with("/*") => (None, rest.find("*/").map_or(rest.len(), |at| at + 2)),
            '\'' => (Some(Kind::Literal), quoted(rest, '\'')),
            'x' | 'X' if rest[1..].starts_with('\'') => (Some(Kind::Literal), 1 + quoted(&rest[1..], '\'')),
            '"' | '`' => (Some(Kind::Quoted), quoted(rest, first)),
            '[' => (Some(Kind::Quoted), rest.find(']').map_or(rest.len(), |at| at + 1)),
            c if c.is_ascii_digit() => (Some(Kind::Word), number(rest)),
            c if is_word(c) => (Some(Kind::Word), rest.find(|c| !is_word(c)).unwrap_or(rest.len())),
            _ => (Some(Kind::Sign), sign(rest)),
        };
        if let Some(kind) = kind {
            found.push(Token { kind, text: &rest[..length] });
        }
        rest = &rest[length..];
    }
    found
}

fn quoted(text: &str, quote: char) -> usize {
    let mut at = 1;
    while let Some(close) = text[at..].find(quote) {
        at += close + 1;
        if !text[at..].starts_with(quote) {
            return at;
        }
        at += 1;
    }
    text.len()
}

fn number(text: &str) -> usize {
    let mut previous = ' ';
    text.find(|c: char| {
        let exponent_sign =
            matches!(c, '+' | '-') && matches!(previous, 'e' | 'E') && !text.starts_with("0x");
        previous = c;
        !(is_word(c) || c == '.' || exponent_sign)
    })
    .unwrap_or(text.len())
}

fn sign(text: &str) -> usize {
    const SIGNS: &[&str] = &["->>", "||", "<=", ">=", "<>", "!=", "==", "<<", ">>", "->"];
    let first = text.chars().next().map_or(0, char::len_utf8);
    SIGNS.iter().find(|sign| text.starts_with(**sign)).map_or(first, |sign| sign.len())
}

fn join(tokens: &[Token<'_>], is_name: &dyn Fn(&str) -> bool) -> String {
    let mut text = String::new();
    for token in tokens {
        let next = token.same(is_name);
        let tight =
            matches!(next.as_str(), "," | ")" | "." | ";") || text.ends_with(['(', '.']) || text.is_empty();
        if !tight {
            text.push(' ');
        }
        text.push_str(&next);
    }
    text
}

impl TableText {
    /// Reads the stored text of a `CREATE TABLE`; of anything else it finds nothing.
    pub fn read(sql: &str) -> Self {
        let all = tokens(sql);
        let Some(open) = all.iter().position(|t| t.is("(")) else { return Self::default() };
        let mut reader = Reader { rest: &all[open + 1..], names: Vec::new(), found: Self::default() };
        let items = reader.items();
        reader.names = items.iter().filter(|i| !begins_constraint(i)).map(|i| i[0].name()).collect();
        for item in items {
            reader.rest = item;
            if begins_constraint(item) {
                reader.table_constraints();
            } else {
                reader.column();
            }
        }
        reader.found
    }
}

/// The text of each column's definition in a `CREATE TABLE`, as it was typed, by its name.
pub(super) fn column_definitions(sql: &str) -> Vec<(String, String)> {
    let all = tokens(sql);
    let Some(open) = all.iter().position(|t| t.is("(")) else { return Vec::new() };
    let reader = Reader { rest: &all[open + 1..], names: Vec::new(), found: TableText::default() };
    let items = reader.items();
    let columns = items.into_iter().filter(|item| !begins_constraint(item));
    // Each token is a part of `sql`, so its address says where it stands.
    let at = |token: &Token<'_>| token.text.as_ptr().addr() - sql.as_ptr().addr();
    columns
        .filter_map(|item| {
            let last = item.last()?;
            Some((item[0].name(), sql[at(&item[0])..at(last) + last.text.len()].to_owned()))
        })
        .collect()
}

/// Whether one of the words stands in the text as a word: not as a name in quotes, not in a string.
pub(super) fn says(text: &str, words: &[&str]) -> bool {
    tokens(text).iter().any(|token| words.iter().any(|word| token.is(word)))
}

fn begins_constraint(item: &[Token<'_>]) -> bool {
    ["constraint", "primary", "unique", "check", "foreign"].iter().any(|word| item[0].is(word))
}

struct Reader<'a> {
    rest: &'a [Token<'a>],
    names: Vec<String>,
    found: TableText,
}

impl<'a> Reader<'a> {
    fn peek(&self, word: &str) -> bool {
        self.rest.first().is_some_and(|t| t.is(word))
    }

    fn next(&mut self) -> Option<Token<'a>> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn take(&mut self, words: &[&str]) -> bool {
        let all = self.rest.len() >= words.len() && self.rest.iter().zip(words).all(|(t, w)| t.is(w));
        if all {
            self.rest = &self.rest[words.len()..];
        }
        all
    }

    /// What stands in the parentheses that come next, if they do.
    fn group(&mut self) -> Option<&'a [Token<'a>]> {
        if !self.take(&["("]) {
            return None;
        }
        let length = outermost(self.rest).find(|(_, t)| t.is(")")).map_or(self.rest.len(), |(at, _)| at);
        let (inside, rest) = self.rest.split_at(length);
        self.rest = rest.get(1..).unwrap_or(&[]);
        Some(inside)
    }

    /// The definitions between the outer parentheses of the statement.
    fn items(&self) -> Vec<&'a [Token<'a>]> {
        let end = outermost(self.rest).find(|(_, t)| t.is(")")).map_or(self.rest.len(), |(at, _)| at);
        split(&self.rest[..end])
    }

    fn text(&self, tokens: &[Token<'_>]) -> String {
        join(tokens, &|name| self.names.iter().any(|known| known.eq_ignore_ascii_case(name)))
    }

    fn column(&mut self) {
        let Some(name) = self.next().map(|t| t.name()) else { return };
        let mut column = ColumnText::default();
        while !self.rest.is_empty() {
            if self.take(&["default"]) {
                self.skip_default();
            } else if self.take(&["collate"]) {
                column.collation = self.next().map(|t| t.name().to_ascii_lowercase());
            } else if self.take(&["as"]) {
                let expression = self.group().map(|inside| self.text(inside)).unwrap_or_default();
                let stored = self.take(&["stored"]);
                column.generated = Some(Generated { stored, expression });
            } else if self.take(&["not", "null"]) {
                self.not_null(&name);
            } else if !self.constraint(Some(&name)) && self.group().is_none() {
                self.next();
            }
        }
        self.found.columns.insert(name, column);
    }

    fn table_constraints(&mut self) {
        while !self.rest.is_empty() {
            if !self.constraint(None) {
                self.next();
            }
        }
    }

    /// Reads one constraint clause, if one comes next. A column's has its column already.
    fn constraint(&mut self, column: Option<&str>) -> bool {
        if self.take(&["constraint"]) {
            self.next();
            return true;
        }
        if self.take(&["primary", "key"]) {
            self.key(ConstraintKind::PrimaryKey, "PRIMARY KEY", column);
        } else if self.take(&["unique"]) {
            self.key(ConstraintKind::Unique, "UNIQUE", column);
        } else if self.take(&["check"]) {
            self.check();
        } else if self.take(&["foreign", "key"]) {
            let columns = self.group().map(names).unwrap_or_default();
            if self.take(&["references"]) {
                self.references(columns);
            }
        } else if self.take(&["references"]) {
            self.references(column.map(str::to_owned).into_iter().collect());
        } else {
            return false;
        }
        true
    }

    fn key(&mut self, kind: ConstraintKind, words: &str, column: Option<&str>) {
        let (columns, mut listed) = match column {
            Some(column) => (vec![column.to_owned()], fold(column)),
            None => {
                let inside = self.group().unwrap_or(&[]);
                let parts: Vec<_> =
                    split(inside).into_iter().map(|part| self.text(part.strip_suffix_word("asc"))).collect();
                (names(inside), parts.join(", "))
            }
        };
        if column.is_some() && !self.take(&["asc"]) && self.take(&["desc"]) {
            listed.push_str(" desc");
        }
        let mut definition = format!("{words} ({listed})");
        self.conflict(&mut definition);
        if self.take(&["autoincrement"]) {
            self.found.autoincrement = true;
        }
        self.add(kind, definition, columns, None);
    }

    fn check(&mut self) {
        let inside = self.group().unwrap_or(&[]);
        let columns = self
            .names
            .iter()
            .filter(|name| {
                inside.iter().any(|t| t.kind != Kind::Literal && t.name().eq_ignore_ascii_case(name))
            })
            .cloned()
            .collect();
        let mut definition = format!("CHECK ({})", self.text(inside));
        self.conflict(&mut definition);
        self.add(ConstraintKind::Check, definition, columns, None);
    }

    /// A plain `NOT NULL` stands with the column; only one that overrides the conflict rule is a constraint.
    fn not_null(&mut self, column: &str) {
        let mut definition = format!("NOT NULL ({})", fold(column));
        let plain = definition.len();
        self.conflict(&mut definition);
        if definition.len() > plain {
            self.add(ConstraintKind::NotNull, definition, vec![column.to_owned()], None);
        }
    }

    fn references(&mut self, columns: Vec<String>) {
        let Some(table) = self.next().map(|t| t.name()) else { return };
        let mut to = Reference {
            table: QualifiedName::bare(table),
            columns: self.group().map(names).unwrap_or_default(),
            on_update: Action::NoAction,
            on_delete: Action::NoAction,
        };
        let mut deferred = false;
        loop {
            if self.take(&["on", "delete"]) {
                to.on_delete = self.action();
            } else if self.take(&["on", "update"]) {
                to.on_update = self.action();
            } else if self.take(&["match"]) || self.take(&["on", "insert"]) {
                self.next();
            } else if self.take(&["not", "deferrable"]) {
                self.initially();
            } else if self.take(&["deferrable"]) {
                deferred = self.initially();
            } else {
                break;
            }
        }
        let mut definition = format!("FOREIGN KEY ({}) REFERENCES {}", list(&columns), fold(&to.table.name));
        if !to.columns.is_empty() {
            definition.push_str(&format!(" ({})", list(&to.columns)));
        }
        for (event, action) in [("UPDATE", to.on_update), ("DELETE", to.on_delete)] {
            if let Some(words) = words_of(action) {
                definition.push_str(&format!(" ON {event} {words}"));
            }
        }
        if deferred {
            definition.push_str(" DEFERRABLE INITIALLY DEFERRED");
        }
        self.add(ConstraintKind::ForeignKey, definition, columns, Some((to, deferred)));
    }

    fn action(&mut self) -> Action {
        if self.take(&["cascade"]) {
            Action::Cascade
        } else if self.take(&["restrict"]) {
            Action::Restrict
        } else if self.take(&["set", "null"]) {
            Action::SetNull
        } else if self.take(&["set", "default"]) {
            Action::SetDefault
        } else {
            self.take(&["no", "action"]);
            Action::NoAction
        }
    }

    /// Whether `INITIALLY DEFERRED` comes next; SQLite postpones nothing else.
    fn initially(&mut self) -> bool {
        self.take(&["initially"]) && self.next().is_some_and(|t| t.is("deferred"))
    }

    fn conflict(&mut self, definition: &mut String) {
        if self.take(&["on", "conflict"])
            && let Some(token) = self.next()
            && !token.is("abort")
        {
            definition.push_str(&format!(" ON CONFLICT {}", token.text.to_ascii_uppercase()));
        }
    }

    fn skip_default(&mut self) {
        if self.group().is_some() {
            return;
        }
        if self.peek("+") || self.peek("-") {
            self.next();
        }
        self.next();
    }

    fn add(
        &mut self,
        kind: ConstraintKind,
        definition: String,
        columns: Vec<String>,
        to: Option<(Reference, bool)>,
    ) {
        let deferred = to.as_ref().is_some_and(|(_, deferred)| *deferred);
        let constraint = Constraint {
            kind,
            definition: definition.clone(),
            columns,
            references: to.map(|(reference, _)| reference),
            deferrable: deferred,
            initially_deferred: deferred,
            validated: true,
            switched_off: false,
            inherited: false,
            comment: None,
        };
        self.found.constraints.insert(definition, constraint);
    }
}

fn words_of(action: Action) -> Option<&'static str> {
    match action {
        Action::NoAction => None,
        Action::Restrict => Some("RESTRICT"),
        Action::Cascade => Some("CASCADE"),
        Action::SetNull => Some("SET NULL"),
        Action::SetDefault => Some("SET DEFAULT"),
    }
}

fn fold(name: &str) -> String {
    Token { kind: Kind::Quoted, text: &format!("\"{}\"", name.replace('"', "\"\"")) }.same(&|_| true)
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| fold(name)).collect::<Vec<_>>().join(", ")
}

/// The first name of each part of a list: the columns of a key.
fn names(inside: &[Token<'_>]) -> Vec<String> {
    split(inside).iter().map(|part| part[0].name()).collect()
}

/// Tokens that stand in no inner parentheses, with their index; the closing one of the outer pair included.
fn outermost<'a>(tokens: &'a [Token<'a>]) -> impl Iterator<Item = (usize, &'a Token<'a>)> {
    let mut depth = 0usize;
    tokens.iter().enumerate().filter(move |(_, token)| {
        let here = depth == 0;
        if token.is("(") {
            depth += 1;
        } else if token.is(")") {
            depth = depth.saturating_sub(1);
        }
        here
    })
}

/// The parts between outermost commas, none empty.
fn split<'a>(tokens: &'a [Token<'a>]) -> Vec<&'a [Token<'a>]> {
    let commas: Vec<usize> = outermost(tokens).filter(|(_, t)| t.is(",")).map(|(at, _)| at).collect();
    let starts = std::iter::once(0).chain(commas.iter().map(|at| at + 1));
    let ends = commas.iter().copied().chain(std::iter::once(tokens.len()));
    starts.zip(ends).map(|(start, end)| &tokens[start..end]).filter(|part| !part.is_empty()).collect()
}

trait StripSuffixWord {
    /// Without a final word that says nothing.
    fn strip_suffix_word(&self, word: &str) -> &Self;
}

impl StripSuffixWord for [Token<'_>] {
    fn strip_suffix_word(&self, word: &str) -> &Self {
        match self.split_last() {
            Some((last, rest)) if !rest.is_empty() && last.is(word) => rest,
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definitions(sql: &str) -> Vec<String> {
        TableText::read(sql).constraints.into_keys().collect()
    }

    #[test]
    fn case_blanks_comments_and_needless_quotes_mean_nothing() {
        let one =
            same_text("CREATE  VIEW \"v\" AS -- all\n SELECT [Id],`body` FROM/**/notes WHERE x=1 ;", &|_| {
                true
            });
        let two = same_text("create view V as select id , Body from NOTES where x = 1;", &|_| true);
        assert_eq!(one, two);
    }

    #[test]
    fn strings_keep_their_case_even_in_double_quotes() {
        let known = |name: &str| name.eq_ignore_ascii_case("state");
        assert_eq!(
            same_text("CHECK (\"State\" IN ('Open',\"Shut\"))", &known),
            "check (state in ('Open', \"Shut\"))"
        );
        assert_ne!(same_text("'a'", &known), same_text("'A'", &known));
        assert_eq!(same_text("x'0A' || 1.5E-3 <> 0xFf", &known), "x'0A' || 1.5e-3 <> 0xff");
    }

    #[test]
    fn constraints_read_the_same_from_columns_and_from_the_end() {
        let inline = "create table t (id INTEGER PRIMARY KEY, a text UNIQUE COLLATE NoCase, b int
            CONSTRAINT pos CHECK (b > 0 /* ( */) REFERENCES \"P\"(Id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED)";
        let listed =
            "CREATE TABLE \"t\"(id integer, a text collate nocase, b int, primary key(id asc), unique(A),
            check(b>0), foreign key(B) references p(id) on delete cascade deferrable initially deferred)";
        assert_eq!(definitions(inline), definitions(listed));
        assert_eq!(definitions(inline).len(), 4);
        let read = TableText::read(inline);
        assert_eq!(read.columns["a"].collation.as_deref(), Some("nocase"));
        let key = read.constraints.values().find_map(|c| c.references.clone()).unwrap();
        assert_eq!((key.table.name.as_str(), key.on_delete), ("P", Action::Cascade));
    }

    #[test]
    fn conflict_clauses_and_generated_columns_are_read() {
        let sql = "create table t (a integer primary key autoincrement, n text not null on conflict ignore,
            d text default (lower('check (')) unique on conflict replace,
            g text generated always as (upper(n)) stored, v as (a+1), \"unique\" int, w numeric(10,2) default -1)";
        let read = TableText::read(sql);
        assert!(read.autoincrement);
        assert_eq!(
            read.constraints.keys().collect::<Vec<_>>(),
            ["NOT NULL (n) ON CONFLICT IGNORE", "PRIMARY KEY (a)", "UNIQUE (d) ON CONFLICT REPLACE"]
        );
        assert_eq!(read.columns.len(), 7);
        let g = read.columns["g"].generated.as_ref().unwrap();
        assert_eq!((g.stored, g.expression.as_str()), (true, "upper (n)"));
        assert_eq!(read.columns["v"].generated.as_ref().unwrap().expression, "a + 1");
    }

    #[test]
    fn damaged_text_is_passed_over() {
        for sql in [
            "",
            "create table t",
            "create table t (",
            "create table t (a int, check",
            "x (,,)",
            "create table t ('",
        ] {
            TableText::read(sql);
        }
    }
}
