//! What the tests of several stores need.

use std::path::Path;

use bytes::Bytes;
use oras_spec::image::{Descriptor, MediaType, annotation};

use crate::{Content, Error};

/// The whole message, as it is printed.
pub(crate) fn chain(error: &Error) -> String {
    let mut text = vec![error.to_string()];
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text.push(error.to_string());
        source = error.source();
    }
    text.join(": ")
}

/// The names in a directory, sorted.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let entries = directory.read_dir().expect("a directory");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// A descriptor with a title.
pub(crate) fn titled(title: &str, bytes: &[u8]) -> Descriptor {
    let mut descriptor = Descriptor::of(MediaType::IMAGE_LAYER, bytes);
    descriptor.annotations.insert(annotation::TITLE.to_owned(), title.to_owned());
    descriptor
}

/// Bytes that claim to be what `descriptor` says, in two chunks.
pub(crate) fn claiming(descriptor: &Descriptor, bytes: &[u8]) -> Content {
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let chunks = [Bytes::copy_from_slice(first), Bytes::copy_from_slice(second)];
    Content::new(descriptor, futures_util::stream::iter(chunks.map(Ok)))
}
