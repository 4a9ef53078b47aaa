//! A data directory that `initdb` made once, to be copied by every test process.

use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use cofferdam::scratch::{Binaries, Cluster, Settings, StopMode};

/// A directory of this user that servers can reach, whoever runs them.
///
/// Not the working copy: that may lie under a home directory which the user
/// that runs Postgres for root cannot enter.
pub(super) fn workshop() -> PathBuf {
    let me = rustix::process::geteuid();
    let directory = PathBuf::from(format!("/tmp/cofferdam-test-{}", me.as_raw()));
    match fs::DirBuilder::new().mode(0o755).create(&directory) {
        Ok(()) => {}
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(e) => panic!("cannot make {}: {e}", directory.display()),
    }
    // Anybody may create names in /tmp; what somebody else put there is not ours to trust.
    let found = fs::symlink_metadata(&directory).expect("it was just made");
    assert!(
        found.is_dir() && found.uid() == me.as_raw(),
        "{} belongs to another user: remove it",
        directory.display()
    );
    directory
}

/// The template for `binaries`; made now when it is not there yet.
pub(super) fn of(binaries: &Binaries) -> PathBuf {
    let workshop = workshop();
    let name =
        format!("template-{}-{}", plain(binaries.version()), plain(&binaries.directory().to_string_lossy()));
    once(&workshop.join(name), |place| {
        let cluster = Cluster::start(binaries, &Settings::default())
            .unwrap_or_else(|e| panic!("cannot {e}\n{}", e.details().join("\n")));
        cluster.stop(StopMode::Fast).expect("a server without sessions stops");
        copy(&cluster.data_directory(), place);
    })
}

/// Binaries that the user of the server can execute: these, or a copy of their installation.
pub(super) fn usable(binaries: Binaries) -> Binaries {
    if binaries.usable().is_ok() {
        return binaries;
    }
    let installation = binaries.directory().parent().expect("a bin directory has a parent");
    let name = format!("postgres-{}-{}", plain(binaries.version()), plain(&installation.to_string_lossy()));
    let copied = once(&workshop().join(name), |place| copy(installation, place));
    let copied = Binaries::at(&copied.join("bin")).unwrap_or_else(|e| panic!("{e}"));
    copied.usable().unwrap_or_else(|e| panic!("{e}"));
    copied
}

/// Makes `place` by `make` unless it exists. Safe among processes: a lock keeps
/// them in line, and the name appears by a rename when everything is there.
fn once(place: &Path, make: impl FnOnce(&Path)) -> PathBuf {
    if place.exists() {
        return place.to_owned();
    }
    let lock = fs::File::create(place.with_added_extension("lock")).expect("a lock file can be made");
    lock.lock().expect("the lock can be waited for");
    if !place.exists() {
        let unfinished = place.with_added_extension("unfinished");
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished).expect("what a killed process left can be removed");
        }
        make(&unfinished);
        fs::rename(&unfinished, place).expect("a rename within one directory");
    }
    place.to_owned()
}

/// `cp -a` keeps the owner, which root needs: the files belong to the server's user.
fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").args([from, to]).status().expect("cp exists");
    assert!(status.success(), "cannot copy {} to {}", from.display(), to.display());
}

fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}
