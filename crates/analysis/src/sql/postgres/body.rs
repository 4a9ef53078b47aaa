//! SQL within SQL: `do` blocks, the bodies of functions, literals run by `execute`.
//!
//! What cannot be read here is no damage to the statement around it, but it is never
//! passed over either: it becomes an [`Action::DynamicSql`] at its place, and what we do not
//! try to read, an [`Action::Unread`], which the judge reports.

use squawk_line_index::TextRange;
use squawk_syntax::{
    SyntaxKind::{self, *},
    SyntaxNode,
    ast::{self, AstNode},
    body::BodyLanguage,
    decoded_text::DecodedText,
    syntax_error::SyntaxError,
};

use super::{
    super::{Action, ObjectName, Query, TransactionCommand, Within},
    cut, depth,
    expr::{self, Scope},
    into,
    lower::Lower,
    parse, query,
    tree::{self, Origin},
};

/// Texts within texts that are followed; deeper ones are not read.
const NESTED: usize = 4;

/// A block is parsed as one, in some fifty times its bytes of memory: longer ones are not read.
const LONGEST: usize = 4 << 20;

const TOO_NESTED: &str = "a text within texts, more than 4 levels deep";
const TOO_DEEP: &str = "a body that nests too deeply";
const TOO_LONG: &str = "a body longer than 4 MB";

impl Lower<'_> {
    /// `do`, whose block runs at once.
    pub(super) fn do_block(&mut self, stmt: &ast::Do) {
        let node = stmt.syntax();
        self.push(node, Action::Call { name: ObjectName::bare("") });
        let language = node.children().find_map(ast::DoLanguage::cast).and_then(|l| l.language_name());
        let language = language.map_or_else(|| "plpgsql".to_owned(), |l| l.name);
        let body = node.children().find_map(ast::Literal::cast);
        self.entering(Within::DoBlock, |lower| match body {
            Some(body) => lower.body(&language, &body),
            None => lower.push(node, Action::DynamicSql),
        });
    }

    /// The body of the function or procedure that `node` creates.
    pub(super) fn routine_body(&mut self, options: Option<ast::FuncOptionList>, node: &SyntaxNode) {
        self.entering(Within::FunctionBody, |lower| {
            for part in node.children() {
                match part.kind() {
                    ATOMIC_BODY => lower.atomic(&part),
                    RETURN_STMT => lower.expression(&part),
                    _ => {}
                }
            }
            let (language, body) = definition(options);
            if let Some(body) = body {
                lower.body(&language.unwrap_or_default(), &body);
            }
        });
    }

    /// The statements of `begin atomic .. end`.
    fn atomic(&mut self, body: &SyntaxNode) {
        for part in body.children() {
            match ast::Stmt::cast(part.clone()) {
                Some(stmt) => self.statement(&stmt),
                None => self.expression(&part),
            }
        }
    }

    /// A body in a string literal.
    fn body(&mut self, language: &str, literal: &ast::Literal) {
        match (language, literal.decoded_value()) {
            ("plpgsql", Some(text)) => self.plpgsql(&text, literal.syntax()),
            ("sql", Some(text)) => self.sql_text(&text, literal.syntax()),
            // Compiled code: the literal names a symbol.
            ("c" | "internal", _) => {}
            _ => self.push(literal.syntax(), Action::DynamicSql),
        }
    }

    /// Statements in a string.
    fn sql_text(&mut self, value: &DecodedText, place: &SyntaxNode) {
        if self.nested >= NESTED {
            return self.push(place, Action::Unread { why: TOO_NESTED });
        }
        let cut = cut::cut(value.text());
        if !cut.pieces.iter().all(|piece| piece.depth.within(self.limit)) {
            return self.push(place, Action::Unread { why: TOO_DEEP });
        }
        let mut readable = cut.meta.is_empty();
        for piece in cut.pieces {
            let parsed = parse::parse(piece.span.of(value.text()));
            match (parsed, u32::try_from(piece.span.start)) {
                (Ok(stmt), Ok(at)) => {
                    let origin = Origin::Literal { value, at, outer: self.origin };
                    self.in_text(&origin, |lower| lower.statement(&stmt));
                }
                _ => readable = false,
            }
        }
        if !readable {
            self.push(place, Action::DynamicSql);
        }
    }

    /// A procedural block.
    fn plpgsql(&mut self, value: &DecodedText, place: &SyntaxNode) {
        let text = value.text();
        let too_much = match text.len() {
            _ if self.nested >= NESTED => Some(TOO_NESTED),
            length if length > LONGEST => Some(TOO_LONG),
            _ if !depth::of_body(text).within(self.limit) => Some(TOO_DEEP),
            _ => None,
        };
        if let Some(why) = too_much {
            return self.push(place, Action::Unread { why });
        }
        let text = into::without_targets(text);
        let (green, errors) = ast::Plpgsql::parse_text(&text);
        let root = SyntaxNode::new_root(green);
        let origin = Origin::Literal { value, at: 0, outer: self.origin };
        let mut errors: Vec<TextRange> = errors.iter().map(SyntaxError::range).collect();
        errors.sort_by_key(|e| e.start());
        let mut unread = errors.len();
        self.in_text(&origin, |lower| lower.block(&root, &errors, &mut unread));
        if unread > 0 {
            self.push(place, Action::DynamicSql);
        }
    }

    /// Lowers what stands in a text within this one.
    fn in_text(&mut self, origin: &Origin<'_>, lower: impl FnOnce(&mut Lower<'_>)) {
        let mut inner = Lower {
            origin,
            within: self.within,
            limit: self.limit,
            nested: self.nested + 1,
            effects: std::mem::take(&mut self.effects),
        };
        lower(&mut inner);
        self.effects = inner.effects;
    }

    /// Every statement and expression of a block, in the order they are written. Takes the
    /// errors that lie within a statement off `unread`: they stand in its place.
    fn block(&mut self, root: &SyntaxNode, errors: &[TextRange], unread: &mut usize) {
        let mut node = Some(root.clone());
        while let Some(here) = node {
            let is_part = is_part_of_block(&here);
            let within = if is_part { errors_within(&here, errors) } else { 0 };
            let inner = match (is_part, within) {
                (false, _) => here.first_child(),
                (true, 0) => {
                    self.part_of_block(&here);
                    None
                }
                (true, within) => {
                    *unread = unread.saturating_sub(within);
                    self.push(&here, Action::DynamicSql);
                    None
                }
            };
            node = inner
                .or_else(|| std::iter::successors(Some(here), |n| n.parent()).find_map(|n| n.next_sibling()));
        }
    }

    /// One statement or expression of a block.
    fn part_of_block(&mut self, node: &SyntaxNode) {
        match node.kind() {
            PLPGSQL_EXPR if is_executed(node) => self.execute(node),
            PLPGSQL_EXPR => self.expression(node),
            PLPGSQL_COMMIT_STMT => self.push(node, Action::Transaction(TransactionCommand::Commit)),
            PLPGSQL_ROLLBACK_STMT => self.push(node, Action::Transaction(TransactionCommand::Rollback)),
            _ => {
                if let Some(stmt) = ast::Stmt::cast(node.clone()) {
                    self.statement(&stmt);
                }
            }
        }
    }

    /// An expression that calls functions or reads tables counts as a query.
    fn expression(&mut self, node: &SyntaxNode) {
        let query = query::expression(node, Scope { origin: self.origin, ctes: None });
        if query != Query::default() {
            self.push(node, Action::Select(Box::new(query)));
        }
    }

    /// `execute`: of a text that is known, or not.
    fn execute(&mut self, node: &SyntaxNode) {
        let target = tree::child(node, TARGET_LIST).and_then(|list| tree::child(&list, TARGET));
        let mut text = DecodedText::new(node.text_range().start());
        let known = target.and_then(|t| expr::expr_node(&t)).and_then(|e| known_text(&e, &mut text));
        match known {
            Some(()) => self.entering(Within::DynamicSql, |lower| lower.sql_text(&text, node)),
            None => {
                self.push(node, Action::DynamicSql);
                // The functions that make the text up run as well.
                self.expression(node);
            }
        }
    }
}

/// Whether a node of a block is lowered as one, rather than looked into.
fn is_part_of_block(node: &SyntaxNode) -> bool {
    let kind = node.kind();
    matches!(kind, PLPGSQL_EXPR | PLPGSQL_COMMIT_STMT | PLPGSQL_ROLLBACK_STMT) || ast::Stmt::can_cast(kind)
}

/// How many of the errors, which are in order, lie within `node` or right behind it.
fn errors_within(node: &SyntaxNode, errors: &[TextRange]) -> usize {
    let range = node.text_range();
    let from = errors.partition_point(|e| e.start() < range.start());
    let to = errors.partition_point(|e| e.start() <= range.end());
    to.saturating_sub(from)
}

/// The language and body of a routine that is written as a string.
fn definition(options: Option<ast::FuncOptionList>) -> (Option<String>, Option<ast::Literal>) {
    let (mut language, mut body) = (None, None);
    for option in options.iter().flat_map(|list| list.options()) {
        match option {
            ast::FuncOption::LanguageFuncOption(option) => language = option.language_name().map(|l| l.name),
            ast::FuncOption::AsFuncOption(option) => {
                body = tree::child(option.syntax(), AS_DEFINITION)
                    .and_then(|d| d.children().find_map(ast::Literal::cast));
            }
            _ => {}
        }
    }
    (language, body)
}

/// Whether the expression is the text of an `execute`, rather than one of its parameters.
fn is_executed(node: &SyntaxNode) -> bool {
    let executes = |kind: SyntaxKind| {
        matches!(
            kind,
            PLPGSQL_DYN_EXECUTE_STMT
                | PLPGSQL_FOR_DYN_STMT
                | PLPGSQL_RETURN_QUERY_EXECUTE_STMT
                | PLPGSQL_OPEN_EXECUTE
        )
    };
    node.parent().is_some_and(|p| executes(p.kind()) && tree::child(&p, PLPGSQL_EXPR).as_ref() == Some(node))
}

/// Appends the text that the expression always has: literals, also joined by `||`, and
/// `format` of a literal that formats nothing.
fn known_text(node: &SyntaxNode, out: &mut DecodedText) -> Option<()> {
    let mut parts = Vec::new();
    let mut rest = vec![node.clone()];
    while let Some(node) = rest.pop().map(expr::without_parentheses) {
        match node.kind() {
            LITERAL => parts.push((ast::Literal::cast(node)?, false)),
            CAST_EXPR if is_text(&node) => rest.push(expr::expr_node(&node)?),
            BIN_EXPR if tree::child(&node, CUSTOM_OP).is_some_and(|op| tree::plain_text(&op) == "||") => {
                let operands: Vec<_> = node.children().filter(|n| ast::Expr::can_cast(n.kind())).collect();
                // The last in is the first out.
                rest.extend(operands.into_iter().rev());
            }
            CALL_EXPR => parts.push((formatted(&node)?, true)),
            _ => return None,
        }
    }
    for (literal, is_format) in parts {
        append(&literal, is_format, out)?;
    }
    Some(())
}

fn is_text(cast: &SyntaxNode) -> bool {
    super::types::type_in(cast, &Origin::File(0))
        .is_some_and(|t| t.name == "text" || t.name == "character varying")
}

/// The literal in `format('literal')`.
fn formatted(call: &SyntaxNode) -> Option<ast::Literal> {
    let callee = call.first_child().filter(|c| matches!(c.kind(), NAME_REF | FIELD_EXPR))?;
    let name =
        if callee.kind() == NAME_REF { tree::name(&callee) } else { tree::name(&callee.last_child()?) };
    let mut args = tree::child(call, ARG_LIST)?.children().filter(|n| n.kind() == ARG).collect::<Vec<_>>();
    let only = args.pop().filter(|_| args.is_empty() && name == "format")?;
    ast::Literal::cast(expr::expr_node(&only)?)
}

/// Appends a string literal's value, keeping track of where each byte comes from.
fn append(literal: &ast::Literal, is_format: bool, out: &mut DecodedText) -> Option<()> {
    let is_string = literal.syntax().first_token().is_some_and(|t| {
        matches!(t.kind(), STRING | ESC_STRING | DOLLAR_QUOTED_STRING | UNICODE_ESC_STRING | NATIONAL_STRING)
    });
    let value = literal.decoded_value().filter(|_| is_string)?;
    let mut characters = value.text().char_indices();
    while let Some((offset, character)) = characters.next() {
        if is_format && character == '%' {
            // `%%` stands for one; anything else would be filled in.
            characters.next().filter(|(_, next)| *next == '%')?;
        }
        out.push_char(character, value.source_pos(u32::try_from(offset).ok()?.into()));
    }
    out.mark_end(value.source_pos(u32::try_from(value.text().len()).ok()?.into()));
    Some(())
}
