//! `insert`, `update`, `delete`, and `select` as a statement.

use sqlite3_parser::lexer::sql::TokenType;

use super::reader::{Reader, Result};
use crate::place::Span;
use crate::sql::expr::Expr;
use crate::sql::{Action, Insert, InsertSource, OnConflict, Update};

/// What `on conflict` clauses behind an insert say, taken together.
struct Upsert {
    on_conflict: OnConflict,
    columns: Vec<String>,
}

impl Reader<'_> {
    /// A statement that reads or changes rows, with its `with`; its verb.
    pub(super) fn data_statement(&mut self) -> Result<&'static str> {
        use TokenType::*;
        let (first, ctes) = (self.at, self.ctes.len());
        let marks = (self.mentions.tables.len(), self.mentions.calls.len());
        // A query's `with` is part of it; only here it must be known what follows.
        self.with_clause()?;
        let verb = match self.peek() {
            TK_INSERT | TK_REPLACE => self.insert(first, marks)?,
            TK_UPDATE => self.update(first)?,
            TK_DELETE => self.delete(first)?,
            _ => {
                self.at = first;
                self.ctes.truncate(ctes);
                self.mentions.tables.truncate(marks.0);
                self.mentions.calls.truncate(marks.1);
                let verb = if self.peek() == TK_VALUES { "values" } else { "select" };
                let query = self.query()?;
                self.effect(first, Action::Select(Box::new(query)));
                verb
            }
        };
        self.ctes.truncate(ctes);
        Ok(verb)
    }

    /// `or ignore` and its kind.
    fn or_conflict(&mut self) -> Option<OnConflict> {
        if !self.eat(TokenType::TK_OR) {
            return None;
        }
        let kind = self.peek();
        self.advance(1);
        Some(match kind {
            TokenType::TK_IGNORE => OnConflict::Ignore,
            TokenType::TK_REPLACE => OnConflict::Replace,
            _ => OnConflict::FailOtherwise,
        })
    }

    /// The alias of the table that is changed: only with `as`.
    fn target_alias(&mut self) {
        if self.eat(TokenType::TK_AS) {
            self.advance(1);
        }
    }

    /// `marks`: how many tables and calls had been mentioned before the statement's `with`.
    fn insert(&mut self, first: usize, marks: (usize, usize)) -> Result<&'static str> {
        use TokenType::*;
        let replace = self.eat(TK_REPLACE);
        let mut on_conflict = if replace { OnConflict::Replace } else { OnConflict::Fail };
        if !replace {
            self.advance(1);
            on_conflict = self.or_conflict().unwrap_or(OnConflict::Fail);
        }
        self.expect(TK_INTO, "`into` was expected")?;
        let table = self.object()?;
        self.target_alias();
        let columns = if self.peek() == TK_LP { Some(self.name_list()?) } else { None };
        let mut source = self.insert_source()?;
        if let InsertSource::Query(query) = &mut source {
            query.tables = self.mentions.tables[marks.0..].to_vec();
            query.calls = self.mentions.calls[marks.1..].to_vec();
        }
        let upsert = self.upsert()?;
        self.returning()?;
        let mut conflict_columns = Vec::new();
        if let Some(upsert) = upsert {
            // `or replace` with an upsert: the clause decides for its own key, the words for the others.
            if on_conflict != OnConflict::Replace {
                on_conflict = upsert.on_conflict;
            }
            conflict_columns = upsert.columns;
        }
        let (columns, conflict_columns) = (columns.map(Vec::into_boxed_slice), conflict_columns.into());
        let insert = Insert { table, columns, source, on_conflict, conflict_columns };
        self.effect(first, Action::Insert(Box::new(insert)));
        Ok(if replace { "replace" } else { "insert" })
    }

    fn insert_source(&mut self) -> Result<InsertSource> {
        use TokenType::*;
        if self.eat_all(&[TK_DEFAULT, TK_VALUES]) {
            return Ok(InsertSource::DefaultValues);
        }
        if self.peek() == TK_VALUES {
            let start = self.at;
            self.quietly(Reader::values)?;
            if !matches!(self.peek(), TK_UNION | TK_EXCEPT | TK_INTERSECT | TK_ORDER | TK_LIMIT) {
                return Ok(InsertSource::Values);
            }
            self.at = start;
        }
        Ok(InsertSource::Query(Box::new(self.query()?)))
    }

    /// `on conflict (..) do nothing|update ..`, as often as it stands.
    fn upsert(&mut self) -> Result<Option<Upsert>> {
        use TokenType::*;
        let mut found: Option<Upsert> = None;
        while self.eat_all(&[TK_ON, TK_CONFLICT]) {
            let mut columns = Vec::new();
            if self.eat(TK_LP) {
                let targets = self.sorted_list()?;
                columns = targets.into_iter().filter_map(|t| t.column.map(String::from)).collect();
                self.expect(TK_RP, "a closing parenthesis was expected")?;
                self.filter()?;
            }
            self.expect(TK_DO, "`do` was expected")?;
            let on_conflict = if self.eat(TK_NOTHING) {
                OnConflict::Ignore
            } else {
                self.expect(TK_UPDATE, "`update` was expected")?;
                self.expect(TK_SET, "`set` was expected")?;
                self.assignments()?;
                self.filter()?;
                OnConflict::Update
            };
            // Of several, the one that leaves rows out says most.
            if found.as_ref().is_none_or(|f| f.on_conflict == OnConflict::Update) {
                found = Some(Upsert { on_conflict, columns });
            }
        }
        Ok(found)
    }

    fn returning(&mut self) -> Result<()> {
        if self.eat(TokenType::TK_RETURNING) { self.quietly(Reader::items) } else { Ok(()) }
    }

    /// `a = 1, (b, c) = (2, 3)`.
    fn assignments(&mut self) -> Result<Vec<(String, Expr)>> {
        use TokenType::*;
        let mut assignments = Vec::new();
        loop {
            let columns = if self.peek() == TK_LP { self.name_list()? } else { vec![self.name()?] };
            self.expect(TK_EQ, "`=` was expected")?;
            let value = self.expr()?;
            assignments.extend(columns.into_iter().map(|column| (column, value.clone())));
            if !self.eat(TK_COMMA) {
                return Ok(assignments);
            }
        }
    }

    fn update(&mut self, first: usize) -> Result<&'static str> {
        use TokenType::*;
        let verb_end = self.here().end;
        self.advance(1);
        let words = self.at;
        let on_conflict = self.or_conflict();
        let on_conflict_span = on_conflict.map(|_| Span::new(verb_end, self.since(words).end));
        let table = self.object()?;
        self.target_alias();
        self.indexed();
        self.expect(TK_SET, "`set` was expected")?;
        let assignments = self.assignments()?.into();
        let mut from = Box::default();
        if self.eat(TK_FROM) {
            let before = self.mentions.tables.len();
            self.from()?;
            from = self.mentions.tables[before..].into();
        }
        let filter = self.filter()?;
        self.returning()?;
        self.no_order_or_limit()?;
        let on_conflict = on_conflict.unwrap_or(OnConflict::Fail);
        let update = Update { table, assignments, filter, from, on_conflict, on_conflict_span };
        self.effect(first, Action::Update(Box::new(update)));
        Ok("update")
    }

    fn delete(&mut self, first: usize) -> Result<&'static str> {
        self.advance(1);
        self.expect(TokenType::TK_FROM, "`from` was expected")?;
        let table = self.object()?;
        self.target_alias();
        self.indexed();
        let filter = self.filter()?;
        self.returning()?;
        self.no_order_or_limit()?;
        self.effect(first, Action::Delete { table, filter, using: Vec::new() });
        Ok("delete")
    }

    /// Behind `update` and `delete`: only builds of SQLite made for it take these.
    fn no_order_or_limit(&self) -> Result<()> {
        match self.peek() {
            TokenType::TK_ORDER | TokenType::TK_LIMIT => Err(self.refused()),
            _ => Ok(()),
        }
    }
}
