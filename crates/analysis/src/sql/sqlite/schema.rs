//! `create` and `drop`.

use sqlite3_parser::lexer::sql::TokenType;

use super::constant::literal;
use super::reader::{Reader, Result, is_identifier, unquoted};
use crate::place::Span;
use crate::sql::expr::{Expr, Literal};
use crate::sql::table::{Column, Constraint, ConstraintKind, CreateIndex, CreateTable, Generated, Reference};
use crate::sql::{Action, Filter, ObjectKind, ObjectName, Query, Within};

impl Reader<'_> {
    /// Behind nothing: a whole `create` statement; its verb.
    pub(super) fn create(&mut self) -> Result<&'static str> {
        use TokenType::*;
        let first = self.at;
        self.advance(1);
        let temporary = self.eat(TK_TEMP);
        match self.peek() {
            TK_TABLE => self.create_table(first, temporary),
            TK_VIRTUAL => self.create_virtual_table(first),
            TK_VIEW => self.create_view(first, temporary),
            TK_TRIGGER => self.create_trigger(first, temporary),
            TK_UNIQUE | TK_INDEX => self.create_index(first),
            _ => Err(self.stuck("an unknown kind of object")),
        }
    }

    fn create_table(&mut self, first: usize, temporary: bool) -> Result<&'static str> {
        use TokenType::*;
        self.advance(1);
        let if_not_exists = self.if_not_exists();
        let name = self.object()?;
        if self.eat(TK_AS) {
            let query = self.query()?;
            self.effect(
                first,
                Action::CreateTableAs { name, temporary, if_not_exists, query: Box::new(query) },
            );
            return Ok("create table");
        }
        let mut table = CreateTable { name: Some(name), if_not_exists, temporary, ..CreateTable::default() };
        self.expect(TK_LP, "columns were expected")?;
        loop {
            if self.begins_constraint() {
                self.table_constraints(&mut table.constraints)?;
            } else {
                table.columns.push(self.column()?);
            }
            if !self.eat(TK_COMMA) {
                break;
            }
        }
        self.expect(TK_RP, "a closing parenthesis was expected")?;
        while !self.done() {
            table.without_rowid |= self.eat(TK_WITHOUT);
            table.strict |= self.word().eq_ignore_ascii_case("strict");
            self.advance(1);
            self.eat(TK_COMMA);
        }
        self.effect(first, Action::CreateTable(Box::new(table)));
        Ok("create table")
    }

    fn create_virtual_table(&mut self, first: usize) -> Result<&'static str> {
        self.advance(2);
        let if_not_exists = self.if_not_exists();
        let name = Some(self.object()?);
        self.expect(TokenType::TK_USING, "`using` was expected")?;
        let module = Some(self.name()?);
        // What stands in the parentheses only the module understands.
        if self.peek() == TokenType::TK_LP {
            self.skip_parenthesis()?;
        }
        let table = CreateTable { name, if_not_exists, module, ..CreateTable::default() };
        self.effect(first, Action::CreateTable(Box::new(table)));
        Ok("create virtual table")
    }

    /// A view; what it reads follows as an effect of its body.
    fn create_view(&mut self, first: usize, temporary: bool) -> Result<&'static str> {
        self.advance(1);
        let if_not_exists = self.if_not_exists();
        let name = self.object()?;
        self.name_list()?;
        self.expect(TokenType::TK_AS, "`as` was expected")?;
        let body = self.at;
        let query = self.query()?;
        let kind = ObjectKind::View;
        self.effect(
            first,
            Action::Create { kind, name, on: None, or_replace: false, if_not_exists, temporary },
        );
        self.within = Within::FunctionBody;
        self.effect(body, Action::Select(Box::new(query)));
        Ok("create view")
    }

    /// A trigger; its condition and its statements follow as effects of its body.
    fn create_trigger(&mut self, first: usize, temporary: bool) -> Result<&'static str> {
        use TokenType::*;
        self.advance(1);
        let if_not_exists = self.if_not_exists();
        let name = self.object()?;
        match self.peek() {
            TK_BEFORE | TK_AFTER => self.advance(1),
            TK_INSTEAD => self.advance(2),
            _ => {}
        }
        self.advance(1);
        if self.eat(TK_OF) {
            self.names()?;
        }
        self.expect(TK_ON, "`on` was expected")?;
        let mut on = self.object()?;
        on.schema = on.schema.or_else(|| name.schema.clone());
        self.eat_all(&[TK_FOR, TK_EACH, TK_ROW]);
        let created = self.effects.len();
        self.within = Within::TriggerBody;
        if self.eat(TK_WHEN) {
            let start = self.at;
            let tables = self.mentions.tables.len();
            let condition = Filter::Condition(Box::new(self.expr()?));
            let tables = self.mentions.tables[tables..].to_vec();
            self.effect(
                start,
                Action::Select(Box::new(Query { filter: condition, tables, ..Query::default() })),
            );
        }
        self.expect(TK_BEGIN, "`begin` was expected")?;
        while !self.eat(TK_END) {
            self.data_statement()?;
            self.expect(TK_SEMI, "a semicolon was expected")?;
        }
        self.within = Within::Statement;
        let kind = ObjectKind::Trigger;
        self.effect(
            first,
            Action::Create { kind, name, on: Some(on), or_replace: false, if_not_exists, temporary },
        );
        // The trigger itself comes before what it does.
        self.effects[created..].rotate_right(1);
        Ok("create trigger")
    }

    fn create_index(&mut self, first: usize) -> Result<&'static str> {
        use TokenType::*;
        let unique = self.eat(TK_UNIQUE);
        self.expect(TK_INDEX, "`index` was expected")?;
        let if_not_exists = self.if_not_exists();
        let name = self.object()?;
        self.expect(TK_ON, "`on` was expected")?;
        let table = ObjectName { schema: name.schema.clone(), name: self.name()? };
        self.expect(TK_LP, "columns were expected")?;
        let columns = self.sorted_list()?;
        self.expect(TK_RP, "a closing parenthesis was expected")?;
        let predicate = self.filter()?;
        let index = CreateIndex {
            name: Some(name),
            table,
            unique,
            concurrently: false,
            if_not_exists,
            only: false,
            columns,
            method: "btree".to_owned(),
            predicate,
        };
        self.effect(first, Action::CreateIndex(Box::new(index)));
        Ok("create index")
    }

    /// A whole `drop` statement; its verb.
    pub(super) fn drop_statement(&mut self) -> Result<&'static str> {
        use TokenType::*;
        let first = self.at;
        self.advance(1);
        let (kind, verb) = match self.peek() {
            TK_TABLE => (ObjectKind::Table, "drop table"),
            TK_VIEW => (ObjectKind::View, "drop view"),
            TK_INDEX => (ObjectKind::Index, "drop index"),
            TK_TRIGGER => (ObjectKind::Trigger, "drop trigger"),
            _ => return Err(self.stuck("an unknown kind of object")),
        };
        self.advance(1);
        let if_exists = self.if_exists();
        let names = vec![self.object()?];
        let drop = Action::Drop { kind, names, on: None, if_exists, cascade: false, concurrently: false };
        self.effect(first, drop);
        Ok(verb)
    }

    /// `a, b, c`.
    fn names(&mut self) -> Result<Vec<String>> {
        let mut names = vec![self.name()?];
        while self.eat(TokenType::TK_COMMA) {
            names.push(self.name()?);
        }
        Ok(names)
    }

    /// Whether a constraint of a table comes next, rather than a column.
    pub(super) fn begins_constraint(&self) -> bool {
        use TokenType::*;
        matches!(self.peek(), TK_CONSTRAINT | TK_PRIMARY | TK_UNIQUE | TK_CHECK | TK_FOREIGN)
    }

    /// `name type constraint ..`.
    pub(super) fn column(&mut self) -> Result<Column> {
        let first = self.at;
        let name = self.name()?;
        let ty = self.type_name()?.map(Box::new);
        let mut column = Column { name, ty, ..Column::default() };
        while self.column_constraint(&mut column)? {}
        column.span = self.since(first);
        Ok(column)
    }

    /// Reads one constraint of `column`; whether one stood there.
    fn column_constraint(&mut self, column: &mut Column) -> Result<bool> {
        use TokenType::*;
        match self.peek() {
            TK_CONSTRAINT => self.advance(2),
            TK_DEFAULT => column.default = Some(Box::new(self.default_value()?)),
            TK_NULL => {
                self.advance(1);
                self.on_conflict(&mut column.on_conflict);
            }
            TK_NOT if self.kind(1) == TK_NULL => {
                self.advance(2);
                column.not_null = true;
                self.on_conflict(&mut column.on_conflict);
            }
            TK_PRIMARY => {
                self.advance(2);
                column.primary_key = true;
                self.sort_order();
                self.on_conflict(&mut column.on_conflict);
                column.autoincrement |= self.eat(TK_AUTOINCR);
            }
            TK_UNIQUE => {
                self.advance(1);
                column.unique = true;
                self.on_conflict(&mut column.on_conflict);
            }
            TK_CHECK => {
                self.advance(1);
                column.checks.push(self.expr()?);
            }
            TK_REFERENCES => column.references = Some(Box::new(self.reference()?)),
            TK_NOT | TK_DEFERRABLE => self.deferrable(),
            TK_COLLATE => {
                self.advance(1);
                column.collation = Some(self.name()?);
            }
            TK_GENERATED | TK_AS => column.generated = Some(self.generated()?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Behind `default`, with the word itself.
    pub(super) fn default_value(&mut self) -> Result<Expr> {
        use TokenType::*;
        self.advance(1);
        let first = self.at;
        if self.peek() == TK_LP {
            let columns = self.at;
            self.advance(1);
            let mut inner = self.expr()?;
            self.expect(TK_RP, "a closing parenthesis was expected")?;
            inner.span = self.since(columns);
            return Ok(inner);
        }
        let negative = self.peek() == TK_MINUS;
        let signed = negative || self.peek() == TK_PLUS;
        self.advance(usize::from(signed));
        let word = self.word();
        let read = self.tokens_since(first).len();
        self.advance(1);
        let token = self.tokens_since(first)[read];
        let value = match literal(token, self.text) {
            Some(Literal::Number(number)) if negative => Literal::Number(format!("-{number}")),
            Some(found) => found,
            // Any other word stands for itself, as a string.
            None => Literal::String(unquoted(word)),
        };
        Ok(Expr { span: self.since(first), literal: Some(value), ..Expr::default() })
    }

    /// `generated always as (..) stored`.
    fn generated(&mut self) -> Result<Generated> {
        use TokenType::*;
        self.eat_all(&[TK_GENERATED, TK_ALWAYS]);
        self.expect(TK_AS, "`as` was expected")?;
        self.quietly(Reader::expr)?;
        let word = self.word();
        let stored = self.peek() == TK_ID && word.eq_ignore_ascii_case("stored");
        if stored || (is_identifier(self.peek()) && word.eq_ignore_ascii_case("virtual")) {
            self.advance(1);
        }
        Ok(if stored { Generated::Stored } else { Generated::Virtual })
    }

    /// `references t (a) on delete cascade match full`.
    fn reference(&mut self) -> Result<Reference> {
        use TokenType::*;
        self.advance(1);
        let table = ObjectName::bare(self.name()?);
        let columns = self.name_list()?;
        let mut reference = Reference {
            table,
            columns,
            on_delete: "no action".to_owned(),
            on_update: "no action".to_owned(),
        };
        loop {
            if self.eat(TK_MATCH) {
                self.advance(1);
                continue;
            }
            if self.peek() != TK_ON || self.kind(1) == TK_CONFLICT {
                return Ok(reference);
            }
            let event = self.kind(1);
            self.advance(2);
            let words = if matches!(self.peek(), TK_SET | TK_NO) { 2 } else { 1 };
            let action =
                (0..words).map(|i| self.word_at(i).to_ascii_lowercase()).collect::<Vec<_>>().join(" ");
            self.advance(words);
            match event {
                TK_DELETE => reference.on_delete = action,
                TK_UPDATE => reference.on_update = action,
                _ => {}
            }
        }
    }

    /// `not deferrable initially deferred`.
    fn deferrable(&mut self) {
        use TokenType::*;
        self.eat_all(&[TK_NOT, TK_DEFERRABLE]);
        self.eat(TK_DEFERRABLE);
        if self.peek() == TK_INITIALLY {
            self.advance(2);
        }
    }

    /// `on conflict X`; of several, the one that loses rows is kept.
    fn on_conflict(&mut self, kept: &mut Option<(String, Span)>) {
        use TokenType::*;
        let first = self.at;
        if !self.eat_all(&[TK_ON, TK_CONFLICT]) {
            return;
        }
        let loses = matches!(self.peek(), TK_IGNORE | TK_REPLACE);
        let how = self.word().to_ascii_lowercase();
        self.advance(1);
        if kept.is_none() || loses {
            *kept = Some((how, self.since(first)));
        }
    }

    /// The constraints of a table from here on; no comma is needed between them.
    pub(super) fn table_constraints(&mut self, into: &mut Vec<Constraint>) -> Result<()> {
        while self.begins_constraint() {
            if let Some(constraint) = self.table_constraint()? {
                into.push(constraint);
            }
        }
        Ok(())
    }

    /// One constraint; `None` for a name with nothing behind it, which SQLite allows.
    fn table_constraint(&mut self) -> Result<Option<Constraint>> {
        use TokenType::*;
        let first = self.at;
        let mut name = None;
        while self.eat(TK_CONSTRAINT) {
            name = Some(self.name()?);
        }
        let mut on_conflict = None;
        let kind = match self.peek() {
            TK_PRIMARY => {
                self.advance(2);
                ConstraintKind::PrimaryKey { columns: self.key_columns()?, using_index: None }
            }
            TK_UNIQUE => {
                self.advance(1);
                ConstraintKind::Unique { columns: self.key_columns()?, using_index: None }
            }
            TK_CHECK => {
                self.advance(1);
                ConstraintKind::Check(self.expr()?)
            }
            TK_FOREIGN => {
                self.advance(2);
                let columns = self.name_list()?;
                let references = self.reference()?;
                self.deferrable();
                ConstraintKind::ForeignKey { columns, references }
            }
            _ => return Ok(None),
        };
        self.on_conflict(&mut on_conflict);
        Ok(Some(Constraint { name, span: self.since(first), kind, not_valid: false, on_conflict }))
    }

    /// `(a, b desc)` of a key; expressions, which SQLite refuses later, are left out.
    fn key_columns(&mut self) -> Result<Vec<String>> {
        self.expect(TokenType::TK_LP, "columns were expected")?;
        let columns = self.sorted_list()?;
        self.eat(TokenType::TK_AUTOINCR);
        self.expect(TokenType::TK_RP, "a closing parenthesis was expected")?;
        Ok(columns
            .into_iter()
            .filter_map(|c| c.column.map(String::from).or_else(|| string(c.literal)))
            .collect())
    }
}

/// A name that was written as a string.
fn string(literal: Option<Literal>) -> Option<String> {
    match literal {
        Some(Literal::String(name)) => Some(name),
        _ => None,
    }
}
