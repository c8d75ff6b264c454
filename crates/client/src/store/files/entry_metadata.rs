//! What an archive of a directory keeps of its entries' times and permissions.

/// What an archive of a directory keeps of its entries' times and permissions.
///
/// Times are whole seconds since 1970, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EntryMetadata {
    /// All of both, as Go's `oras` does.
    #[default]
    AsFound,
    /// Permissions, and times up to this one: later ones become it, as
    /// [`SOURCE_DATE_EPOCH`](https://reproducible-builds.org/specs/source-date-epoch/) wants it.
    NoLaterThan(i64),
    /// Nothing that differs between two checkouts of the same tree: every time is this one, and of
    /// the permissions only those stay that tell a program from another file.
    Uniform(i64),
}

impl EntryMetadata {
    /// Returns the time for an entry that was modified at `found`.
    pub(super) fn modified(self, found: i64) -> i64 {
        match self {
            Self::AsFound => found,
            Self::NoLaterThan(latest) => found.min(latest),
            Self::Uniform(time) => time,
        }
    }

    /// Returns the permissions for an entry that has those in `found`; links keep theirs.
    pub(super) fn mode(self, found: u32, kind: super::tarball::Kind) -> u32 {
        use super::tarball::Kind;

        const OWNER_EXECUTES: u32 = 0o100;
        match (self, kind) {
            (Self::AsFound | Self::NoLaterThan(_), _) => found,
            (Self::Uniform(_), Kind::SymbolicLink) => 0o777,
            (Self::Uniform(_), Kind::Directory) => 0o755,
            (Self::Uniform(_), _) if found & OWNER_EXECUTES != 0 => 0o755,
            (Self::Uniform(_), _) => 0o644,
        }
    }
}
