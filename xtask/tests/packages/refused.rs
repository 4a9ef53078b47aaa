//! What no package is made of.

use std::path::Path;

use cofferdam_testkit::Cofferdam;

fn package(kind: &str, binary: &Path, out: &Path) -> Cofferdam {
    Cofferdam::new(env!("CARGO_BIN_EXE_xtask")).args([
        Path::new("package"),
        Path::new(kind),
        Path::new("--binary"),
        binary,
        Path::new("--out"),
        out,
    ])
}

#[test]
fn a_script_or_another_program_is_refused_and_nothing_is_left() {
    let place = tempfile::tempdir().expect("a directory");
    let out = place.path().join("out");
    let script = place.path().join("script");
    std::fs::write(&script, "#!/bin/sh\necho cofferdam 0.1.0\n").expect("a file");
    for kind in ["npm", "wheel"] {
        package(kind, &script, &out).status(6).stderr_contains("no program of Linux").run();
        // It runs here, and what it says is not our name and version.
        package(kind, Path::new("/bin/true"), &out).status(6).stderr_contains("build it again").run();
        package(kind, &place.path().join("nothing"), &out).status(1).stderr_contains("cannot read").run();
    }
    assert!(!out.exists());
}

#[test]
fn words_that_are_wrong_or_missing_are_a_mistake_of_the_caller() {
    for line in
        ["", "deb --binary x --out y", "npm --out y", "npm --binary x", "npm --binary", "npm --target x"]
    {
        let run = Cofferdam::new(env!("CARGO_BIN_EXE_xtask")).arg("package").args(line.split_whitespace());
        run.status(2).stderr_contains("usage: cargo xtask package").run();
    }
}

#[test]
fn two_programs_of_one_platform_are_refused() {
    let place = tempfile::tempdir().expect("a directory");
    let program = crate::packed::program();
    let run = Cofferdam::new(env!("CARGO_BIN_EXE_xtask")).args(["package", "npm", "--out"]).arg(place.path());
    let run = run.arg("--binary").arg(&program).arg("--binary").arg(&program);
    run.timeout(std::time::Duration::from_secs(240)).status(2).stderr_contains("two programs").run();
}
