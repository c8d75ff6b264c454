//! In which way a blob is sent: whole where that works, which is nearly everywhere, else as the
//! registry at hand takes it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;
use oras_spec::distribution::ErrorCode;

use crate::remote::repository::Repository;
use crate::transport::back_off;
use crate::{Error, ErrorKind, RegistryResponse};

const MIB: u64 = 1024 * 1024;
/// The smallest limit on a chunk known: 4 MiB.
const SMALL_CHUNK: u64 = 4 * MIB;
/// What chunks are without a reason for another size.
pub(super) const CHUNK: u64 = 8 * MIB;
/// Amazon's registries refuse smaller chunks than 5 MiB, ...
const MIN_AMAZON_CHUNK: u64 = 5 * MIB;
/// ... are best with 10 MiB ...
const AMAZON_CHUNK: u64 = 10 * MIB;
/// ... to 20 MiB, ...
const MAX_AMAZON_CHUNK: u64 = 20 * MIB;
/// ... and take this many at most; a few are left in hand.
const MAX_AMAZON_CHUNKS: u64 = 4_000;
/// The largest chunk that is held in memory, whatever a registry asks for.
pub(super) const MAX_CHUNK: u64 = 64 * MIB;

/// A way to send a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// One PUT.
    Single,
    /// PATCHes of so many bytes, and a PUT with the rest.
    Chunked(u64),
    /// One PATCH without a range, and a PUT without bytes.
    Streamed,
}

/// What uploads to a registry have taught.
#[derive(Debug, Default)]
pub(in crate::remote) struct Lessons(Mutex<Known>);

#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// Only streams are taken.
    streams: bool,
    /// Blobs of this size and more are taken in chunks only, and of which size.
    chunks: Option<(u64, u64)>,
}

impl Lessons {
    /// Chooses how to begin with a blob of `size` bytes, which may be begun anew so often in each way.
    pub(super) fn ladder(&self, host: &str, size: u64, retries: u32) -> Ladder {
        let known = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mode = match known {
            Known { streams: true, .. } => Mode::Streamed,
            Known { chunks: Some((from, chunk)), .. } if size >= from => Mode::Chunked(chunk),
            _ => Mode::Single,
        };
        let is_amazon = is_amazon(host);
        let sizes = match host {
            "ghcr.io" => (SMALL_CHUNK, SMALL_CHUNK),
            _ if is_amazon => {
                let chunk = size.div_ceil(MAX_AMAZON_CHUNKS).clamp(AMAZON_CHUNK, MAX_AMAZON_CHUNK);
                (chunk, MIN_AMAZON_CHUNK)
            }
            _ => (CHUNK, SMALL_CHUNK),
        };
        Ladder { mode, size, chunk: sizes.0, smallest: sizes.1, restarts: 0, retries }
    }

    /// Remembers what a success on a lower rung says about blobs to come.
    pub(super) fn learn(&self, ladder: &Ladder) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match ladder.mode {
            Mode::Single => {}
            Mode::Streamed => known.streams = true,
            Mode::Chunked(chunk) => {
                let from = known.chunks.map_or(ladder.size, |(from, _)| from.min(ladder.size));
                known.chunks = Some((from, chunk));
            }
        }
    }
}

/// Tells whether a host is one of Amazon's registries.
fn is_amazon(host: &str) -> bool {
    ["amazonaws.com", "amazonaws.com.cn", "on.aws", "ecr.aws"]
        .iter()
        .any(|name| host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.')))
}

impl Repository {
    /// Tells whether the registry is one of those that do not say how far an upload came.
    pub(super) fn is_amazon(&self) -> bool {
        is_amazon(self.registry().host())
    }
}

/// The ways that are left for one blob.
#[derive(Debug)]
pub(super) struct Ladder {
    mode: Mode,
    size: u64,
    /// The size of chunks to begin with.
    chunk: u64,
    /// The size of chunks to end with.
    smallest: u64,
    /// How often this way has been tried again.
    restarts: u32,
    retries: u32,
}

impl Ladder {
    pub(super) fn mode(&self) -> Mode {
        self.mode
    }

    /// Returns how often this way has been tried again.
    pub(super) fn restarts(&self) -> u32 {
        self.restarts
    }

    /// Allows one more beginning in the same way; `false` if there were enough.
    pub(super) fn restart(&mut self) -> bool {
        self.restarts += 1;
        self.restarts <= self.retries
    }

    /// Decides how to go on after `error`, and after which wait; nothing if it is final.
    pub(super) fn descend(&mut self, error: &Error) -> Option<Duration> {
        let next = self.next(error)?;
        if next != self.mode {
            self.mode = next;
            self.restarts = 0;
            return Some(Duration::ZERO);
        }
        if self.restarts >= self.retries {
            return None;
        }
        self.restarts += 1;
        Some(back_off(self.restarts - 1))
    }

    fn next(&self, error: &Error) -> Option<Mode> {
        let Some(response) = error.response() else {
            return (error.kind() == ErrorKind::Network).then(|| self.after_lost_connection());
        };
        let code = response.body.errors.first().map(|entry| &entry.code);
        let is_gone =
            response.status == StatusCode::NOT_FOUND && code == Some(&ErrorCode::BlobUploadUnknown);
        if is_gone && self.restarts == 0 {
            return Some(self.mode);
        }
        // What we send is checked while it is read: if something else arrived, the way is to blame.
        let is_altered = code == Some(&ErrorCode::DigestInvalid) && self.restarts == 0;
        if is_altered || is_short(error) {
            return Some(self.mode);
        }
        if matches!(response.status.as_u16(), 408 | 500 | 502 | 503 | 504) {
            return Some(self.mode);
        }
        match self.mode {
            Mode::Single => match response.status {
                StatusCode::RANGE_NOT_SATISFIABLE => Some(Mode::Single),
                StatusCode::PAYLOAD_TOO_LARGE => self.chunked(),
                // Some registries know the upload in two steps alone.
                StatusCode::METHOD_NOT_ALLOWED => Some(Mode::Streamed),
                _ if is_gone || says(response, &ErrorCode::BlobUnknown) => Some(Mode::Streamed),
                _ => None,
            },
            Mode::Chunked(chunk) => match response.status.as_u16() {
                413 | 416 if chunk > self.smallest => Some(Mode::Chunked(self.smallest)),
                // Some know no chunks.
                400 | 404 | 405 | 416 => Some(Mode::Streamed),
                _ => None,
            },
            Mode::Streamed => None,
        }
    }

    /// Once may be chance; twice, and it may be the size.
    fn after_lost_connection(&self) -> Mode {
        match self.mode {
            Mode::Single if self.restarts > 0 => self.chunked().unwrap_or(Mode::Single),
            mode => mode,
        }
    }

    fn chunked(&self) -> Option<Mode> {
        [self.chunk, self.smallest].into_iter().find(|chunk| *chunk < self.size).map(Mode::Chunked)
    }
}

/// Tells whether less arrived than was sent, such as when a proxy waited for the rest in vain.
pub(super) fn is_short(error: &Error) -> bool {
    let response = error.response().filter(|response| response.status == StatusCode::BAD_REQUEST);
    let code = response.and_then(|response| response.body.errors.first()).map(|entry| &entry.code);
    code == Some(&ErrorCode::SizeInvalid)
}

/// Tells whether the answer is 404 with this code.
fn says(response: &RegistryResponse, code: &ErrorCode) -> bool {
    response.status == StatusCode::NOT_FOUND
        && response.body.errors.first().is_some_and(|entry| entry.code == *code)
}
