//! The wheel.

use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;

use serde_json::Value;

use crate::packed::{installed, packages, program, version};
use crate::project::{LONG, Project, group_lives};

/// A project with a virtual environment that has the wheel; `None` where Python cannot make one.
fn with_wheel() -> Option<(Project, PathBuf)> {
    if !installed("python3") {
        return None;
    }
    let project = Project::new();
    let made = project.run("python3", "-m venv venv").any_status().run();
    if !made.status.success() {
        eprintln!("skipped: python3 makes no virtual environment: {}", made.stdout);
        return None;
    }
    let [wheel] = &packages("wheel")[..] else { panic!("one program makes one wheel") };
    project.run(project.path("venv/bin/pip"), "install --quiet").arg(wheel).run();
    let bin = project.path("venv/bin");
    Some((project, bin))
}

#[test]
fn pip_installs_the_program_itself() {
    let Some((project, bin)) = with_wheel() else { return };
    project.run(bin.join("cofferdam"), "--version").stdout(format!("cofferdam {}\n", version())).run();
    let installed = std::fs::read(bin.join("cofferdam")).expect("the program");
    assert!(installed == std::fs::read(program()).expect("the program"), "a launcher or another program");
    project.run(bin.join("pip"), "check").run();
    // Hashes and sizes of every file, by pip's own list.
    let shown = project.run(bin.join("pip"), "show --files cofferdam").run().stdout;
    assert!(shown.contains(&format!("Version: {}", version())) && shown.contains("LICENSE-MIT"), "{shown}");
    project.run(bin.join("cofferdam"), "migrate").stderr_contains("1 applied, 0 already").run();
    project.run(bin.join("pip"), "uninstall --yes --quiet cofferdam").run();
    assert!(!bin.join("cofferdam").exists());
}

#[test]
fn the_module_is_the_program() {
    let Some((project, bin)) = with_wheel() else { return };
    let python = bin.join("python");
    project.with_a_loss_pending();
    for (line, code) in [("check", 1), ("no-such-command", 2), ("migrate", 3)] {
        project.run(&python, &format!("-m cofferdam {line}")).status(code).run();
    }
    project.write("migrations/0002_gone.sql", LONG);
    let run = project.run(&python, "-m cofferdam migrate --progress json").any_status();
    let mut running = run.spawn();
    running.wait_for_stderr("\"step\":\"0002\"");
    let leader = running.pid();
    running.hang_up();
    assert_eq!(running.wait().status.signal(), Some(1));
    assert!(!group_lives(leader));
    std::fs::remove_file(bin.join("cofferdam")).expect("it is there");
    project.run(&python, "-m cofferdam").status(2).stderr_contains("install the package again").run();
}

#[test]
fn the_archive_is_what_its_record_says_and_its_tag_what_the_program_needs() {
    if !installed("python3") {
        return;
    }
    let project = Project::new();
    let [wheel] = &packages("wheel")[..] else { panic!("one program makes one wheel") };
    let said = project.run("python3", "-c").arg(READ).arg(wheel).run().stdout;
    let read: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(read["wrong"], serde_json::json!([]), "{read:#}");
    assert_eq!(read["mode"], 0o755, "{read:#}");
    assert_eq!(read["metadata"]["Version"], version(), "{read:#}");
    let name = wheel.file_name().expect("a name").to_string_lossy().into_owned();
    let tag = read["wheel"]["Tag"].as_str().expect("a tag");
    assert!(name.ends_with(&format!("-{tag}.whl")), "{name} is not {tag}");
    if !installed("objdump") {
        return;
    }
    // The newest symbol version that binutils finds.
    let symbols = project.run("objdump", "-T").arg(program()).run().stdout;
    let versions =
        symbols.split("GLIBC_2.").skip(1).filter_map(|rest| rest.split([')', '.', ' ']).next()?.parse().ok());
    let newest: u32 = versions.max().expect("a program of glibc");
    assert!(tag.contains(&format!("manylinux_2_{}_", newest.max(17))), "{tag} for GLIBC_2.{newest}");
}

/// Reads a wheel with Python's own means and says what of RECORD is wrong.
const READ: &str = "
import base64, csv, email, hashlib, io, json, sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
names = archive.namelist()
place = next(name for name in names if name.endswith('.dist-info/RECORD'))
record = {row[0]: row[1:] for row in csv.reader(io.StringIO(archive.read(place).decode()))}
wrong = sorted(set(record) ^ set(names))
for name, (digest, size) in record.items():
    if name == place:
        continue
    content = archive.read(name)
    found = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b'=').decode()
    if digest != 'sha256=' + found or int(size) != len(content):
        wrong.append(name)
info = place.rpartition('/')[0]
fields = lambda name: dict(email.message_from_bytes(archive.read(f'{info}/{name}')).items())
script = next(name for name in names if name.endswith('.data/scripts/cofferdam'))
mode = archive.getinfo(script).external_attr >> 16 & 0o777
print(json.dumps({'wrong': wrong, 'mode': mode, 'wheel': fields('WHEEL'), 'metadata': fields('METADATA')}))
";
