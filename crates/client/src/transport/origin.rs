//! Origins of the web: what a credential belongs to.

use std::net::IpAddr;

use http::Uri;
use http::uri::Scheme;

/// Scheme, host and port of a URL, with the default port filled in and addresses in one spelling.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct WebOrigin {
    pub(crate) is_https: bool,
    /// In lower case and without a final dot; a literal address in its shortest form, no brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl WebOrigin {
    /// Returns the origin of an absolute http or https URL; nothing of any other.
    pub(crate) fn of(uri: &Uri) -> Option<Self> {
        let is_https = match uri.scheme()? {
            scheme if *scheme == Scheme::HTTPS => true,
            scheme if *scheme == Scheme::HTTP => false,
            _ => return None,
        };
        let port = uri.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        Some(Self { is_https, host: normal_host(uri.host()?), port })
    }

    /// Tells whether host and port are those of `other`, whatever the scheme.
    pub(crate) fn is_same_place(&self, other: &Self) -> bool {
        self.host == other.host && self.port == other.port
    }

    /// Returns the address, if the host is written as one.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// Tells whether this names the machine we run on.
    pub(crate) fn is_loopback(&self) -> bool {
        self.host == "localhost"
            || self.host.ends_with(".localhost")
            || self.address().is_some_and(|address| unmapped(address).is_loopback())
    }
}

fn normal_host(host: &str) -> String {
    let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    if let Ok(address) = host.parse::<IpAddr>() {
        return unmapped(address).to_string();
    }
    if let Some(address) = numeric_address(host) {
        return address.to_string();
    }
    host.to_ascii_lowercase()
}

/// Reads the spellings of IPv4 addresses that resolvers take besides dotted decimals: fewer than
/// four parts, octal and hexadecimal ones.
fn numeric_address(host: &str) -> Option<IpAddr> {
    let parts: Vec<u64> = host.split('.').map(number).collect::<Option<_>>()?;
    let (&last, front) = parts.split_last()?;
    if parts.len() > 4 || front.iter().any(|&part| part > 255) {
        return None;
    }
    let free_bits = 8 * (4 - front.len());
    if last >> free_bits != 0 {
        return None;
    }
    let high =
        front.iter().enumerate().fold(0, |sum, (index, part)| sum | part << (24 - 8 * index));
    let bits = u32::try_from(high | last).ok()?;
    Some(IpAddr::from(bits.to_be_bytes()))
}

fn number(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    if let Some(hex) = lower.strip_prefix("0x") {
        return u64::from_str_radix(if hex.is_empty() { "0" } else { hex }, 16).ok();
    }
    match lower.strip_prefix('0') {
        Some(octal) if !octal.is_empty() => u64::from_str_radix(octal, 8).ok(),
        _ => lower.parse().ok(),
    }
}

/// An IPv4 address in IPv6 clothes is an IPv4 address.
fn unmapped(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// Tells whether no stranger has any business to send us to `address`: this machine, its link
/// (where clouds keep their metadata services) or nowhere.
pub(crate) fn is_local(address: IpAddr) -> bool {
    match unmapped(address) {
        IpAddr::V4(address) => {
            address.is_loopback() || address.is_link_local() || address.octets()[0] == 0
        }
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unicast_link_local() || address.is_unspecified()
        }
    }
}

/// Tells whether `address` is local, or of a network that is not the public one.
pub(crate) fn is_private(address: IpAddr) -> bool {
    is_local(address)
        || match unmapped(address) {
            IpAddr::V4(address) => address.is_private(),
            IpAddr::V6(address) => address.is_unique_local(),
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> WebOrigin {
        WebOrigin::of(&text.parse().expect("a URI")).expect("an origin")
    }

    #[test]
    fn knows_one_origin_in_every_spelling() {
        for (one, other) in [
            ("http://h/a", "http://H:80/b"),
            ("https://h", "https://h.:443/"),
            ("http://[::1]:5000", "http://[0:0:0:0:0:0:0:1]:5000"),
            ("http://127.0.0.1", "http://[::ffff:127.0.0.1]"),
            ("http://user@h", "http://h"),
        ] {
            assert_eq!(origin(one), origin(other));
        }
        for (one, other) in
            [("http://h", "https://h"), ("http://h:1", "http://h:2"), ("http://a.h", "http://h")]
        {
            assert_ne!(origin(one), origin(other));
        }
        assert_eq!(WebOrigin::of(&"ftp://h".parse().expect("a URI")), None);
        assert_eq!(WebOrigin::of(&"/x".parse().expect("a URI")), None);
    }

    #[test]
    fn sees_through_disguised_local_addresses() {
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "0.0.0.0",
            "0",
            "169.254.169.254",
            "[::1]",
            "[::]",
            "[fe80::1]",
            "[::ffff:7f00:1]",
        ] {
            let address = origin(&format!("http://{host}/")).address().expect(host);
            assert!(is_local(address), "{host}");
        }
        for host in ["10.0.0.1", "192.168.1.1", "172.16.0.1", "[fd00::1]"] {
            let address = origin(&format!("http://{host}/")).address().expect(host);
            assert!(is_private(address) && !is_local(address), "{host}");
        }
        for host in ["8.8.8.8", "[2001:db8::1]"] {
            assert!(!is_private(origin(&format!("http://{host}/")).address().expect(host)));
        }
        assert_eq!(origin("http://registry.example/").address(), None);
        assert!(origin("http://localhost:1/").is_loopback());
    }
}
