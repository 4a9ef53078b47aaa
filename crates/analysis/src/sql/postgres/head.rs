//! What the cut must know of the statement it stands in: whether a semicolon ends it.

use squawk_lexer::TokenKind;

/// Follows a statement's tokens far enough to tell bodies from ends.
#[derive(Debug, Default)]
pub(super) struct Head {
    kind: Kind,
    last: Last,
    parentheses: usize,
    /// Open `begin atomic` and `case` of a routine's body.
    atomic: usize,
    copies_from_stdin: bool,
}

/// The kinds of statement that matter here.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// No token read yet.
    #[default]
    Nothing,
    /// `create`, `create or replace`: what follows decides.
    Create,
    /// `create function` or `procedure`: may hold a `begin atomic` body.
    Routine,
    /// `create rule`: may hold a list of statements in parentheses.
    Rule,
    /// `copy`.
    Copy,
    /// All others end at the next semicolon, even within parentheses.
    Plain,
}

/// The token before, where it matters.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Last {
    #[default]
    Other,
    Begin,
    From,
    /// A semicolon within a body.
    Semicolon,
}

/// The words a statement within a rule or a routine's body can begin with.
const IN_BODY: [&str; 12] = [
    "select", "insert", "update", "delete", "merge", "with", "values", "table", "notify", "return", "call",
    "end",
];

impl Head {
    /// Takes note of the statement's next token, a semicolon excepted.
    pub(super) fn token(&mut self, kind: TokenKind, text: &str) {
        let is = |word: &str| matches!(kind, TokenKind::Ident) && text.eq_ignore_ascii_case(word);
        match kind {
            TokenKind::OpenParen => self.parentheses += 1,
            TokenKind::CloseParen => self.parentheses = self.parentheses.saturating_sub(1),
            _ => {}
        }
        self.kind = match self.kind {
            Kind::Nothing if is("create") => Kind::Create,
            Kind::Nothing if is("copy") => Kind::Copy,
            Kind::Nothing => Kind::Plain,
            Kind::Create if is("or") || is("replace") => Kind::Create,
            Kind::Create if is("function") || is("procedure") => Kind::Routine,
            Kind::Create if is("rule") => Kind::Rule,
            Kind::Create => Kind::Plain,
            kind @ (Kind::Routine | Kind::Rule | Kind::Copy | Kind::Plain) => kind,
        };
        match self.kind {
            Kind::Routine if self.atomic == 0 => {
                self.atomic = usize::from(self.last == Last::Begin && is("atomic"))
            }
            Kind::Routine if is("case") => self.atomic += 1,
            Kind::Routine if is("end") => self.atomic -= 1,
            Kind::Copy if self.parentheses == 0 && self.last == Last::From && is("stdin") => {
                self.copies_from_stdin = true;
            }
            Kind::Nothing | Kind::Create | Kind::Routine | Kind::Rule | Kind::Copy | Kind::Plain => {}
        }
        self.last = match () {
            () if is("begin") => Last::Begin,
            () if is("from") => Last::From,
            () => Last::Other,
        };
    }

    /// Takes note of a semicolon that stands in the statement's body.
    pub(super) fn semicolon(&mut self) {
        self.last = Last::Semicolon;
    }

    /// Whether a semicolon here belongs to the statement.
    pub(super) fn in_body(&self) -> bool {
        match self.kind {
            Kind::Routine => self.atomic > 0,
            Kind::Rule => self.parentheses > 0,
            Kind::Nothing | Kind::Create | Kind::Copy | Kind::Plain => false,
        }
    }

    /// Whether this token can follow within a body; false behind a semicolon after which
    /// no statement of a body can begin like this.
    pub(super) fn may_go_on(&self, kind: TokenKind, text: &str) -> bool {
        self.last != Last::Semicolon
            || match kind {
                TokenKind::Ident => IN_BODY.iter().any(|word| text.eq_ignore_ascii_case(word)),
                TokenKind::OpenParen | TokenKind::CloseParen => true,
                _ => false,
            }
    }

    /// Whether the statement is a `copy .. from stdin`.
    pub(super) fn copies_from_stdin(&self) -> bool {
        self.copies_from_stdin
    }
}
