//! Tunnels through a proxy: CONNECT, and then the stream is ours.

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::proxy::Proxy;
use super::{Failure, WebOrigin};

/// The longest answer to CONNECT that is read, in bytes.
const MAX_ANSWER: usize = 16 * 1024;

/// Asks the proxy at the other end of `stream` to connect it to `target`.
pub(super) async fn tunnel<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    proxy: &Proxy,
    target: &WebOrigin,
) -> Result<(), Failure> {
    let host =
        if target.host.contains(':') { format!("[{}]", target.host) } else { target.host.clone() };
    let place = format!("{host}:{}", target.port);
    let mut request = format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n").into_bytes();
    if let Some(value) = &proxy.authorization {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(value.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    let lost = |error: std::io::Error| Failure::Lost(super::failure::words(&error));
    stream.write_all(&request).await.map_err(lost)?;
    stream.flush().await.map_err(lost)?;
    let mut answer = Vec::new();
    // Byte by byte, since what is behind the answer belongs to the tunnel.
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() == MAX_ANSWER {
            return Err(Failure::Other("the proxy's answer is too long".to_owned()));
        }
        answer.push(stream.read_u8().await.map_err(lost)?);
    }
    let text = String::from_utf8_lossy(&answer);
    let line = text.lines().next().unwrap_or_default();
    let mut words = line.splitn(3, ' ');
    match (words.next(), words.next(), words.next()) {
        (Some("HTTP/1.1" | "HTTP/1.0"), Some("200"), _) => Ok(()),
        (Some("HTTP/1.1" | "HTTP/1.0"), Some(_), Some(reason)) if !reason.is_empty() => {
            Err(Failure::Other(reason.chars().filter(|c| !c.is_control()).collect()))
        }
        _ => Err(Failure::Other("the proxy gave no HTTP answer".to_owned())),
    }
}
