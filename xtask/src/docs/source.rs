//! What mdbook reads: `docs`, with links out of it as addresses.
//!
//! In the repository such a link leads to the file beside; in the guide there is none.

use std::fs;
use std::path::Path;

use super::all_files;
use crate::Failure;
use crate::files::{cannot, clear};

/// Where the repository is read by people.
const REPOSITORY: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/");

/// Makes `into` a copy of `docs`.
pub(super) fn copy(docs: &Path, into: &Path) -> Result<(), Failure> {
    clear(into)?;
    for path in all_files(docs)? {
        let below = path.strip_prefix(docs).expect("it was found below docs");
        let to = into.join(below);
        let folder = to.parent().expect("it has a folder");
        fs::create_dir_all(folder).map_err(cannot("make", folder))?;
        if path.extension().is_some_and(|extension| extension == "md") {
            let text = fs::read_to_string(&path).map_err(cannot("read", &path))?;
            let depth = below.components().count() - 1;
            fs::write(&to, with_addresses(&text, depth)).map_err(cannot("write", &to))?;
        } else {
            fs::copy(&path, &to).map_err(cannot("copy", &path))?;
        }
    }
    Ok(())
}

/// A page that lies `depth` folders below `docs`.
fn with_addresses(text: &str, depth: usize) -> String {
    let out_of_docs = format!("]({}", "../".repeat(depth + 1));
    text.replace(&out_of_docs, &format!("]({REPOSITORY}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_out_of_the_guide_are_addresses_and_those_within_stay() {
        let address = format!("[a]({REPOSITORY}README.md#x) [b](b.md)");
        assert_eq!(with_addresses("[a](../README.md#x) [b](b.md)", 0), address);
        assert_eq!(with_addresses("[a](../../README.md#x) [b](b.md)", 1), address);
        assert_eq!(with_addresses("[c](../c.md)", 1), "[c](../c.md)");
    }
}
