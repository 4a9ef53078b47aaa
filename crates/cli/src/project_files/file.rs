//! Reads a tool's file as text, whatever stands at its path.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use cofferdam_analysis::Error;

/// Settings are written by hand; what is larger is something else.
const LARGEST: u64 = 4 * 1024 * 1024;

/// The text of `root/file` without BOM; `None` where there is no such file.
///
/// # Errors
/// `Invalid`, when it cannot be read, is no regular file (to open a pipe would wait for
/// its writer), is not text or is too large.
pub(super) fn text(root: &Path, file: &str) -> Result<Option<String>, Error> {
    let cannot = |why: &str| Error::invalid(format!("cannot read {file}: {why}"));
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::PermissionDenied => cannot("no permission"),
        _ => cannot(&error.to_string()),
    };
    let path = root.join(file);
    let kind = match std::fs::metadata(&path) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(failed(error)),
    };
    if kind.is_dir() {
        return Ok(None);
    }
    if !kind.is_file() {
        return Err(cannot("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(&path).and_then(|opened| opened.take(LARGEST + 1).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() as u64 > LARGEST {
        return Err(cannot("it is larger than 4 MiB"));
    }
    let text = String::from_utf8(bytes).map_err(|_| cannot("it is not UTF-8 text"))?;
    if text.contains('\0') {
        return Err(cannot("it is not text"));
    }
    Ok(Some(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    }))
}

/// The first of `files` that is there, with its text.
pub(super) fn first<'a>(root: &Path, files: &[&'a str]) -> Result<Option<(&'a str, String)>, Error> {
    for file in files {
        if let Some(text) = text(root, file)? {
            return Ok(Some((file, text)));
        }
    }
    Ok(None)
}
