//! Reading a layout, which is alike in a directory and in an archive.

use bytes::Bytes;
use oras_spec::image::{Descriptor, Document, MediaType};
use oras_spec::{Digest, TagOrDigest};

use super::listing::Listing;
use crate::content::MAX_DOCUMENT_SIZE;
use crate::store::reader::Reading;
use crate::{Error, Result, graph};

/// Where the blobs of a layout are.
pub(in crate::store) trait Shelf {
    /// Returns the length of a blob, if there is one.
    fn size(&self, digest: &Digest) -> Result<Option<u64>>;

    /// Opens a blob.
    fn open(&self, digest: &Digest) -> Result<Reading>;

    /// Tells whether a blob is there, as long as it should be. One that is not is as good as
    /// missing.
    fn has(&self, descriptor: &Descriptor) -> Result<bool> {
        Ok(self.size(&descriptor.digest)? == Some(descriptor.size))
    }

    /// Reads a document; nothing if it is missing, too large, or not what its descriptor says.
    fn document(&self, descriptor: &Descriptor) -> Option<Document> {
        let reading = self.open(&descriptor.digest).ok()?;
        let bytes = reading.read_at_most(MAX_DOCUMENT_SIZE).ok()?;
        let is_right = descriptor.digest.algorithm().digest(&bytes) == descriptor.digest;
        is_right.then(|| graph::decode(descriptor, Bytes::from(bytes)).ok())?
    }
}

/// Finds what a tag points at, or what is known of a digest.
pub(in crate::store) fn resolve(
    listing: &Listing,
    shelf: &dyn Shelf,
    reference: &TagOrDigest,
) -> Result<Descriptor> {
    let listed = listing.find(reference)?;
    let found = match (reference, listed) {
        (TagOrDigest::Tag(_), listed) => listed,
        (TagOrDigest::Digest(_), Some(entry)) => Some(entry.plain()),
        (TagOrDigest::Digest(digest), None) => shelf
            .size(digest)?
            .map(|size| Descriptor::new(MediaType::OCTET_STREAM, digest.clone(), size)),
    };
    found.ok_or_else(|| Error::not_found(reference))
}
