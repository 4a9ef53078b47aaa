//! The parser's statements, turned into [`Effect`]s.
//!
//! Every kind of statement the parser knows is named in [`Lower::statement`], so that one
//! it learns later does not compile until somebody has decided what it does.

use squawk_syntax::{
    SyntaxKind, SyntaxNode,
    ast::{AstNode, Stmt as S},
};

use super::{
    super::{Action, Effect, ObjectKind as K, ObjectName, Query, TransactionCommand as T, Within},
    ctes::{Ctes, Names},
    depth::Limit,
    expr::Scope,
    query,
    tree::{self, Origin},
};

/// Collects the effects of one statement.
#[derive(Debug)]
pub(super) struct Lower<'a> {
    pub(super) origin: &'a Origin<'a>,
    pub(super) within: Within,
    /// How deep a text within this one may go.
    pub(super) limit: Limit,
    /// How many texts this one stands in: a body in a literal in a body.
    pub(super) nested: usize,
    pub(super) effects: Vec<Effect>,
}

impl Lower<'_> {
    /// Adds the effects of `stmt`.
    pub(super) fn statement(&mut self, stmt: &S) {
        use SyntaxKind::*;
        let node = stmt.syntax();
        match stmt {
            S::Select(_) | S::Values(_) | S::Table(_) | S::CompoundSelect(_) | S::ParenSelect(_) => {
                self.select(node)
            }
            S::SelectInto(_) => self.select_into(node),
            S::Insert(_) | S::Update(_) | S::Delete(_) | S::Merge(_) => self.change(node),
            S::Copy(_) => self.copy(node),
            S::Truncate(_) => self.truncate(node),
            S::Explain(_) => self.explain(node),
            S::Prepare(_) => self.prepare(node),
            S::Declare(_) => self.select(node),
            S::Execute(_) => self.push(node, Action::DynamicSql),
            S::Call(_) => self.call(node),
            S::Do(n) => self.do_block(n),

            S::CreateTable(_) | S::CreateForeignTable(_) => self.create_table(node),
            S::CreateTableAs(_) => self.create_table_as(node),
            S::CreateIndex(_) => self.create_index(node),
            S::AlterTable(_) | S::AlterForeignTable(_) => self.alter_table(node),
            S::Reindex(n) => self.reindex(n),
            S::CreateFunction(n) => {
                self.create(node, K::Function, FUNCTION_NAME);
                self.routine_body(n.option_list(), node);
            }
            S::CreateProcedure(n) => {
                self.create(node, K::Function, PROCEDURE_NAME);
                self.routine_body(n.option_list(), node);
            }
            S::CreateRule(_) => self.create_rule(node),
            S::CreateSchema(_) => self.create_schema(node),

            S::CreateAggregate(_) => self.create(node, K::Function, AGGREGATE_NAME),
            S::CreateView(_) => self.create(node, K::View, VIEW),
            S::CreateMaterializedView(_) => self.create(node, K::MaterializedView, VIEW),
            S::CreateSequence(_) => self.create(node, K::Sequence, SEQUENCE),
            S::CreateDatabase(_) => self.create(node, K::Database, DATABASE),
            S::CreateType(_) => self.create(node, K::Type, TYPE_NAME),
            S::CreateDomain(_) => self.create(node, K::Domain, DOMAIN),
            S::CreateTrigger(_) => self.create(node, K::Trigger, TRIGGER),
            S::CreatePolicy(_) => self.create(node, K::Policy, POLICY),
            S::CreateExtension(_) => self.create(node, K::Extension, EXTENSION),
            S::CreateRole(_) | S::CreateUser(_) | S::CreateGroup(_) => self.create(node, K::Role, ROLE),
            S::CreatePublication(_) => self.create(node, K::Publication, PUBLICATION),
            S::CreateSubscription(_) => self.create(node, K::Subscription, SUBSCRIPTION),
            S::CreateEventTrigger(_) => self.create(node, K::EventTrigger, EVENT_TRIGGER),
            S::CreateTablespace(_) => self.create(node, K::Tablespace, TABLESPACE),
            S::CreateAccessMethod(_) => self.create(node, K::Other, ACCESS_METHOD),
            S::CreateCast(_) => self.create(node, K::Other, CAST_SIG),
            S::CreateCollation(_) => self.create(node, K::Other, COLLATION),
            S::CreateConversion(_) => self.create(node, K::Other, CONVERSION),
            S::CreateForeignDataWrapper(_) => self.create(node, K::Other, FOREIGN_DATA_WRAPPER),
            S::CreateLanguage(_) => self.create(node, K::Other, LANGUAGE),
            S::CreateOperator(_) => self.create(node, K::Other, OP),
            S::CreateOperatorClass(_) => self.create(node, K::Other, OP_CLASS_NAME),
            S::CreateOperatorFamily(_) => self.create(node, K::Other, OP_FAMILY_NAME),
            S::CreatePropertyGraph(_) => self.create(node, K::Other, PROPERTY_GRAPH),
            S::CreateServer(_) => self.create(node, K::Other, SERVER),
            S::CreateStatistics(_) => self.create(node, K::Other, STATISTICS),
            S::CreateTextSearchConfiguration(_) => self.create(node, K::Other, TEXT_SEARCH_CONFIGURATION),
            S::CreateTextSearchDictionary(_) => self.create(node, K::Other, TEXT_SEARCH_DICTIONARY),
            S::CreateTextSearchParser(_) => self.create(node, K::Other, TEXT_SEARCH_PARSER),
            S::CreateTextSearchTemplate(_) => self.create(node, K::Other, TEXT_SEARCH_TEMPLATE),
            S::CreateTransform(_) => self.create(node, K::Other, LANGUAGE_REF),
            S::CreateUserMapping(_) => self.create(node, K::Other, USER_MAPPING_ROLE),

            S::AlterAggregate(_) => self.alter(node, K::Function),
            S::AlterFunction(_) | S::AlterProcedure(_) | S::AlterRoutine(_) => self.alter(node, K::Function),
            S::AlterView(_) => self.alter(node, K::View),
            S::AlterMaterializedView(_) => self.alter(node, K::MaterializedView),
            S::AlterIndex(_) => self.alter(node, K::Index),
            S::AlterSequence(_) => self.alter(node, K::Sequence),
            S::AlterSchema(_) => self.alter(node, K::Schema),
            S::AlterDatabase(_) => self.alter(node, K::Database),
            S::AlterType(_) => self.alter(node, K::Type),
            S::AlterDomain(_) => self.alter(node, K::Domain),
            S::AlterTrigger(_) => self.alter(node, K::Trigger),
            S::AlterRule(_) => self.alter(node, K::Rule),
            S::AlterPolicy(_) => self.alter(node, K::Policy),
            S::AlterExtension(_) => self.alter(node, K::Extension),
            S::AlterRole(_) | S::AlterUser(_) | S::AlterGroup(_) => self.alter(node, K::Role),
            S::AlterPublication(_) => self.alter(node, K::Publication),
            S::AlterSubscription(_) => self.alter(node, K::Subscription),
            S::AlterEventTrigger(_) => self.alter(node, K::EventTrigger),
            S::AlterTablespace(_) => self.alter(node, K::Tablespace),
            S::AlterCollation(_)
            | S::AlterConversion(_)
            | S::AlterForeignDataWrapper(_)
            | S::AlterLanguage(_)
            | S::AlterLargeObject(_)
            | S::AlterOperator(_)
            | S::AlterOperatorClass(_)
            | S::AlterOperatorFamily(_)
            | S::AlterPropertyGraph(_)
            | S::AlterServer(_)
            | S::AlterStatistics(_)
            | S::AlterSystem(_)
            | S::AlterTextSearchConfiguration(_)
            | S::AlterTextSearchDictionary(_)
            | S::AlterTextSearchParser(_)
            | S::AlterTextSearchTemplate(_)
            | S::AlterUserMapping(_) => self.alter(node, K::Other),

            S::DropTable(_) | S::DropForeignTable(_) => self.drop(node, K::Table),
            S::DropView(_) => self.drop(node, K::View),
            S::DropMaterializedView(_) => self.drop(node, K::MaterializedView),
            S::DropIndex(_) => self.drop(node, K::Index),
            S::DropSequence(_) => self.drop(node, K::Sequence),
            S::DropSchema(_) => self.drop(node, K::Schema),
            S::DropDatabase(_) => self.drop(node, K::Database),
            S::DropType(_) => self.drop(node, K::Type),
            S::DropDomain(_) => self.drop(node, K::Domain),
            S::DropFunction(_) | S::DropProcedure(_) | S::DropRoutine(_) | S::DropAggregate(_) => {
                self.drop(node, K::Function);
            }
            S::DropTrigger(_) => self.drop(node, K::Trigger),
            S::DropRule(_) => self.drop(node, K::Rule),
            S::DropPolicy(_) => self.drop(node, K::Policy),
            S::DropExtension(_) => self.drop(node, K::Extension),
            S::DropRole(_) | S::DropUser(_) | S::DropGroup(_) => self.drop(node, K::Role),
            S::DropPublication(_) => self.drop(node, K::Publication),
            S::DropSubscription(_) => self.drop(node, K::Subscription),
            S::DropEventTrigger(_) => self.drop(node, K::EventTrigger),
            S::DropTablespace(_) => self.drop(node, K::Tablespace),
            S::DropAccessMethod(_)
            | S::DropCast(_)
            | S::DropCollation(_)
            | S::DropConversion(_)
            | S::DropForeignDataWrapper(_)
            | S::DropLanguage(_)
            | S::DropOperator(_)
            | S::DropOperatorClass(_)
            | S::DropOperatorFamily(_)
            | S::DropPropertyGraph(_)
            | S::DropServer(_)
            | S::DropStatistics(_)
            | S::DropTextSearchConfig(_)
            | S::DropTextSearchDict(_)
            | S::DropTextSearchParser(_)
            | S::DropTextSearchTemplate(_)
            | S::DropTransform(_)
            | S::DropUserMapping(_) => self.drop(node, K::Other),
            S::DropOwned(_) => self.drop_owned(node, false),
            S::Reassign(_) => self.drop_owned(node, true),

            S::Begin(_) => self.push(node, Action::Transaction(T::Begin)),
            S::Commit(_)
            | S::Rollback(_)
            | S::SavepointCreate(_)
            | S::ReleaseSavepoint(_)
            | S::PrepareTransaction(_) => {
                self.transaction(node);
            }
            S::SetTransaction(_) => self.push(node, Action::Transaction(T::SetTransaction)),
            S::Set(_) => self.set(node),
            S::SetRole(_) | S::ResetRole(_) => self.set_identity(node, "role"),
            S::SetSessionAuth(_) | S::ResetSessionAuth(_) => self.set_identity(node, "session_authorization"),
            S::Reset(_) | S::Discard(_) => self.reset(node),
            S::Lock(_) => self.lock(node),
            S::Vacuum(n) => self.vacuum(n),
            S::Repack(_) => self.repack(node),
            S::Cluster(_) => self.cluster(node),
            S::Refresh(_) => self.refresh(node),
            S::Grant(_) => self.privileges(node, true),
            S::Revoke(_) => self.privileges(node, false),
            S::AlterDefaultPrivileges(_) => self.default_privileges(node),

            S::Analyze(_)
            | S::Checkpoint(_)
            | S::Close(_)
            | S::CommentOn(_)
            | S::Deallocate(_)
            | S::Fetch(_)
            | S::ImportForeignSchema(_)
            | S::Listen(_)
            | S::Load(_)
            | S::Move(_)
            | S::Notify(_)
            | S::SecurityLabel(_)
            | S::SetConstraints(_)
            | S::Show(_)
            | S::Unlisten(_) => self.push(node, Action::Other),
            S::EmptyStmt(_) => {}
        }
    }

    /// Adds one effect.
    pub(super) fn push(&mut self, node: &SyntaxNode, action: Action) {
        let span = self.origin.of(node);
        self.effects.push(Effect { span, within: self.within, action });
    }

    /// Lowers within another place; a body that runs later stays one, whatever it holds.
    pub(super) fn entering(&mut self, within: Within, lower: impl FnOnce(&mut Self)) {
        let outer = self.within;
        let nests = match within {
            Within::Cte => outer == Within::Statement,
            Within::Statement
            | Within::DoBlock
            | Within::DynamicSql
            | Within::FunctionBody
            | Within::TriggerBody => outer.runs_now(),
        };
        if nests {
            self.within = within;
        }
        lower(self);
        self.within = outer;
    }

    /// `select` and its kind; also the query of a cursor.
    fn select(&mut self, node: &SyntaxNode) {
        self.data_changing_ctes(node);
        let query = self.query_of(node);
        self.push(node, Action::Select(Box::new(query)));
    }

    /// A query, or the one that is a child of `node`.
    pub(super) fn query_of(&self, node: &SyntaxNode) -> Query {
        let scope = Scope { origin: self.origin, ctes: None };
        if query::is_query(node.kind()) {
            return query::query(node, scope);
        }
        query::query_in(node, scope).unwrap_or_default()
    }

    /// Adds the effects of `with x as (delete ..)` anywhere below `node`, in order.
    pub(super) fn data_changing_ctes(&mut self, node: &SyntaxNode) {
        for with in node.descendants().filter(|n| n.kind() == SyntaxKind::WITH_CLAUSE) {
            let names = Names::of(&with);
            let queries = with.children().filter(|n| n.kind() == SyntaxKind::WITH_TABLE);
            for (place, query) in queries.enumerate() {
                if let Some(change) = query.children().find(|c| is_change(c.kind())) {
                    let sight = Ctes::new(&names, place, None);
                    self.entering(Within::Cte, |lower| lower.change_alone(&change, Some(&sight)));
                }
            }
        }
    }
}

/// `insert`, `update`, `delete`, `merge`.
pub(super) fn is_change(kind: SyntaxKind) -> bool {
    matches!(kind, SyntaxKind::INSERT | SyntaxKind::UPDATE | SyntaxKind::DELETE | SyntaxKind::MERGE)
}

/// The first name among the children, for statements that have one.
pub(super) fn named(node: &SyntaxNode, kind: SyntaxKind) -> ObjectName {
    tree::object_in(node, kind).unwrap_or_else(|| ObjectName::bare(""))
}
