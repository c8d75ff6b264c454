//! The queries of operations, printed and read.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::NotAnOperation;
use crate::distribution::Page;

/// The decoded parameters of a query, in order.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(text: &str) -> Result<Self, NotAnOperation> {
        let decode = |part: &str| {
            let plain = part.replace('+', " ");
            let decoded = percent_decode_str(&plain).decode_utf8().map(Cow::into_owned);
            decoded.map_err(|_| NotAnOperation::Query("encoding"))
        };
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(key)?, decode(value)?))
        });
        pairs.collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn first(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    pub(super) fn page(&self) -> Result<Page, NotAnOperation> {
        let limit = match self.first("n") {
            Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(text.parse().map_err(|_| NotAnOperation::Query("n"))?)
            }
            Some(_) => return Err(NotAnOperation::Query("n")),
            None => None,
        };
        Ok(Page { limit, last: self.first("last").map(str::to_owned) })
    }
}

/// What stays as it is in a query value: the unreserved characters, and `:` and `/`, which
/// registries are used to seeing plain.
const QUERY_VALUE: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':').remove(b'/');

pub(super) fn query_string<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = String::new();
    for (key, value) in pairs {
        text.push(if text.is_empty() { '?' } else { '&' });
        text.push_str(key);
        text.push('=');
        text.extend(utf8_percent_encode(value, QUERY_VALUE));
    }
    text
}

pub(super) fn page_query(filter: Option<(&str, &str)>, page: &Page) -> String {
    let limit = page.limit.map(|limit| limit.to_string());
    let limit = limit.as_deref().map(|limit| ("n", limit));
    let last = page.last.as_deref().map(|last| ("last", last));
    query_string(filter.into_iter().chain(limit).chain(last))
}
