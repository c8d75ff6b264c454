//! Limits: everything the far side could make large, and how large it may be.

use std::time::Duration;

/// What a registry is willing to take. Every default is stated with its reason.
///
/// Connections, headers' arrival and idle times are bounded by whoever accepts connections, such
/// as [`serve`](crate::serve).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of a manifest: 8 MiB. The specification asks registries to take 4 MiB; some clients
    /// come close to it. Larger is `413`.
    pub manifest_size: usize,
    /// Bytes of a blob: none. Larger is `413`.
    pub blob_size: Option<u64>,
    /// Bytes of a request's target: 8 KiB, room for the longest name, a digest and 40 tags of the
    /// greatest length. Longer is `414`.
    pub target_size: usize,
    /// Bytes of a request's headers, names and values: 32 KiB. Larger is `431`.
    pub header_size: usize,
    /// Entries on one page of a list: 10,000. Who asks for more gets this many, and a link to
    /// the next page.
    pub page_size: usize,
    /// Bytes of one page of referrers: 4 MiB, what clients are willing to read at once.
    pub referrers_size: usize,
    /// Descriptors in one manifest or index: 20,000, which is about what the size of a manifest
    /// that clients take leaves room for. More is `400`.
    pub descriptors: usize,
    /// How deep a manifest's JSON may nest: 64. Deeper is `400`.
    pub manifest_depth: usize,
    /// How long an upload may take from its first request to its last: 24 hours. Older ones are
    /// unknown, and their bytes are removed.
    pub upload_lifetime: Duration,
    /// Uploads open at the same time: 10,000. More is `429`.
    pub uploads: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            manifest_size: 8 << 20,
            blob_size: None,
            target_size: 8 << 10,
            header_size: 32 << 10,
            page_size: 10_000,
            referrers_size: 4 << 20,
            descriptors: 20_000,
            manifest_depth: 64,
            upload_lifetime: Duration::from_hours(24),
            uploads: 10_000,
        }
    }
}
