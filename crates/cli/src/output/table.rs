//! Rows and columns, for people.

use comfy_table::{ColumnConstraint, ContentArrangement, Table, presets};
use unicode_width::UnicodeWidthStr as _;

use super::text::{self, Style};

/// What has to be left for the widest column, so that the others are never broken.
const LEFT_FOR_LONG: usize = 20;

/// A table without lines: `header` above columns that share the width.
pub(crate) fn render(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>, style: Style) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(style.width).unwrap_or(u16::MAX))
        .set_header(header.to_vec());
    let mut widths: Vec<usize> = header.iter().map(|cell| cell.width()).collect();
    for row in rows {
        let row: Vec<String> = row.iter().map(|cell| text::printable(cell).replace('\t', " ")).collect();
        for (width, cell) in widths.iter_mut().zip(&row) {
            *width = cell.lines().map(|line| line.width()).max().unwrap_or(0).max(*width);
        }
        table.add_row(row);
    }
    let columns = widths.len();
    let widest = (0..columns).rev().max_by_key(|at| widths[*at]);
    let others: usize = (0..columns).filter(|at| Some(*at) != widest).map(|at| widths[at] + 2).sum();
    // Only the column of the long words gives way, as long as something of it is left.
    let fixed = others + LEFT_FOR_LONG <= style.width;
    for (at, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if fixed && Some(at) != widest {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    let mut out: String = table.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    if out.is_empty() {
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_share_the_width_and_no_line_is_longer() {
        let rows = vec![
            vec!["0001".to_owned(), "create_notes".to_owned(), "12 ms".to_owned()],
            vec![
                "20260101120000".to_owned(),
                "a name that is longer than others ".repeat(3),
                "1.2 s".to_owned(),
            ],
        ];
        let text = render(&["version", "name", "took"], rows, Style { color: false, width: 60 });
        assert!(text.lines().all(|line| line.chars().count() <= 60), "{text}");
        insta::assert_snapshot!(text, @r"
        version         name                                 took
        0001            create_notes                         12 ms
        20260101120000  a name that is longer than others a  1.2 s
                        name that is longer than others a
                        name that is longer than others
        ");
    }
}
