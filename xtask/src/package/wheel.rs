//! One wheel for each platform: the program as a script, and a module so that
//! `python -m cofferdam` works where scripts are not on the `PATH`.
//!
//! What stands in `METADATA` and `WHEEL` is decided here; `packaging/python/pack.py` adds `RECORD`
//! and writes the archive.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{LICENSES, Program, SUMMARY, VERSION, pack, put_file, put_text, root};
use crate::Failure;

const SOURCES: &str = "packaging/python";

/// Makes the wheels of all `programs`, and returns their names.
pub(super) fn make(programs: &[Program], stage: &Path, out: &Path) -> Result<Vec<PathBuf>, Failure> {
    let version = python_version(VERSION)?;
    let mut made = Vec::new();
    for program in programs {
        let tags = program.platform.wheel_tags();
        let name = PathBuf::from(format!("cofferdam-{version}-py3-none-{}.whl", tags.join(".")));
        if made.contains(&name) {
            return Err(Failure::usage(format!("two programs would be {}", name.display())));
        }
        let place = stage.join(tags.join("."));
        stage_wheel(program, &version, &tags, &place)?;
        let mut python = Command::new("python3");
        python.arg(root().join(SOURCES).join("pack.py")).arg(&place).arg(out.join(&name));
        pack(python, "python3")?;
        made.push(name);
    }
    Ok(made)
}

fn stage_wheel(program: &Program, version: &str, tags: &[String], place: &Path) -> Result<(), Failure> {
    let base = format!("cofferdam-{version}");
    let info = place.join(format!("{base}.dist-info"));
    let readme = root().join(SOURCES).join("README.md");
    let readme = std::fs::read_to_string(&readme).map_err(crate::files::cannot("read", &readme))?;
    put_text(metadata(version, &readme), &info.join("METADATA"))?;
    put_text(wheel(tags), &info.join("WHEEL"))?;
    for file in LICENSES {
        put_file(file, &info.join("licenses").join(file))?;
    }
    for file in ["__init__.py", "__main__.py"] {
        put_file(&format!("{SOURCES}/cofferdam/{file}"), &place.join("cofferdam").join(file))?;
    }
    program.put(&place.join(format!("{base}.data/scripts")).join(program.platform.program()))
}

/// The `METADATA` file (core metadata 2.4).
fn metadata(version: &str, readme: &str) -> String {
    let [apache, mit] = LICENSES;
    format!(
        "Metadata-Version: 2.4\nName: cofferdam\nVersion: {version}\nSummary: {SUMMARY}\n\
         License-Expression: {}\nLicense-File: {apache}\nLicense-File: {mit}\n\
         Project-URL: Source, {}\nKeywords: postgres,sqlite,migrations,sql\n\
         Requires-Python: >=3.8\nDescription-Content-Type: text/markdown\n\n{readme}",
        env!("CARGO_PKG_LICENSE"),
        env!("CARGO_PKG_REPOSITORY"),
    )
}

/// The `WHEEL` file: one line for each tag that the name has compressed.
fn wheel(tags: &[String]) -> String {
    let tags: String = tags.iter().map(|tag| format!("Tag: py3-none-{tag}\n")).collect();
    format!("Wheel-Version: 1.0\nGenerator: cofferdam-xtask {VERSION}\nRoot-Is-Purelib: false\n{tags}")
}

/// A version of Cargo as Python writes it (PEP 440): `0.2.0-rc.1` is `0.2.0rc1`.
fn python_version(version: &str) -> Result<String, Failure> {
    let Some((release, pre)) = version.split_once('-') else { return Ok(version.to_owned()) };
    let (kind, number) = pre.split_once('.').unwrap_or((pre, "0"));
    let kind = match kind {
        "alpha" => "a",
        "beta" => "b",
        "rc" => "rc",
        _ => return Err(Failure::usage(format!("Python has no way to write the version {version}"))),
    };
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Failure::usage(format!("Python has no way to write the version {version}")));
    }
    Ok(format!("{release}{kind}{number}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_written_as_python_orders_them() {
        for (cargo, python) in [
            ("0.1.0", Some("0.1.0")),
            ("1.2.3-rc.1", Some("1.2.3rc1")),
            ("1.2.3-alpha.10", Some("1.2.3a10")),
            ("1.2.3-beta", Some("1.2.3b0")),
            ("1.2.3-nightly.4", None),
            ("1.2.3-rc.x", None),
        ] {
            assert_eq!(python_version(cargo).ok().as_deref(), python, "{cargo}");
        }
    }
}
