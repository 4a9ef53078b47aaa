//! Transactions, settings, locks, maintenance and privileges.

use squawk_syntax::{
    SyntaxKind::{self, *},
    SyntaxNode,
    ast::{self, AstNode},
};

use super::{
    super::{Action, ObjectName, TransactionCommand},
    lower::{Lower, named},
    quirk, tree,
};

impl Lower<'_> {
    /// `commit`, `rollback`, savepoints and two-phase commit.
    pub(super) fn transaction(&mut self, node: &SyntaxNode) {
        let command = match node.kind() {
            COMMIT_TRANSACTION => TransactionCommand::Commit,
            ROLLBACK_TRANSACTION => TransactionCommand::Rollback,
            ROLLBACK_TO_SAVEPOINT => TransactionCommand::RollbackTo,
            SAVEPOINT_CREATE => TransactionCommand::Savepoint,
            RELEASE_SAVEPOINT => TransactionCommand::Release,
            // COMMIT_PREPARED, ROLLBACK_PREPARED, PREPARE_TRANSACTION.
            _ => TransactionCommand::TwoPhase,
        };
        self.push(node, Action::Transaction(command));
    }

    /// `set x to y`, `set time zone`, `set schema` ...
    pub(super) fn set(&mut self, node: &SyntaxNode) {
        let setting = node.children().find(|n| !matches!(n.kind(), LOCAL_SCOPE | SESSION_SCOPE));
        let (name, value) = setting.map(|s| setting_of(&s)).unwrap_or_default();
        self.push(node, Action::Set { local: tree::has(node, LOCAL_SCOPE), name, value });
    }

    /// `set role`, `set session authorization` and their `reset`.
    pub(super) fn set_identity(&mut self, node: &SyntaxNode, name: &str) {
        let target = node.children().find(|n| !matches!(n.kind(), LOCAL_SCOPE | SESSION_SCOPE));
        let value = target.filter(|n| n.kind() != SET_SESSION_AUTH_DEFAULT).map(|n| value(&n));
        self.push(node, Action::Set { local: tree::has(node, LOCAL_SCOPE), name: name.to_owned(), value });
    }

    /// `reset x`; `discard all` resets everything too.
    pub(super) fn reset(&mut self, node: &SyntaxNode) {
        let Some(target) = node.first_child() else { return };
        let name = match target.kind() {
            ALL | DISCARD_ALL => "all".to_owned(),
            CONFIG_PARAMETER_REF => parameter(&target),
            RESET_TIME_ZONE => "timezone".to_owned(),
            RESET_TRANSACTION_ISOLATION => "transaction_isolation".to_owned(),
            _ => {
                self.push(node, Action::Other);
                return;
            }
        };
        self.push(node, Action::Set { local: false, name, value: None });
    }

    pub(super) fn lock(&mut self, node: &SyntaxNode) {
        let tables =
            tree::child(node, RELATION_LIST).map(|l| tree::objects_in(&l, RELATION_NAME)).unwrap_or_default();
        let mode = tree::child(node, LOCK_MODE_CLAUSE).and_then(|m| m.first_child()).map(|m| m.kind());
        self.push(
            node,
            Action::Lock { tables, mode: lock_mode(mode).to_owned(), nowait: tree::has(node, NOWAIT) },
        );
    }

    pub(super) fn vacuum(&mut self, vacuum: &ast::Vacuum) {
        let node = vacuum.syntax();
        let list = tree::child(node, TABLE_AND_COLUMNS_LIST);
        let tables = list.iter().flat_map(|l| l.children()).map(|t| named(&t, TABLE_RELATION_NAME)).collect();
        self.push(node, Action::Vacuum { full: vacuum.is_full(), tables });
    }

    /// `repack`, the coming name of `cluster` and `vacuum full`.
    pub(super) fn repack(&mut self, node: &SyntaxNode) {
        let list = tree::child(node, TABLE_AND_COLUMNS_LIST);
        let tables = list.iter().flat_map(|l| l.children()).map(|t| named(&t, TABLE_RELATION_NAME)).collect();
        self.push(node, Action::Vacuum { full: true, tables });
    }

    pub(super) fn cluster(&mut self, node: &SyntaxNode) {
        // `cluster i on t` is the old form.
        let table = match tree::child(node, CLUSTER_LEGACY).and_then(|c| tree::child(&c, ON_PATH)) {
            Some(on) => tree::object_in(&on, TABLE_NAME_REF),
            None => tree::object_in(node, TABLE_NAME_REF),
        };
        self.push(node, Action::Cluster { table });
    }

    pub(super) fn refresh(&mut self, node: &SyntaxNode) {
        let concurrently = tree::has_word(node, CONCURRENTLY_KW);
        self.push(node, Action::Refresh { name: named(node, VIEW_REF), concurrently });
    }

    /// `grant` and `revoke`.
    pub(super) fn privileges(&mut self, node: &SyntaxNode, grant: bool) {
        // The grantees; roles that are granted stand in another node.
        let roles =
            tree::child(node, ROLE_REF_LIST).map(|l| tree::names_in(&l, ROLE_REF)).unwrap_or_default();
        self.push(node, Action::Privileges { grant, to_public: roles.iter().any(|r| r == "public") });
    }

    pub(super) fn default_privileges(&mut self, node: &SyntaxNode) {
        let is_action =
            |n: &SyntaxNode| matches!(n.kind(), GRANT_DEFAULT_PRIVILEGES | REVOKE_DEFAULT_PRIVILEGES);
        match node.children().find(is_action) {
            Some(action) => self.privileges(&action, action.kind() == GRANT_DEFAULT_PRIVILEGES),
            None => self.push(node, Action::Other),
        }
    }
}

/// The name and value in one form of `set`.
fn setting_of(node: &SyntaxNode) -> (String, Option<String>) {
    let values = |node: &SyntaxNode| {
        let values: Vec<_> = node.children().map(|n| value(&n)).collect();
        (!values.is_empty()).then(|| values.join(", "))
    };
    match node.kind() {
        SET_CONFIG => {
            let name = tree::child(node, CONFIG_PARAMETER_REF).map(|n| parameter(&n)).unwrap_or_default();
            (name, tree::child(node, TO_CONFIG_VALUE).and_then(|n| values(&n)))
        }
        SET_TIME_ZONE => ("timezone".to_owned(), values(node)),
        SET_SCHEMA_VALUE => ("search_path".to_owned(), values(node)),
        SET_CATALOG => ("catalog".to_owned(), values(node)),
        _ => ("xmloption".to_owned(), values(node)),
    }
}

/// `my.setting`, in lower case.
fn parameter(node: &SyntaxNode) -> String {
    let ObjectName { schema, name } = tree::object(node);
    let full = schema.map_or(name.clone(), |class| format!("{class}.{name}"));
    match full.as_str() {
        quirk::NAMES => "client_encoding".to_owned(),
        quirk::ROLE => "role".to_owned(),
        _ => full.to_lowercase(),
    }
}

/// A setting's value: strings without their quotes, names as stored, numbers as written.
fn value(node: &SyntaxNode) -> String {
    let is_name = |kind: SyntaxKind| matches!(kind, CONFIG_VALUE_NAME | ROLE_REF);
    if let Some(literal) = ast::Literal::cast(node.clone()) {
        return literal.string_value().filter(|s| !s.is_empty()).unwrap_or_else(|| unquoted(node));
    }
    if is_name(node.kind()) { tree::name(node) } else { tree::plain_text(node) }
}

/// The text of a literal that is no string, or of an empty one.
fn unquoted(node: &SyntaxNode) -> String {
    let text = tree::plain_text(node);
    if text.ends_with('\'') { String::new() } else { text }
}

fn lock_mode(kind: Option<SyntaxKind>) -> &'static str {
    match kind {
        Some(ACCESS_SHARE) => "AccessShare",
        Some(ROW_SHARE) => "RowShare",
        Some(ROW_EXCLUSIVE) => "RowExclusive",
        Some(SHARE_UPDATE_EXCLUSIVE) => "ShareUpdateExclusive",
        Some(SHARE) => "Share",
        Some(SHARE_ROW_EXCLUSIVE) => "ShareRowExclusive",
        Some(EXCLUSIVE) => "Exclusive",
        _ => "AccessExclusive",
    }
}
