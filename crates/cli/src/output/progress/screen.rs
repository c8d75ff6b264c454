//! All the bars of a command, and the control codes that redraw them in place.

use std::fmt::Write as _;
use std::time::Instant;

use super::bar::Bar;

/// Hides the cursor while bars are drawn.
pub(crate) const HIDE_CURSOR: &str = "\u{1b}[?25l";
/// Shows the cursor again.
pub(crate) const SHOW_CURSOR: &str = "\u{1b}[?25h";

/// Clears from the cursor to the end of the row. Stands before the row's text: behind a text as
/// wide as the terminal it would clear the last cell.
const CLEAR_ROW: &str = "\u{1b}[0K";

/// The bars, the oldest first.
#[derive(Debug)]
pub(crate) struct Screen {
    pub(crate) bars: Vec<Bar>,
    colors: bool,
    /// How many rows the last frame took, all above the cursor.
    rows: usize,
}

impl Screen {
    pub(crate) fn new(colors: bool) -> Self {
        Self { bars: Vec::new(), colors, rows: 0 }
    }

    /// Draws the next frame over the last one, in one piece so that it does not flicker. Where
    /// there is no room for all the bars the last ones are drawn.
    pub(crate) fn frame(&mut self, now: Instant, width: usize, height: usize) -> String {
        let room = (height.saturating_sub(1) / 2).max(1);
        let hidden = self.bars.len().saturating_sub(room);
        let mut frame = String::new();
        if self.rows > 0 {
            write!(frame, "\u{1b}[{}F", self.rows).expect("writing to a string");
        }
        for bar in &self.bars[hidden..] {
            for row in bar.rows(now, width, self.colors) {
                frame.push_str(CLEAR_ROW);
                frame.push_str(&row);
                frame.push('\n');
            }
        }
        self.rows = 2 * (self.bars.len() - hidden);
        frame
    }
}

#[cfg(test)]
mod tests {
    use oras_spec::image::{Descriptor, MediaType};

    use super::*;

    fn screen(bars: u8) -> Screen {
        let mut screen = Screen::new(false);
        for index in 0..bars {
            let descriptor = Descriptor::of(MediaType::OCTET_STREAM, &[index]);
            screen.bars.push(Bar::new(&descriptor, "Copying"));
        }
        screen
    }

    #[test]
    fn draws_each_frame_over_the_last() {
        let mut screen = screen(2);
        let now = Instant::now();
        let first = screen.frame(now, 80, 24);
        assert_eq!(first.matches('\n').count(), 4);
        assert!(!first.contains("\u{1b}[4F"));
        let second = screen.frame(now, 80, 24);
        assert!(second.starts_with("\u{1b}[4F"));
        assert_eq!(second.matches(CLEAR_ROW).count(), 4);
    }

    #[test]
    fn draws_the_last_bars_where_there_is_no_room_for_all() {
        let mut screen = screen(20);
        let frame = screen.frame(Instant::now(), 80, 10);
        assert_eq!(frame.matches('\n').count(), 8);
        assert!(frame.contains(screen_digest(19).as_str()));
        assert!(!frame.contains(screen_digest(15).as_str()));
    }

    fn screen_digest(index: u8) -> oras_spec::Digest {
        oras_spec::Digest::of(&[index])
    }
}
