//! Proxies: which requests go through one, by the rules users of Go tools know.

use std::fmt;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use percent_encoding::percent_decode_str;
use url::Url;

use super::WebOrigin;
use crate::{Error, ErrorKind, Result};

/// Which requests go through which proxy. By default none does.
///
/// Requests to this machine never do: not to `localhost`, not to a loopback address.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    http: Option<Proxy>,
    https: Option<Proxy>,
    exceptions: Vec<Exception>,
}

impl Proxies {
    /// Reads what stands in `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`: URLs of proxies for http
    /// and for https requests, and the hosts that are reached without one; all may be empty.
    ///
    /// A proxy without a scheme is an http one. Exceptions stand between commas: `*` for all,
    /// addresses, networks such as `10.0.0.0/8`, names that stand for themselves and all below,
    /// names after `.` or `*.` for all below; each but networks with a port or without.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for a proxy that is no URL or of a scheme other than http and https.
    pub fn new(http: &str, https: &str, exceptions: &str) -> Result<Self> {
        let exceptions = exceptions.split(',').filter_map(Exception::parse).collect();
        Ok(Self { http: Proxy::parse(http)?, https: Proxy::parse(https)?, exceptions })
    }

    /// Returns the proxy to use for requests to `origin`.
    pub(super) fn proxy(&self, origin: &WebOrigin) -> Option<&Proxy> {
        let proxy = if origin.is_https { &self.https } else { &self.http };
        let direct = origin.host == "localhost"
            || origin.address().is_some_and(|address| address.is_loopback())
            || self.exceptions.iter().any(|exception| exception.matches(origin));
        proxy.as_ref().filter(|_| !direct)
    }
}

/// One proxy.
#[derive(Clone)]
pub(super) struct Proxy {
    pub(super) origin: WebOrigin,
    /// What to show to it.
    pub(super) authorization: Option<HeaderValue>,
}

impl Proxy {
    fn parse(text: &str) -> Result<Option<Self>> {
        if text.is_empty() {
            return Ok(None);
        }
        let with_scheme =
            if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        // The text may hold a password, so it is not quoted.
        let invalid = || Error::new(ErrorKind::Invalid, "invalid proxy address");
        let url = Url::parse(&with_scheme).map_err(|_| invalid())?;
        if !matches!(url.scheme(), "http" | "https") {
            let message = format!("unsupported proxy scheme \"{}\"", url.scheme());
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        let uri = url.as_str().parse().map_err(|_| invalid())?;
        let origin = WebOrigin::of(&uri).ok_or_else(invalid)?;
        let authorization = (!url.username().is_empty() || url.password().is_some()).then(|| {
            let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
            let password = plain(url.password().unwrap_or_default());
            let pair = STANDARD.encode(format!("{}:{password}", plain(url.username())));
            let mut value =
                HeaderValue::try_from(format!("Basic {pair}")).expect("base64 is ASCII");
            value.set_sensitive(true);
            value
        });
        Ok(Some(Self { origin, authorization }))
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// What is reached without a proxy.
#[derive(Clone, Debug)]
enum Exception {
    All,
    Network { bits: u128, length: u32, is_v6: bool },
    Address { address: IpAddr, port: Option<u16> },
    Name { suffix: String, itself: bool, port: Option<u16> },
}

impl Exception {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        if text.is_empty() {
            return None;
        }
        if text == "*" {
            return Some(Self::All);
        }
        if let Some((address, length)) = text.split_once('/') {
            let address: IpAddr = address.parse().ok()?;
            let length = length.parse().ok().filter(|&length| length <= width(address))?;
            let (bits, is_v6) = (bits(address), address.is_ipv6());
            return Some(Self::Network { bits, length, is_v6 });
        }
        if let Ok(address) = text.trim_matches(['[', ']']).parse() {
            return Some(Self::Address { address, port: None });
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok()?)),
            None => (text.as_str(), None),
        };
        if let Ok(address) = host.trim_matches(['[', ']']).parse() {
            return Some(Self::Address { address, port });
        }
        let host = host.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(host);
        let (suffix, itself) = match host.strip_prefix('.') {
            Some(below) => (format!(".{below}"), false),
            None => (format!(".{host}"), true),
        };
        (suffix.len() > 1).then_some(Self::Name { suffix, itself, port })
    }

    fn matches(&self, origin: &WebOrigin) -> bool {
        let is_port = |port: &Option<u16>| port.is_none_or(|port| port == origin.port);
        match self {
            Self::All => true,
            Self::Network { bits: network, length, is_v6 } => {
                origin.address().is_some_and(|address| {
                    address.is_ipv6() == *is_v6
                        && (bits(address) ^ network)
                            .checked_shr(width(address) - length)
                            .is_none_or(|differing| differing == 0)
                })
            }
            Self::Address { address, port } => origin.address() == Some(*address) && is_port(port),
            Self::Name { suffix, itself, port } => {
                let is_below = origin.host.ends_with(suffix.as_str());
                (is_below || (*itself && origin.host == suffix[1..])) && is_port(port)
            }
        }
    }
}

fn width(address: IpAddr) -> u32 {
    if address.is_ipv6() { 128 } else { 32 }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxied(exceptions: &str, url: &str) -> bool {
        let proxies = Proxies::new("p:1", "http://p:2", exceptions).expect("proxies");
        let origin = WebOrigin::of(&url.parse().expect("a URI")).expect("an origin");
        proxies.proxy(&origin).is_some()
    }

    #[test]
    fn this_machine_is_never_reached_through_a_proxy() {
        for url in [
            "http://localhost:5000",
            "https://localhost",
            "http://127.0.0.1",
            "http://127.1.2.3",
            "http://[::1]:5000",
        ] {
            assert!(!proxied("", url), "{url}");
        }
        assert!(proxied("", "http://r.example"));
        assert!(proxied("", "https://10.0.0.1"));
    }

    #[test]
    fn exceptions_match_as_in_go() {
        for (exceptions, url, expected) in [
            ("*", "http://r.example", false),
            ("example", "http://r.example", false),
            ("r.example", "http://r.example:8080", false),
            (" R.Example , x", "http://r.example", false),
            (".example", "http://example", true),
            ("*.example", "http://r.example", false),
            ("*.example", "http://example", true),
            ("r.example:443", "https://r.example", false),
            ("r.example:443", "http://r.example", true),
            ("ample", "http://r.example", true),
            ("10.0.0.0/8", "http://10.1.2.3", false),
            ("10.0.0.0/8", "http://11.1.2.3", true),
            ("10.0.0.0/8", "http://r.example", true),
            ("0.0.0.0/0", "http://11.1.2.3", false),
            ("0.0.0.0/0", "http://[2001:db8::1]", true),
            ("2001:db8::/32", "http://[2001:db8::1]", false),
            ("::/0", "http://[2001:db8::1]", false),
            ("10.1.2.3", "http://10.1.2.3:80", false),
            ("10.1.2.3:81", "http://10.1.2.3:80", true),
            ("[2001:db8::1]:80", "http://[2001:db8::1]", false),
            ("2001:db8::1", "http://[2001:db8::1]:5000", false),
            ("10.0.0.0/99,/8,:,.,,", "http://10.1.2.3", true),
        ] {
            assert_eq!(proxied(exceptions, url), expected, "{exceptions} {url}");
        }
    }

    #[test]
    fn each_scheme_has_its_own_and_secrets_do_not_show() {
        let proxies = Proxies::new("", "https://user:can%61ry@p.example", "").expect("proxies");
        let origin = |url: &str| WebOrigin::of(&url.parse().expect("a URI")).expect("an origin");
        assert!(proxies.proxy(&origin("http://r.example")).is_none());
        let proxy = proxies.proxy(&origin("https://r.example")).expect("a proxy");
        assert_eq!((proxy.origin.host.as_str(), proxy.origin.port), ("p.example", 443));
        let shown = proxy.authorization.as_ref().expect("shown");
        assert_eq!(shown, "Basic dXNlcjpjYW5hcnk=");
        assert!(!format!("{proxies:?}").contains("canary"));
        for bad in ["socks5://canary:canary@p", "http://canary:canary@", "ftp://p"] {
            let error = Proxies::new(bad, "", "").expect_err(bad);
            assert!(!error.to_string().contains("canary"));
        }
    }
}
