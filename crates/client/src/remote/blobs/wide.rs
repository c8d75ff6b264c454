//! One blob over many connections: pieces asked for ahead of whoever reads, handed on in order.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::{Blob, Download};
use crate::{Error, ErrorKind, Result};

/// When and how one blob is fetched over many connections.
#[derive(Clone, Copy, Debug)]
pub struct Parallelism {
    /// How many bytes must be left for that; 64 MiB.
    pub rest: u64,
    /// As `rest`, of what was broken off before; 2 GiB. Pieces that have not come to their turn are
    /// lost when that happens again.
    pub rest_of_resumed: u64,
    /// How many bytes each connection is asked for at a time; 2 MiB. Twelve of these are in memory.
    pub piece: u64,
    /// How long one connection is watched first; 250 ms.
    pub watch: Duration,
    /// Above how many bytes a second one connection is enough; 100 million. What is faster fills
    /// its line, or is bound by this machine.
    pub enough: u64,
}

impl Default for Parallelism {
    fn default() -> Self {
        Self {
            rest: 64 * 1024 * 1024,
            rest_of_resumed: 2 * 1024 * 1024 * 1024,
            piece: 2 * 1024 * 1024,
            watch: Duration::from_millis(250),
            enough: 100_000_000,
        }
    }
}

/// How many connections are tried first, and how many if that was worth it.
const LEVELS: [usize; 2] = [6, 12];

/// By what factor more connections must be faster to stay.
const WORTH: f64 = 1.2;

/// A speed, measured from its first byte on.
#[derive(Debug)]
struct Meter {
    since: Instant,
    bytes: u64,
}

impl Meter {
    fn start() -> Self {
        Self { since: Instant::now(), bytes: 0 }
    }

    /// In bytes a second.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn speed(&self) -> f64 {
        self.bytes as f64 / self.since.elapsed().as_secs_f64().max(1e-6)
    }
}

/// A download that takes more connections where these bring more.
pub(super) struct Adaptive {
    /// The one connection: all there is at first, and again if more are of no use.
    line: Download,
    plan: Parallelism,
    /// How fast the line is; nothing if that is of no interest anymore.
    meter: Option<Meter>,
    wide: Option<Wide>,
}

impl Adaptive {
    pub(super) fn new(line: Download, mut plan: Parallelism) -> Self {
        if line.offset > 0 {
            plan.rest = plan.rest_of_resumed;
        }
        Self { line, plan, meter: Some(Meter::start()), wide: None }
    }

    pub(super) fn into_stream(self) -> impl Stream<Item = Result<Bytes>> + Send + 'static {
        stream::try_unfold(self, |mut download| async move {
            Ok(download.next().await?.map(|chunk| (chunk, download)))
        })
    }

    /// Returns the next bytes; nothing at the end.
    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            if let Some(chunk) = self.line.next().await? {
                self.measure(chunk.len() as u64);
                return Ok(Some(chunk));
            }
            if self.line.offset >= self.line.blob.size {
                return Ok(None);
            }
            let Some(wide) = &mut self.wide else { return Ok(None) };
            // Whatever went wrong goes wrong once more on the line, or not at all.
            if let Ok(Some(chunk)) = wide.next().await {
                self.line.offset += chunk.len() as u64;
                self.line.end = self.line.offset;
                return Ok(Some(chunk));
            }
            self.wide = None;
            self.line.end = self.line.blob.size;
        }
    }

    /// Watches the line, and has others begin where it is to end if it is slow.
    fn measure(&mut self, count: u64) {
        let Some(meter) = &mut self.meter else { return };
        meter.bytes += count;
        let start = self.line.offset + self.plan.piece;
        let is_watched = meter.since.elapsed() >= self.plan.watch && meter.bytes >= self.plan.piece;
        if !is_watched {
            return;
        }
        let speed = meter.speed();
        self.meter = None;
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let is_slow = speed < self.plan.enough as f64;
        if is_slow && start + self.plan.rest <= self.line.blob.size {
            self.line.end = start;
            self.wide = Some(Wide::begin(self.line.blob.clone(), start, self.plan.piece, speed));
        }
    }
}

/// Pieces on their way.
struct Wide {
    blob: Blob,
    piece: u64,
    /// Where the next piece begins.
    next: u64,
    queue: VecDeque<Fetch>,
    ready: std::vec::IntoIter<Bytes>,
    /// How many pieces may be on their way, and which level that is.
    limit: usize,
    level: usize,
    /// The speed with fewer connections; nothing if there is nothing to find out anymore.
    before: Option<f64>,
    meter: Meter,
}

impl Wide {
    fn begin(blob: Blob, start: u64, piece: u64, before: f64) -> Self {
        let mut wide = Self {
            blob,
            piece,
            next: start,
            queue: VecDeque::new(),
            ready: Vec::new().into_iter(),
            limit: LEVELS[0],
            level: 0,
            before: Some(before),
            meter: Meter::start(),
        };
        wide.fill();
        wide
    }

    fn fill(&mut self) {
        while self.queue.len() < self.limit && self.next < self.blob.size {
            let end = (self.next + self.piece).min(self.blob.size);
            self.queue.push_back(Fetch::begin(self.blob.clone(), self.next, end));
            self.next = end;
        }
    }

    /// Returns the next bytes; nothing if no more pieces are on their way.
    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            if let Some(chunk) = self.ready.next() {
                return Ok(Some(chunk));
            }
            self.fill();
            let Some(front) = self.queue.front_mut() else { return Ok(None) };
            let pieces = front.end().await?;
            self.queue.pop_front();
            self.meter.bytes += pieces.iter().map(|piece| piece.len() as u64).sum::<u64>();
            self.ready = pieces.into_iter();
            self.weigh();
        }
    }

    /// Decides, after some rounds, whether there are too many connections, enough, or too few.
    fn weigh(&mut self) {
        let Some(before) = self.before else { return };
        let round = self.piece * self.limit as u64;
        // The first round brings what was asked for while the line was read.
        if self.meter.bytes < 3 * round {
            return;
        }
        let speed = self.meter.speed();
        self.before = None;
        if speed < before * WORTH {
            // What is on its way arrives; then one line goes on, or fewer.
            self.limit = if self.level == 0 { 0 } else { LEVELS[self.level - 1] };
        } else if self.level + 1 < LEVELS.len() {
            self.level += 1;
            self.limit = LEVELS[self.level];
            self.before = Some(speed);
            self.meter = Meter::start();
        }
    }
}

/// A piece that is fetched in a task of its own, which ends when this is dropped.
struct Fetch(JoinHandle<Result<Vec<Bytes>>>);

impl Fetch {
    fn begin(blob: Blob, start: u64, end: u64) -> Self {
        Self(tokio::spawn(async move {
            let mut download = Download::new(blob, start, None).part(end);
            let mut pieces = Vec::new();
            while let Some(chunk) = download.next().await? {
                pieces.push(chunk);
            }
            Ok(pieces)
        }))
    }

    async fn end(&mut self) -> Result<Vec<Bytes>> {
        let stopped = |error| Error::new(ErrorKind::Canceled, "stopped").with_source(error);
        (&mut self.0).await.map_err(stopped)?
    }
}

impl Drop for Fetch {
    fn drop(&mut self) {
        self.0.abort();
    }
}
