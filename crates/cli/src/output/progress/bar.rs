//! One transfer: what it looks like at a given moment, in a given width.

use std::time::{Duration, Instant};

use oras_spec::Digest;
use oras_spec::image::Descriptor;

use super::super::human;
use super::super::status::name;
use super::screen::Row;
use crate::visible::visible;

/// How many cells the bar between the brackets has.
const CELLS: usize = 20;
/// How much of a digest is shown where there is no room for all of it.
const SHORT: usize = 12;
/// The narrowest terminal that has room for the bar and the speed, and for a digest below.
const ROOM_FOR_BAR: usize = 80;
/// The narrowest terminal that has room for the numbers at the right.
const ROOM_FOR_NUMBERS: usize = 60;

const SPINNER: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/// How a transfer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Done,
    Failed,
}

/// One transfer.
#[derive(Debug)]
pub(crate) struct Bar {
    prompt: &'static str,
    name: String,
    digest: Digest,
    total: u64,
    moved: u64,
    /// Where bytes came from that need not move.
    remark: Option<String>,
    started: Option<Instant>,
    ended: Option<(Instant, Ending)>,
    speed: Speed,
}

/// A row of cells, and the same with colors.
struct Painter {
    text: String,
    width: usize,
    colors: bool,
}

impl Bar {
    pub(crate) fn new(descriptor: &Descriptor, prompt: &'static str) -> Self {
        Self {
            prompt,
            name: visible(name(descriptor)).into_owned(),
            digest: descriptor.digest.clone(),
            total: descriptor.size,
            moved: 0,
            remark: None,
            started: None,
            ended: None,
            speed: Speed::default(),
        }
    }

    /// Begins, or begins anew.
    pub(crate) fn start(&mut self, now: Instant) {
        self.started = Some(now);
        self.ended = None;
        self.moved = 0;
        self.remark = None;
        self.speed = Speed::default();
    }

    /// Counts bytes that are there already, which says nothing of the speed.
    pub(crate) fn resume(&mut self, count: u64) {
        self.moved = count.min(self.total);
        self.remark = Some(format!("resumed from {}", human::bytes(self.moved)));
    }

    /// Takes note that its bytes are in the cache.
    pub(crate) fn mark_cached(&mut self) {
        self.remark = Some("from the cache".to_owned());
    }

    /// Tells whether it is about this content.
    pub(crate) fn is_of(&self, digest: &Digest) -> bool {
        self.digest == *digest
    }

    /// Counts further bytes.
    pub(crate) fn advance(&mut self, now: Instant, count: u64) {
        self.moved = self.moved.saturating_add(count).min(self.total);
        self.speed.count(now, count);
    }

    /// Ends; what is done is whole.
    pub(crate) fn end(&mut self, now: Instant, prompt: &'static str, ending: Ending) {
        self.prompt = prompt;
        self.started.get_or_insert(now);
        self.ended = Some((now, ending));
        if ending == Ending::Done {
            self.moved = self.total;
        }
    }

    /// Ends as failed, unless it has ended.
    pub(crate) fn give_up(&mut self, now: Instant, prompt: &'static str) {
        if self.ended.is_none() {
            self.end(now, prompt, Ending::Failed);
        }
    }

    /// Tells whether all of it has moved.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.ended, Some((_, Ending::Done)))
    }

    /// Draws the two rows, each at most `width` cells wide.
    pub(crate) fn rows(&self, now: Instant, width: usize, colors: bool) -> [Row; 2] {
        [self.first_row(now, width, colors), self.second_row(now, width)]
    }

    fn first_row(&self, now: Instant, width: usize, colors: bool) -> Row {
        let numbers = if width < ROOM_FOR_NUMBERS {
            format!(" {:>4.0}%", self.percent())
        } else {
            format!(
                " {}/{} {:6.2}% {:>6}",
                self.offset(),
                human::bytes(self.total),
                self.percent(),
                human::duration(self.elapsed(now))
            )
        };
        let mut row = Painter { text: String::new(), width: 0, colors };
        self.mark(now, &mut row);
        if self.ended.is_none() && width >= ROOM_FOR_BAR {
            self.gauge(&mut row);
            row.plain(&format!("({:>7}/s) ", human::bytes(self.speed.per_second(now))));
        }
        row.plain(self.prompt);
        row.plain(" ");
        let room = width.saturating_sub(row.width + cells(&numbers));
        row.plain(&cut(&self.name, room));
        let gap = width.saturating_sub(row.width + cells(&numbers));
        row.plain(&" ".repeat(gap));
        row.plain(&numbers);
        Row { text: row.text, width: row.width }
    }

    /// Draws the digest or, where there is no room for it, its beginning and the numbers that have
    /// no room in the first row.
    fn second_row(&self, now: Instant, width: usize) -> Row {
        let digest = &self.digest.encoded()[..SHORT];
        if width >= ROOM_FOR_BAR {
            let text = match &self.remark {
                Some(remark) => format!("  └─ {digest} {remark}"),
                None => format!("  └─ {}", self.digest),
            };
            return Row::plain(cut(&text, width));
        }
        let moved = if width < ROOM_FOR_NUMBERS {
            format!(" {}/{}", self.offset(), human::bytes(self.total))
        } else {
            String::new()
        };
        let speed = match self.ended {
            None => format!(" {}/s", human::bytes(self.speed.per_second(now))),
            Some(_) => String::new(),
        };
        let remark = self.remark.as_ref().map_or(String::new(), |remark| format!(" {remark}"));
        let text = format!("  └─ {digest}{moved}{speed}{remark}");
        Row::plain(cut(&text, width))
    }

    fn mark(&self, now: Instant, row: &mut Painter) {
        match self.ended {
            Some((_, Ending::Done)) => row.painted("✓", "92"),
            Some((_, Ending::Failed)) => row.painted("✗", "91"),
            None => {
                let frame = usize::try_from(self.elapsed(now).as_millis() / 200).unwrap_or(0);
                row.painted(&SPINNER[frame % SPINNER.len()].to_string(), "93");
            }
        }
        row.plain(" ");
    }

    fn gauge(&self, row: &mut Painter) {
        let fraction = self.percent() / 100.0;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "0 to 20"
        )]
        let filled = ((CELLS as f64 * fraction) as usize).min(CELLS);
        row.plain("[");
        if row.colors {
            row.painted(&" ".repeat(filled), "104");
        } else {
            row.plain(&"=".repeat(filled));
        }
        row.plain(&".".repeat(CELLS - filled));
        row.plain("]");
    }

    fn percent(&self) -> f64 {
        match (self.total, self.ended) {
            (0, Some(_)) => 100.0,
            (0, None) => 0.0,
            (total, _) => human::as_float(self.moved) / human::as_float(total) * 100.0,
        }
    }

    /// How much has moved, in the unit of the whole: exact once it is done.
    fn offset(&self) -> String {
        if self.started.is_none() {
            return "-".to_owned();
        }
        let whole = human::bytes(self.total);
        if self.moved == self.total {
            return whole.split(' ').next().unwrap_or_default().to_owned();
        }
        format!("{:.2}", human::as_float(self.moved) / human::unit(self.total).1)
    }

    fn elapsed(&self, now: Instant) -> Duration {
        let end = self.ended.map_or(now, |(end, _)| end);
        self.started.map_or(Duration::ZERO, |start| end.saturating_duration_since(start))
    }
}

impl Painter {
    fn plain(&mut self, text: &str) {
        self.width += cells(text);
        self.text.push_str(text);
    }

    fn painted(&mut self, text: &str, color: &str) {
        self.width += cells(text);
        if self.colors {
            for part in ["\u{1b}[", color, "m", text, "\u{1b}[0m"] {
                self.text.push_str(part);
            }
        } else {
            self.text.push_str(text);
        }
    }
}

/// How many cells a text takes on a terminal.
pub(crate) fn cells(text: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(text)
}

/// Cuts a text that has no room; what was cut ends in a full stop.
pub(super) fn cut(text: &str, room: usize) -> String {
    if cells(text) <= room {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 0;
    for character in text.chars() {
        used += unicode_width::UnicodeWidthChar::width(character).unwrap_or(0);
        if used + 1 > room {
            break;
        }
        kept.push(character);
    }
    if room > 0 {
        kept.push('.');
    }
    kept
}

/// The speed over the last few seconds.
#[derive(Debug, Default)]
struct Speed {
    /// Bytes that moved in each second that is remembered, the newest last.
    seconds: std::collections::VecDeque<(Instant, u64)>,
}

impl Speed {
    const REMEMBERED: usize = 4;
    /// What is longer ago does not count: what has come to a halt has no speed.
    const RECENT: Duration = Duration::from_secs(4);

    fn count(&mut self, now: Instant, bytes: u64) {
        match self.seconds.back_mut() {
            Some((since, count)) if now.saturating_duration_since(*since).as_millis() < 500 => {
                *count += bytes;
            }
            _ => self.seconds.push_back((now, bytes)),
        }
        if self.seconds.len() > Self::REMEMBERED {
            self.seconds.pop_front();
        }
    }

    fn per_second(&self, now: Instant) -> u64 {
        let age = |since: &Instant| now.saturating_duration_since(*since);
        let mut recent = self.seconds.iter().filter(|(since, _)| age(since) < Self::RECENT);
        let Some((since, first)) = recent.next() else { return 0 };
        let bytes = first + recent.map(|(_, count)| count).sum::<u64>();
        let milliseconds = now.saturating_duration_since(*since).as_millis().max(100);
        u64::try_from(u128::from(bytes) * 1000 / milliseconds).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use oras_spec::image::{MediaType, annotation};

    use super::*;

    fn bar(title: &str, size: u64) -> Bar {
        let mut descriptor = Descriptor::of(MediaType::IMAGE_LAYER, b"hi");
        descriptor.size = size;
        descriptor.annotations.insert(annotation::TITLE.into(), title.into());
        Bar::new(&descriptor, "Uploading")
    }

    #[test]
    fn shows_a_transfer_that_runs() {
        let start = Instant::now();
        let mut bar = bar("hi.txt", 2 * 1024 * 1024);
        assert!(bar.rows(start, 80, false)[0].text.ends_with(" -/2 MB   0.00%     0s"));
        bar.start(start);
        bar.advance(start, 838_861);
        let now = start + Duration::from_secs(3);
        let [first, second] = bar.rows(now, 100, false).map(|row| row.text);
        assert!(
            first.starts_with("⠴ [========............]( 273 KB/s) Uploading hi.txt  "),
            "{first}"
        );
        assert!(first.ends_with(" 0.80/2 MB  40.00%     3s"), "{first}");
        assert_eq!(cells(&first), 100);
        assert!(second.starts_with("  └─ sha256:8f434346648f"));
    }

    #[test]
    fn shows_how_a_transfer_ended() {
        let start = Instant::now();
        let mut done = bar("hi.txt", 2);
        done.start(start);
        done.end(start + Duration::from_millis(19), "Uploaded ", Ending::Done);
        let row = &done.rows(start, 80, false)[0].text;
        assert!(row.starts_with("✓ Uploaded  hi.txt"), "{row}");
        assert!(row.ends_with(" 2/2  B 100.00%   19ms"), "{row}");
        let mut failed = bar("hi.txt", 2);
        failed.start(start);
        failed.end(start, "Uploading", Ending::Failed);
        let row = &failed.rows(start, 80, true)[0].text;
        assert!(row.starts_with("\u{1b}[91m✗\u{1b}[0m Uploading hi.txt"), "{row}");
        assert!(row.contains("0.00%"), "{row}");
        let mut empty = bar("empty", 0);
        empty.end(start, "Exists   ", Ending::Done);
        assert!(empty.rows(start, 80, false)[0].text.ends_with(" 0/0  B 100.00%     0s"));
    }

    #[test]
    fn says_which_bytes_need_not_move() {
        let start = Instant::now();
        let mut bar = bar("hi.txt", 2 * 1024 * 1024);
        bar.start(start);
        bar.resume(1024 * 1024);
        let rows = bar.rows(start, 80, false).map(|row| row.text);
        assert!(rows[0].contains("1.00/2 MB  50.00%"), "{rows:?}");
        assert_eq!(rows[1], "  └─ 8f434346648f resumed from 1 MB");
        bar.mark_cached();
        bar.end(start, "Pulled", Ending::Done);
        assert_eq!(bar.rows(start, 80, false)[1].text, "  └─ 8f434346648f from the cache");
        assert_eq!(bar.rows(start, 60, false)[1].text, "  └─ 8f434346648f from the cache");
        bar.start(start);
        assert!(bar.rows(start, 80, false)[1].text.contains("sha256:8f434346648f"));
    }

    #[test]
    fn never_is_wider_than_the_terminal() {
        let start = Instant::now();
        let mut bar =
            bar("a/very/long/path/to/a/file/with/字/in/its/name/that/does/not/fit.bin", 1 << 40);
        for width in [0, 1, 10, 20, 40, 60, 79, 80, 120] {
            assert!(bar.rows(start, width, false)[0].width <= width.max(18), "{width}");
            assert!(bar.rows(start, width, false)[1].width <= width, "{width}");
        }
        bar.start(start);
        bar.advance(start, 1 << 39);
        for width in [20, 40, 60, 79, 80, 120] {
            let row = &bar.rows(start, width, false)[0];
            assert_eq!((cells(&row.text), row.width), (width, width), "{}", row.text);
        }
        assert!(bar.rows(start, 40, false)[0].text.contains("a/very"));
    }

    #[test]
    fn a_narrow_terminal_has_the_numbers_in_the_second_row() {
        let start = Instant::now();
        let mut bar = bar("hi.txt", 2 * 1024 * 1024);
        bar.start(start);
        bar.advance(start, 838_861);
        let now = start + Duration::from_secs(3);
        let rows = |bar: &Bar, width| bar.rows(now, width, false).map(|row| row.text);
        assert_eq!(
            rows(&bar, 40),
            ["⠴ Uploading hi.txt                   40%", "  └─ 8f434346648f 0.80/2 MB 273 KB/s"]
        );
        assert!(rows(&bar, 60)[0].ends_with(" 0.80/2 MB  40.00%     3s"));
        assert_eq!(rows(&bar, 60)[1], "  └─ 8f434346648f 273 KB/s");
        let rows_later = bar.rows(start + Duration::from_secs(9), 60, false);
        assert_eq!(rows_later[1].text, "  └─ 8f434346648f 0  B/s");
        bar.end(now, "Uploaded ", Ending::Done);
        assert_eq!(rows(&bar, 40)[1], "  └─ 8f434346648f 2/2 MB");
    }
}
