//! One file's statements -> steps. A *step* is one commit.
//!
//! A file is one step unless it must not be: where it says `no-transaction`, or
//! holds a statement that the database forbids inside a transaction, each
//! statement is a step of its own, and so is each `begin .. commit` block.
//! Refused are the transaction commands that would make a step commit half of
//! itself, what only psql can run, and what changes the ledger.

mod ledger;
pub mod lock;
mod outside;

use std::ops::Range;

pub use outside::{Judge, Outside, outside_of_transaction};

use crate::sql::{Action, Dialect, DirectiveKind, ObjectKind, Script, Statement, TransactionCommand};
use crate::{Error, Result, Span};

/// What running one file means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePlan {
    /// In order; never empty: a file without statements is one empty step.
    pub steps: Vec<Step>,
    /// SQLite: what a `pragma foreign_keys` around the statements says. It does nothing
    /// inside a transaction, so the runner sets it before the first step.
    pub foreign_keys: Option<bool>,
}

/// A unit of the plan: done as a whole, with its ledger row, or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// `0007`, or `0007/2` when the file has several.
    pub id: String,
    /// Indexes into the script's statements.
    pub statements: Vec<usize>,
    /// `None`: runs in a transaction. Else the one statement runs outside of it.
    pub outside: Option<Outside>,
    /// BLAKE3 of the statements' texts: a done step whose text changed is edited history.
    pub hash: [u8; 32],
}

impl Step {
    /// Whether the step runs in a transaction.
    pub fn transaction(&self) -> bool {
        self.outside.is_none()
    }
}

/// Plans the file with this version.
///
/// `no_transaction` is what the folder's format says of the file (sqlx has a marker
/// of its own); our directive is read from the script.
///
/// # Errors
/// `Refused`, with the place, for transaction commands that cannot be taken off, psql
/// commands, `copy .. from stdin` and changes of the ledger; `Invalid` for unknown directives and those that
/// are not built yet.
pub fn file(script: &Script, version: &str, no_transaction: bool) -> Result<FilePlan> {
    refuse_directives(script)?;
    refuse_psql(script)?;
    ledger::refuse(script)?;
    let (mut body, foreign_keys) = lift_foreign_keys(script);
    let says_so = script.directives.iter().any(|d| d.kind == DirectiveKind::NoTransaction);
    if let Some(inner) = wrapped(script, body.clone()) {
        // One begin .. commit around everything: the step is that transaction.
        body = inner;
        if let Some(statement) = first_outside(script, body.clone()) {
            return Err(inside_block(script, statement));
        }
        refuse_commands(script, body.clone())?;
        return Ok(FilePlan {
            steps: vec![step(script, version.to_owned(), body.collect(), None)],
            foreign_keys,
        });
    }
    let separate = no_transaction || says_so || first_outside(script, body.clone()).is_some();
    if !separate {
        refuse_commands(script, body.clone())?;
        let foreign_keys = if off_throughout(script) { Some(false) } else { foreign_keys };
        return Ok(FilePlan {
            steps: vec![step(script, version.to_owned(), body.collect(), None)],
            foreign_keys,
        });
    }
    let groups = separate_steps(script, body)?;
    let many = groups.len() > 1;
    let steps = groups
        .into_iter()
        .enumerate()
        .map(|(i, (statements, outside))| {
            let id = if many { format!("{version}/{}", i + 1) } else { version.to_owned() };
            step(script, id, statements, outside)
        })
        .collect::<Vec<_>>();
    let steps =
        if steps.is_empty() { vec![step(script, version.to_owned(), Vec::new(), None)] } else { steps };
    Ok(FilePlan { steps, foreign_keys })
}

fn step(script: &Script, id: String, statements: Vec<usize>, outside: Option<Outside>) -> Step {
    let mut hasher = blake3::Hasher::new();
    for index in &statements {
        let text = script.sql(&script.statements[*index]).replace("\r\n", "\n");
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    Step { id, statements, outside, hash: *hasher.finalize().as_bytes() }
}

/// Every statement alone, every `begin .. commit` block together.
#[allow(clippy::type_complexity)]
fn separate_steps(script: &Script, body: Range<usize>) -> Result<Vec<(Vec<usize>, Option<Outside>)>> {
    let mut groups = Vec::new();
    let mut block: Option<Vec<usize>> = None;
    for index in body {
        let statement = &script.statements[index];
        if let Some(error) = role_beyond_its_step(script, statement) {
            return Err(error);
        }
        match (transaction_command(statement), &mut block) {
            (Some(TransactionCommand::Begin), None) => block = Some(Vec::new()),
            (Some(TransactionCommand::Commit), Some(open)) => {
                groups.push((std::mem::take(open), None));
                block = None;
            }
            (Some(_), _) => return Err(stray_command(script, statement)),
            (None, Some(open)) => {
                if outside(script, statement).is_some() {
                    return Err(inside_block(script, statement));
                }
                open.push(index);
            }
            (None, None) => {
                // Between two transactions the pragma takes effect; inside of one it does nothing.
                let lone = foreign_keys_pragma(statement).map(|_| Outside { judge: Judge::Repeatable });
                groups.push((vec![index], outside(script, statement).or(lone)));
            }
        }
    }
    if block.is_some() {
        let begin = script
            .statements
            .iter()
            .rev()
            .find(|s| transaction_command(s) == Some(TransactionCommand::Begin));
        return Err(match begin {
            Some(begin) => Error::refused("it opens a transaction and never commits it")
                .at(script.place(begin.span), Some(script.text.clone()))
                .hint("add the missing COMMIT, or take BEGIN out: each step is a transaction of its own"),
            None => Error::bug("a transaction block without its begin"),
        });
    }
    Ok(groups)
}

/// Each step writes the ledger as who we are, so a role set by one would not hold in the next.
fn role_beyond_its_step(script: &Script, statement: &Statement) -> Option<Error> {
    let sets = statement.actions().any(|action| match action {
        Action::Set { local: false, name, value: Some(_) } => {
            name == "role" || name == "session_authorization"
        }
        _ => false,
    });
    sets.then(|| {
        Error::refused(format!("it runs {} in a file of several steps", statement.verb.to_uppercase()))
            .at(script.place(statement.span), Some(script.text.clone()))
            .hint(
                "a role holds for one step only: SET LOCAL ROLE inside BEGIN .. COMMIT, or ALTER .. OWNER TO",
            )
    })
}

/// The statements between one `begin` and one `commit` that enclose everything.
fn wrapped(script: &Script, body: Range<usize>) -> Option<Range<usize>> {
    let statements = &script.statements[body.clone()];
    let (first, last) = (statements.first()?, statements.last()?);
    let encloses = statements.len() >= 2
        && transaction_command(first) == Some(TransactionCommand::Begin)
        && transaction_command(last) == Some(TransactionCommand::Commit)
        && statements[1..statements.len() - 1].iter().all(|s| transaction_command(s).is_none());
    encloses.then_some(body.start + 1..body.end - 1)
}

/// Takes leading and trailing `pragma foreign_keys` off. What the leading one says holds
/// for the file; a trailing one only restores a session that ends with the file anyway.
pub(crate) fn lift_foreign_keys(script: &Script) -> (Range<usize>, Option<bool>) {
    let mut body = 0..script.statements.len();
    if script.dialect == Dialect::Postgres {
        return (body, None);
    }
    let mut said = None;
    while let Some(on) = script.statements.get(body.start).and_then(foreign_keys_pragma) {
        said = Some(on);
        body.start += 1;
    }
    while body.end > body.start && foreign_keys_pragma(&script.statements[body.end - 1]).is_some() {
        body.end -= 1;
    }
    (body, said)
}

/// Whether a file that is one transaction is to run with foreign keys off as a whole,
/// because it turns them off for a part of it: Prisma and Drizzle write their rebuilds so,
/// behind other statements and with indexes after them. The pragma does nothing inside the
/// transaction; it can be had for the whole file where the other statements do the same
/// with foreign keys on and off.
pub(crate) fn off_throughout(script: &Script) -> bool {
    let (body, leading) = lift_foreign_keys(script);
    let (mut on, mut turned) = (leading.unwrap_or(true), false);
    for statement in &script.statements[body] {
        match foreign_keys_pragma(statement) {
            Some(wish) => {
                on = wish;
                turned = true;
            }
            None if transaction_command(statement).is_some() || on && !same_either_way(statement) => {
                return false;
            }
            None => {}
        }
    }
    let wishes: Vec<bool> = script.statements.iter().filter_map(foreign_keys_pragma).collect();
    // A part has an end: what is never turned on again was not meant for a part.
    let part = wishes.contains(&false) && wishes.last() == Some(&true);
    turned && part && script.dialect == Dialect::Sqlite
}

/// Whether foreign keys have no say in what a statement of SQLite does: it touches no rows.
fn same_either_way(statement: &Statement) -> bool {
    let same = |action: &Action| match action {
        Action::CreateTable(_)
        | Action::CreateIndex(_)
        | Action::AlterTable { .. }
        | Action::Create { .. } => true,
        Action::Pragma { .. } => true,
        Action::Drop { kind, .. } => {
            matches!(kind, ObjectKind::Index | ObjectKind::View | ObjectKind::Trigger)
        }
        _ => false,
    };
    !statement.effects.is_empty() && statement.actions().all(same)
}

fn foreign_keys_pragma(statement: &Statement) -> Option<bool> {
    match &*statement.effects {
        [effect] => match &effect.action {
            Action::Pragma { name, value: Some(value) } if name == "foreign_keys" => {
                Some(crate::judge::pragma_is_on(value))
            }
            _ => None,
        },
        _ => None,
    }
}

/// The transaction command a statement is, if it is one.
pub fn transaction_command(statement: &Statement) -> Option<TransactionCommand> {
    match statement.effects.first().map(|e| &e.action) {
        Some(Action::Transaction(command)) => Some(*command),
        _ => None,
    }
}

fn outside(script: &Script, statement: &Statement) -> Option<Outside> {
    outside_of_transaction(statement, script.dialect)
}

fn first_outside(script: &Script, body: Range<usize>) -> Option<&Statement> {
    script.statements[body].iter().find(|s| outside(script, s).is_some())
}

fn refuse_commands(script: &Script, body: Range<usize>) -> Result<()> {
    match script.statements[body].iter().find(|s| transaction_command(s).is_some()) {
        Some(statement) => Err(stray_command(script, statement)),
        None => Ok(()),
    }
}

fn stray_command(script: &Script, statement: &Statement) -> Error {
    let verb = statement.verb.to_uppercase();
    Error::refused(format!("it contains {verb}, and the file itself is the transaction"))
        .at(script.place(statement.span), Some(script.text.clone()))
        .hint(
            "take the transaction commands out (one BEGIN .. COMMIT around the whole file is fine); \
             for several commits use several files, or `-- cofferdam:no-transaction` with BEGIN .. COMMIT blocks",
        )
}

fn inside_block(script: &Script, statement: &Statement) -> Error {
    let concurrently = statement.actions().any(|action| match action {
        Action::CreateIndex(index) => index.concurrently,
        Action::Drop { concurrently, .. } | Action::Reindex { concurrently, .. } => *concurrently,
        _ => false,
    });
    let verb = statement.verb.to_uppercase();
    let verb = if concurrently { format!("{verb} CONCURRENTLY") } else { verb };
    Error::refused(format!("it runs {verb} inside BEGIN .. COMMIT, where the database forbids it"))
        .at(script.place(statement.span), Some(script.text.clone()))
        .hint("move the statement out of the block, or into a file of its own")
}

fn refuse_directives(script: &Script) -> Result<()> {
    for directive in &script.directives {
        let (said, hint) = match &directive.kind {
            DirectiveKind::Allow { .. } | DirectiveKind::NoTransaction => continue,
            DirectiveKind::Online | DirectiveKind::Down(_) => (
                "it asks for an online change, which this version cannot run",
                "take the directive out to run the file as it is written",
            ),
            DirectiveKind::Unknown(_) => {
                ("it has a directive that nobody knows", "directives are: allow RULE REASON, no-transaction")
            }
        };
        return Err(Error::invalid(format!("{said}: {}", directive.span.of(&script.text)))
            .at(script.place(directive.span), Some(script.text.clone()))
            .hint(hint));
    }
    Ok(())
}

fn refuse_psql(script: &Script) -> Result<()> {
    let line =
        script.meta.iter().find(|m| !matches!(m.command.as_str(), "restrict" | "unrestrict" | "copy data"));
    if let Some(line) = line {
        return Err(Error::refused(format!(
            "it has a command that only a shell understands: {}",
            line.span.of(&script.text).trim()
        ))
        .at(script.place(line.span), Some(script.text.clone()))
        .hint("take the line out, or write it as SQL"));
    }
    let stdin = script
        .statements
        .iter()
        .find(|s| s.actions().any(|action| matches!(action, Action::Copy { from: true, stdio: true, .. })));
    match stdin {
        Some(statement) => Err(Error::refused("it reads rows from standard input (COPY .. FROM STDIN)")
            .at(script.place(statement.span), Some(script.text.clone()))
            .hint("write the rows as INSERT statements (pg_dump --inserts), or load them outside of a migration")),
        None => Ok(()),
    }
}

/// The place of a step in its file: from its first to its last statement.
pub fn span(script: &Script, step: &Step) -> Span {
    match (step.statements.first(), step.statements.last()) {
        (Some(first), Some(last)) => {
            Span::new(script.statements[*first].span.start, script.statements[*last].span.end)
        }
        _ => Span::default(),
    }
}

#[cfg(test)]
mod tests;
