//! Facts -> what is to be done. Pure.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use cofferdam_analysis::catalog::Catalog;
use cofferdam_analysis::judge::{Input, JudgedFile, Role, Transaction, judge};
use cofferdam_analysis::plan::{self as steps, FilePlan, lock};
use cofferdam_analysis::sql::{Action, Dialect, ObjectKind, ObjectName, Script};
use cofferdam_analysis::{Error, Finding, NobodysRows, Result, Severity, rules};

use super::report::{
    AppliedMigration, Confirmation, FileText, MigrateReport, PlannedStatement, PlannedStep, RollbackPoint,
};
use super::{Failure, Options};
use crate::Project;
use crate::folder::{Format, Migration, file_name};
use crate::foreign::{InStep, Writes};
use crate::ledger::standing::{self, Standing};
use crate::ledger::{Applied, History, Kind, NewMigration, Protected};
use crate::runner::Record;

/// What is to be done on one target.
pub(super) struct Work<'a> {
    pub(super) dialect: Dialect,
    pub(super) files: Vec<File<'a>>,
    /// About all files; those that refuse among them.
    pub(super) findings: Vec<Finding>,
    pub(super) already: usize,
    pub(super) skipped: Vec<String>,
    pub(super) notes: Vec<String>,
}

/// One pending file.
pub(super) struct File<'a> {
    pub(super) migration: &'a Migration,
    /// It was applied before, and its file has changed since.
    again: bool,
    /// What another tool's ledger is told with its last step.
    in_step: Option<Writes>,
    pub(super) script: Script,
    pub(super) plan: FilePlan,
    /// How many of its steps are done.
    pub(super) done: usize,
    /// By statement: losses to be proved nobody's.
    pub(super) proofs: HashMap<usize, NobodysRows>,
    /// Findings that were allowed, for the audit: rule and reason.
    pub(super) allowed: Vec<(&'static str, String)>,
    /// The tables, by schema and name, whose drop was allowed.
    pub(super) may_drop: HashSet<(String, String)>,
}

impl File<'_> {
    /// Whether an allow covers a finding of one of these rules.
    pub(super) fn allows(&self, rules: &[&str]) -> bool {
        self.allowed.iter().any(|(rule, _)| rules.contains(rule))
    }

    /// Whether another tool's ledger is told of it.
    pub(super) fn keeps_in_step(&self) -> bool {
        self.in_step.is_some()
    }

    /// What a step of it leaves in the ledger: with the last one the file is applied.
    pub(super) fn record<'r>(
        &'r self,
        project: &'r Project,
        run: i64,
        begun: Instant,
        last: bool,
    ) -> Record<'r> {
        if !last {
            return Record::Nothing;
        }
        let migration = NewMigration {
            source: project.folder.format.as_str(),
            version: self.migration.version.as_str(),
            name: &self.migration.name,
            kind: Kind::Applied,
            checksum: Some(self.migration.checksum),
            foreign_checksum: self.migration.foreign.as_ref().map(|checksum| checksum.written.as_str()),
            duration_ms: None,
            run_id: Some(run),
        };
        let in_step = self.in_step.clone();
        Record::Applied { migration, begun, detail: self.audit_detail(), again: self.again, in_step }
    }

    /// What the report says of it.
    pub(super) fn applied(&self, begun: Instant) -> AppliedMigration {
        AppliedMigration {
            version: self.migration.version.to_string(),
            name: self.migration.name.clone(),
            duration_ms: begun.elapsed().as_millis() as i64,
            online: None,
        }
    }

    /// What the audit says beside the migration itself.
    fn audit_detail(&self) -> serde_json::Value {
        let allowed: Vec<_> = self
            .allowed
            .iter()
            .map(|(rule, reason)| serde_json::json!({"rule": rule, "reason": reason}))
            .collect();
        if allowed.is_empty() { serde_json::json!({}) } else { serde_json::json!({"allowed": allowed}) }
    }
}

/// Puts folder, history and catalog together.
pub(super) fn work<'a>(
    project: &'a Project,
    history: &History,
    options: &Options,
    dialect: Dialect,
    catalog: Option<&Catalog>,
) -> Result<Work<'a>> {
    let standing = standing::standing(&project.folder, history, project.out_of_order());
    let Standing { pending, problems, mut notes } = standing;
    let (pending, skipped) = up_to(project, pending, options.to.as_deref())?;
    notes.extend(project.folder.notes.iter().cloned());
    if project.folder.migrations().is_empty() {
        notes.push(format!("there is no migration in {}", project.folder.path.display()));
    }
    let mut work = Work {
        dialect,
        files: Vec::new(),
        findings: problems,
        already: history.applied.len(),
        skipped: skipped.iter().map(|m| m.version.to_string()).collect(),
        notes,
    };
    for migration in pending {
        match plan_file(migration, project.folder.format, dialect, history) {
            Ok(file) => work.files.push(file),
            Err(Unplannable::Edited(finding)) => work.findings.push(*finding),
            Err(Unplannable::For(error)) => {
                return Err(error.while_(format!("cannot apply {}", migration.file_name())));
            }
        }
    }
    if !work.files.is_empty() {
        judge_files(&mut work, project, history, options, catalog);
    }
    Ok(work)
}

/// Splits the pending files at `--to`.
fn up_to<'a>(
    project: &Project,
    pending: Vec<&'a Migration>,
    to: Option<&str>,
) -> Result<(Vec<&'a Migration>, Vec<&'a Migration>)> {
    let Some(to) = to else { return Ok((pending, Vec::new())) };
    let last = project.folder.find(to).ok_or_else(|| {
        Error::invalid(format!("there is no migration {to} in {}", project.folder.path.display()))
            .hint("cofferdam status lists the versions")
    })?;
    let position = project.folder.position(last.version.key());
    // Those that run again come last, and belong to every version.
    let runs =
        |m: &&Migration| m.version.is_repeatable() || project.folder.position(m.version.key()) <= position;
    Ok(pending.into_iter().partition(runs))
}

enum Unplannable {
    Edited(Box<Finding>),
    For(Error),
}

fn plan_file<'a>(
    migration: &'a Migration,
    format: Format,
    dialect: Dialect,
    history: &History,
) -> Result<File<'a>, Unplannable> {
    let script = migration.script(dialect);
    let plan = steps::file(&script, migration.version.as_str(), migration.no_transaction)
        .map_err(Unplannable::For)?;
    let done = standing::done_steps(migration, &plan.steps, history.open_run.as_ref())
        .map_err(Unplannable::Edited)?;
    Ok(File {
        migration,
        again: migration.version.is_repeatable() && history.of(format, migration.version.key()).is_some(),
        in_step: None,
        script,
        plan,
        done,
        proofs: HashMap::new(),
        allowed: Vec::new(),
        may_drop: HashSet::new(),
    })
}

fn judge_files(
    work: &mut Work<'_>,
    project: &Project,
    history: &History,
    options: &Options,
    catalog: Option<&Catalog>,
) {
    let run = history.open_run.as_ref().map(|run| run.id);
    let of_run = |a: &&Applied| run.is_some() && a.run_id == run;
    let earlier: Vec<Script> = history
        .applied
        .iter()
        .filter(of_run)
        .filter_map(|applied| project.folder.find(&applied.version))
        .map(|migration| migration.script(work.dialect))
        .collect();
    let mut set: Vec<JudgedFile<'_>> =
        earlier.iter().map(|script| JudgedFile::new(script, Role::EarlierInRun)).collect();
    set.extend(work.files.iter().map(|file| JudgedFile {
        script: &file.script,
        role: Role::Judged,
        transaction: if file.migration.no_transaction { Transaction::Never } else { Transaction::Auto },
        levels: None,
    }));
    let mut input = Input::new(work.dialect, &set);
    input.allows = &options.allows;
    if let Some(catalog) = catalog {
        input.known = Some(catalog);
    }
    for finding in judge(&input) {
        let Some((file, statement)) = locate(&work.files, &finding) else {
            work.findings.push(finding);
            continue;
        };
        let file = &mut work.files[file];
        if statement.is_some_and(|index| file.is_done(index)) {
            continue;
        }
        if let Some(reason) = &finding.allowed {
            file.allowed.push((finding.rule, reason.clone()));
            if finding.rule == "drop-table" {
                file.may_drop.extend(statement.into_iter().flat_map(|index| dropped(&file.script, index)));
            }
        }
        if let (Some(claim), Some(index), None) = (&finding.proof, statement, &finding.allowed) {
            file.claim(index, claim.clone());
        }
        work.findings.push(finding);
    }
}

/// The tables that a statement drops.
fn dropped(script: &Script, statement: usize) -> Vec<(String, String)> {
    let actions = script.statements[statement].actions();
    actions
        .flat_map(|action| match action {
            Action::Drop { kind: ObjectKind::Table, names, .. } => names.as_slice(),
            _ => &[],
        })
        .map(|name| name.key(script.dialect))
        .collect()
}

impl File<'_> {
    fn is_done(&self, statement: usize) -> bool {
        self.plan.steps.iter().take(self.done).any(|step| step.statements.contains(&statement))
    }

    fn claim(&mut self, statement: usize, claim: NobodysRows) {
        self.proofs
            .entry(statement)
            .and_modify(|have| {
                have.tables.extend(claim.tables.iter().cloned());
                // Two claims about one statement: the stronger one must hold for all.
                if have.column != claim.column {
                    have.column = None;
                }
                have.must_be_empty |= claim.must_be_empty;
            })
            .or_insert(claim);
    }
}

/// The file and the statement a finding is about, as indexes.
fn locate(files: &[File<'_>], finding: &Finding) -> Option<(usize, Option<usize>)> {
    let place = finding.place.as_ref()?;
    let file = files.iter().position(|file| *file.script.file == *place.file)?;
    let at = place.span.start;
    let statements = &files[file].script.statements;
    let index = statements.partition_point(|s| s.span.start <= at).checked_sub(1);
    Some((file, index.filter(|i| at <= statements[*i].span.end)))
}

impl Work<'_> {
    /// How many steps are to be done.
    pub(super) fn step_count(&self) -> usize {
        self.files.iter().map(|f| f.plan.steps.len() - f.done).sum()
    }

    /// The plan as the run's row keeps it.
    pub(super) fn plan_text(&self) -> String {
        let steps: Vec<&str> =
            self.files.iter().flat_map(|f| f.plan.steps.iter().skip(f.done)).map(|s| s.id.as_str()).collect();
        serde_json::json!({"steps": steps}).to_string()
    }

    /// The answer, once `applied` is applied; with `dry_run` what would be.
    pub(super) fn report(
        self,
        applied: Vec<AppliedMigration>,
        dry_run: bool,
        point: Result<RollbackPoint, &str>,
    ) -> MigrateReport {
        let pending = self.files.iter().filter(|_| dry_run);
        let (rollback_point, reason) = match point {
            Ok(point) => (Some(point), None),
            Err(reason) => (None, Some(reason.to_owned())),
        };
        MigrateReport {
            applied,
            already: self.already,
            skipped: self.skipped,
            would_apply: pending.map(|f| f.migration.version.to_string()).collect(),
            rollback_point,
            rollback_point_reason: reason,
            run: None,
            findings: self.findings,
            notes: self.notes,
        }
    }

    /// Plans what another tool's ledger is told.
    ///
    /// # Errors
    /// Those of [`InStep::applied`], before anything runs.
    pub(super) fn keep_in_step(&mut self, in_step: Option<&InStep>, project: &Project) -> Result<()> {
        let Some(in_step) = in_step else { return Ok(()) };
        for file in &mut self.files {
            file.in_step = Some(in_step.applied(file.migration, &project.folder, self.dialect)?);
        }
        Ok(())
    }

    /// # Errors
    /// `Invalid` when the pending migrations are programs of another tool.
    pub(super) fn refuse_programs(&self, project: &Project) -> Result<()> {
        if project.folder.format != Format::Command || self.files.is_empty() {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "cannot migrate: the {} pending are programs, which their own tool applies",
            self.files.len()
        ))
        .hint("apply them with that tool; cofferdam check and plan judge them before, cofferdam adopt records them after"))
    }

    /// Whether the set must not run.
    pub(super) fn refuses(&self) -> bool {
        self.findings.iter().any(Finding::refuses)
    }

    /// The tables whose rows the first refusing statement would lose.
    pub(super) fn endangered(&self) -> Vec<ObjectName> {
        let refusing = self
            .findings
            .iter()
            .find(|f| f.refuses())
            .filter(|f| rules::find(f.rule).is_some_and(|r| r.card.loss));
        let Some((file, Some(statement))) = refusing.and_then(|f| locate(&self.files, f)) else {
            return Vec::new();
        };
        let mut tables = Vec::new();
        for action in self.files[file].script.statements[statement].actions() {
            match action {
                Action::Drop { kind: ObjectKind::Table, names, .. } => tables.extend(names.iter().cloned()),
                Action::Truncate { tables: emptied, .. } => tables.extend(emptied.iter().cloned()),
                Action::Delete { table, .. }
                | Action::Merge { table, .. }
                | Action::AlterTable { table, .. } => {
                    tables.push(table.clone());
                }
                Action::Update(update) => tables.push(update.table.clone()),
                _ => {}
            }
        }
        tables.dedup();
        tables
    }

    /// The error of a set that must not run; `sizes` tells how big the tables at stake are.
    pub(super) fn refusal(&self, sizes: &[String]) -> Option<Failure> {
        let finding = self.findings.iter().find(|f| f.refuses())?;
        let file = finding.place.as_ref().map(|p| file_name(std::path::Path::new(&p.file)));
        let message = match file {
            Some(name) if finding.rule != "history-edited" => {
                format!("cannot apply {name}: {}", finding.message)
            }
            _ => format!("cannot migrate: {}", finding.message),
        };
        let sizes = if sizes.is_empty() { String::new() } else { format!(" ({})", sizes.join(", ")) };
        let mut error = Error::refused(format!("{message}{sizes}"));
        let more = self.findings.iter().filter(|f| f.refuses()).count() - 1;
        if more > 0 {
            let refuse = if more == 1 { "refuses" } else { "refuse" };
            error = error.detail(format!("and {more} more that {refuse}; cofferdam check shows all"));
        }
        if let Some(place) = &finding.place {
            error = error.at(place.clone(), finding.text.clone());
        }
        if let Some(help) = finding.help.clone().or_else(|| finding.fix.as_ref().map(|f| f.sql.join(";\n"))) {
            error = error.hint(help);
        }
        Some(Failure { error, findings: self.findings.clone(), applied: Vec::new() })
    }

    /// Refuses what only an allow lets through, on a protected database that was not named.
    ///
    /// # Errors
    /// As [`Protected::demand`], naming what is allowed.
    pub(super) fn demand(&self, protected: &Protected) -> Result<(), Failure> {
        let Some(first) = self.allowed().next() else { return Ok(()) };
        let (file, _) = allowed_in(first);
        let act = format!("apply {file} to");
        let others = self.allowed().skip(1).map(|finding| {
            let (file, what) = allowed_in(finding);
            format!("{file}: {what}")
        });
        let because: Vec<String> = std::iter::once(allowed_in(first).1).chain(others).collect();
        protected.demand(&act, &because).map_err(|error| {
            let error = match &first.place {
                Some(place) => error.at(place.clone(), first.text.clone()),
                None => error,
            };
            Failure { error, findings: self.findings.clone(), applied: Vec::new() }
        })
    }

    /// What [`demand`](Self::demand) would ask for, without the name.
    pub(super) fn confirmation(&self, protected: &Protected) -> Option<Confirmation> {
        let because: Vec<String> = self
            .allowed()
            .map(|finding| {
                let (file, what) = allowed_in(finding);
                format!("{file}: {what}")
            })
            .collect();
        let needed = protected.needs_confirmation() && !because.is_empty();
        needed.then(|| Confirmation { database: protected.name().to_owned(), because })
    }

    /// The findings that would refuse and were allowed.
    fn allowed(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|f| f.severity == Severity::Error && f.allowed.is_some())
    }

    /// What `plan` shows.
    pub(super) fn steps(&self, catalog: Option<&Catalog>) -> Vec<PlannedStep> {
        let mut planned = Vec::new();
        let mut tables = HashMap::new();
        let mut about: HashMap<(&str, usize), Vec<&Finding>> = HashMap::new();
        for finding in &self.findings {
            if let Some((file, Some(statement))) = locate(&self.files, finding) {
                about.entry((&*self.files[file].script.file, statement)).or_default().push(finding);
            }
        }
        for file in &self.files {
            for step in file.plan.steps.iter().skip(file.done) {
                planned.push(PlannedStep {
                    id: step.id.clone(),
                    file: file.migration.path.display().to_string(),
                    statements: step
                        .statements
                        .iter()
                        .map(|i| self.statement(file, *i, &about, catalog, &mut tables))
                        .collect(),
                    transaction: step.transaction(),
                    phase: None,
                    undo: file.migration.down_place(),
                });
            }
        }
        planned
    }

    fn statement(
        &self,
        file: &File<'_>,
        index: usize,
        about: &HashMap<(&str, usize), Vec<&Finding>>,
        catalog: Option<&Catalog>,
        tables: &mut HashMap<ObjectName, Arc<str>>,
    ) -> PlannedStatement {
        let about = about.get(&(&*file.script.file, index)).map(Vec::as_slice).unwrap_or_default();
        let statement = &file.script.statements[index];
        let locks = lock::locks(statement);
        let lock: BTreeMap<Arc<str>, &'static str> = match self.dialect {
            Dialect::Postgres => {
                // Half a million statements may name one table.
                let mut shared =
                    |name| tables.entry(ObjectName::clone(name)).or_insert_with(|| qualified(name)).clone();
                locks.tables.iter().map(|(name, mode)| (shared(name), mode.as_str())).collect()
            }
            Dialect::Sqlite => BTreeMap::new(),
        };
        let rows = catalog.and_then(|catalog| {
            let tables = locks.tables.iter();
            tables.filter_map(|(name, _)| estimate(catalog, name)).max()
        });
        PlannedStatement {
            sql: FileText::new(file.script.text.clone(), statement.span),
            lock: lock.into_iter().collect(),
            rewrite: about.iter().find_map(|f| f.rewrite),
            scan: about.iter().find_map(|f| f.scan),
            rows,
            estimate_ms: None,
        }
    }
}

/// The file of an allowed finding, and what it is allowed to do.
fn allowed_in(finding: &Finding) -> (String, String) {
    let file = finding.place.as_ref().map(|place| file_name(std::path::Path::new(&place.file)));
    let reason = finding.allowed.as_deref().unwrap_or_default();
    let what = format!("{} (allowed: {reason})", finding.message);
    (file.unwrap_or_else(|| "the pending files".to_owned()), what)
}

fn qualified(name: &ObjectName) -> Arc<str> {
    let (schema, name) = name.key(Dialect::Postgres);
    format!("{schema}.{name}").into()
}

fn estimate(catalog: &Catalog, name: &ObjectName) -> Option<u64> {
    let table = catalog.table(name.schema.as_deref(), &name.name)?;
    // The planner's float; -1 means that nobody has counted.
    table.estimates.as_ref()?.rows.filter(|rows| *rows >= 0.0).map(|rows| rows as u64)
}

/// How big a table is that is at stake.
pub(super) fn size(table: &ObjectName, rows: i64) -> String {
    format!("{table} has {rows} {}", if rows == 1 { "row" } else { "rows" })
}
