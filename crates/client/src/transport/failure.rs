//! Why there was no response, in the words users of Go tools know.

use std::error::Error as StdError;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use http::{Method, Uri};

use super::shown;
use crate::{Error, ErrorKind};

/// What kept a request from being answered.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The name of the host leads nowhere.
    #[error("dial tcp: lookup {host}: {cause}")]
    Lookup { host: String, cause: String },
    /// No address of the host took the connection.
    #[error("dial tcp {address}: connect: {cause}")]
    Connect { address: SocketAddr, cause: String },
    /// No address of the host answered in time.
    #[error("dial tcp {address}: i/o timeout")]
    ConnectTimeout { address: SocketAddr },
    /// The other side speaks HTTP without TLS.
    #[error("http: server gave HTTP response to HTTPS client")]
    PlainServer,
    /// The other side is not who it should be.
    #[error("tls: failed to verify certificate: x509: {0}")]
    Certificate(String),
    /// The TLS handshake failed otherwise.
    #[error("tls: {0}")]
    Handshake(String),
    /// The TLS handshake took too long.
    #[error("net/http: TLS handshake timeout")]
    HandshakeTimeout,
    /// The request was taken but no answer came.
    #[error("net/http: timeout awaiting response headers")]
    ResponseTimeout,
    /// Bytes stopped flowing in the middle of a body.
    #[error("i/o timeout: no progress for {} s", .0.as_secs_f64())]
    Stalled(Duration),
    /// Bytes flowed so slowly that it would not end.
    #[error("i/o timeout: less than 1 KiB/s for {} s", .0.as_secs_f64())]
    Slow(Duration),
    /// The connection ended before the answer was complete.
    #[error("{0}")]
    Lost(String),
    /// The proxy could not be reached, or did not let us through.
    #[error("proxyconnect tcp: {0}")]
    Proxy(Box<Self>),
    /// Anything else that a request can fail of; trying again would not help.
    #[error("{0}")]
    Other(String),
}

impl Failure {
    /// Tells whether the other side was merely too slow.
    pub(crate) fn is_timeout(&self) -> bool {
        match self {
            Self::ConnectTimeout { .. }
            | Self::HandshakeTimeout
            | Self::ResponseTimeout
            | Self::Stalled(_)
            | Self::Slow(_) => true,
            Self::Proxy(inner) => inner.is_timeout(),
            _ => false,
        }
    }

    /// Tells whether the connection ended without an answer.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(self, Self::Lost(_))
    }

    /// Tells whether bytes came, but too few.
    pub(crate) fn is_slow(&self) -> bool {
        matches!(self, Self::Slow(_))
    }

    /// Finds the failure in the chain of causes of an error of the HTTP library.
    pub(super) fn of(error: &(dyn StdError + 'static)) -> Self {
        let mut cause = Some(error);
        let mut last = error;
        let mut is_connection = false;
        while let Some(this) = cause {
            if let Some(failure) = this.downcast_ref::<Self>() {
                return failure.clone();
            }
            if let Some(io) = this.downcast_ref::<io::Error>() {
                return Self::of_io(io);
            }
            if let Some(hyper) = this.downcast_ref::<hyper::Error>() {
                if hyper.is_incomplete_message() || hyper.is_canceled() || hyper.is_closed() {
                    return Self::Lost("EOF".to_owned());
                }
                is_connection = !hyper.is_user() && !hyper.is_parse();
            }
            last = this;
            cause = this.source();
        }
        let text = last.to_string();
        if is_connection { Self::Lost(text) } else { Self::Other(text) }
    }

    fn of_io(error: &io::Error) -> Self {
        if let Some(inner) = error.get_ref() {
            return match inner.downcast_ref::<Self>() {
                Some(failure) => failure.clone(),
                None => Self::Lost(inner.to_string()),
            };
        }
        Self::Lost(match error.kind() {
            io::ErrorKind::UnexpectedEof => "unexpected EOF".to_owned(),
            _ => words(error),
        })
    }

    /// Makes the error for a request that failed so: `Get "URL"`, caused by this.
    pub(super) fn of_request(self, method: &Method, uri: &Uri) -> Error {
        let name = method.as_str();
        let rest = name[1..].to_ascii_lowercase();
        let message = format!("{}{rest} \"{}\"", &name[..1], shown(uri));
        Error::new(ErrorKind::Network, message).with_source(self)
    }
}

/// The operating system's words for an error, as Go has them: without a number, in lower case.
pub(super) fn words(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_lowercase().chain(characters).collect(),
        None => String::new(),
    }
}
