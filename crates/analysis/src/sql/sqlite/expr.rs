//! Expressions: what they read, call and cast.
//!
//! One loop with two states (an operand comes next, or an operator) and a list
//! of what is open; only subqueries and windows recurse. That is enough because
//! nobody above asks how operators group.

use sqlite3_parser::lexer::sql::TokenType;

use super::constant::{always_true, is_bool, literal, without_parentheses};
use super::reader::{Reader, Result, is_identifier, unquoted};
use crate::place::Span;
use crate::sql::Filter;
use crate::sql::expr::{Cast, Expr, Literal};
use crate::sql::table::TypeName;

/// What has been opened and not closed yet.
enum Open {
    Parenthesis,
    /// The arguments of a function.
    Call,
    Case,
    /// `cast (`: the token it begins with, and what had been mentioned before.
    Cast {
        first: usize,
        columns: usize,
        casts: usize,
    },
}

impl Reader<'_> {
    /// Reads one expression and returns its facts.
    pub(super) fn expr(&mut self) -> Result<Expr> {
        let first = self.at;
        let m = &self.mentions;
        let marks = (m.columns.len(), m.calls.len(), m.casts.len(), m.double_quoted.len(), m.subqueries);
        self.walk()?;
        if self.quiet > 0 {
            return Ok(Expr::default());
        }
        let m = &self.mentions;
        let mut expr = Expr {
            span: self.since(first),
            columns: m.columns[marks.0..].into(),
            calls: m.calls[marks.1..].into(),
            casts: m.casts[marks.2..].into(),
            double_quoted: m.double_quoted[marks.3..].into(),
            subquery: m.subqueries > marks.4,
            ..Expr::default()
        };
        self.classify(&mut expr, first);
        Ok(expr)
    }

    /// Whether the expression is a bare column or a constant.
    fn classify(&self, expr: &mut Expr, first: usize) {
        let core = without_parentheses(self.tokens_since(first));
        match core {
            [only] => match literal(*only, self.text) {
                Some(found) => expr.literal = Some(found),
                None if is_identifier(only.kind) => {
                    expr.column = Some(unquoted(only.span.of(self.text)).into());
                }
                None => {}
            },
            [sign, number]
                if matches!(sign.kind, TokenType::TK_MINUS | TokenType::TK_PLUS)
                    && matches!(number.kind, TokenType::TK_INTEGER | TokenType::TK_FLOAT) =>
            {
                let sign = if sign.kind == TokenType::TK_MINUS { "-" } else { "" };
                expr.literal = Some(Literal::Number(format!("{sign}{}", number.span.of(self.text))));
            }
            [_, dot, column] | [_, _, _, dot, column]
                if dot.kind == TokenType::TK_DOT && core[1].kind == TokenType::TK_DOT =>
            {
                expr.column = Some(unquoted(column.span.of(self.text)).into());
            }
            _ => {}
        }
    }

    fn walk(&mut self) -> Result<()> {
        let mut open: Vec<Open> = Vec::new();
        let mut operand = true;
        loop {
            if operand {
                operand = self.operand(&mut open)?;
            } else {
                match self.operator(&mut open)? {
                    Some(wants_operand) => operand = wants_operand,
                    None if open.is_empty() => return Ok(()),
                    None => return Err(self.stuck("an operator was expected")),
                }
            }
        }
    }

    /// Reads what may stand where an operand begins; whether another must follow.
    fn operand(&mut self, open: &mut Vec<Open>) -> Result<bool> {
        use TokenType::*;
        match self.peek() {
            TK_PLUS | TK_MINUS | TK_BITNOT | TK_NOT | TK_EXISTS => self.advance(1),
            TK_CASE => {
                open.push(Open::Case);
                self.advance(1);
            }
            TK_WHEN if matches!(open.last(), Some(Open::Case)) => self.advance(1),
            TK_CAST if self.kind(1) == TK_LP => {
                let m = &self.mentions;
                open.push(Open::Cast { first: self.at, columns: m.columns.len(), casts: m.casts.len() });
                self.advance(2);
            }
            TK_RAISE if self.kind(1) == TK_LP => {
                self.advance(3);
                if self.eat(TK_RP) {
                    return Ok(false);
                }
                self.expect(TK_COMMA, "a comma was expected")?;
                open.push(Open::Parenthesis);
            }
            TK_LP if self.begins_query(1) => {
                self.subquery()?;
                return Ok(false);
            }
            TK_LP => {
                open.push(Open::Parenthesis);
                self.advance(1);
            }
            // An empty list: `f()`, `x in ()`.
            TK_RP if matches!(open.last(), Some(Open::Call | Open::Parenthesis)) => {
                return self.close(open).map(|()| false);
            }
            TK_STAR if matches!(open.last(), Some(Open::Call)) => {
                self.advance(1);
                return Ok(false);
            }
            TK_DISTINCT | TK_ALL if matches!(open.last(), Some(Open::Call)) => self.advance(1),
            TK_ORDER if matches!(open.last(), Some(Open::Call)) => self.advance(2),
            TK_NULL | TK_STRING | TK_INTEGER | TK_FLOAT | TK_BLOB | TK_VARIABLE if self.kind(1) != TK_DOT => {
                self.advance(1);
                return Ok(false);
            }
            TK_CTIME_KW if !matches!(self.kind(1), TK_LP | TK_DOT) => {
                self.advance(1);
                return Ok(false);
            }
            _ if self.is_name(0) => return self.column_or_call(open),
            _ => return Err(self.stuck("an expression was expected")),
        }
        Ok(true)
    }

    /// A name where an operand is wanted; whether another must follow.
    fn column_or_call(&mut self, open: &mut Vec<Open>) -> Result<bool> {
        let token = (self.word(), self.here());
        let name = self.name()?;
        if self.eat(TokenType::TK_LP) {
            self.mentions.calls.push(name.to_ascii_lowercase());
            open.push(Open::Call);
            return Ok(true);
        }
        if self.peek() == TokenType::TK_DOT {
            let mut last = name;
            while self.eat(TokenType::TK_DOT) {
                last = self.name()?;
            }
            self.mentions.columns.push(last);
            return Ok(false);
        }
        if !is_bool(token.0) {
            if token.0.starts_with('"') {
                self.mentions.double_quoted.push((name.clone(), token.1));
            }
            self.mentions.columns.push(name);
        }
        Ok(false)
    }

    /// Reads what may stand behind an operand: `Some(true)` when an operand must
    /// follow, `Some(false)` when not, `None` when the expression ends before it.
    fn operator(&mut self, open: &mut Vec<Open>) -> Result<Option<bool>> {
        use TokenType::*;
        let inside = open.last();
        let case = matches!(inside, Some(Open::Case));
        let call = matches!(inside, Some(Open::Call));
        match self.peek() {
            TK_OR | TK_AND | TK_NE | TK_EQ | TK_GT | TK_LE | TK_LT | TK_GE | TK_BITAND | TK_BITOR
            | TK_LSHIFT | TK_RSHIFT | TK_PLUS | TK_MINUS | TK_STAR | TK_SLASH | TK_REM | TK_CONCAT
            | TK_PTR | TK_MATCH | TK_LIKE_KW | TK_ESCAPE | TK_BETWEEN => self.advance(1),
            TK_IS => {
                self.advance(1);
                self.eat(TK_NOT);
                self.eat_all(&[TK_DISTINCT, TK_FROM]);
            }
            TK_COLLATE => {
                self.advance(2);
                return Ok(Some(false));
            }
            TK_ISNULL | TK_NOTNULL => {
                self.advance(1);
                return Ok(Some(false));
            }
            TK_NOT if self.kind(1) == TK_NULL => {
                self.advance(2);
                return Ok(Some(false));
            }
            TK_NOT if matches!(self.kind(1), TK_LIKE_KW | TK_MATCH | TK_BETWEEN | TK_IN) => {
                self.advance(1);
                return Ok(Some(false));
            }
            TK_IN => {
                self.advance(1);
                return self.in_list(open).map(Some);
            }
            TK_COMMA if inside.is_some() => self.advance(1),
            TK_WHEN | TK_THEN | TK_ELSE if case => self.advance(1),
            TK_ORDER if call => self.advance(2),
            TK_ASC | TK_DESC | TK_NULLS if call => {
                self.sort_order();
                return Ok(Some(false));
            }
            TK_END if case => {
                open.pop();
                self.advance(1);
                return Ok(Some(false));
            }
            TK_AS if matches!(inside, Some(Open::Cast { .. })) => {
                self.cast_type(open)?;
                return Ok(Some(false));
            }
            TK_RP if inside.is_some() => return self.close(open).map(|()| Some(false)),
            _ => return Ok(None),
        }
        Ok(Some(true))
    }

    /// Behind `in`: a list, a query, or a table; whether an operand must follow.
    fn in_list(&mut self, open: &mut Vec<Open>) -> Result<bool> {
        if self.begins_query(1) && self.peek() == TokenType::TK_LP {
            self.subquery()?;
            return Ok(false);
        }
        if self.peek() == TokenType::TK_LP {
            self.advance(1);
            open.push(Open::Parenthesis);
            return Ok(true);
        }
        let table = self.object()?;
        if self.eat(TokenType::TK_LP) {
            self.mentions.calls.push(table.name.to_ascii_lowercase());
            open.push(Open::Call);
            return Ok(true);
        }
        self.mention_table(table);
        self.mentions.subqueries += 1;
        Ok(false)
    }

    /// Whether the token `ahead` begins a query rather than an expression.
    pub(super) fn begins_query(&self, ahead: usize) -> bool {
        match self.kind(ahead) {
            TokenType::TK_SELECT | TokenType::TK_VALUES => true,
            TokenType::TK_WITH => self.is_name(ahead + 1),
            _ => false,
        }
    }

    /// `(select ..)`.
    fn subquery(&mut self) -> Result<()> {
        self.expect(TokenType::TK_LP, "a subquery was expected")?;
        self.quietly(Reader::query)?;
        self.mentions.subqueries += 1;
        self.expect(TokenType::TK_RP, "a closing parenthesis was expected")
    }

    /// Reads something whose own facts nobody asks for; its mentions count all the same.
    pub(super) fn quietly<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<()> {
        self.quiet += 1;
        let result = self.nested(work);
        self.quiet -= 1;
        result.map(drop)
    }

    /// Closes the innermost open parenthesis; behind a call `filter` and `over` may follow.
    fn close(&mut self, open: &mut Vec<Open>) -> Result<()> {
        let closed = open.pop();
        self.expect(TokenType::TK_RP, "a closing parenthesis was expected")?;
        if !matches!(closed, Some(Open::Call)) {
            return Ok(());
        }
        if self.peek() == TokenType::TK_FILTER && self.kind(1) == TokenType::TK_LP {
            self.advance(3);
            self.quietly(Reader::expr)?;
            self.expect(TokenType::TK_RP, "a closing parenthesis was expected")?;
        }
        if self.peek() == TokenType::TK_OVER && self.kind(1) == TokenType::TK_LP {
            self.advance(1);
            self.quietly(Reader::window)?;
        } else if self.peek() == TokenType::TK_OVER && is_identifier(self.kind(1)) {
            self.advance(2);
        }
        Ok(())
    }

    /// `(name partition by .. order by .. rows between .. and .. exclude ..)`.
    pub(super) fn window(&mut self) -> Result<()> {
        use TokenType::*;
        self.expect(TK_LP, "a window was expected")?;
        let partition = self.peek() == TK_PARTITION && self.kind(1) == TK_BY;
        let frame = matches!(self.peek(), TK_RANGE | TK_ROWS | TK_GROUPS) && self.kind(1) != TK_RP;
        if self.is_name(0) && !partition && !frame {
            self.advance(1);
        }
        if self.eat_all(&[TK_PARTITION, TK_BY]) {
            self.expr_list()?;
        }
        if self.eat_all(&[TK_ORDER, TK_BY]) {
            self.sorted_list()?;
        }
        while !self.eat(TK_RP) {
            match self.peek() {
                TK_RANGE | TK_ROWS | TK_GROUPS | TK_BETWEEN | TK_AND | TK_UNBOUNDED | TK_PRECEDING
                | TK_FOLLOWING | TK_CURRENT | TK_ROW | TK_EXCLUDE | TK_NO | TK_OTHERS | TK_GROUP
                | TK_TIES => {
                    self.advance(1);
                }
                _ => self.frame_bound()?,
            }
        }
        Ok(())
    }

    /// The number in `2 preceding`. The `and` behind it belongs to the frame.
    fn frame_bound(&mut self) -> Result<()> {
        self.expr().map(drop)
    }

    /// Behind `cast (x as`: the type, and the parenthesis.
    fn cast_type(&mut self, open: &mut Vec<Open>) -> Result<()> {
        self.advance(1);
        let to = self.type_name()?.unwrap_or_default();
        self.expect(TokenType::TK_RP, "a closing parenthesis was expected")?;
        if let Some(Open::Cast { first, columns, casts }) = open.pop() {
            let read = self.mentions.columns[columns..].to_vec();
            // Before the casts within it: outermost first.
            self.mentions.casts.insert(casts, Cast { to, columns: read, span: self.since(first) });
        }
        Ok(())
    }

    /// A type: words, and one or two numbers in parentheses.
    pub(super) fn type_name(&mut self) -> Result<Option<TypeName>> {
        use TokenType::*;
        let first = self.at;
        let mut words: Vec<String> = Vec::new();
        loop {
            let generated = self.peek() == TK_GENERATED && self.kind(1) == TK_ALWAYS;
            let word = matches!(self.peek(), TK_ID | TK_STRING)
                || (is_identifier(self.peek()) && !matches!(self.peek(), TK_INDEXED | TK_JOIN_KW));
            if !word || generated {
                break;
            }
            words.push(unquoted(self.word()).to_lowercase());
            self.advance(1);
        }
        if words.is_empty() {
            return Ok(None);
        }
        let mut args = Vec::new();
        if self.peek() == TK_LP {
            let open = self.here().end;
            self.skip_parenthesis()?;
            let inner = Span::new(open, self.since(first).end - 1).of(self.text);
            args = inner.split(',').map(|arg| arg.trim().to_owned()).collect();
        }
        Ok(Some(TypeName { name: words.join(" "), args, span: self.since(first), ..TypeName::default() }))
    }

    /// `a, b, c`.
    pub(super) fn expr_list(&mut self) -> Result<Vec<Expr>> {
        let mut list = vec![self.expr()?];
        while self.eat(TokenType::TK_COMMA) {
            list.push(self.expr()?);
        }
        Ok(list)
    }

    /// `a desc, b collate c nulls last`.
    pub(super) fn sorted_list(&mut self) -> Result<Vec<Expr>> {
        let mut list = Vec::new();
        loop {
            list.push(self.expr()?);
            self.sort_order();
            if !self.eat(TokenType::TK_COMMA) {
                return Ok(list);
            }
        }
    }

    /// `where ..`, where it stands.
    pub(super) fn filter(&mut self) -> Result<Filter> {
        if !self.eat(TokenType::TK_WHERE) {
            return Ok(Filter::All);
        }
        let first = self.at;
        let condition = self.expr()?;
        if always_true(without_parentheses(self.tokens_since(first)), self.text) {
            return Ok(Filter::AlwaysTrue(condition.span));
        }
        Ok(Filter::Condition(Box::new(condition)))
    }
}
