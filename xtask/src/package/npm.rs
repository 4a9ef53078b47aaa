//! One thin package `cofferdam`, and one package for each platform that carries the program.
//!
//! The thin one names the others as optional dependencies of its own exact version, so that an
//! installer fetches the one whose `os`, `cpu` and `libc` fit, and nothing runs at install time.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, Value, json};

use super::platform::{Machine, System};
use super::{LICENSES, Program, SUMMARY, VERSION, pack, put_file, put_text, root};
use crate::Failure;

const SCOPE: &str = "@cofferdam/cli-";
const SOURCES: &str = "packaging/npm";

/// Makes the tarballs of all `programs` and of the thin package, and returns their names.
pub(super) fn make(programs: &[Program], stage: &Path, out: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut packages = Map::new();
    for program in programs {
        let name = package_name(program);
        if packages.contains_key(&name) {
            return Err(Failure::usage(format!("two programs would be {name}")));
        }
        packages.insert(name, VERSION.into());
    }
    let mut made = Vec::new();
    for program in programs {
        let place = stage.join(program.platform.npm_name());
        stage_platform(program, programs, &place)?;
        made.push(tarball(&place, out)?);
    }
    let place = stage.join("cofferdam");
    stage_thin(packages, &place)?;
    made.push(tarball(&place, out)?);
    Ok(made)
}

fn package_name(program: &Program) -> String {
    format!("{SCOPE}{}", program.platform.npm_name())
}

fn stage_platform(program: &Program, all: &[Program], place: &Path) -> Result<(), Failure> {
    let platform = program.platform;
    let mut manifest = json!({
        "name": package_name(program),
        "version": VERSION,
        "description": format!("The program of cofferdam for {}. Install the package cofferdam.", platform.npm_name()),
        "license": env!("CARGO_PKG_LICENSE"),
        "repository": { "type": "git", "url": format!("git+{}.git", env!("CARGO_PKG_REPOSITORY")) },
        "os": [platform.npm_os()],
        "cpu": [platform.npm_cpu()],
        "files": ["bin", "LICENSE-*"],
        // Yarn keeps packages zipped; from there nothing can be started.
        "preferUnplugged": true,
    });
    if let Some(libc) = libc(platform.system, platform.machine, all) {
        manifest["libc"] = json!([libc]);
    }
    write_manifest(&manifest, place)?;
    put_file(&format!("{SOURCES}/platform/README.md"), &place.join("README.md"))?;
    put_licenses(place)?;
    program.put(&place.join("bin").join(platform.program()))
}

/// The C library that the installer must find. A static program runs with any; it leaves the
/// machines with glibc to a program that was made for them, if there is one.
fn libc(system: System, machine: Machine, all: &[Program]) -> Option<&'static str> {
    let glibc_too = || {
        all.iter().any(|other| {
            other.platform.machine == machine && matches!(other.platform.system, System::Glibc(..))
        })
    };
    match system {
        System::Glibc(..) => Some("glibc"),
        System::Musl => Some("musl"),
        System::StaticLinux => glibc_too().then_some("musl"),
        System::Macos(..) | System::Windows => None,
    }
}

fn stage_thin(packages: Map<String, Value>, place: &Path) -> Result<(), Failure> {
    let source = root().join(SOURCES).join("cofferdam/package.json");
    let text = std::fs::read_to_string(&source).map_err(crate::files::cannot("read", &source))?;
    let mut manifest: Value = serde_json::from_str(&text)
        .map_err(|e| Failure::here(format!("cannot read {}: {e}", source.display())))?;
    manifest["version"] = VERSION.into();
    manifest["description"] = SUMMARY.into();
    manifest["license"] = env!("CARGO_PKG_LICENSE").into();
    manifest["repository"] =
        json!({ "type": "git", "url": format!("git+{}.git", env!("CARGO_PKG_REPOSITORY")) });
    manifest["optionalDependencies"] = packages.into();
    write_manifest(&manifest, place)?;
    for file in ["README.md", "bin/cofferdam.js"] {
        put_file(&format!("{SOURCES}/cofferdam/{file}"), &place.join(file))?;
    }
    put_licenses(place)
}

fn put_licenses(place: &Path) -> Result<(), Failure> {
    LICENSES.iter().try_for_each(|file| put_file(file, &place.join(file)))
}

fn write_manifest(manifest: &Value, place: &Path) -> Result<(), Failure> {
    put_text(format!("{manifest:#}\n"), &place.join("package.json"))
}

/// Packs what is staged; the name of the file.
fn tarball(place: &Path, out: &Path) -> Result<PathBuf, Failure> {
    let mut npm = Command::new("npm");
    npm.args(["pack", "--silent", "--ignore-scripts", "--pack-destination"]).arg(out).current_dir(place);
    let said = pack(npm, "npm")?;
    let name = said.lines().last().unwrap_or_default();
    if name.is_empty() {
        return Err(Failure::here("cannot package: npm pack named no file"));
    }
    Ok(PathBuf::from(name))
}
