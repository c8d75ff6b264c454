//! Uploads that go on: where the connection broke, or where another process left off.

use std::time::Duration;

use http::{Method, StatusCode, Uri, header};
use oras_spec::distribution::UploadRange;
use oras_spec::image::Descriptor;
use serde::{Deserialize, Serialize};

use super::Upload;
use super::ladder::is_short;
use super::location::next_location;
use crate::note::Note;
use crate::remote::blobs::cause_of;
use crate::remote::incident::Incident;
use crate::remote::repository::Repository;
use crate::transport::{WebOrigin, back_off};
use crate::{Error, ErrorKind, Result};

/// How large a blob must be that is worth a question how far it came, in bytes: 8 MiB.
const MIN_SIZE: u64 = 8 * 1024 * 1024;

/// For so many bytes that need not be sent again, a registry that is busy with an upload is asked once
/// more, ...
const WORTH_A_WAIT: u64 = 16 * 1024 * 1024;
/// ... but as often as this in any case ...
const MIN_WAITS: u32 = 3;
/// ... and no more often than this.
const MAX_WAITS: u32 = 14;

/// What is noted of an upload.
#[derive(Serialize, Deserialize)]
struct Entry {
    location: String,
    sent: u64,
}

/// Writes down where an upload is.
pub(super) fn note_in(note: &mut dyn Note, upload: &Upload) {
    let entry = Entry { location: upload.location.to_string(), sent: upload.sent };
    if let Ok(text) = serde_json::to_string(&entry) {
        note.write(&text);
    }
}

/// Returns the upload that a note tells of, if it leads to the registry of the repository.
pub(super) fn left_in(note: &dyn Note, repository: &Repository) -> Option<Upload> {
    let entry: Entry = serde_json::from_str(&note.read()?).ok()?;
    let location: Uri = entry.location.parse().ok()?;
    let here = repository.session.request(&oras_spec::distribution::Operation::Ping).ok()?;
    let (ours, theirs) = (WebOrigin::of(here.uri())?, WebOrigin::of(&location)?);
    let is_ours = ours.is_https == theirs.is_https && ours.is_same_place(&theirs);
    is_ours.then_some(Upload { location, smallest: 0, sent: entry.sent })
}

/// The memory of one upload.
pub(super) struct Memory {
    note: Option<Box<dyn Note>>,
    is_large: bool,
    /// How often the upload has broken since it came further, and how far that was.
    fruitless: u32,
    furthest: u64,
    retries: u32,
    /// The registry has forgotten an upload when the connection broke.
    has_lost_all: bool,
}

impl Memory {
    /// Opens what there is of `descriptor`. Content that cannot be read again from its middle is
    /// not gone on with.
    pub(super) fn open(
        repository: &Repository,
        descriptor: &Descriptor,
        is_reopenable: bool,
    ) -> Self {
        let is_large = descriptor.size >= MIN_SIZE && is_reopenable;
        let notes = repository.session.options().notes.as_ref().filter(|_| is_large);
        let note =
            notes.and_then(|notes| notes.open(&format!("{repository}@{}", descriptor.digest)));
        let retries = repository.session.options().retries;
        Self { note, is_large, fruitless: 0, furthest: 0, retries, has_lost_all: false }
    }

    /// Writes down where an upload is.
    pub(super) fn keep(&mut self, upload: &Upload) {
        if let Some(note) = &mut self.note {
            note_in(&mut **note, upload);
        }
    }

    /// Forgets the upload.
    pub(super) fn forget(&mut self) {
        if let Some(note) = &mut self.note {
            note.remove();
        }
    }

    /// Returns the upload that another process left, if it leads to the same place.
    pub(super) fn left(&self, repository: &Repository) -> Option<Upload> {
        left_in(&**self.note.as_ref()?, repository)
    }

    /// Tells whether it may be asked, after `error`, how far an upload came.
    pub(super) fn may_ask(&mut self, upload: &Upload, error: &Error) -> bool {
        let status = error.response().map(|response| response.status);
        // 409: the registry still waits for the connection that broke.
        let is_broken = error.kind() == ErrorKind::Network
            || is_short(error)
            || matches!(status, Some(StatusCode::CONFLICT | StatusCode::RANGE_NOT_SATISFIABLE));
        if !self.is_large || !is_broken {
            return false;
        }
        if upload.sent > self.furthest {
            self.furthest = upload.sent;
            self.fruitless = 0;
        }
        self.fruitless += 1;
        self.fruitless <= self.retries
    }

    /// Takes note that the registry forgets uploads whose connection breaks.
    pub(super) fn lost_all(&mut self) {
        self.has_lost_all = true;
    }

    /// Tells whether each chunk is to have a connection of its own: one that breaks after many bytes
    /// must not take along what was sent before.
    pub(super) fn apart(&self) -> bool {
        self.has_lost_all
    }

    /// How often the upload has broken without progress.
    pub(super) fn fruitless(&self) -> u32 {
        self.fruitless
    }
}

impl Repository {
    /// Waits before an upload goes on, or begins anew, and tells why if it broke.
    pub(super) async fn pause(
        &self,
        descriptor: &Descriptor,
        offset: u64,
        (attempt, delay): (u32, Duration),
        error: &Error,
    ) {
        if !delay.is_zero() {
            let (digest, cause) = (&descriptor.digest, &cause_of(error));
            let incident = Incident::Broken { digest, offset, attempt, delay, cause };
            (self.session.options().incidents)(incident);
        }
        tokio::time::sleep(delay).await;
    }

    /// Tells that the registry has the beginning of a blob.
    pub(super) fn tell_resumed(&self, descriptor: &Descriptor, offset: u64) {
        let digest = &descriptor.digest;
        (self.session.options().incidents)(Incident::Resumed { digest, offset });
    }

    /// Asks how far an upload came. Nothing if it is gone, or has nothing that is worth going on
    /// with.
    pub(super) async fn status(&self, upload: &Upload, size: u64) -> Result<Option<Upload>> {
        let retries = self.session.options().retries;
        // A registry may wait for a connection that is no more, most of them for half a minute.
        let waits = u32::try_from(upload.sent / WORTH_A_WAIT).unwrap_or(MAX_WAITS);
        let waits = waits.clamp(MIN_WAITS, MAX_WAITS);
        let (mut lost, mut busy) = (0, 0);
        let answer = loop {
            let request = self.upload_request(Method::GET, upload.location.clone(), Some(0));
            match self.session.send(request).await {
                Err(error) if error.kind() == ErrorKind::Network && lost < retries => lost += 1,
                Ok(answer) if answer.status() == StatusCode::CONFLICT && busy < waits => busy += 1,
                answer => break answer?,
            }
            tokio::time::sleep(back_off(lost + busy - 1)).await;
        };
        if !matches!(
            answer.status(),
            StatusCode::NO_CONTENT | StatusCode::ACCEPTED | StatusCode::OK
        ) {
            return Ok(None);
        }
        let held = answer.header(&header::RANGE).and_then(UploadRange::parse_held);
        let location = next_location(&answer, &upload.location)?;
        // Some always say the same, however much they hold; the others may have lost something.
        let sent = if self.is_amazon() { Some(upload.sent) } else { held };
        let sent = sent.filter(|sent| (1..size).contains(sent));
        Ok(sent.map(|sent| Upload { location, smallest: upload.smallest, sent }))
    }
}
