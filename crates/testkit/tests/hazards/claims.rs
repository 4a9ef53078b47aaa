//! Which harm each rule claims, held against the record.

use cofferdam_analysis::sql::{Dialect, Script};

use super::case::{Case, File};

/// What must stand in the record for a claim to be true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Harm {
    /// The relation is written again, or an index of it.
    Rewrite,
    /// It is read from end to end under a lock, or the reading fails.
    Scan,
    /// It is written again, or values are other than before.
    RewriteOrLoss,
    /// An earlier statement of the set left a table locked against everybody.
    Behind,
    /// A lock of at least that kind.
    Lock(&'static [&'static str]),
    /// Something is gone or other than before.
    Loss,
    /// The server refuses.
    Error,
    /// Rows or values do not arrive: a plain insert fails, columns move, or the case's own
    /// query counts them.
    Arrival,
    /// It is about what is to come; nothing happens in the run.
    Meaning,
}

const WRITERS_WAIT: &[&str] = &["Share", "ShareRowExclusive", "Exclusive", "AccessExclusive"];
const ALL_WAIT: &[&str] = &["AccessExclusive"];
const ROWS: &[&str] = &["RowExclusive", "Share", "ShareRowExclusive", "Exclusive", "AccessExclusive"];

fn claim(rule: &str) -> Harm {
    match rule {
        "alter-type-rewrite"
        | "add-column-volatile-default"
        | "add-column-stored-generated"
        | "add-column-serial"
        | "add-column-identity"
        | "add-column-domain"
        | "cluster-vacuum-full"
        | "refresh-matview"
        | "reindex" => Harm::Rewrite,
        "set-unlogged" => Harm::Rewrite,
        "alter-type-scan"
        | "add-column-unique"
        | "add-column-check"
        | "add-check"
        | "add-fk"
        | "validate-in-same-transaction"
        | "set-not-null"
        | "add-unique"
        | "add-primary-key"
        | "pk-using-nullable-index"
        | "exclusion-constraint"
        | "create-index"
        | "attach-partition"
        | "domain-constraint" => Harm::Scan,
        "add-column-fk"
        | "create-table-with-fk"
        | "create-trigger"
        | "disable-trigger"
        | "no-lock-timeout"
        | "no-statement-timeout" => Harm::Lock(WRITERS_WAIT),
        "drop-index"
        | "detach-partition"
        | "create-partition"
        | "drop-constraint"
        | "drop-not-null"
        | "rename"
        | "many-exclusive-locks" => Harm::Lock(ALL_WAIT),
        "multi-alter-same-table" | "work-after-exclusive-lock" => Harm::Behind,
        "narrow-type" => Harm::RewriteOrLoss,
        "unbounded-backfill" | "backfill-in-ddl-transaction" => Harm::Lock(ROWS),
        "drop-table"
        | "drop-column"
        | "drop-schema"
        | "truncate"
        | "dml-without-where"
        | "merge-delete"
        | "drop-recreate"
        | "constant-using"
        | "update-or-ignore"
        | "sqlite-rebuild-fk-on"
        | "sqlite-fk-pragma-in-transaction"
        | "sqlite-rename-old-away"
        | "sqlite-rebuild-loses-objects"
        | "sqlite-autoincrement"
        | "sqlite-quoted-typo" => Harm::Loss,
        "add-column-not-null-no-default"
        | "concurrently-in-transaction"
        | "concurrently-on-partitioned"
        | "enum-add-used-in-transaction"
        | "sqlite-add-column-limits"
        | "sqlite-drop-column-limits"
        | "sqlite-unsupported-alter"
        | "sqlite-not-null-copy" => Harm::Error,
        "silent-row-loss" | "silent-overwrite" | "copy-select-star" | "lossy-cast-copy" => Harm::Arrival,
        _ => Harm::Meaning,
    }
}

/// The claims of the case that its record does not bear out.
pub(crate) fn broken(case: &Case, record: &[String]) -> Vec<String> {
    let mut wrong = Vec::new();
    wrong.extend(record.iter().filter(|l| l.starts_with(super::UNPREPARED)).cloned());
    for (file, mark) in case.musts() {
        let harm = claim(&mark.rule);
        let of_statement = lines_of(case, file, mark.line, record);
        let whole = case.dialect() == Dialect::Sqlite || harm == Harm::Behind;
        let lines = if whole { record.to_vec() } else { of_statement };
        if harm != Harm::Meaning && !lines.iter().any(|line| shows(harm, line)) {
            wrong.push(format!(
                "{} {}:{} claims {}, {harm:?}, and: {record:?}",
                case.title(),
                file.name,
                mark.line,
                mark.rule
            ));
        }
    }
    if case.innocent() {
        wrong.extend(
            record
                .iter()
                .filter(|l| hurts(case, l))
                .map(|l| format!("{} is innocent, and: {l}", case.title())),
        );
    }
    wrong
}

/// The record of the statements on the line, and what stands at the end of the case.
fn lines_of(case: &Case, file: &File, line: usize, record: &[String]) -> Vec<String> {
    let script = Script::parse(case.dialect(), &file.name, &file.text);
    let on_line = script.statements.iter().filter_map(|s| {
        let last = script.text[..s.span.end].matches('\n').count() + 1;
        let first = script.place(s.span).line;
        (first..=last).contains(&line).then(|| format!("{}:{first} ", file.name))
    });
    let on_line: Vec<String> = on_line.collect();
    record
        .iter()
        .filter(|l| l.starts_with("harm ") || on_line.iter().any(|at| l.starts_with(at)))
        .cloned()
        .collect()
}

fn has(line: &str, word: &str) -> bool {
    line.split(' ').any(|w| w == word)
}

fn lost(line: &str) -> bool {
    [" gone", " -> ", " changed", " moved", " orphans "].iter().any(|w| line.contains(w))
}

fn shows(harm: Harm, line: &str) -> bool {
    let error = line.contains(" error ");
    let counted = line.starts_with("harm ") && !line.ends_with(" 0");
    match harm {
        Harm::Rewrite => error || has(line, "rewrite") || has(line, "rebuilt"),
        Harm::Scan => error || has(line, "scan") || has(line, "rebuilt") || has(line, "rewrite"),
        Harm::RewriteOrLoss => error || has(line, "rewrite") || has(line, "rebuilt") || lost(line),
        Harm::Behind => has(line, "AccessExclusive"),
        Harm::Lock(kinds) => {
            error || has(line, "written") && kinds == ROWS || kinds.iter().any(|k| has(line, k))
        }
        Harm::Loss => error || counted || lost(line) || has(line, "written"),
        Harm::Error => error,
        Harm::Arrival => error || counted || line.contains("moved"),
        Harm::Meaning => true,
    }
}

/// Whether an innocent case may not have that in its record.
fn hurts(case: &Case, line: &str) -> bool {
    let words: Vec<&str> = line.split(' ').collect();
    if case.small(words.get(1).copied().unwrap_or_default()) {
        return false;
    }
    // Rows changed on purpose, and constraints that somebody dropped on purpose, are no harm.
    let lost = lost(line) && !case.meant_rows;
    // Exclusive on a materialized view keeps readers, and nobody else writes it.
    let waits = words.iter().any(|w| matches!(*w, "Share" | "ShareRowExclusive" | "AccessExclusive"));
    let under = waits && !case.meant_scan;
    let error = words.contains(&"error") && !(case.meant_rows && line.contains("plain insert"));
    let harm = line.starts_with("harm ") && !line.ends_with(" 0");
    harm || error || lost || has(line, "rewrite") || under && (has(line, "scan") || has(line, "rebuilt"))
}
