//! Where an upload goes on: what registries say in `Location`, and how far it is believed.

use http::{Uri, header};
use oras_spec::Digest;
use url::Url;

use crate::remote::session::Answer;
use crate::transport::{WebOrigin, shown};
use crate::{Error, ErrorKind, Result};

/// Reads where an upload goes on after a chunk; registries that do not say mean the same place.
pub(super) fn next_location(answer: &Answer, here: &Uri) -> Result<Uri> {
    match answer.header(&header::LOCATION) {
        Some(text) if !text.is_empty() => location(answer),
        _ => Ok(here.clone()),
    }
}

/// Reads where an upload goes on: relative or absolute, but at the same place, and not without
/// TLS where there was TLS.
pub(super) fn location(answer: &Answer) -> Result<Uri> {
    let here = answer.uri();
    let text = answer.header(&header::LOCATION).unwrap_or_default();
    if text.is_empty() {
        return Err(answer.wrong("missing Location header in the response to an upload request"));
    }
    let url = Url::parse(&here.to_string()).and_then(|base| base.join(text));
    let mut url = url.map_err(|error| answer.wrong(&format!("invalid Location: {error}")))?;
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_fragment(None);
    let invalid = || answer.wrong("invalid Location");
    // An https URL loses its port 443 on parsing, so a user's own `:443` is put back.
    let is_same_host = url.host_str() == here.host() && url.port().is_none();
    let mut next: Uri = url.as_str().parse().map_err(|_| invalid())?;
    if is_same_host && next.scheme() == here.scheme() && next.authority() != here.authority() {
        let mut parts = next.clone().into_parts();
        if here.port_u16() == Some(443) && here.scheme_str() == Some("https") {
            parts.authority = here.authority().cloned();
            next = Uri::from_parts(parts).map_err(|_| invalid())?;
        }
    }
    let (Some(from), Some(to)) = (WebOrigin::of(here), WebOrigin::of(&next)) else {
        return Err(invalid());
    };
    let refused = |why: String| Err(Error::new(ErrorKind::Server, why));
    if from.is_https && !to.is_https {
        return refused(format!(
            "blob upload Location \"{}\" downgrades scheme from https",
            shown(&next)
        ));
    }
    if !from.is_same_place(&to) {
        return refused(format!(
            "blob upload Location \"{}\" is on a different host than the registry \"{}\"",
            next.authority().map_or("", http::uri::Authority::as_str),
            here.authority().map_or("", http::uri::Authority::as_str),
        ));
    }
    Ok(next)
}

/// Adds the digest to a URL, whose query stays as it is: some registries sign it.
pub(super) fn with_digest(location: &Uri, digest: &Digest) -> Result<Uri> {
    let separator = if location.query().is_some_and(|query| !query.is_empty()) { "&" } else { "?" };
    let text = location.to_string();
    let text = text.trim_end_matches('?');
    format!("{text}{separator}digest={}", digest.as_str().replacen(':', "%3A", 1))
        .parse()
        .map_err(|_| Error::new(ErrorKind::Server, "invalid blob upload Location"))
}
