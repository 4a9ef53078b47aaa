//! refinery's folders: `V1__name.sql` and `U1__name.sql`, with the folders below.
//!
//! Both run forward and share their numbers: a `U` file is one that may also run after newer
//! ones have. refinery itself has no way back; `V1__name.down.sql` beside a file, which it
//! leaves alone, is read as one here. Source: refinery-core 0.10 (src/util.rs, src/runner.rs).

use std::hash::Hasher as _;
use std::path::Path;

use cofferdam_analysis::{Error, Result};
use siphasher::sip::SipHasher13;

use super::Contents;
use super::checksum::other_line_ends;
use super::listing::{Listing, is_sql};
use super::migration::{ForeignChecksum, Migration};
use super::version::{Key, Version};

/// How many folders up a project's own files are looked for.
const LEVELS: usize = 3;

pub(super) fn owns(listing: &Listing) -> bool {
    let files = listing.below().unwrap_or_default();
    let ours = files.iter().filter(|file| matches!(parse(last(file)), Named::Migration(_))).count();
    ours > 0 && !super::flyway::outnumbered(ours, &files)
}

/// Whether a folder that could be Flyway's as well is refinery's: by a project file that
/// speaks of it, by a down file, or by a `U` file without a `V` file of its number.
pub(super) fn shows_itself(listing: &Listing, files: &[String]) -> bool {
    if files.iter().any(|file| super::flyway::only_here(file)) {
        return false;
    }
    let names: Vec<Named> = files.iter().map(|file| parse(last(file))).collect();
    let late_alone = |late: &Name| {
        let same = |m: &&Name| !m.any_order && m.version.key() == late.version.key();
        late.any_order && !names.iter().filter_map(Named::migration).any(|m| same(&m))
    };
    // To Flyway a down file would be one more file of its version.
    (listing.is_on_disk() && named_nearby(&listing.root))
        || names.iter().any(|name| matches!(name, Named::Down(_)))
        || names.iter().filter_map(Named::migration).any(late_alone)
}

/// Whether the project around the folder says that it uses refinery.
fn named_nearby(root: &Path) -> bool {
    let Ok(root) = root.canonicalize() else { return false };
    let speaks =
        |manifest: &Path| std::fs::read_to_string(manifest).is_ok_and(|text| text.contains("refinery"));
    root.ancestors()
        .take(LEVELS + 1)
        .any(|folder| folder.join("refinery.toml").is_file() || speaks(&folder.join("Cargo.toml")))
}

pub(super) fn version(text: &str) -> Option<Version> {
    Version::number(text)
}

pub(super) fn read(listing: &Listing) -> Result<Contents> {
    let mut contents = Contents::default();
    let mut downs = Vec::new();
    for file in listing.below()? {
        match parse(last(&file)) {
            Named::Migration(name) => contents.migrations.push(migration(listing, &file, name)?),
            Named::Down(name) => downs.push((name, file)),
            Named::Unfit => {
                return Err(Error::invalid(format!("{file} has a version that refinery cannot read")).hint(
                    "its versions are whole numbers up to 2147483647 (with int8-versions: of 64 bits)",
                ));
            }
            Named::Nothing if is_sql(&file) => {
                contents
                    .notes
                    .push(format!("{file} is not named V1__name.sql and is left alone, as refinery does"));
            }
            Named::Nothing => {}
        }
    }
    contents.migrations.sort_by(|a, b| a.version.cmp(&b.version));
    for (name, file) in downs {
        let same = |m: &&mut Migration| m.version == name.version && m.name == name.name;
        match contents.migrations.iter_mut().find(same) {
            Some(migration) => migration.down = Some(listing.down(&file)?),
            None => {
                return Err(Error::invalid(format!("{file} takes back a migration that is not there"))
                    .hint("a down file has the version and the name of its migration"));
            }
        }
    }
    Ok(contents)
}

fn migration(listing: &Listing, file: &str, name: Name) -> Result<Migration> {
    let text = listing.text(file)?;
    let mut migration = Migration::of_file(name.version, &name.name, listing.path(file), &text);
    migration.any_order = name.any_order;
    let sums = |bytes: &[u8]| checksums(&name.name, name.number, bytes);
    let (written, wide) = sums(&text.bytes);
    migration.foreign = Some(ForeignChecksum {
        written,
        accepted: vec![wide],
        other_line_ends: other_line_ends(&text.bytes).map(|bytes| sums(&bytes).0),
    });
    Ok(migration)
}

/// refinery's checksum of a file: for a ledger whose versions are int4, and for one with int8.
///
/// SipHash-1-3 without key over what Rust's `Hash` makes of name, version and text.
fn checksums(name: &str, version: i64, sql: &[u8]) -> (String, String) {
    let hash = |version: &[u8]| {
        let mut hasher = SipHasher13::new_with_keys(0, 0);
        for part in [name.as_bytes(), &[0xff], version, sql, &[0xff]] {
            hasher.write(part);
        }
        hasher.finish().to_string()
    };
    let wide = hash(&version.to_le_bytes());
    let written =
        i32::try_from(version).map_or_else(|_| wide.clone(), |version| hash(&version.to_le_bytes()));
    (written, wide)
}

/// A file name, taken apart.
#[derive(Debug, PartialEq, Eq)]
struct Name {
    version: Version,
    number: i64,
    name: String,
    any_order: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Named {
    Migration(Name),
    Down(Name),
    /// Its version is none that refinery can read, and makes it stop.
    Unfit,
    Nothing,
}

impl Named {
    fn migration(&self) -> Option<&Name> {
        match self {
            Named::Migration(name) => Some(name),
            Named::Down(_) | Named::Unfit | Named::Nothing => None,
        }
    }
}

fn parse(file: &str) -> Named {
    let Some(stem) = file.strip_suffix(".sql") else { return Named::Nothing };
    let (stem, down) = match stem.strip_suffix(".down") {
        Some(stem) => (stem, true),
        None => (stem, false),
    };
    let any_order = match stem.as_bytes().first() {
        Some(b'V') => false,
        Some(b'U') => true,
        _ => return Named::Nothing,
    };
    let Some((version, name)) = stem[1..].split_once("__") else { return Named::Nothing };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || c == '_') {
        return Named::Nothing;
    }
    match version.split_once('.') {
        Some((whole, part)) if is_number(whole) && is_number(part) => return Named::Unfit,
        Some(_) => return Named::Nothing,
        None if !is_number(version) => return Named::Nothing,
        None => {}
    }
    let number = Version::number(version).and_then(|version| match version.key() {
        Key::Number(number) => Some((i64::try_from(*number).ok()?, version)),
        Key::Dotted(_) | Key::Text(_) | Key::Repeatable(_) => None,
    });
    let Some((number, version)) = number else { return Named::Unfit };
    let name = Name { version, number, name: name.to_owned(), any_order };
    if down { Named::Down(name) } else { Named::Migration(name) }
}

/// The name of the file in a path below the folder.
fn last(file: &str) -> &str {
    file.rsplit('/').next().unwrap_or(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::{Folder, Format};

    fn name(file: &str) -> Option<(i64, String, bool)> {
        match parse(file) {
            Named::Migration(name) => Some((name.number, name.name, name.any_order)),
            Named::Down(_) | Named::Unfit | Named::Nothing => None,
        }
    }

    #[test]
    fn names_are_read_as_refinery_reads_them() {
        assert_eq!(name("V08__Name8.sql"), Some((8, "Name8".into(), false)));
        assert_eq!(name("U3__u.sql"), Some((3, "u".into(), true)));
        for strange in
            ["V7__h-h.sql", "V1_1__x.sql", "V6_x.sql", "v1__a.sql", "V1__a.SQL", "V1__.sql", "V__a.sql"]
        {
            assert_eq!(parse(strange), Named::Nothing, "{strange}");
        }
        assert_eq!(parse("V1.5__x.sql"), Named::Unfit);
        assert_eq!(parse("V9223372036854775808__x.sql"), Named::Unfit);
        assert!(matches!(parse("V1__a.down.sql"), Named::Down(_)));
    }

    /// What refinery 0.10 wrote into its ledger for these files.
    #[test]
    fn checksums_are_those_that_refinery_wrote() {
        let narrow = |name, version, sql: &str| checksums(name, version, sql.as_bytes()).0;
        assert_eq!(narrow("create_a", 1, "create table a (id int);\n"), "3108681285984812637");
        assert_eq!(narrow("create_b", 2, "create table b (id int);\r\n"), "8393483241788628460");
        assert_eq!(narrow("u", 3, "create table u (id int);\n"), "18098439400701874850");
        assert_eq!(narrow("Name8", 8, "create table n8 (id int)"), "11931682828122988380");
        assert_eq!(checksums("create_a", 1, b"create table a (id int);\n").1, "8626184550342387970");
    }

    fn folder(files: &[(&str, &str)]) -> Result<Folder> {
        let root = tempfile::tempdir().expect("a folder");
        for (file, text) in files {
            let path = root.path().join(file);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        }
        Folder::read(&root.path().join("m"), None)
    }

    #[test]
    fn a_project_that_names_refinery_has_its_folder_read_so() {
        let manifest = ("Cargo.toml", "[dependencies]\nrefinery = \"0.8\"\n");
        let read = folder(&[manifest, ("m/V1__a.sql", ""), ("m/sub/V2__b.sql", ""), ("m/U1__x.sql", "")]);
        assert_eq!(
            read.expect_err("one number twice").message(),
            "U1__x.sql and V1__a.sql have the same version"
        );
        let read = folder(&[manifest, ("m/V2__b.sql", ""), ("m/V2__b.down.sql", ""), ("m/U1__x.sql", "")]);
        let read = read.expect("a folder");
        assert_eq!(read.format, Format::Refinery);
        let shown: Vec<_> =
            read.migrations.iter().map(|m| (m.title(), m.any_order, m.down.is_some())).collect();
        assert_eq!(shown, [("1_x".to_owned(), true, false), ("2_b".to_owned(), false, true)]);
    }

    #[test]
    fn without_a_word_of_it_the_files_decide() {
        let format = |files: &[(&str, &str)]| folder(files).expect("a folder").format;
        assert_eq!(format(&[("m/V1__a.sql", "")]), Format::Flyway);
        assert_eq!(format(&[("m/V1__a.sql", ""), ("m/U1__a.sql", "")]), Format::Flyway);
        assert_eq!(format(&[("m/V1__a.sql", ""), ("m/U2__b.sql", "")]), Format::Refinery);
        assert_eq!(format(&[("m/V1__a.sql", ""), ("m/U2__b.sql", ""), ("m/R__v.sql", "")]), Format::Flyway);
        assert_eq!(format(&[("refinery.toml", ""), ("m/V1.1__a.sql", "")]), Format::Flyway);
    }

    #[test]
    fn a_down_file_without_its_migration_is_refused() {
        let error = folder(&[("refinery.toml", ""), ("m/V1__a.sql", ""), ("m/V2__a.down.sql", "")]);
        assert!(error.expect_err("no migration").message().contains("not there"));
    }
}
