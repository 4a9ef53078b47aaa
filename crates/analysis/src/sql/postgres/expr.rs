//! Expressions and conditions.

use squawk_syntax::{
    SyntaxKind, SyntaxNode,
    ast::{self, AstNode, LitKind},
};

use super::{
    super::{
        Filter,
        expr::{Expr, Literal},
    },
    ctes::Ctes,
    facts::{self, facts},
    tree::{self, Origin},
    truth, types,
};

/// What surrounds the expressions that are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) origin: &'a Origin<'a>,
    pub(super) ctes: Option<&'a Ctes<'a>>,
}

/// Reads one expression.
pub(super) fn expr(node: &SyntaxNode, scope: Scope<'_>) -> Expr {
    let facts = facts(node, scope);
    Expr {
        span: scope.origin.of(node),
        column: bare_column(node).map(String::into_boxed_str),
        columns: facts.columns.into(),
        calls: facts.calls.into(),
        casts: facts.casts.into(),
        star: facts.star,
        alias: None,
        double_quoted: facts.double_quoted.into(),
        literal: literal(node),
        subquery: facts.subquery,
    }
}

/// The expression that is a child of `node`.
pub(super) fn expr_in(node: &SyntaxNode, scope: Scope<'_>) -> Option<Expr> {
    expr_node(node).map(|n| expr(&n, scope))
}

/// The first child of `node` that is an expression.
pub(super) fn expr_node(node: &SyntaxNode) -> Option<SyntaxNode> {
    node.children().find(|n| ast::Expr::can_cast(n.kind()))
}

/// Reads the `where` clause that is a child of `node`.
pub(super) fn filter(node: &SyntaxNode, scope: Scope<'_>) -> Filter {
    if tree::has(node, SyntaxKind::WHERE_CURRENT_OF) {
        return Filter::CurrentOf;
    }
    let clause = tree::child(node, SyntaxKind::WHERE_CLAUSE);
    let Some(condition) = clause.and_then(|c| expr_node(&c)) else { return Filter::All };
    if truth::holds_always(&condition) {
        return Filter::AlwaysTrue(scope.origin.of(&condition));
    }
    Filter::Condition(Box::new(expr(&condition, scope)))
}

/// The column, when the expression is nothing but one.
fn bare_column(node: &SyntaxNode) -> Option<String> {
    let node = without_parentheses(node.clone());
    match node.kind() {
        SyntaxKind::NAME_REF => facts::niladic(&node).is_none().then(|| tree::name(&node)),
        SyntaxKind::FIELD_EXPR => {
            let qualifier = node.first_child()?;
            let is_name = matches!(qualifier.kind(), SyntaxKind::NAME_REF | SyntaxKind::FIELD_EXPR);
            let field = node.last_child().filter(|f| *f != qualifier)?;
            is_name.then(|| tree::name(&field))
        }
        _ => None,
    }
}

/// What stands within any number of parentheses.
pub(super) fn without_parentheses(mut node: SyntaxNode) -> SyntaxNode {
    while node.kind() == SyntaxKind::PAREN_EXPR {
        match expr_node(&node) {
            Some(inner) => node = inner,
            None => break,
        }
    }
    node
}

/// The constant that the expression is, also behind casts and a sign.
pub(super) fn literal(node: &SyntaxNode) -> Option<Literal> {
    let mut node = without_parentheses(node.clone());
    let mut sign = String::new();
    loop {
        node = match node.kind() {
            SyntaxKind::CAST_EXPR => without_parentheses(expr_node(&node)?),
            SyntaxKind::PREFIX_EXPR if tree::has_word(&node, SyntaxKind::MINUS) => {
                sign.push('-');
                without_parentheses(expr_node(&node)?)
            }
            SyntaxKind::PREFIX_EXPR if tree::has_word(&node, SyntaxKind::PLUS) => {
                without_parentheses(expr_node(&node)?)
            }
            SyntaxKind::NAME_REF => return time(&node),
            SyntaxKind::LITERAL => return value(&node, &sign),
            _ => return None,
        };
    }
}

fn time(name: &SyntaxNode) -> Option<Literal> {
    let word = facts::niladic(name)?;
    (word.starts_with("current_date") || word.contains("time")).then_some(Literal::Time)
}

fn value(node: &SyntaxNode, sign: &str) -> Option<Literal> {
    let literal = ast::Literal::cast(node.clone())?;
    Some(match literal.kind()? {
        LitKind::Null(_) => Literal::Null,
        LitKind::True(_) => Literal::Bool(true),
        LitKind::False(_) => Literal::Bool(false),
        LitKind::IntNumber(token) | LitKind::NumericNumber(token) => {
            Literal::Number(format!("{sign}{}", token.text()))
        }
        LitKind::String(_)
        | LitKind::EscString(_)
        | LitKind::NationalString(_)
        | LitKind::UnicodeEscString(_)
        | LitKind::DollarQuotedString(_) => Literal::String(literal.string_value()?),
        LitKind::BitString(_) | LitKind::ByteString(_) => Literal::Other,
        LitKind::Default(_) | LitKind::Off(_) | LitKind::On(_) | LitKind::PositionalParam(_) => return None,
    })
}

/// Whether the cast in `node` is one to `boolean`.
pub(super) fn casts_to_boolean(node: &SyntaxNode) -> bool {
    types::type_in(node, &Origin::File(0)).is_some_and(|t| t.name == "boolean" && !t.array)
}
