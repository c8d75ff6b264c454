//! `--resolve`: addresses to use instead of asking the resolver.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use oras_spec::Quoted;

use crate::error::{CliError, Result};

/// Reads `host:port:address[:address_port]`, each; of two for the same host and port the last counts.
/// An IPv6 address stands in brackets.
///
/// # Errors
///
/// If one has another form.
pub(super) fn read(texts: &[String]) -> Result<HashMap<(String, u16), SocketAddr>> {
    texts.iter().map(|text| entry(text).map_err(|why| bad(text, why))).collect()
}

fn bad(text: &str, why: &str) -> CliError {
    CliError::new(format!("failed to parse resolve flag {}: {why}", Quoted(text)))
}

fn entry(text: &str) -> Result<((String, u16), SocketAddr), &'static str> {
    const FORM: &str = "expecting host:port:address[:address_port]";
    let (host, rest) = text.split_once(':').ok_or(FORM)?;
    let (port, rest) = rest.split_once(':').ok_or(FORM)?;
    let port: u16 = port.parse().map_err(|_| "expecting uint64 host port")?;
    let (address, address_port) = match rest.strip_prefix('[') {
        Some(inner) => {
            let (address, behind) = inner.split_once(']').ok_or(FORM)?;
            (address, behind.strip_prefix(':'))
        }
        None => rest.split_once(':').map_or((rest, None), |(address, port)| (address, Some(port))),
    };
    let address: IpAddr = address.parse().map_err(|_| "invalid IP address")?;
    let address_port = match address_port {
        Some(port) => port.parse().map_err(|_| "expecting uint64 address port")?,
        None => port,
    };
    Ok(((host.to_lowercase(), port), SocketAddr::new(address, address_port)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Result<HashMap<(String, u16), SocketAddr>> {
        read(&[text.to_owned()])
    }

    #[test]
    fn reads_addresses_with_and_without_a_port() {
        let key = ("example.com".to_owned(), 443);
        for (text, address) in [
            ("Example.com:443:10.0.0.1", "10.0.0.1:443"),
            ("example.com:443:10.0.0.1:5000", "10.0.0.1:5000"),
            ("example.com:443:[::1]", "[::1]:443"),
            ("example.com:443:[::1]:5000", "[::1]:5000"),
        ] {
            assert_eq!(one(text).expect("good")[&key], address.parse().expect("an address"));
        }
    }

    #[test]
    fn says_what_is_wrong_with_others() {
        for (text, why) in [
            ("example.com:443", "expecting host:port:address[:address_port]"),
            ("example.com:x:10.0.0.1", "expecting uint64 host port"),
            ("example.com:443:nowhere", "invalid IP address"),
            ("example.com:443:10.0.0.1:x", "expecting uint64 address port"),
        ] {
            assert_eq!(
                one(text).expect_err("bad").to_string(),
                format!("Error: failed to parse resolve flag \"{text}\": {why}")
            );
        }
    }
}
