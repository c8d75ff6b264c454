//! From a host name to a connected socket, over whichever address answers first.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpStream;

use super::Failure;
use super::failure::words;

/// How long an address has before the next one is tried beside it, as RFC 8305 recommends.
const HEAD_START: Duration = Duration::from_millis(250);

/// How to reach hosts.
#[derive(Clone, Debug)]
pub(super) struct Dialer {
    /// Host and port to the address to use instead of what the resolver says.
    pub(super) resolve: HashMap<(String, u16), SocketAddr>,
    /// How long the whole of it may take.
    pub(super) timeout: Duration,
}

impl Dialer {
    /// Connects to `host` (no brackets around an address).
    pub(super) async fn dial(&self, host: &str, port: u16) -> Result<TcpStream, Failure> {
        let addresses = match self.resolve.get(&(host.to_ascii_lowercase(), port)) {
            Some(address) => vec![*address],
            None => lookup(host, port).await?,
        };
        let first = addresses[0];
        match tokio::time::timeout(self.timeout, race(addresses)).await {
            Ok(result) => result,
            Err(_) => Err(Failure::ConnectTimeout { address: first }),
        }
    }
}

/// Returns at least one address.
async fn lookup(host: &str, port: u16) -> Result<Vec<SocketAddr>, Failure> {
    let failed = |cause: &str| Failure::Lookup { host: host.to_owned(), cause: cause.to_owned() };
    match tokio::net::lookup_host((host, port)).await {
        Ok(addresses) => {
            let addresses = interleaved(addresses.collect());
            if addresses.is_empty() { Err(failed("no such host")) } else { Ok(addresses) }
        }
        Err(error) => {
            // The resolver's own words differ between C libraries. They matter only if asking
            // again may help.
            let text = words(&error);
            let text = text.rsplit(": ").next().unwrap_or_default().to_lowercase();
            let is_temporary = text.contains("temporary") || text.contains("try again");
            Err(failed(if is_temporary { &text } else { "no such host" }))
        }
    }
}

/// Alternates between the two families, beginning with the one the resolver prefers.
fn interleaved(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let Some(first) = addresses.first() else { return addresses };
    let prefers_v6 = first.is_ipv6();
    let (preferred, others): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == prefers_v6);
    let mut others = others.into_iter();
    let mut mixed = Vec::new();
    for address in preferred {
        mixed.push(address);
        mixed.extend(others.next());
    }
    mixed.extend(others);
    mixed
}

/// Connects to the first address that answers; the failure is that of the first address to fail.
async fn race(addresses: Vec<SocketAddr>) -> Result<TcpStream, Failure> {
    let mut waiting = addresses.into_iter();
    let mut attempts = FuturesUnordered::new();
    attempts.extend(waiting.next().map(connect));
    let mut first_failure = None;
    loop {
        let ended = if waiting.len() == 0 {
            attempts.next().await
        } else if let Ok(ended) = tokio::time::timeout(HEAD_START, attempts.next()).await {
            ended
        } else {
            attempts.extend(waiting.next().map(connect));
            continue;
        };
        match ended {
            Some(Ok(stream)) => return Ok(stream),
            Some(Err(failure)) => {
                first_failure.get_or_insert(failure);
                attempts.extend(waiting.next().map(connect));
            }
            None => return Err(first_failure.expect("at least one address was tried")),
        }
    }
}

async fn connect(address: SocketAddr) -> Result<TcpStream, Failure> {
    let failed = |error| Failure::Connect { address, cause: words(&error) };
    let stream = TcpStream::connect(address).await.map_err(failed)?;
    stream.set_nodelay(true).map_err(failed)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn alternates_between_families() {
        let mixed = interleaved(
            ["[::1]:1", "[::2]:1", "[::3]:1", "1.0.0.1:1"].into_iter().map(address).collect(),
        );
        assert_eq!(mixed, ["[::1]:1", "1.0.0.1:1", "[::2]:1", "[::3]:1"].map(address));
    }

    #[tokio::test]
    async fn a_dead_address_does_not_keep_it_from_a_live_one() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let live = listener.local_addr().expect("bound");
        let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let dead = closed.local_addr().expect("bound");
        drop(closed);
        race(vec![dead, live]).await.expect("the second address answers");
        let failure = race(vec![dead]).await.expect_err("nothing listens");
        assert_eq!(failure.to_string(), format!("dial tcp {dead}: connect: connection refused"));
    }
}
