//! Limits: everything the far side could make large, and how large it may be.

use std::time::Duration;

/// What a registry is willing to take. Every default is stated with its reason.
///
/// Those of connections are held by whoever accepts them, such as a
/// [`Server`](crate::serve::Server) with
/// [`ServeOptions::within`](crate::serve::ServeOptions::within) these, which has deadlines as well.
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
    /// Uploads that one user has open at the same time: 1,000, some hundred pushes. More is `429`.
    /// Those who have no name are bounded by `uploads` alone.
    pub uploads_per_user: usize,
    /// Requests a second of one user, or of one address of those who have no name: as many as
    /// there are. More is `429`, with the time to wait. Loopback addresses are free of it, and so
    /// are probes.
    pub request_rate: Option<u32>,
    /// For how long a user who asks nothing saves up requests: 10 seconds, so that a pull of many
    /// small blobs is not slowed down.
    pub request_burst: Duration,
    /// Connections open at the same time: 10,240. More wait.
    pub connections: usize,
    /// Connections of one address open at the same time: 512, a house behind one router. More are
    /// closed unread. Loopback addresses are free of it.
    pub connections_per_address: usize,
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
            uploads_per_user: 1_000,
            request_rate: None,
            request_burst: Duration::from_secs(10),
            connections: 10_240,
            connections_per_address: 512,
        }
    }
}
