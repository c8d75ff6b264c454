//! The one error type of this crate.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::Path;

use http::{Method, StatusCode};
use oras_spec::distribution::ErrorBody;

/// What every fallible function here returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, in a form that programs can act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A file, a tag or content is there that must not be overwritten.
    AlreadyExists,
    /// The operation was given up because the caller asked for it.
    Canceled,
    /// The registry knows who we are and says no.
    Denied,
    /// The caller's input is wrong.
    Invalid,
    /// Reading, writing or naming a local file failed.
    Io,
    /// Content is larger, or a document deeper or wider, than we are willing to read.
    LimitExceeded,
    /// Content or an answer is not what its descriptor or our request says.
    Mismatch,
    /// The far side could not be reached, or the connection broke.
    Network,
    /// What was asked for is not there.
    NotFound,
    /// The registry asks us to slow down, longer than we are willing to wait.
    RateLimited,
    /// The registry failed, or answered what no registry should.
    Server,
    /// The registry wants credentials that we lack or that it does not accept.
    Unauthorized,
    /// The far side, or the local place, cannot do this.
    Unsupported,
}

/// Which side of a copy an error came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Where content is read from.
    Source,
    /// Where content is written to.
    Target,
}

/// An answer of a registry that was a refusal.
#[derive(Clone, Debug, PartialEq)]
pub struct RegistryResponse {
    /// The method of the request.
    pub method: Method,
    /// The URL of the request, without secrets.
    pub url: String,
    /// The status of the answer.
    pub status: StatusCode,
    /// What the registry said; empty if it said nothing that could be read.
    pub body: ErrorBody,
}

/// An error of this crate. One pointer wide.
///
/// `Display` prints this level only, as a fragment without a full stop that fits behind “failed
/// to” or a colon; [`source`](StdError::source) holds the rest. Print the chain with `: ` between.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    origin: Option<Origin>,
    response: Option<RegistryResponse>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// Makes an error that says `message` about what it was doing, and to what.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let message = message.into();
        Self(Box::new(Inner { kind, message, origin: None, response: None, source: None }))
    }

    /// Makes the error for a tag or content that is not there.
    pub(crate) fn not_found(what: impl fmt::Display) -> Self {
        Self::new(ErrorKind::NotFound, format!("{what}: not found"))
    }

    /// Makes the error for a system call on a local file: `open /a/b: permission denied`.
    pub(crate) fn of_file(verb: &str, path: &Path, error: &io::Error) -> Self {
        Self::new(ErrorKind::Io, format!("{verb} {}: {}", path.display(), system_text(error)))
    }

    /// Makes the error for a registry's refusal. Its kind follows from the status and the code.
    pub fn from_response(kind: ErrorKind, response: RegistryResponse) -> Self {
        let message = response.to_string();
        Self(Box::new(Inner {
            kind,
            message,
            origin: None,
            response: Some(response),
            source: None,
        }))
    }

    /// Adds what caused this.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Wraps this in an outer error that says `message`; kind, origin and response shine through.
    #[must_use]
    pub fn context(self, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind: self.kind(),
            message: message.into(),
            origin: self.origin(),
            response: None,
            source: Some(Box::new(self)),
        }))
    }

    /// Says `message` instead of everything said so far; kind and origin stay.
    pub(crate) fn replaced(self, message: impl Into<String>) -> Self {
        let mut error = Self::new(self.kind(), message);
        error.0.origin = self.origin();
        error
    }

    /// Says which side of a copy this came from; the first to say so is right.
    #[must_use]
    pub fn with_origin(mut self, origin: Origin) -> Self {
        self.0.origin.get_or_insert(origin);
        self
    }

    /// Returns what went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns which side of a copy this came from.
    pub fn origin(&self) -> Option<Origin> {
        self.0.origin
    }

    /// Returns what the registry said, if this error or one that caused it is a registry's refusal.
    pub fn response(&self) -> Option<&RegistryResponse> {
        if let Some(response) = &self.0.response {
            return Some(response);
        }
        let mut source = self.source();
        while let Some(error) = source {
            if let Some(inner) = error.downcast_ref::<Self>() {
                return inner.response();
            }
            source = error.source();
        }
        None
    }

    /// Tells whether the same operation, tried again, could succeed.
    pub fn is_retryable(&self) -> bool {
        match self.kind() {
            ErrorKind::Network | ErrorKind::RateLimited => true,
            ErrorKind::Server => self.response().is_none_or(|response| {
                response.status.is_server_error() || response.status == StatusCode::REQUEST_TIMEOUT
            }),
            _ => false,
        }
    }
}

/// What the system says is wrong, in the words of Go: lower case and without a number.
pub(crate) fn system_text(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut characters = text.chars();
    characters
        .next()
        .map(|first| first.to_lowercase().chain(characters).collect())
        .unwrap_or_default()
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("origin", &self.0.origin)
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

/// Prints `GET "URL": response status code 404: name unknown: …`, as users of `oras` know it.
impl fmt::Display for RegistryResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} \"{}\": response status code {}",
            self.method,
            self.url,
            self.status.as_u16()
        )?;
        if self.body.errors.is_empty() {
            return write!(f, ": {}", self.status.canonical_reason().unwrap_or("unknown status"));
        }
        for (index, entry) in self.body.errors.iter().enumerate() {
            let code = entry.code.as_str().to_lowercase().replace('_', " ");
            f.write_str(if index == 0 { ": " } else { "; " })?;
            match (code.is_empty(), entry.message.is_empty()) {
                (true, _) => f.write_str(&entry.message)?,
                (false, true) => f.write_str(&code)?,
                (false, false) => write!(f, "{code}: {}", entry.message)?,
            }
            let detail = entry.detail.get("message").unwrap_or(&entry.detail);
            if let Some(detail) = detail.as_str().filter(|detail| !detail.is_empty()) {
                write!(f, ": {detail}")?;
            }
        }
        Ok(())
    }
}
