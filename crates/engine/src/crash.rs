//! Named places at which a test kills the process.
//!
//! Every place where a crash leaves something behind has a name here, and the crash
//! tests visit all of them. In a shipped program `hit` is nothing.

/// A place at which a crash is worth a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CrashPoint {
    /// The ledger was created and committed.
    LedgerCreated,
    /// The lease is ours.
    LeaseTaken,
    /// The run's row is committed.
    RunBegun,
    /// In a step's transaction, before its first statement.
    StepBegun,
    /// In a step's transaction, after one of its statements.
    StatementDone,
    /// In a step's transaction, after its ledger rows.
    StepRecorded,
    /// After a step's commit.
    StepCommitted,
    /// The intent of a statement outside of transactions is committed.
    IntentCommitted,
    /// Such a statement is at work in the server.
    OutsideRunning,
    /// Such a statement has ended, its outcome is not recorded.
    OutsideDone,
    /// Its outcome is recorded and committed.
    OutsideRecorded,
    /// All steps are done, the run is not closed.
    StepsDone,
    /// The run is closed, the lease still held.
    RunClosed,
    /// A mark of protection and its audit entry are written, not committed.
    MarkWritten,
    /// SQLite: the rollback point is written under its temporary name.
    CopyWritten,
    /// SQLite: the rollback point has its name.
    CopyNamed,
    /// SQLite: the state to go back to is prepared beside the database.
    RestorePrepared,
    /// SQLite: it was put in place.
    RestoreDone,
    /// Another tool's history is written, not committed.
    AdoptRecorded,
    /// A baseline is written under its temporary name.
    BaselineWritten,
    /// It has its name; the ledger that counts it is not committed.
    BaselineNamed,
    /// The ledger that counts it is committed.
    BaselineRecorded,
    /// The ledger was dropped, not committed.
    UninstallDropped,
    /// The ledger's content is on the disk, under a temporary name.
    ExportWritten,
    /// It has its name; the drop is not committed.
    ExportNamed,
    /// The ledger is gone.
    UninstallCommitted,
    /// The guard is declared, not committed.
    GuardDeclared,
    /// It is committed; no table has its part yet.
    GuardCommitted,
    /// Some tables have their part.
    GuardSpread,
    /// Some tables have lost their part again.
    GuardGathered,
    /// The guard was dropped, not committed.
    GuardDropped,
    /// It is gone, the lease still held.
    GuardGone,
}

impl CrashPoint {
    /// All of them.
    pub const ALL: [CrashPoint; 32] = [
        CrashPoint::LedgerCreated,
        CrashPoint::LeaseTaken,
        CrashPoint::RunBegun,
        CrashPoint::StepBegun,
        CrashPoint::StatementDone,
        CrashPoint::StepRecorded,
        CrashPoint::StepCommitted,
        CrashPoint::IntentCommitted,
        CrashPoint::OutsideRunning,
        CrashPoint::OutsideDone,
        CrashPoint::OutsideRecorded,
        CrashPoint::StepsDone,
        CrashPoint::RunClosed,
        CrashPoint::MarkWritten,
        CrashPoint::CopyWritten,
        CrashPoint::CopyNamed,
        CrashPoint::RestorePrepared,
        CrashPoint::RestoreDone,
        CrashPoint::AdoptRecorded,
        CrashPoint::BaselineWritten,
        CrashPoint::BaselineNamed,
        CrashPoint::BaselineRecorded,
        CrashPoint::UninstallDropped,
        CrashPoint::ExportWritten,
        CrashPoint::ExportNamed,
        CrashPoint::UninstallCommitted,
        CrashPoint::GuardDeclared,
        CrashPoint::GuardCommitted,
        CrashPoint::GuardSpread,
        CrashPoint::GuardGathered,
        CrashPoint::GuardDropped,
        CrashPoint::GuardGone,
    ];

    /// The name by which `COFFERDAM_CRASH_AT` asks for it.
    pub fn name(self) -> &'static str {
        match self {
            CrashPoint::LedgerCreated => "ledger-created",
            CrashPoint::LeaseTaken => "lease-taken",
            CrashPoint::RunBegun => "run-begun",
            CrashPoint::StepBegun => "step-begun",
            CrashPoint::StatementDone => "statement-done",
            CrashPoint::StepRecorded => "step-recorded",
            CrashPoint::StepCommitted => "step-committed",
            CrashPoint::IntentCommitted => "intent-committed",
            CrashPoint::OutsideRunning => "outside-running",
            CrashPoint::OutsideDone => "outside-done",
            CrashPoint::OutsideRecorded => "outside-recorded",
            CrashPoint::StepsDone => "steps-done",
            CrashPoint::RunClosed => "run-closed",
            CrashPoint::MarkWritten => "mark-written",
            CrashPoint::CopyWritten => "copy-written",
            CrashPoint::CopyNamed => "copy-named",
            CrashPoint::RestorePrepared => "restore-prepared",
            CrashPoint::RestoreDone => "restore-done",
            CrashPoint::AdoptRecorded => "adopt-recorded",
            CrashPoint::BaselineWritten => "baseline-written",
            CrashPoint::BaselineNamed => "baseline-named",
            CrashPoint::BaselineRecorded => "baseline-recorded",
            CrashPoint::UninstallDropped => "uninstall-dropped",
            CrashPoint::ExportWritten => "export-written",
            CrashPoint::ExportNamed => "export-named",
            CrashPoint::UninstallCommitted => "uninstall-committed",
            CrashPoint::GuardDeclared => "guard-declared",
            CrashPoint::GuardCommitted => "guard-committed",
            CrashPoint::GuardSpread => "guard-spread",
            CrashPoint::GuardGathered => "guard-gathered",
            CrashPoint::GuardDropped => "guard-dropped",
            CrashPoint::GuardGone => "guard-gone",
        }
    }
}

/// Where the process is to be killed: the place, and how often it must be passed first.
#[cfg(feature = "crash-points")]
static ARMED: std::sync::OnceLock<(CrashPoint, std::sync::atomic::AtomicU32)> = std::sync::OnceLock::new();

/// Arms `name` or `name:n` (the n-th visit, from 1).
///
/// # Errors
/// `Invalid` for a name that is none.
#[cfg(feature = "crash-points")]
pub fn arm(text: &str) -> crate::Result<()> {
    let (name, n) = text.split_once(':').unwrap_or((text, "1"));
    let point = CrashPoint::ALL.into_iter().find(|p| p.name() == name);
    match (point, n.parse::<u32>()) {
        (Some(point), Ok(n)) if n > 0 => {
            ARMED.get_or_init(|| (point, std::sync::atomic::AtomicU32::new(n)));
            Ok(())
        }
        _ => Err(crate::Error::invalid(format!("there is no crash point `{text}`"))),
    }
}

/// Kills the process here, if a test asked for it.
#[cfg(feature = "crash-points")]
pub(crate) fn hit(point: CrashPoint) {
    use std::sync::atomic::Ordering;
    let Some((armed, left)) = ARMED.get() else { return };
    if *armed == point && left.fetch_sub(1, Ordering::SeqCst) == 1 {
        // A real kill -9: no destructor runs, no connection says good-bye.
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

/// Nothing, in a program that is shipped.
#[cfg(not(feature = "crash-points"))]
#[inline]
pub(crate) fn hit(_point: CrashPoint) {}

/// How long a test lets leases last.
#[cfg(feature = "crash-points")]
static LEASE: std::sync::OnceLock<std::time::Duration> = std::sync::OnceLock::new();

/// Lets leases last `milliseconds`, so that a test need not wait for the one of a process that it killed.
///
/// # Errors
/// `Invalid` for a text that is no number.
#[cfg(feature = "crash-points")]
pub fn shorten_lease(milliseconds: &str) -> crate::Result<()> {
    let parsed =
        milliseconds.parse().map_err(|_| crate::Error::invalid("the lease is no number of milliseconds"))?;
    LEASE.get_or_init(|| std::time::Duration::from_millis(parsed));
    Ok(())
}

/// What a test asked for; never anything in a program that is shipped.
pub(crate) fn lease() -> Option<std::time::Duration> {
    #[cfg(feature = "crash-points")]
    return LEASE.get().copied();
    #[cfg(not(feature = "crash-points"))]
    None
}
