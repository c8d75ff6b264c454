//! Events as live bars on a terminal: two rows per transfer, redrawn five times a second.

pub(crate) mod bar;
pub(crate) mod screen;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use oras_client::{Event, Observer};
use oras_spec::Digest;
use oras_spec::image::Descriptor;

use self::bar::{Bar, Ending};
use self::screen::Screen;
use super::Printer;
use super::notices::Notice;
use super::status::Prompts;
use crate::streams::Size;
use crate::visible::visible;

/// How long a notice stands at least.
const LEGIBLE: Duration = Duration::from_secs(2);

/// How long a frame stands.
const FRAME: Duration = Duration::from_millis(200);

/// Draws bars for what it hears until it is finished or dropped.
pub(crate) struct Progress {
    shared: Arc<Shared>,
    prompts: &'static Prompts,
    drawing: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    finished: Condvar,
    printer: Arc<Printer>,
    /// Tells the terminal's width and height, in cells, whenever it is drawn.
    size: Box<dyn Fn() -> Size + Send + Sync>,
}

struct State {
    screen: Screen,
    /// Which bar speaks of which content under which name.
    index: HashMap<(Digest, String), usize>,
    finished: bool,
}

impl Progress {
    /// Begins to draw on standard error. `size` tells the terminal's width and height in cells.
    pub(crate) fn start(
        prompts: &'static Prompts,
        colors: bool,
        printer: Arc<Printer>,
        size: impl Fn() -> Size + Send + Sync + 'static,
    ) -> Self {
        let state = State { screen: Screen::new(colors), index: HashMap::new(), finished: false };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            finished: Condvar::new(),
            printer,
            size: Box::new(size),
        });
        let drawing = std::thread::Builder::new().name("progress".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || shared.draw_until_finished()
        });
        Self { shared, prompts, drawing: drawing.ok() }
    }

    /// Draws the last frame and gives the terminal back.
    pub(crate) fn finish(&mut self) {
        self.end(|_| {});
    }

    /// As [`finish`](Self::finish), of work that failed or was canceled: what has not ended by now
    /// never will.
    pub(crate) fn give_up(&mut self) {
        let (now, prompt) = (Instant::now(), self.prompts.started);
        self.end(|state| state.screen.bars.iter_mut().for_each(|bar| bar.give_up(now, prompt)));
    }

    fn end(&mut self, change: impl FnOnce(&mut State)) {
        if let Some(drawing) = self.drawing.take() {
            let mut state = self.shared.lock();
            change(&mut state);
            state.screen.notice(String::new(), Instant::now());
            state.finished = true;
            drop(state);
            self.shared.finished.notify_all();
            if drawing.join().is_err() {
                self.shared.printer.control(screen::SHOW_CURSOR);
            }
            self.shared.printer.settle();
        }
    }

    /// Shows what is waited for, and what goes on.
    pub(crate) fn notice(&self, notice: Notice<'_>) {
        let mut state = self.shared.lock();
        match notice {
            Notice::Waiting { why, delay } => {
                // Long enough to be read.
                let until = Instant::now() + delay.max(LEGIBLE);
                state.screen.notice(format!("… {}", visible(why)), until);
            }
            Notice::Resumed { digest, offset } => {
                let bars = state.screen.bars.iter_mut().filter(|bar| bar.is_of(digest));
                bars.for_each(|bar| bar.resume(offset));
            }
        }
    }

    fn with_bar(&self, descriptor: &Descriptor, change: impl FnOnce(&mut Bar)) {
        let mut state = self.shared.lock();
        let key = (descriptor.digest.clone(), super::status::name(descriptor).to_owned());
        let next = state.screen.bars.len();
        let index = *state.index.entry(key).or_insert(next);
        if index == next {
            state.screen.bars.push(Bar::new(descriptor, self.prompts.started));
        }
        change(&mut state.screen.bars[index]);
    }
}

impl Observer for Progress {
    fn event(&self, event: Event<'_>) {
        let now = Instant::now();
        let prompts = self.prompts;
        let end = |descriptor: &Descriptor, prompt, ending| {
            self.with_bar(descriptor, |bar| bar.end(now, prompt, ending));
        };
        match event {
            Event::Started(descriptor) => self.with_bar(descriptor, |bar| bar.start(now)),
            Event::Resumed(descriptor, count) => {
                self.with_bar(descriptor, |bar| bar.resume(count));
            }
            Event::Cached(descriptor) => self.with_bar(descriptor, Bar::mark_cached),
            Event::Moved(descriptor, count) => {
                self.with_bar(descriptor, |bar| bar.advance(now, count));
            }
            Event::Copied(descriptor) => end(descriptor, prompts.done, Ending::Done),
            Event::Exists(descriptor) => end(descriptor, prompts.exists, Ending::Done),
            Event::Skipped(descriptor) => end(descriptor, prompts.skipped, Ending::Done),
            Event::Mounted(descriptor) => end(descriptor, prompts.mounted, Ending::Done),
            Event::Restored(descriptor) => end(descriptor, prompts.restored, Ending::Done),
            Event::Failed(descriptor) => end(descriptor, prompts.started, Ending::Failed),
            _ => {}
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn draw_until_finished(&self) {
        self.printer.control(screen::HIDE_CURSOR);
        let mut state = self.lock();
        loop {
            let finished = state.finished;
            let (width, height) = (self.size)();
            let rows = state.screen.rows(Instant::now(), width.into(), height.into());
            drop(state);
            self.printer.redraw(&rows, width.into());
            if finished {
                break;
            }
            state = self.lock();
            if !state.finished {
                let waited = self.finished.wait_timeout(state, FRAME);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
        }
        self.printer.control(screen::SHOW_CURSOR);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.give_up();
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use oras_spec::image::MediaType;

    use super::*;
    use crate::output::status::PUSH;
    use crate::output::tests::captured;

    #[test]
    fn leaves_a_line_for_each_transfer_and_shows_the_cursor_again() {
        let (printer, stdout, stderr) = captured();
        let mut progress = Progress::start(&PUSH, false, printer, || (80, 24));
        let layer = Descriptor::of(MediaType::IMAGE_LAYER, b"hi");
        progress.event(Event::Exists(&Descriptor::empty_json()));
        progress.event(Event::Started(&layer));
        progress.event(Event::Moved(&layer, 2));
        progress.event(Event::Copied(&layer));
        progress.finish();
        let text = stderr.text();
        assert!(text.starts_with(screen::HIDE_CURSOR));
        assert!(text.ends_with(screen::SHOW_CURSOR));
        assert!(text.contains("✓ Exists    application/vnd.oci.empty.v1+json"));
        assert!(text.contains("✓ Uploaded  application/vnd.oci.image.layer.v1.tar"));
        assert!(text.contains(
            "└─ sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
        ));
        assert_eq!(stdout.text(), "");
    }

    #[test]
    fn what_has_not_ended_when_the_work_is_given_up_has_failed() {
        let (printer, _, stderr) = captured();
        let mut progress = Progress::start(&PUSH, false, printer, || (80, 24));
        let layer = Descriptor::of(MediaType::IMAGE_LAYER, b"hi");
        progress.event(Event::Started(&layer));
        progress.give_up();
        assert!(stderr.text().contains("✗ Uploading application/vnd.oci.image.layer.v1.tar"));
    }

    #[test]
    fn texts_of_others_stand_above_the_bars() {
        let (printer, _, stderr) = captured();
        let mut progress = Progress::start(&PUSH, false, Arc::clone(&printer), || (80, 24));
        progress.event(Event::Exists(&Descriptor::empty_json()));
        while !stderr.text().contains('✓') {
            std::thread::yield_now();
        }
        printer.note("a warning");
        progress.finish();
        printer.note("the end");
        let text = stderr.text();
        assert!(text.contains("\u{1b}[2F\u{1b}[0Ja warning\n"), "{text}");
        assert!(text.ends_with("\u{1b}[?25hthe end\n"), "{text}");
    }

    #[test]
    fn gives_the_terminal_back_when_dropped() {
        let (printer, _, stderr) = captured();
        drop(Progress::start(&PUSH, true, printer, || (80, 24)));
        assert!(stderr.text().ends_with(screen::SHOW_CURSOR));
    }
}
