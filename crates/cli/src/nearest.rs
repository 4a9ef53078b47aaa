//! "Did you mean": the known name closest to a mistyped one.

/// The candidate that takes the fewest edits from `name`, if that is at most a third of it.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = name.chars().count().max(3) / 3;
    candidates
        .into_iter()
        .map(|candidate| (edits(name, candidate), candidate))
        .filter(|(edits, _)| *edits <= limit)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance, in characters.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_corrected_and_another_word_is_not() {
        let rules = ["drop-table", "drop-column", "truncate"];
        assert_eq!(nearest("drop-tabel", rules), Some("drop-table"));
        assert_eq!(nearest("droptable", rules), Some("drop-table"));
        assert_eq!(nearest("truncat", rules), Some("truncate"));
        assert_eq!(nearest("rename", rules), None);
        assert_eq!(nearest("x", ["y", "xy"]), Some("y"));
    }
}
