//! Keys: every name in the store, formed here and nowhere else.
//!
//! ```text
//! blobs/<algorithm>/<aa>/<hex>                        the bytes of a blob
//! names/<repository>                                  the repository exists
//! holders/<algorithm>/<aa>/<hex>                      hint: a repository that has the blob
//! repos/<repository>/_b/<algorithm>/<hex>             the repository has the blob
//! repos/<repository>/_m/<algorithm>/<hex>             a manifest
//! repos/<repository>/_d/<algorithm>-<hex>             a deleted manifest that can still be restored
//! repos/<repository>/_t/<tag>                         a tag
//! repos/<repository>/_r/<algorithm>-<hex>/<algorithm>-<hex>   a referrer of a subject
//! repos/<repository>/_p/<algorithm>-<hex>/<tag>       hint: the tag points at the manifest
//! uploads/<id>                                        an upload
//! condemned                                           hint: what may be garbage, and for how long
//! layout.json                                         says what all this is
//! ```
//!
//! No component of a repository's name begins with an underscore, so the names never collide.

use oras_spec::distribution::UploadId;
use oras_spec::{Algorithm, Digest, RepositoryName, Tag};

/// A flat, sorted set of names. Its path is `/`-separated and safe as a relative path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Collection(String);

impl Collection {
    /// Returns the path.
    pub(crate) fn path(&self) -> &str {
        &self.0
    }

    fn key(self, name: impl Into<String>) -> Key {
        Key { collection: self, name: name.into() }
    }
}

/// A name in a collection: letters, digits, `.`, `_`, `-`, and `/` if it is a repository's.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    collection: Collection,
    name: String,
}

impl Key {
    /// Returns the collection.
    pub(crate) fn collection(&self) -> &Collection {
        &self.collection
    }

    /// Returns the name in the collection.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

/// Says what lays out its files so.
pub(crate) fn marker() -> Key {
    Collection(String::new()).key("layout.json")
}

/// What was found to be garbage, and how long ago.
pub(crate) fn condemned() -> Key {
    Collection(String::new()).key("condemned")
}

/// The bytes of all blobs, whoever has them: one collection for each two digits that digests begin
/// with.
pub(crate) fn all_blobs() -> impl Iterator<Item = (Algorithm, Collection)> {
    Algorithm::ALL.into_iter().flat_map(|algorithm| {
        (0..=u8::MAX)
            .map(move |digits| (algorithm, Collection(format!("blobs/{algorithm}/{digits:02x}"))))
    })
}

/// The bytes of a blob, whoever has it.
pub(crate) fn blob(digest: &Digest) -> Key {
    let (algorithm, encoded) = (digest.algorithm(), digest.encoded());
    Collection(format!("blobs/{algorithm}/{}", &encoded[..2])).key(encoded)
}

/// The blobs that a repository has.
pub(crate) fn links(repository: &RepositoryName, algorithm: Algorithm) -> Collection {
    Collection(format!("repos/{repository}/_b/{algorithm}"))
}

/// That a repository has a blob.
pub(crate) fn link(repository: &RepositoryName, digest: &Digest) -> Key {
    links(repository, digest.algorithm()).key(digest.encoded())
}

/// The manifests of a repository.
pub(crate) fn manifests(repository: &RepositoryName, algorithm: Algorithm) -> Collection {
    Collection(format!("repos/{repository}/_m/{algorithm}"))
}

/// A manifest of a repository.
pub(crate) fn manifest(repository: &RepositoryName, digest: &Digest) -> Key {
    manifests(repository, digest.algorithm()).key(digest.encoded())
}

/// The deleted manifests of a repository that can still be restored.
pub(crate) fn deleted(repository: &RepositoryName) -> Collection {
    Collection(format!("repos/{repository}/_d"))
}

/// A deleted manifest that can still be restored.
pub(crate) fn deleted_manifest(repository: &RepositoryName, digest: &Digest) -> Key {
    deleted(repository).key(digest_name(digest))
}

/// The tags of a repository.
pub(crate) fn tags(repository: &RepositoryName) -> Collection {
    Collection(format!("repos/{repository}/_t"))
}

/// A tag of a repository.
pub(crate) fn tag(repository: &RepositoryName, tag: &Tag) -> Key {
    tags(repository).key(tag.as_str())
}

/// The tags that were pointed at a manifest; some may have moved on.
pub(crate) fn pointers(repository: &RepositoryName, digest: &Digest) -> Collection {
    Collection(format!("repos/{repository}/_p/{}", digest_name(digest)))
}

/// That a tag was pointed at a manifest.
pub(crate) fn pointer(repository: &RepositoryName, digest: &Digest, tag: &Tag) -> Key {
    pointers(repository, digest).key(tag.as_str())
}

/// The subjects that have referrers, as far as a store lists collections like names: one that does
/// not lists none.
pub(crate) fn subjects(repository: &RepositoryName) -> Collection {
    Collection(format!("repos/{repository}/_r"))
}

/// The referrers of a subject.
pub(crate) fn referrers(repository: &RepositoryName, subject: &Digest) -> Collection {
    Collection(format!("repos/{repository}/_r/{}", digest_name(subject)))
}

/// A referrer of a subject.
pub(crate) fn referrer(repository: &RepositoryName, subject: &Digest, digest: &Digest) -> Key {
    referrers(repository, subject).key(digest_name(digest))
}

/// The repositories.
pub(crate) fn names() -> Collection {
    Collection("names".to_owned())
}

/// That a repository exists.
pub(crate) fn name(repository: &RepositoryName) -> Key {
    names().key(repository.as_str())
}

/// The repository that was the last to be given a blob; it may have lost it.
pub(crate) fn holder(digest: &Digest) -> Key {
    let (algorithm, encoded) = (digest.algorithm(), digest.encoded());
    Collection(format!("holders/{algorithm}/{}", &encoded[..2])).key(encoded)
}

/// The uploads.
pub(crate) fn uploads() -> Collection {
    Collection("uploads".to_owned())
}

/// An upload.
pub(crate) fn upload(id: &UploadId) -> Key {
    uploads().key(id.as_str())
}

/// Reads digests from names in a collection of one algorithm, leaving out what is none.
pub(crate) fn parse(algorithm: Algorithm, names: &[String]) -> Vec<Digest> {
    names.iter().filter_map(|name| format!("{algorithm}:{name}").parse().ok()).collect()
}

/// Spells a digest as one name, `algorithm-encoded`.
fn digest_name(digest: &Digest) -> String {
    format!("{}-{}", digest.algorithm(), digest.encoded())
}

/// Reads a digest from its name; nothing if it is none.
pub(crate) fn parse_digest_name(name: &str) -> Option<Digest> {
    let (algorithm, encoded) = name.split_once('-')?;
    let algorithm: Algorithm = algorithm.parse().ok()?;
    format!("{algorithm}:{encoded}").parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_the_digest_names_it_writes() {
        for algorithm in Algorithm::ALL {
            let digest = algorithm.digest(b"x");
            assert_eq!(parse_digest_name(&digest_name(&digest)), Some(digest));
        }
        for bad in ["", "sha256", "sha256-", "md5-00", "sha256-../x"] {
            assert_eq!(parse_digest_name(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn keys_of_different_repositories_never_collide(
            first in "[a-z0-9]{1,3}(/[a-z0-9]{1,3}){0,3}",
            second in "[a-z0-9]{1,3}(/[a-z0-9]{1,3}){0,3}",
        ) {
            let first: RepositoryName = first.parse().expect("a name");
            let second: RepositoryName = second.parse().expect("a name");
            let digest = Digest::of(b"");
            let tag: Tag = "v1".parse().expect("a tag");
            let keys = |name: &RepositoryName| [
                link(name, &digest), manifest(name, &digest), super::tag(name, &tag),
                pointer(name, &digest, &tag), referrer(name, &digest, &digest),
                super::name(name),
            ];
            for (index, key) in keys(&first).into_iter().enumerate() {
                for (other, other_key) in keys(&second).into_iter().enumerate() {
                    prop_assert_eq!(key == other_key, index == other && first == second);
                }
            }
        }
    }
}
