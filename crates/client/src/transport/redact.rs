//! URLs as people may see them: without users, passwords and signatures.

use http::Uri;

/// The query parameters whose values are names out of the specifications, never secrets.
const PLAIN: [&str; 10] = [
    "artifactType",
    "digest",
    "digest-algorithm",
    "from",
    "last",
    "mount",
    "n",
    "scope",
    "service",
    "tag",
];

/// Prints `uri` for errors: without a user, and with the values of unknown query parameters
/// replaced, since storage services sign their URLs there.
pub(crate) fn shown(uri: &Uri) -> String {
    print(uri, |key| PLAIN.contains(&key))
}

/// Prints `uri` for logs: every value of the query is replaced and its keys are sorted.
pub(super) fn logged(uri: &Uri) -> String {
    print(uri, |_| false)
}

fn print(uri: &Uri, is_plain: impl Fn(&str) -> bool) -> String {
    let mut text = String::new();
    if let Some(scheme) = uri.scheme_str() {
        text.push_str(scheme);
        text.push_str("://");
    }
    if let Some(authority) = uri.authority() {
        let authority = authority.as_str();
        match authority.rsplit_once('@') {
            Some((_, host)) => {
                text.push_str("REDACTED@");
                text.push_str(host);
            }
            None => text.push_str(authority),
        }
    }
    text.push_str(uri.path());
    let Some(query) = uri.query() else { return text };
    let mut pairs: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty()).collect();
    if pairs.iter().any(|pair| !is_plain(pair.split('=').next().unwrap_or_default())) {
        pairs.sort_unstable();
    }
    for (index, pair) in pairs.into_iter().enumerate() {
        text.push(if index == 0 { '?' } else { '&' });
        match pair.split_once('=') {
            Some((key, _)) if !is_plain(key) => {
                text.push_str(key);
                text.push_str("=REDACTED");
            }
            _ => text.push_str(pair),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        text.parse().expect("a URI")
    }

    #[test]
    fn shows_what_the_specification_names_and_hides_the_rest() {
        for (text, expected) in [
            ("https://h/v2/a/tags/list?n=2&last=b", "https://h/v2/a/tags/list?n=2&last=b"),
            ("https://user:pass@h:1/x", "https://REDACTED@h:1/x"),
            ("https://s3/x?X-Sig=canary&digest=d", "https://s3/x?X-Sig=REDACTED&digest=d"),
            ("http://h/", "http://h/"),
        ] {
            assert_eq!(shown(&uri(text)), expected);
        }
    }

    #[test]
    fn logs_no_value_of_a_query() {
        assert_eq!(
            logged(&uri("https://u@h/x?b=2&a=1&flag")),
            "https://REDACTED@h/x?a=REDACTED&b=REDACTED&flag"
        );
    }
}
