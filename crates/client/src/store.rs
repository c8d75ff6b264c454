//! The local places: memory, a directory of files, an OCI layout.

mod archive;
mod cache;
mod cached;
mod directory;
mod draft;
mod entries;
mod files;
#[cfg(test)]
mod fixture;
mod header;
mod intake;
mod journal;
mod layout;
mod memory;
mod notes;
mod place;
mod reader;
mod resume;
mod sink;
mod source;
mod tree;

pub use archive::{Archive, ArchiveSink};
pub use cache::{Cache, CacheCheck, CacheEntry, CacheOptions, CacheUsage};
pub use cached::Cached;
pub use files::{EntryMetadata, Files, FilesOptions, UnpackLimits};
pub use layout::Layout;
pub use memory::Memory;
pub use notes::Notes;
pub use place::PATH_TRAVERSAL_DISALLOWED;
pub use sink::FileSink;
pub use source::FileSource;
