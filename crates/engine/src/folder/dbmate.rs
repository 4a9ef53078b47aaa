//! dbmate's folders: `<digits>*.sql` in the order of their names as text, each with a part
//! after `-- migrate:up` and one after `-- migrate:down`. Source: dbmate 2.36, run and read.
//!
//! Refused as dbmate refuses them: a file without either part, with the parts in the other
//! order, or with statements before the first.

use cofferdam_analysis::{Error, Result};

use super::Contents;
use super::listing::{Listing, Text};
use super::marker::{self, Line, lines};
use super::migration::Migration;
use super::version::Version;

pub(super) fn owns(listing: &Listing) -> bool {
    marker::any_has(listing, |line| marked(line, "up").is_some())
}

pub(super) fn read(listing: &Listing) -> Result<Contents> {
    let mut contents = Contents::default();
    // The listing is sorted by name as text, which is dbmate's order.
    for file in listing.sql() {
        let Some((version, name)) = parse(file) else {
            contents.notes.push(format!("{file} has no version and is left alone, as dbmate does"));
            continue;
        };
        let text = listing.text(file)?;
        let mut migration = Migration::of_file(version, name, listing.path(file), &text);
        let parts = parts(&migration, &text)?;
        marker::split(&mut migration, &text.text, Some(parts.down.start));
        migration.no_transaction = says_no_transaction(parts.up.text);
        migration.down_no_transaction = says_no_transaction(parts.down.text);
        contents.notes.extend(parts.second_up.map(|line| {
            format!(
                "{file} has a second `-- migrate:up` in line {}, after the down part: dbmate counts what follows \
                 as the way back",
                line.number
            )
        }));
        contents.migrations.push(migration);
    }
    Ok(contents)
}

/// `20240101000000_create_users.sql`; what follows the digits may be anything.
fn parse(file: &str) -> Option<(Version, &str)> {
    let stem = file.strip_suffix(".sql")?;
    let digits = stem.bytes().take_while(u8::is_ascii_digit).count();
    let (version, name) = stem.split_at(digits);
    (digits > 0).then(|| (Version::text(version), name.trim_start_matches(['_', '-'])))
}

struct Parts<'a> {
    up: Line<'a>,
    down: Line<'a>,
    second_up: Option<Line<'a>>,
}

fn parts<'a>(migration: &Migration, text: &'a Text) -> Result<Parts<'a>> {
    let first = |way| lines(&text.text).find(|line| marked(line.text, way).is_some());
    let file = migration.file_name();
    let lacks = |way: &str| {
        Error::invalid(format!("{file} has no `-- migrate:{way}` line, and dbmate refuses it so"))
            .hint("a file of dbmate's holds both: `-- migrate:up` and what goes forward, then `-- migrate:down` and what goes back")
    };
    let up = first("up").ok_or_else(|| lacks("up"))?;
    let down = first("down").ok_or_else(|| lacks("down"))?;
    let wrong = |line, message: &str| marker::error(&migration.path, text, line, format!("{file} {message}"));
    if up.start > down.start {
        return Err(wrong(down, "has `-- migrate:down` before `-- migrate:up`, and dbmate refuses it so"));
    }
    if let Some(line) = lines(&text.text[..up.start]).find(|line| !line.says_nothing()) {
        return Err(wrong(line, "has a statement before `-- migrate:up`, and dbmate refuses it so")
            .hint("move it below that line"));
    }
    let second_up =
        lines(&text.text).find(|line| line.start > down.start && marked(line.text, "up").is_some());
    Ok(Parts { up, down, second_up })
}

/// What follows the marker on its line; `None` when the line is none. Nothing may stand
/// before the two dashes.
fn marked<'a>(line: &'a str, way: &str) -> Option<&'a str> {
    let rest = line.strip_prefix("--")?.trim_start().strip_prefix("migrate:")?.strip_prefix(way)?;
    (rest.is_empty() || rest.starts_with(char::is_whitespace)).then_some(rest)
}

/// `transaction:false` is the only option that counts, written exactly so.
fn says_no_transaction(line: &str) -> bool {
    line.split_whitespace().any(|word| word == "transaction:false")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::folder::{Down, Folder, Format};

    fn folder(files: &[(&str, &str)]) -> Result<Folder> {
        let dir = tempfile::tempdir().expect("a temporary folder");
        for (name, content) in files {
            fs::write(dir.path().join(name), content).expect("a file in it");
        }
        Folder::read(dir.path(), None)
    }

    fn error(text: &str) -> String {
        // A good file beside it shows whose folder it is.
        let good = ("1_good.sql", "-- migrate:up\nselect 1;\n-- migrate:down\n");
        folder(&[good, ("2_bad.sql", text)]).expect_err("a bad file").message().to_owned()
    }

    #[test]
    fn names_begin_with_digits_and_stand_in_the_order_of_text() {
        let good = "-- migrate:up\nselect 1;\n-- migrate:down\nselect 2;\n";
        let read = folder(&[
            ("9_nine.sql", good),
            ("10_ten.sql", good),
            ("20250101-x.sql", good),
            ("20250102.sql", good),
            ("seed.sql", ""),
        ])
        .expect("a folder of dbmate's");
        let seen: Vec<_> = read.migrations.iter().map(|m| (m.version.as_str(), m.name.as_str())).collect();
        assert_eq!(seen, [("10", "ten"), ("20250101", "x"), ("20250102", ""), ("9", "nine")]);
        assert_eq!((read.format, read.notes.len()), (Format::Dbmate, 1));
    }

    #[test]
    fn both_ways_keep_their_places_in_the_file() {
        for end in ["\n", "\r\n"] {
            let text = "-- why\n--  migrate:up transaction:false foo:bar\ncreate table a (b int);\n\n-- migrate:down\ndrop table a;\n"
                .replace('\n', end);
            let read = folder(&[("1_a.sql", &text)]).expect("a folder of dbmate's");
            let migration = &read.migrations[0];
            let Some(Down::Section(down)) = &migration.down else { panic!("no way back") };
            assert_eq!((migration.text.len(), down.len()), (text.len(), text.len()));
            assert_eq!(migration.text.find("create"), text.find("create"));
            assert_eq!(down.find("drop"), text.find("drop"));
            assert!(!migration.text.contains("drop") && !down.contains("create"));
            assert!(migration.no_transaction && !migration.down_no_transaction);
        }
    }

    #[test]
    fn the_option_counts_only_when_it_is_written_exactly() {
        for (options, expected) in [("transaction:false", true), ("transaction:FALSE", false), ("", false)] {
            let text = format!("-- migrate:up {options}\nselect 1;\n-- migrate:down {options}\nselect 2;");
            let read = folder(&[("1_a.sql", &text)]).expect("a folder of dbmate's");
            let migration = &read.migrations[0];
            assert_eq!((migration.no_transaction, migration.down_no_transaction), (expected, expected));
        }
    }

    #[test]
    fn a_down_part_without_statements_is_no_way_back() {
        let read = folder(&[("1_a.sql", "-- migrate:up\nselect 1;\n-- migrate:down\n\n-- none\n")]);
        assert!(read.expect("a folder of dbmate's").migrations[0].down.is_none());
    }

    #[test]
    fn what_dbmate_refuses_is_refused_in_its_words() {
        assert!(error("select 1;\n").contains("2_bad.sql has no `-- migrate:up` line"));
        assert!(error("-- migrate:up\nselect 1;\n -- migrate:down\n").contains("no `-- migrate:down` line"));
        assert!(error("-- migrate:down\n-- migrate:up\n").contains("`-- migrate:down` before"));
        assert!(error("\n-- x\nselect 1;\n-- migrate:up\n-- migrate:down\n").contains("a statement before"));
        assert!(error("-- migrate:upward\n-- migrate:down\n").contains("no `-- migrate:up` line"));
    }

    #[test]
    fn a_second_block_is_named_since_dbmate_counts_it_as_the_way_back() {
        let text = "-- migrate:up\nselect 1;\n-- migrate:down\nselect 2;\n-- migrate:up\nselect 3;\n";
        let read = folder(&[("1_a.sql", text)]).expect("a folder of dbmate's");
        assert!(read.notes[0].contains("a second `-- migrate:up` in line 5"), "{:?}", read.notes);
        assert!(!read.migrations[0].text.contains("select 3"));
    }
}
