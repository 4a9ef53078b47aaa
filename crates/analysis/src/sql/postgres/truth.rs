//! Conditions that hold for every row, whatever the table: `true`, `1 = 1`, `true or x`.
//!
//! Only constants are computed, with SQL's three truth values. Anything that reads a row
//! or calls a function is unknown here; so `a = a` is no constant (it leaves out nulls).

use squawk_syntax::{
    SyntaxKind, SyntaxNode,
    ast::{self, AstNode, BinOp},
};

use super::{super::expr::Literal, expr, tree};

/// How deep conditions are computed; deeper ones count as unknown.
const DEEPEST: usize = 64;

/// Whether the condition is true for every row.
pub(super) fn holds_always(condition: &SyntaxNode) -> bool {
    compute(condition, DEEPEST) == Some(Literal::Bool(true))
}

/// The value of an expression without any row; `None` when it cannot be known.
fn compute(node: &SyntaxNode, depth: usize) -> Option<Literal> {
    use SyntaxKind::*;
    let depth = depth.checked_sub(1)?;
    let node = expr::without_parentheses(node.clone());
    match node.kind() {
        LITERAL => expr::literal(&node),
        PREFIX_EXPR if tree::has_word(&node, NOT_KW) => match compute(&expr::expr_node(&node)?, depth)? {
            Literal::Bool(value) => Some(Literal::Bool(!value)),
            Literal::Null => Some(Literal::Null),
            _ => None,
        },
        PREFIX_EXPR => expr::literal(&node),
        CAST_EXPR => cast(&node, depth),
        BIN_EXPR => binary(&node, depth),
        POSTFIX_EXPR => {
            let value = compute(&expr::expr_node(&node)?, depth)?;
            let is_null = value == Literal::Null;
            if tree::has_word(&node, ISNULL_KW) {
                Some(Literal::Bool(is_null))
            } else {
                tree::has_word(&node, NOTNULL_KW).then_some(Literal::Bool(!is_null))
            }
        }
        CALL_EXPR => exists(&node),
        _ => None,
    }
}

/// Casts change nothing but strings to truth values.
fn cast(node: &SyntaxNode, depth: usize) -> Option<Literal> {
    let value = compute(&expr::expr_node(node)?, depth)?;
    match value {
        Literal::String(text) if expr::casts_to_boolean(node) => boolean(&text),
        Literal::Number(text) if expr::casts_to_boolean(node) => Some(Literal::Bool(number(&text)? != 0.0)),
        other => Some(other),
    }
}

/// The server's spellings of truth; any unique beginning of a word will do.
fn boolean(text: &str) -> Option<Literal> {
    let text = text.trim().to_ascii_lowercase();
    let begins = |word: &str, least: usize| text.len() >= least && word.starts_with(&text);
    if begins("true", 1) || begins("yes", 1) || text == "on" || text == "1" {
        return Some(Literal::Bool(true));
    }
    (begins("false", 1) || begins("no", 1) || begins("off", 2) || text == "0").then_some(Literal::Bool(false))
}

fn binary(node: &SyntaxNode, depth: usize) -> Option<Literal> {
    let binary = ast::BinExpr::cast(node.clone())?;
    match binary.op()? {
        BinOp::Or(_) => chain(node, SyntaxKind::OR_KW, true, depth),
        BinOp::And(_) => chain(node, SyntaxKind::AND_KW, false, depth),
        op => {
            let (left, right) = (binary.lhs()?, binary.rhs()?);
            if let BinOp::In(_) | BinOp::NotIn(_) = op {
                return is_in(left.syntax(), right.syntax(), matches!(op, BinOp::NotIn(_)), depth);
            }
            let left = compute(left.syntax(), depth)?;
            let right = compute(right.syntax(), depth)?;
            compare(&op, &left, &right)
        }
    }
}

/// `a or b or c` (`decisive` true) and `a and b and c` (false): one decisive operand
/// settles it, however unknown the others are.
fn chain(node: &SyntaxNode, word: SyntaxKind, decisive: bool, depth: usize) -> Option<Literal> {
    let mut all = Some(Literal::Bool(!decisive));
    let mut rest = Some(node.clone());
    while let Some(link) = rest.take() {
        let operand = if link.kind() == SyntaxKind::BIN_EXPR && tree::has_word(&link, word) {
            let mut operands = link.children().filter(|n| ast::Expr::can_cast(n.kind()));
            rest = operands.next();
            operands.next()?
        } else {
            link
        };
        match compute(&operand, depth) {
            Some(Literal::Bool(value)) if value == decisive => return Some(Literal::Bool(decisive)),
            Some(Literal::Bool(_)) => {}
            Some(Literal::Null) if all.is_some() => all = Some(Literal::Null),
            _ => all = None,
        }
    }
    all
}

fn compare(op: &BinOp, left: &Literal, right: &Literal) -> Option<Literal> {
    let is_null = |l: &Literal| *l == Literal::Null;
    match op {
        BinOp::Is(_) => return is(left, right).map(Literal::Bool),
        BinOp::IsNot(_) => return is(left, right).map(|v| Literal::Bool(!v)),
        BinOp::IsDistinctFrom(_) | BinOp::IsNotDistinctFrom(_) => {
            let same = match (is_null(left), is_null(right)) {
                (false, false) => order(left, right)?.is_eq(),
                (left, right) => left == right,
            };
            return Some(Literal::Bool(same == matches!(op, BinOp::IsNotDistinctFrom(_))));
        }
        _ => {}
    }
    let holds: fn(std::cmp::Ordering) -> bool = match op {
        BinOp::Eq(_) => std::cmp::Ordering::is_eq,
        BinOp::Neq(_) | BinOp::Neqb(_) => std::cmp::Ordering::is_ne,
        BinOp::LAngle(_) => std::cmp::Ordering::is_lt,
        BinOp::Lteq(_) => std::cmp::Ordering::is_le,
        BinOp::RAngle(_) => std::cmp::Ordering::is_gt,
        BinOp::Gteq(_) => std::cmp::Ordering::is_ge,
        _ => return None,
    };
    if is_null(left) || is_null(right) {
        return Some(Literal::Null);
    }
    let is_order = !matches!(op, BinOp::Eq(_) | BinOp::Neq(_) | BinOp::Neqb(_));
    if is_order && !matches!((left, right), (Literal::Number(_), Literal::Number(_))) {
        // How strings are ordered depends on the collation.
        return None;
    }
    Some(Literal::Bool(holds(order(left, right)?)))
}

/// `is true`, `is null` and their kind.
fn is(left: &Literal, right: &Literal) -> Option<bool> {
    match (left, right) {
        (left, Literal::Null) => Some(*left == Literal::Null),
        (Literal::Bool(left), Literal::Bool(right)) => Some(left == right),
        (Literal::Null, Literal::Bool(_)) => Some(false),
        _ => None,
    }
}

fn order(left: &Literal, right: &Literal) -> Option<std::cmp::Ordering> {
    match (left, right) {
        (Literal::Number(a), Literal::Number(b)) if a == b => Some(std::cmp::Ordering::Equal),
        (Literal::Number(a), Literal::Number(b)) => number(a)?.partial_cmp(&number(b)?),
        (Literal::String(a), Literal::String(b)) => Some(a.cmp(b)),
        (Literal::Bool(a), Literal::Bool(b)) => Some(a.cmp(b)),
        // An untyped string takes the other side's type.
        (Literal::Number(a), Literal::String(b)) => number(a)?.partial_cmp(&number(b)?),
        (Literal::String(a), Literal::Number(b)) => number(a)?.partial_cmp(&number(b)?),
        _ => None,
    }
}

/// Numbers that a float holds exactly; others are not computed.
fn number(text: &str) -> Option<f64> {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    (digits <= 15).then(|| text.trim().parse().ok()).flatten()
}

/// `1 in (1, 2)`: true when one of the list is known to be equal.
fn is_in(left: &SyntaxNode, list: &SyntaxNode, negated: bool, depth: usize) -> Option<Literal> {
    let value = compute(left, depth)?;
    let items: Vec<_> = list.children().filter(|n| ast::Expr::can_cast(n.kind())).collect();
    if items.is_empty() {
        return None;
    }
    let mut unknown = false;
    for item in &items {
        match compute(item, depth).and_then(|item| order(&value, &item)) {
            Some(order) if order.is_eq() => return Some(Literal::Bool(!negated)),
            Some(_) => {}
            None => unknown = true,
        }
    }
    (!unknown).then_some(Literal::Bool(negated))
}

/// `exists (select 1)`: a query without tables and conditions has one row.
fn exists(call: &SyntaxNode) -> Option<Literal> {
    use SyntaxKind::*;
    let query = tree::child(&tree::child(call, EXISTS_FN)?, SELECT)?;
    query.children().all(|n| n.kind() == SELECT_CLAUSE).then_some(Literal::Bool(true)).filter(|_| {
        // A function in the list might return a set of no rows.
        !query.descendants().any(|n| n.kind() == CALL_EXPR)
    })
}
