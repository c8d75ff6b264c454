//! What `index.json` says: looked through as text first, decoded when it is asked again.
//!
//! An index of a hundred thousand entries takes far longer to decode than to look through, and
//! most programs ask it one thing.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use oras_spec::image::{Descriptor, Index};
use oras_spec::{Digest, Tag, TagOrDigest, json};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::index::tag_of;
use crate::{Error, ErrorKind, Result};

/// Up to how many bytes an index is decoded as soon as it is read: 64 KiB.
const SMALL: usize = 64 * 1024;

/// The text of an index, and what is known of it.
#[derive(Debug)]
pub(in crate::store) struct Listing {
    text: String,
    decoded: OnceLock<Decoded>,
    /// Somebody has asked already.
    was_asked: AtomicBool,
}

/// An index, and where to find things in it.
#[derive(Debug)]
pub(in crate::store) struct Decoded {
    pub(in crate::store) index: Arc<Index>,
    /// Which entry has a tag: the last one, should there be several.
    tags: HashMap<Tag, usize>,
    /// The first entry of each digest.
    digests: HashMap<Digest, usize>,
}

/// The entries as they stand.
#[derive(Deserialize)]
struct Entries<'a> {
    #[serde(borrow, default)]
    manifests: Option<Vec<&'a RawValue>>,
}

/// Nothing of the entries but their tags.
#[derive(Deserialize)]
struct Tags<'a> {
    #[serde(borrow, default)]
    manifests: Option<Vec<Tagged<'a>>>,
}

#[derive(Deserialize)]
struct Tagged<'a> {
    #[serde(borrow, default)]
    annotations: Option<Names<'a>>,
}

#[derive(Deserialize)]
struct Names<'a> {
    #[serde(borrow, default, rename = "org.opencontainers.image.ref.name")]
    name: Option<Name<'a>>,
}

/// A tag, which is borrowed from the text unless it is escaped there.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl Listing {
    /// Takes the bytes of the file.
    ///
    /// # Errors
    ///
    /// If they are no index. Of a large one only the ends are looked at here, which tells whether
    /// it was written to its end; the rest is looked at when it is asked.
    pub(in crate::store) fn parse(bytes: Vec<u8>) -> Result<Self> {
        let text = String::from_utf8(bytes).map_err(|_| undecodable(&"the text is not UTF-8"))?;
        let listing = Self { text, decoded: OnceLock::new(), was_asked: AtomicBool::new(false) };
        if listing.text.len() <= SMALL || !is_closed(&listing.text) {
            listing.decode()?;
        }
        Ok(listing)
    }

    /// Makes the listing of an index that was just written as these bytes.
    pub(super) fn of(bytes: Vec<u8>, index: Index) -> Result<Self> {
        let text = String::from_utf8(bytes).map_err(|error| undecodable(&error))?;
        let decoded = OnceLock::from(Decoded::of(index));
        Ok(Self { text, decoded, was_asked: AtomicBool::new(true) })
    }

    /// Returns everything, decoded.
    pub(in crate::store) fn decode(&self) -> Result<&Decoded> {
        if let Some(decoded) = self.decoded.get() {
            return Ok(decoded);
        }
        let index = serde_json::from_str(&self.text).map_err(|error| undecodable(&error))?;
        Ok(self.decoded.get_or_init(|| Decoded::of(index)))
    }

    /// Finds the entry of a tag or of a digest.
    pub(in crate::store) fn find(&self, reference: &TagOrDigest) -> Result<Option<Descriptor>> {
        if self.decoded.get().is_some() || self.was_asked.swap(true, Ordering::Relaxed) {
            return Ok(self.decode()?.find(reference).cloned());
        }
        let entries: Entries<'_> =
            serde_json::from_str(&self.text).map_err(|error| undecodable(&error))?;
        let wanted = json::to_vec(reference.as_str());
        let wanted = String::from_utf8_lossy(&wanted);
        let mut found = None;
        for entry in entries.manifests.unwrap_or_default() {
            // What is escaped may be spelled in several ways.
            if !entry.get().contains(&*wanted) && !entry.get().contains('\\') {
                continue;
            }
            let entry: Descriptor =
                serde_json::from_str(entry.get()).map_err(|error| undecodable(&error))?;
            match reference {
                TagOrDigest::Tag(tag) if tag_of(&entry).as_ref() == Some(tag) => {
                    found = Some(entry);
                }
                TagOrDigest::Digest(digest) if entry.digest == *digest => return Ok(Some(entry)),
                TagOrDigest::Tag(_) | TagOrDigest::Digest(_) => {}
            }
        }
        Ok(found)
    }

    /// Returns the tags, each once, sorted by their bytes.
    pub(in crate::store) fn tags(&self) -> Result<Vec<Tag>> {
        if let Some(decoded) = self.decoded.get() {
            let sorted: BTreeSet<&Tag> = decoded.tags.keys().collect();
            return Ok(sorted.into_iter().cloned().collect());
        }
        let listed: Tags<'_> =
            serde_json::from_str(&self.text).map_err(|error| undecodable(&error))?;
        let entries = listed.manifests.unwrap_or_default().into_iter();
        // To compare numbers does not reach for the text, which is scattered over the whole index.
        let mut names: Vec<(u64, Cow<'_, str>)> = entries
            .filter_map(|entry| entry.annotations?.name)
            .map(|Name(name)| (beginning(&name), name))
            .collect();
        names.sort_unstable();
        names.dedup();
        Ok(names.iter().filter_map(|(_, name)| Tag::free_form(name).ok()).collect())
    }
}

/// Returns the first eight bytes as a number, which orders texts as all their bytes do, as far as
/// it tells them apart.
fn beginning(text: &str) -> u64 {
    let mut bytes = text.bytes();
    (0..8).fold(0, |number, _| (number << 8) | u64::from(bytes.next().unwrap_or_default()))
}

impl Decoded {
    fn of(index: Index) -> Self {
        let entries = || index.manifests.iter().enumerate();
        let tags = entries().filter_map(|(at, entry)| Some((tag_of(entry)?, at))).collect();
        // The last one put into the map stays.
        let digests = entries().rev().map(|(at, entry)| (entry.digest.clone(), at)).collect();
        Self { index: Arc::new(index), tags, digests }
    }

    fn find(&self, reference: &TagOrDigest) -> Option<&Descriptor> {
        let at = match reference {
            TagOrDigest::Tag(tag) => self.tags.get(tag),
            TagOrDigest::Digest(digest) => self.digests.get(digest),
        };
        at.map(|&at| &self.index.manifests[at])
    }

    /// Tells whether a digest is listed, with a tag or without.
    pub(super) fn lists(&self, digest: &Digest) -> bool {
        self.digests.contains_key(digest)
    }
}

/// Tells whether a text begins and ends as an object does.
fn is_closed(text: &str) -> bool {
    let text = text.trim_ascii();
    text.starts_with('{') && text.ends_with('}')
}

fn undecodable(why: &dyn std::fmt::Display) -> Error {
    invalid(format!("failed to decode index file: {why}"))
}

/// Makes the error for an index that is none.
pub(in crate::store) fn invalid(why: String) -> Error {
    Error::new(ErrorKind::Invalid, why).context("invalid OCI Image Index")
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use oras_spec::image::MediaType;

    use super::*;
    use crate::store::fixture::chain;

    fn entry(number: u32) -> Descriptor {
        Descriptor::of(MediaType::IMAGE_MANIFEST, &number.to_be_bytes())
    }

    /// An index too large to be decoded at once, in which `a/b` is spelled in two ways and `twice`
    /// comes twice.
    fn large() -> String {
        let mut text = String::from("{\"schemaVersion\":2,\"manifests\":[");
        let tags = ["a\\/b", "twice", "twice", "a/c"].map(str::to_owned);
        let tags = tags.into_iter().chain((4..1000).rev().map(|number| format!("v{number}")));
        for (number, tag) in (0..).zip(tags) {
            let entry = entry(number);
            write!(
                text,
                "{{\"mediaType\":\"{}\",\"digest\":\"{}\",\"size\":4,\"annotations\":\
                 {{\"org.opencontainers.image.ref.name\":\"{tag}\",\"other\":\"v5\"}}}},",
                entry.media_type, entry.digest
            )
            .expect("a string takes all");
        }
        let last = entry(1000);
        write!(text, "{{\"mediaType\":\"a/b\",\"digest\":\"{}\",\"size\":4}}]}}", last.digest)
            .expect("a string takes all");
        assert!(text.len() > SMALL);
        text
    }

    fn parse(text: &str) -> Listing {
        Listing::parse(text.as_bytes().to_vec()).expect("an index")
    }

    #[test]
    fn what_is_looked_up_in_the_text_is_what_decoding_finds() {
        let text = large();
        let references = [
            ("a/b", Some(0)),
            ("twice", Some(2)),
            ("v5", Some(998)),
            ("v4", Some(999)),
            ("other", None),
            ("v", None),
        ];
        for (tag, number) in references {
            let reference = TagOrDigest::Tag(Tag::free_form(tag).expect("a tag"));
            let listing = parse(&text);
            let first = listing.find(&reference).expect("an index");
            assert!(listing.decoded.get().is_none(), "one question needs no decoding");
            assert_eq!(listing.find(&reference).expect("an index"), first, "{tag}");
            assert!(listing.decoded.get().is_some(), "two are better answered with it");
            let expected = number.map(|number| entry(number).digest);
            assert_eq!(first.map(|found| found.digest), expected, "{tag}");
        }
        for (digest, number) in [(entry(7).digest, Some(7)), (entry(2000).digest, None)] {
            let reference = TagOrDigest::Digest(digest);
            let listing = parse(&text);
            let first = listing.find(&reference).expect("an index");
            assert_eq!(listing.find(&reference).expect("an index"), first);
            assert_eq!(first.map(|found| found.digest), number.map(|n| entry(n).digest));
        }
        let listing = parse(&text);
        let tags = listing.tags().expect("an index");
        assert!(tags.is_sorted());
        assert_eq!(tags.len(), 999);
        listing.decode().expect("an index");
        assert_eq!(listing.tags().expect("an index"), tags);
    }

    #[test]
    fn what_a_text_begins_with_orders_it() {
        let texts =
            ["", "\u{1}", "a", "aa", "sha256-1", "sha256-10", "sha256-2", "v", "v10", "é", "🦀"];
        assert!(texts.is_sorted());
        assert!(texts.is_sorted_by_key(|text| beginning(text)));
        assert!(beginning("sha256-1") == beginning("sha256-10"), "only so far");
        assert!(beginning("v10") < beginning("v2"));
    }

    #[test]
    fn a_torn_index_is_found_out_when_it_is_opened() {
        let large = large();
        for text in [&large[..large.len() - 1], &large[..SMALL + 10], "", "{", "[]", "\u{1}"] {
            let error = Listing::parse(text.as_bytes().to_vec()).expect_err("torn");
            let told = chain(&error);
            assert!(
                told.starts_with("invalid OCI Image Index: failed to decode index file: "),
                "{told}"
            );
        }
        let holed = large.replacen("\"size\":4,", "\"size\":", 1);
        let listing = parse(&holed);
        listing.tags().expect_err("no JSON");
        listing.find(&entry(1).digest.into()).expect_err("no JSON");
        let other = parse(&large.replacen("\"manifests\":[", "\"manifests\":[5,", 1));
        other.tags().expect_err("no entry");
        Listing::parse(vec![0xff; 10]).expect_err("no text");
    }
}
