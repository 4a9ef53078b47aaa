//! The packages of the program under test, made once for all tests.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use cofferdam_testkit::Cofferdam;

/// The program that lies beside `xtask`: `cargo build --workspace` makes both.
pub(crate) fn program() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_xtask")).with_file_name("cofferdam");
    assert!(program.is_file(), "{} is not there: cargo build --workspace", program.display());
    program
}

/// What the program says it is; the packages must say the same.
pub(crate) fn version() -> String {
    let said = Cofferdam::new(program()).arg("--version").run().stdout;
    said.trim().strip_prefix("cofferdam ").expect("its name and its version").to_owned()
}

/// Whether a program is installed; a word on it, where it is not.
pub(crate) fn installed(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|place| place.join(name).is_file());
    if !found {
        eprintln!("skipped: {name} is not installed");
    }
    found
}

/// The files that `package KIND` makes of the program under test. The tests run in processes of
/// their own, so the first one makes them for all.
pub(crate) fn packages(kind: &str) -> Vec<PathBuf> {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("packages-{kind}"));
    fs::create_dir_all(&place).expect("a directory");
    let lock = File::create(place.join("lock")).expect("a file");
    lock.lock().expect("a lock");
    let (list, origin) = (place.join("list"), place.join("origin"));
    if fs::read_to_string(&origin).ok() != Some(sources()) {
        let out = place.join("out");
        _ = fs::remove_dir_all(&out);
        let made = Cofferdam::new(env!("CARGO_BIN_EXE_xtask"))
            .args(["package", kind, "--binary"])
            .args([&program(), Path::new("--out"), &out])
            .current_dir(&place)
            // A program with all that debuggers want takes a while to compress.
            .timeout(Duration::from_secs(240))
            .run();
        fs::write(&list, made.stdout).expect("a file");
        fs::write(&origin, sources()).expect("a file");
    }
    let list = fs::read_to_string(&list).expect("the list of packages");
    list.lines().map(PathBuf::from).collect()
}

/// Changes whenever the packages would: all that goes into them, with time and size.
fn sources() -> String {
    let mut files = vec![program(), PathBuf::from(env!("CARGO_BIN_EXE_xtask"))];
    let mut folders = vec![cofferdam_testkit::checkout::root().join("packaging")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            if entry.path().is_dir() { &mut folders } else { &mut files }.push(entry.path());
        }
    }
    files.sort();
    let line = |path: &PathBuf| {
        let about = fs::metadata(path).expect("a file");
        format!("{} {:?} {}\n", path.display(), about.modified().expect("a time"), about.len())
    };
    files.iter().map(line).collect()
}
