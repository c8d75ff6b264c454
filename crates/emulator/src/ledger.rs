//! What was asked and answered, for tests to count.

use http::Method;
use http::header::{AUTHORIZATION, HeaderMap};

/// Which of the origins of a registry was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Origin {
    /// The registry itself.
    Registry,
    /// The token service.
    Token,
    /// Where blobs are downloaded from.
    Storage,
}

/// What a request showed of who sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shown {
    /// Nothing.
    Nothing,
    /// A name and a password.
    Basic,
    /// A token.
    Bearer,
    /// Something else, or more than one thing.
    Other,
}

impl Shown {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let first = values.next().map(|value| value.as_bytes().to_ascii_lowercase());
        match (first, values.next()) {
            (None, _) => Self::Nothing,
            (Some(value), None) if value.starts_with(b"basic ") => Self::Basic,
            (Some(value), None) if value.starts_with(b"bearer ") => Self::Bearer,
            _ => Self::Other,
        }
    }
}

/// One request and how it was answered.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Exchange {
    /// Who was asked.
    pub origin: Origin,
    /// The method.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// What was shown.
    pub shown: Shown,
    /// The status; nothing if the connection was closed.
    pub status: Option<u16>,
}

impl Exchange {
    /// Returns what a request for a token asks for: the service, and the scopes, sorted; nothing
    /// if this is no such request.
    pub fn token_request(&self) -> Option<Vec<String>> {
        (self.origin == Origin::Token).then(|| {
            let query = self.target.split_once('?').map_or("", |(_, query)| query);
            let mut asked: Vec<String> = crate::ask::pairs(query)
                .into_iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            asked.sort();
            asked
        })
    }
}
