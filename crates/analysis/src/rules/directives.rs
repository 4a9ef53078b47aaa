//! What the judge itself says about a file's own text: statements it cannot read and
//! directives that do not do what their author believes.

use crate::card::{Card, Example};
use crate::finding::Severity;
use crate::judge::{Check, Rule};

/// A statement that cannot be read.
pub(crate) const SYNTAX_ERROR: Rule = Rule {
    card: &Card {
        id: "syntax-error",
        title: "A statement that cannot be read",
        why: "what cannot be read cannot be judged, and the database will most likely refuse it as well",
        safe_form: "correct the statement, or allow it when the server is known to accept it",
        bad: Some(Example::sql("create table notes (id integer;\n")),
        good: Some(Example::sql("create table notes (id integer);\n")),
        ..Card::BLANK
    },
    check: Check::Judge,
};

/// A file that has nothing to run.
pub(crate) const EMPTY_MIGRATION: Rule = Rule {
    card: &Card {
        id: "empty-migration",
        title: "A file without a statement",
        severity: Severity::Warning,
        why: "it would be recorded as applied, and what is written into it later would never run",
        safe_form: "write its statements before it is applied, or remove the file",
        bad: Some(Example::sql("-- to be written\n")),
        good: Some(Example::sql("create table notes (id bigint);\n")),
        ..Card::BLANK
    },
    check: Check::Judge,
};

/// A file that `migrate` refuses to run, whatever its statements do.
pub(crate) const CANNOT_RUN: Rule = Rule {
    card: &Card {
        id: "cannot-run",
        title: "A file that migrate cannot run",
        why: "a step is one commit with its record: transaction commands inside of it, commands of a shell \
              and rows from standard input have no place there",
        safe_form: "take the command out; one BEGIN .. COMMIT around the whole file is fine",
        bad: Some(Example::sql("create table notes (id bigint);\ncommit;\n")),
        good: Some(Example::sql("begin;\ncreate table notes (id bigint);\ncommit;\n")),
        ..Card::BLANK
    },
    check: Check::Judge,
};

/// A directive nobody knows.
pub(crate) const UNKNOWN_DIRECTIVE: Rule = Rule {
    card: &Card {
        id: "unknown-directive",
        title: "A cofferdam directive that does not exist",
        why: "it says how the file must run, and would be skipped; migrate refuses such a file",
        safe_form: "use one of allow, no-transaction, online, down",
        bad: Some(Example::sql("-- cofferdam:no-transacton\ncreate table tags (id bigint);\n")),
        good: Some(Example::sql("-- cofferdam:no-transaction\ncreate table tags (id bigint);\n")),
        ..Card::BLANK
    },
    check: Check::Judge,
};

/// An allow of a rule that does not exist.
pub(crate) const UNKNOWN_RULE: Rule = Rule {
    card: &Card {
        id: "unknown-rule",
        title: "An allow of a rule that does not exist",
        severity: Severity::Warning,
        why: "it allows nothing, and the finding it was written for still stands",
        safe_form: "name a rule that `cofferdam explain` lists",
        bad: Some(Example::sql(
            "-- cofferdam:allow dorp-table moved to the archive\ncreate table tags (id bigint);\n",
        )),
        good: Some(Example::on(
            "create table drafts (id bigint);\n",
            "-- cofferdam:allow drop-column read by nobody since 0004\nalter table drafts drop column id;\n",
        )),
        ..Card::BLANK
    },
    check: Check::Judge,
};

/// An allow without reason.
pub(crate) const ALLOW_WITHOUT_REASON: Rule = Rule {
    card: &Card {
        id: "allow-without-reason",
        title: "An allow that does not say why",
        severity: Severity::Warning,
        why: "the reason goes into the audit, where somebody will look for it; without one nothing is allowed",
        safe_form: "write the reason behind the rule: -- cofferdam:allow RULE REASON",
        bad: Some(Example::sql("-- cofferdam:allow drop-table\ndrop table drafts;\n").also(&["drop-table"])),
        good: Some(Example::sql("create table drafts (id bigint);\n")),
        ..Card::BLANK
    },
    check: Check::Judge,
};

/// An allow that covers nothing.
pub(crate) const UNUSED_ALLOW: Rule = Rule {
    card: &Card {
        id: "unused-allow",
        title: "An allow that covers nothing",
        severity: Severity::Warning,
        why: "it waits for a statement that somebody writes later, and will allow that one unseen",
        safe_form: "take it out, or move it to the comment just before the statement it is meant for",
        bad: Some(Example::sql(
            "-- cofferdam:allow drop-table moved to the archive\ncreate table tags (id bigint);\n",
        )),
        good: Some(Example::sql("create table tags (id bigint);\n")),
        ..Card::BLANK
    },
    check: Check::Judge,
};
