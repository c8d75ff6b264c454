//! Paged lists: the query that asks for a page, and the `Link` header that names the next.

/// Which part of a list is asked for.
///
/// See [listing tags](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-tags).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Page {
    /// At most this many entries; the server's own bound if not stated.
    pub limit: Option<u64>,
    /// Only entries behind this one.
    pub last: Option<String>,
}

impl Page {
    /// Tells whether the whole list is asked for.
    pub fn is_whole(&self) -> bool {
        self.limit.is_none() && self.last.is_none()
    }
}

/// Prints the value of a `Link` header that names the next page.
///
/// See [RFC 8288](https://www.rfc-editor.org/rfc/rfc8288#section-3).
pub fn next_link(target: &str) -> String {
    format!("<{target}>; rel=\"next\"")
}

/// Reads the target of the next page from the value of a `Link` header.
///
/// Lenient as clients must be: the first target counts where no relation says `next`. Returns
/// nothing if there is no target.
pub fn parse_next_link(value: &str) -> Option<&str> {
    let mut without_relation = None;
    let mut rest = value;
    while let Some((_, after)) = rest.split_once('<') {
        let (target, parameters) = after.split_once('>')?;
        let end = parameters.find('<').unwrap_or(parameters.len());
        match relation(&parameters[..end]) {
            Some(relation) if names_next(relation) => return Some(target),
            Some(_) => {}
            None => without_relation = without_relation.or(Some(target)),
        }
        rest = &parameters[end..];
    }
    without_relation
}

/// The value of the first `rel` parameter, which is the one that counts.
fn relation(parameters: &str) -> Option<&str> {
    parameters.split([';', ',']).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("rel").then(|| value.trim().trim_matches('"'))
    })
}

fn names_next(relation: &str) -> bool {
    relation.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case("next"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_next_link() {
        for (value, target) in [
            ("</v2/a/tags/list?n=2&last=b>; rel=\"next\"", Some("/v2/a/tags/list?n=2&last=b")),
            ("<https://h/x>;rel=next", Some("https://h/x")),
            ("</a>; rel=\"prev\", </b>; rel=\"next\"", Some("/b")),
            ("</a>; rel=\"prev\"", None),
            ("</a>; rel = prev", None),
            ("</a>; REL=\"last Next\"", Some("/a")),
            ("</a>; rel=prev; rel=next", None),
            ("</a>; title=\"next\", </b>; rel=nextish", Some("/a")),
            ("</a>", Some("/a")),
            ("</a", None),
            ("", None),
        ] {
            assert_eq!(parse_next_link(value), target, "{value}");
        }
        assert_eq!(parse_next_link(&next_link("/v2/_catalog?last=x")), Some("/v2/_catalog?last=x"));
    }
}
