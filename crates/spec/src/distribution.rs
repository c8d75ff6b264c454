//! The distribution half: what clients ask of registries, and what registries answer.
//!
//! An [`Operation`] is one row of the table of
//! [endpoints](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#endpoints)
//! with its blanks filled in. The client prints it as a request, the server parses it from one.

mod challenge;
mod error;
pub mod header;
mod listing;
mod operation;
mod page;
mod range;
mod scope;
mod token;
mod upload;
mod warning;

pub use challenge::{Challenge, ChallengeScheme};
pub use error::{ErrorBody, ErrorCode, ErrorEntry};
pub use listing::{RepositoryList, TagList};
pub use operation::{NotAnOperation, Operation};
pub use page::{Page, next_link, parse_next_link};
pub use range::{ByteRange, ContentRange, InvalidRange, UploadRange};
pub use scope::{Action, Scope};
pub use token::TokenResponse;
pub use upload::UploadId;
pub use warning::Warning;
