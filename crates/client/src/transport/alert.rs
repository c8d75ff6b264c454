//! Why the other side of a TLS connection gave it up, in the words users of Go tools know.

use std::io;
use std::sync::{Arc, Mutex};

use rustls::AlertDescription as Alert;

use super::Failure;

/// What the other side of connections said last. An alert that comes between two requests, as that
/// for a certificate that is missing does, is else lost on its way through the HTTP library.
#[derive(Clone, Default)]
pub(super) struct LastWord(Arc<Mutex<Option<Failure>>>);

impl LastWord {
    /// Takes down what ended a connection, if it was the other side that did.
    pub(super) fn hear(&self, error: io::Error) -> io::Error {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let Some(said) = inner.and_then(words) else { return error };
        let failure = Failure::Other(said);
        if let Ok(mut last) = self.0.lock() {
            *last = Some(failure.clone());
        }
        io::Error::new(error.kind(), failure)
    }

    /// Returns why a request failed, given that it did when a connection was lost.
    pub(super) fn instead_of(&self, failure: Failure) -> Failure {
        let said = self.0.lock().ok().and_then(|mut last| last.take());
        if matches!(failure, Failure::Lost(_)) { said.unwrap_or(failure) } else { failure }
    }
}

/// Returns what the other side said, if it was that which ended the connection.
pub(super) fn words(error: &rustls::Error) -> Option<String> {
    let rustls::Error::AlertReceived(alert) = error else { return None };
    let meaning =
        meaning(*alert).map_or_else(|| format!("alert({})", u8::from(*alert)), Into::into);
    Some(format!("remote error: tls: {meaning}"))
}

/// What an alert stands for: <https://www.rfc-editor.org/rfc/rfc8446#section-6>.
fn meaning(alert: Alert) -> Option<&'static str> {
    Some(match alert {
        Alert::CloseNotify => "close notify",
        Alert::UnexpectedMessage => "unexpected message",
        Alert::BadRecordMac => "bad record MAC",
        Alert::RecordOverflow => "record overflow",
        Alert::HandshakeFailure => "handshake failure",
        Alert::BadCertificate => "bad certificate",
        Alert::UnsupportedCertificate => "unsupported certificate",
        Alert::CertificateRevoked => "revoked certificate",
        Alert::CertificateExpired => "expired certificate",
        Alert::CertificateUnknown => "unknown certificate",
        Alert::IllegalParameter => "illegal parameter",
        Alert::UnknownCA => "unknown certificate authority",
        Alert::AccessDenied => "access denied",
        Alert::DecodeError => "error decoding message",
        Alert::DecryptError => "error decrypting message",
        Alert::ProtocolVersion => "protocol version not supported",
        Alert::InsufficientSecurity => "insufficient security level",
        Alert::InternalError => "internal error",
        Alert::InappropriateFallback => "inappropriate fallback",
        Alert::UserCanceled => "user canceled",
        Alert::MissingExtension => "missing extension",
        Alert::UnsupportedExtension => "unsupported extension",
        Alert::UnrecognisedName => "unrecognized name",
        Alert::BadCertificateStatusResponse => "bad certificate status response",
        Alert::UnknownPSKIdentity => "unknown PSK identity",
        Alert::CertificateRequired => "certificate required",
        Alert::NoApplicationProtocol => "no application protocol",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_are_told_as_go_does() {
        let told = |alert| words(&rustls::Error::AlertReceived(alert));
        let text = told(Alert::CertificateRequired).expect("an alert");
        assert_eq!(text, "remote error: tls: certificate required");
        assert_eq!(told(Alert::Unknown(200)).expect("an alert"), "remote error: tls: alert(200)");
        assert_eq!(words(&rustls::Error::DecryptError), None);
    }
}
