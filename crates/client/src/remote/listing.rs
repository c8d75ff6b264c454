//! Lists that come in pages.

use futures_util::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use http::header::LINK;
use http::{Method, Request, StatusCode, Uri};
use oras_spec::distribution::parse_next_link;
use serde::de::DeserializeOwned;
use url::Url;

use super::session::{Answer, Session};
use crate::transport::{Body, ScopeHint, WebOrigin, shown};
use crate::{Error, ErrorKind, Result};

/// The largest page, in bytes.
pub(super) const MAX_PAGE: usize = 4 * 1024 * 1024;
/// No list has more pages than this. At one entry a page it is still a bound.
const MAX_PAGES: usize = 1_000_000;

/// Lists all entries behind `first`, each page asked for when the one before is used up.
///
/// The list ends at a page without entries, without a link or with the link that led to it.
pub(super) fn pages<'a, P: DeserializeOwned + 'a>(
    session: &'a Session,
    first: Result<Request<Body>>,
    entries: fn(P) -> Vec<String>,
) -> BoxStream<'a, Result<String>> {
    let hint = first.as_ref().ok().and_then(|request| request.extensions().get::<ScopeHint>());
    let hint = hint.cloned().unwrap_or_default();
    let pages = stream::try_unfold((Some(first), 0), move |(request, count)| {
        let hint = hint.clone();
        async move {
            let Some(request) = request else { return Ok(None) };
            let (answer, bytes) = session.get(request?, MAX_PAGE).await?;
            let answer = answer.expect(&[StatusCode::OK]).await?;
            let uri = answer.uri().clone();
            let next = next_page(&answer).transpose();
            let entries = entries(read_page(&answer, &bytes)?);
            let leads_on = |next: &Result<Uri>| {
                !entries.is_empty()
                    && count < MAX_PAGES
                    && next.as_ref().map_or(true, |next| *next != uri)
            };
            // What stands on this page is told also if its link leads nowhere.
            let next = next.filter(leads_on);
            let next = next.map(|next| Ok(session.request_to(Method::GET, next?, hint)));
            Ok::<_, Error>(Some((entries, (next, count + 1))))
        }
    });
    pages.map_ok(|entries| stream::iter(entries.into_iter().map(Ok))).try_flatten().boxed()
}

/// Reads a page of JSON.
pub(super) fn read_page<P: DeserializeOwned>(answer: &Answer, bytes: &[u8]) -> Result<P> {
    serde_json::from_slice(bytes)
        .map_err(|error| answer.wrong("failed to decode response").with_source(error))
}

/// Returns where the next page is: on the same origin, or nowhere.
pub(super) fn next_page(answer: &Answer) -> Result<Option<Uri>> {
    let Some(link) = answer.header(&LINK).and_then(parse_next_link) else { return Ok(None) };
    let refused = |why: String| Error::new(ErrorKind::Server, why);
    let here = answer.uri();
    let next: Uri = Url::parse(&here.to_string())
        .and_then(|base| base.join(link))
        .ok()
        .and_then(|url| url.as_str().parse().ok())
        .ok_or_else(|| refused(format!("invalid next link \"{link}\"")))?;
    if WebOrigin::of(&next) != WebOrigin::of(here) {
        return Err(refused(format!(
            "invalid next link \"{}\": not the same origin as \"{}\"",
            shown(&next),
            shown(here)
        )));
    }
    Ok(Some(next))
}
