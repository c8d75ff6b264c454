//! All the bars of a command, and the control codes that redraw them in place.

use std::fmt::Write as _;
use std::time::Instant;

use super::bar::{Bar, cells, cut};

/// Hides the cursor while bars are drawn.
pub(crate) const HIDE_CURSOR: &str = "\u{1b}[?25l";
/// Shows the cursor again.
pub(crate) const SHOW_CURSOR: &str = "\u{1b}[?25h";

/// Clears from the cursor to the end of the row. Stands before the row's text: behind a text as
/// wide as the terminal it would clear the last cell.
const CLEAR_ROW: &str = "\u{1b}[0K";
/// Clears from the cursor to the end of the screen.
const CLEAR_BELOW: &str = "\u{1b}[0J";

/// The bars, the oldest first.
#[derive(Debug)]
pub(crate) struct Screen {
    pub(crate) bars: Vec<Bar>,
    colors: bool,
    /// What is waited for, and until when that is to be seen.
    notice: Option<(String, Instant)>,
}

/// A row of a frame.
#[derive(Debug)]
pub(crate) struct Row {
    /// The text, with colors.
    pub(crate) text: String,
    /// How many cells it takes.
    pub(crate) width: usize,
}

impl Screen {
    pub(crate) fn new(colors: bool) -> Self {
        Self { bars: Vec::new(), colors, notice: None }
    }

    /// Shows a text below the bars until then.
    pub(crate) fn notice(&mut self, text: String, until: Instant) {
        self.notice = Some((text, until));
    }

    /// Draws up the rows of the next frame.
    pub(crate) fn rows(&self, now: Instant, width: usize, height: usize) -> Vec<Row> {
        let notice = self.notice.as_ref().filter(|(_, until)| *until > now);
        let taken = if notice.is_some() { 2 } else { 1 };
        let room = (height.saturating_sub(taken) / 2).max(1);
        let shown = self.chosen(room).into_iter();
        let rows = shown.flat_map(|bar| bar.rows(now, width, self.colors));
        rows.chain(notice.map(|(text, _)| Row::plain(cut(text, width)))).collect()
    }

    /// Where there is no room for all bars: chooses those that are not done, then those that were
    /// begun last.
    fn chosen(&self, room: usize) -> Vec<&Bar> {
        let mut order: Vec<(usize, &Bar)> = self.bars.iter().enumerate().collect();
        order.sort_by_key(|&(index, bar)| (bar.is_done(), std::cmp::Reverse(index)));
        order.truncate(room);
        order.sort_by_key(|&(index, _)| index);
        order.into_iter().map(|(_, bar)| bar).collect()
    }
}

/// The rows that stand above the cursor and will be drawn over.
#[derive(Debug, Default)]
pub(crate) struct Live {
    widths: Vec<usize>,
    /// How wide the terminal was when they were drawn.
    columns: usize,
}

impl Live {
    /// Returns what draws `rows` over those that stand, in one piece so that it does not flicker.
    pub(crate) fn draw(&mut self, rows: &[Row], columns: usize) -> String {
        let mut frame = self.up(columns);
        for row in rows {
            frame.extend([CLEAR_ROW, &row.text, "\n"]);
        }
        frame.push_str(CLEAR_BELOW);
        self.widths = rows.iter().map(|row| row.width).collect();
        self.columns = columns;
        frame
    }

    /// Returns what makes room for a text of others, below which the next frame is drawn.
    pub(crate) fn clear(&mut self) -> String {
        if self.widths.is_empty() {
            return String::new();
        }
        let codes = self.up(self.columns) + CLEAR_BELOW;
        self.widths.clear();
        codes
    }

    /// Leaves the rows where they are.
    pub(crate) fn settle(&mut self) {
        self.widths.clear();
    }

    /// Returns what moves the cursor to the first of the rows. A terminal that has become narrower
    /// has broken the rows that it has no more room for.
    fn up(&self, columns: usize) -> String {
        let broken = |width: &usize| width.div_ceil(columns.max(1)).max(1);
        let rows: usize = self.widths.iter().map(broken).sum();
        let mut codes = String::new();
        if rows > 0 {
            write!(codes, "\u{1b}[{rows}F").expect("writing to a string");
        }
        codes
    }
}

impl Row {
    /// Makes a row of a text without colors.
    pub(crate) fn plain(text: String) -> Self {
        Self { width: cells(&text), text }
    }
}

#[cfg(test)]
mod tests {
    use oras_spec::Digest;
    use oras_spec::image::{Descriptor, MediaType};

    use super::super::bar::Ending;
    use super::*;

    fn screen(bars: u8) -> Screen {
        let mut screen = Screen::new(false);
        for index in 0..bars {
            let descriptor = Descriptor::of(MediaType::OCTET_STREAM, &[index]);
            screen.bars.push(Bar::new(&descriptor, "Copying"));
        }
        screen
    }

    fn rows(widths: &[usize]) -> Vec<Row> {
        widths.iter().map(|&width| Row::plain("x".repeat(width))).collect()
    }

    #[test]
    fn draws_each_frame_over_the_last() {
        let screen = screen(2);
        let mut live = Live::default();
        let rows = screen.rows(Instant::now(), 80, 24);
        let first = live.draw(&rows, 80);
        assert_eq!(first.matches('\n').count(), 4);
        assert!(!first.contains("\u{1b}[4F"));
        let second = live.draw(&rows, 80);
        assert!(second.starts_with("\u{1b}[4F"));
        assert_eq!(second.matches(CLEAR_ROW).count(), 4);
        live.settle();
        assert!(!live.draw(&rows, 80).contains('F'), "what has settled is not drawn over");
    }

    #[test]
    fn counts_the_rows_that_a_narrower_terminal_has_broken() {
        let mut live = Live::default();
        live.draw(&rows(&[80, 76, 0]), 80);
        assert!(live.draw(&rows(&[40, 40, 40]), 40).starts_with("\u{1b}[5F"));
        assert!(live.draw(&rows(&[80]), 80).starts_with("\u{1b}[3F"));
        assert!(live.draw(&rows(&[80]), 0).starts_with("\u{1b}[1F") || live.columns == 0);
    }

    #[test]
    fn makes_room_for_the_texts_of_others_once() {
        let mut live = Live::default();
        assert_eq!(live.clear(), "");
        live.draw(&rows(&[10, 10]), 80);
        assert_eq!(live.clear(), "\u{1b}[2F\u{1b}[0J");
        assert_eq!(live.clear(), "");
    }

    #[test]
    fn where_there_is_no_room_for_all_what_is_not_done_comes_first() {
        let now = Instant::now();
        let mut screen = screen(20);
        for (index, bar) in screen.bars.iter_mut().enumerate() {
            match index {
                3 => bar.start(now),
                5 => bar.end(now, "Copying", Ending::Failed),
                _ => bar.end(now, "Copied ", Ending::Done),
            }
        }
        let shown: Vec<String> = screen.rows(now, 80, 10).into_iter().map(|row| row.text).collect();
        let digests = [3_u8, 5, 18, 19].map(|index| format!("  └─ {}", Digest::of(&[index])));
        let shown: Vec<&String> = shown.iter().skip(1).step_by(2).collect();
        assert_eq!(shown, digests.iter().collect::<Vec<_>>());
    }
}
