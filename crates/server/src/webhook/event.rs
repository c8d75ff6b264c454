//! Events, as [CloudEvents 1.0](https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md)
//! writes them.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use oras_spec::{Digest, Tag};
use serde::Serialize;

use crate::change::{Change, ChangeKind};

/// Kinds of events, as webhooks ask for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    /// A manifest was pushed.
    ManifestPushed,
    /// A manifest was deleted.
    ManifestDeleted,
    /// A tag was set that was not there.
    TagCreated,
    /// A tag was set that pointed at something else.
    TagMoved,
    /// A tag was deleted.
    TagDeleted,
}

impl EventType {
    /// All there are.
    pub const ALL: [Self; 5] = [
        Self::ManifestPushed,
        Self::ManifestDeleted,
        Self::TagCreated,
        Self::TagMoved,
        Self::TagDeleted,
    ];

    /// Returns the word for it; the `type` of the event is this behind `land.oras.`.
    pub fn word(self) -> &'static str {
        match self {
            Self::ManifestPushed => "manifest.pushed",
            Self::ManifestDeleted => "manifest.deleted",
            Self::TagCreated => "tag.created",
            Self::TagMoved => "tag.moved",
            Self::TagDeleted => "tag.deleted",
        }
    }

    pub(super) fn of(change: &Change) -> Self {
        match change.kind {
            ChangeKind::ManifestPushed { .. } => Self::ManifestPushed,
            ChangeKind::ManifestDeleted { .. } => Self::ManifestDeleted,
            ChangeKind::TagCreated { .. } => Self::TagCreated,
            ChangeKind::TagMoved { .. } => Self::TagMoved,
            ChangeKind::TagDeleted { .. } => Self::TagDeleted,
        }
    }
}

/// An event, as it is sent.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) body: Bytes,
}

#[derive(Serialize)]
struct Envelope<'a> {
    specversion: &'static str,
    id: &'a str,
    source: String,
    #[serde(rename = "type")]
    kind: String,
    /// The tag, or the digest of the manifest.
    subject: &'a str,
    time: String,
    datacontenttype: &'static str,
    data: Data<'a>,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    repository: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    request_id: &'a str,
}

impl Event {
    /// Writes an event down. `source` is the registry's address, or empty.
    pub(super) fn of(change: &Change, source: &str) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);

        // One request does several things.
        let id = format!("{}-{}", change.request_id, NEXT.fetch_add(1, Ordering::Relaxed));
        let mut data = Data {
            repository: change.repository.as_str(),
            user: change.user.as_deref(),
            request_id: &change.request_id,
            ..Data::default()
        };
        match &change.kind {
            ChangeKind::ManifestPushed { digest, media_type, size } => {
                data.digest = Some(digest.as_str());
                data.media_type = Some(media_type.as_str());
                data.size = Some(*size);
            }
            ChangeKind::ManifestDeleted { digest } => data.digest = Some(digest.as_str()),
            ChangeKind::TagCreated { tag, digest } => {
                (data.tag, data.digest) = pair(tag, digest);
            }
            ChangeKind::TagMoved { tag, digest, previous } => {
                (data.tag, data.digest) = pair(tag, digest);
                data.previous = Some(previous.as_str());
            }
            ChangeKind::TagDeleted { tag } => data.tag = Some(tag.as_str()),
        }
        let time = jiff::Timestamp::try_from(change.at).unwrap_or_default();
        let envelope = Envelope {
            specversion: "1.0",
            id: &id,
            source: format!("{source}/v2/{}", change.repository),
            kind: format!("land.oras.{}", EventType::of(change).word()),
            subject: data.tag.or(data.digest).unwrap_or_default(),
            time: format!("{time:.3}"),
            datacontenttype: "application/json",
            data,
        };
        let body = Bytes::from(oras_spec::json::to_vec(&envelope));
        Self { id, body }
    }
}

fn pair<'a>(tag: &'a Tag, digest: &'a Digest) -> (Option<&'a str>, Option<&'a str>) {
    (Some(tag.as_str()), Some(digest.as_str()))
}
