//! Tables: columns that line up, fit the terminal, and keep what matters when there is little room.

use std::fmt::Write as _;

use anstyle::Style;

use super::text::{cut_end, cut_middle, printable, width};
use super::{Look, style};

/// A table that is filled row by row and then rendered for a terminal.
#[derive(Debug, Clone)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Row>,
}

/// How one column looks.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    title: &'static str,
    align: Align,
    fit: Fit,
}

/// To which side a column's cells are pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// What a column does when the terminal is too narrow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// It stays whole: numbers, digests.
    Whole,
    /// Its cells lose their ends: sentences, instructions.
    CutEnd,
    /// Its cells lose their middles: paths.
    CutMiddle,
}

/// One cell: text of any origin, and a style for all of it.
#[derive(Debug, Clone)]
pub struct Cell {
    text: String,
    style: Style,
}

#[derive(Debug, Clone)]
enum Row {
    Cells(Vec<Cell>),
    /// A line below so many columns.
    Rule(usize),
}

/// Spaces before the first column, and between columns.
const INDENT: usize = 2;
const GAP: usize = 2;
/// No column is cut to less than this, even if the table then does not fit.
const NARROWEST: usize = 12;

impl Column {
    /// Words of modest length.
    pub const fn words(title: &'static str) -> Self {
        Self { title, align: Align::Left, fit: Fit::Whole }
    }

    /// Numbers and sizes.
    pub const fn number(title: &'static str) -> Self {
        Self { title, align: Align::Right, fit: Fit::Whole }
    }

    /// Paths; cut in the middle where there is little room.
    pub const fn path(title: &'static str) -> Self {
        Self { title, align: Align::Left, fit: Fit::CutMiddle }
    }

    /// Sentences; cut at the end where there is little room.
    pub const fn sentence(title: &'static str) -> Self {
        Self { title, align: Align::Left, fit: Fit::CutEnd }
    }
}

impl Cell {
    /// A cell in one style. The text may come from anywhere; it is made harmless here.
    pub fn styled(text: impl AsRef<str>, style: Style) -> Self {
        Self { text: printable(text.as_ref()).into_owned(), style }
    }
}

impl<T: ToString> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::styled(text.to_string(), style::PLAIN)
    }
}

impl Table {
    /// An empty table.
    pub fn new(columns: impl Into<Vec<Column>>) -> Self {
        Self { columns: columns.into(), rows: Vec::new() }
    }

    /// Whether it has no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Adds a row. Cells that are missing at its end are empty; there are no more cells than columns.
    pub fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        debug_assert!(N <= self.columns.len(), "a row has more cells than the table has columns");
        self.rows.push(Row::Cells(cells.into()));
    }

    /// Adds a row of a table whose columns are known only now. What is more than there are columns is not shown.
    pub fn cells(&mut self, cells: Vec<Cell>) {
        self.rows.push(Row::Cells(cells));
    }

    /// Adds a line below the columns that have a sum, and below it the row of sums. Below a single row
    /// there is nothing to sum up.
    pub fn total<const N: usize>(&mut self, cells: [Cell; N]) {
        if self.rows.len() < 2 {
            return;
        }
        self.rows.push(Row::Rule(N));
        self.row(cells.map(|cell| Cell { style: style::HEADING, ..cell }));
    }

    /// The table as text, one line per row, below its titles.
    pub fn render(&self, look: &Look) -> String {
        let widths = self.widths(look.width);
        let titles: Vec<Cell> =
            self.columns.iter().map(|column| Cell::styled(column.title, style::DIM)).collect();
        let mut text = self.line(&titles, &widths, look);
        for row in &self.rows {
            text += &match row {
                Row::Cells(cells) => self.line(cells, &widths, look),
                Row::Rule(columns) => rule(&widths[..*columns], look),
            };
        }
        text
    }

    /// Every column as wide as its widest cell; where that is too much, the widest of those that can
    /// be cut gives way, again and again, so that short columns stay whole as long as possible.
    fn widths(&self, available: Option<usize>) -> Vec<usize> {
        let mut widths: Vec<usize> = self.columns.iter().map(|c| width(c.title)).collect();
        for row in &self.rows {
            let Row::Cells(cells) = row else { continue };
            for (widest, cell) in widths.iter_mut().zip(cells) {
                *widest = (*widest).max(width(&cell.text));
            }
        }
        let Some(available) = available else { return widths };
        let mut excess = total_width(&widths).saturating_sub(available);
        while excess > 0 {
            let Some((at, spare)) = self.next_to_shrink(&widths) else { break };
            let step = spare.min(excess);
            widths[at] -= step;
            excess -= step;
        }
        widths
    }

    /// The widest column that can be cut, and how much it can give before another is the widest.
    fn next_to_shrink(&self, widths: &[usize]) -> Option<(usize, usize)> {
        let floor = |at: usize| width(self.columns[at].title).max(NARROWEST);
        let mut candidates: Vec<usize> = (0..widths.len())
            .filter(|at| self.columns[*at].fit != Fit::Whole && widths[*at] > floor(*at))
            .collect();
        candidates.sort_by_key(|at| std::cmp::Reverse(widths[*at]));
        let widest = *candidates.first()?;
        let next = candidates.get(1).map_or(0, |at| widths[*at]);
        Some((widest, (widths[widest] - next.max(floor(widest)).min(widths[widest])).max(1)))
    }

    fn line(&self, cells: &[Cell], widths: &[usize], look: &Look) -> String {
        let mut line = String::new();
        // Spaces wait until something follows them: no line ends in spaces.
        let mut spaces = INDENT;
        for ((column, cell), columns) in self.columns.iter().zip(cells).zip(widths) {
            let text = match column.fit {
                Fit::Whole => cell.text.as_str().into(),
                Fit::CutEnd => cut_end(&cell.text, *columns, look.glyphs),
                Fit::CutMiddle => cut_middle(&cell.text, *columns, look.glyphs),
            };
            let padding = columns.saturating_sub(width(&text));
            let (before, after) = match column.align {
                Align::Left => (0, padding),
                Align::Right => (padding, 0),
            };
            spaces += before;
            if !text.is_empty() {
                // Writing to a string cannot fail.
                let _ = write!(line, "{:spaces$}{style}{text}{style:#}", "", style = cell.style);
                spaces = 0;
            }
            spaces += after + GAP;
        }
        line.push('\n');
        line
    }
}

fn total_width(widths: &[usize]) -> usize {
    INDENT + widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1)
}

fn rule(widths: &[usize], look: &Look) -> String {
    let (dim, columns) = (style::DIM, total_width(widths) - INDENT);
    format!("{:INDENT$}{dim}{}{dim:#}\n", "", look.glyphs.rule().repeat(columns))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::{Glyphs, bar};
    use lightship_base::ByteSize;

    fn look(width: Option<usize>) -> Look {
        Look { width, glyphs: Glyphs::Unicode, live: false }
    }

    fn sample(look: &Look) -> String {
        let mut table = Table::new([
            Column::number("bytes"),
            Column::words("share"),
            Column::path("path"),
            Column::sentence("because of"),
        ]);
        let rows = [
            (
                150_000_000,
                "opt/toolchain/lib/gcc/x86_64-linux-gnu/12/cc1plus",
                "RUN apt-get install -y g++",
            ),
            (12_345, "root/.cache/pip/数据.whl", "RUN pip install pandas"),
            (9, "evil\u{1b}[2J", ""),
        ];
        let whole: u64 = rows.iter().map(|row| row.0).sum();
        for (bytes, path, why) in rows {
            let share = bar::bar(bytes, whole, 8, look.glyphs);
            table.row([ByteSize(bytes).into(), share.into(), path.into(), why.into()]);
        }
        table.total([ByteSize(whole).into()]);
        anstream::adapter::strip_str(&table.render(look)).to_string()
    }

    #[test]
    fn a_file_gets_everything() {
        insta::assert_snapshot!(sample(&look(None)));
    }

    #[test]
    fn a_terminal_gets_what_fits() {
        insta::assert_snapshot!(sample(&look(Some(60))));
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_until_columns_are_narrowest() {
        for columns in 50..120 {
            for line in sample(&look(Some(columns))).lines() {
                assert!(width(line) <= columns, "{columns}: {line}");
                assert_eq!(line.trim_end(), line);
            }
        }
        // Absurdly narrow: it overflows, but it ends and nothing is lost from numbers.
        assert!(sample(&look(Some(1))).contains("150 MB"));
    }

    #[test]
    fn styles_surround_text_and_not_the_space_beside_it() {
        let mut table = Table::new([Column::number("n"), Column::words("verdict")]);
        table.row([1.into(), Cell::styled("bad", style::ERROR)]);
        let (dim, error) = (style::DIM, style::ERROR);
        assert_eq!(
            table.render(&look(None)),
            format!("  {dim}n{dim:#}  {dim}verdict{dim:#}\n  1  {error}bad{error:#}\n")
        );
    }
}
