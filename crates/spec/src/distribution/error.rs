//! The error envelope: how a registry says no.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A code of the specification, or one a registry made up.
///
/// See [error codes](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
#[non_exhaustive]
#[expect(missing_docs, reason = "the variants are the codes of the specification, explained there")]
pub enum ErrorCode {
    BlobUnknown,
    BlobUploadInvalid,
    BlobUploadUnknown,
    Denied,
    DigestInvalid,
    ManifestBlobUnknown,
    ManifestInvalid,
    ManifestUnknown,
    NameInvalid,
    NameUnknown,
    SizeInvalid,
    TooManyRequests,
    Unauthorized,
    Unsupported,
    /// Any other code, verbatim.
    Other(String),
}

impl ErrorCode {
    const KNOWN: [Self; 14] = [
        Self::BlobUnknown,
        Self::BlobUploadInvalid,
        Self::BlobUploadUnknown,
        Self::Denied,
        Self::DigestInvalid,
        Self::ManifestBlobUnknown,
        Self::ManifestInvalid,
        Self::ManifestUnknown,
        Self::NameInvalid,
        Self::NameUnknown,
        Self::SizeInvalid,
        Self::TooManyRequests,
        Self::Unauthorized,
        Self::Unsupported,
    ];

    /// Returns the code as it stands on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::BlobUnknown => "BLOB_UNKNOWN",
            Self::BlobUploadInvalid => "BLOB_UPLOAD_INVALID",
            Self::BlobUploadUnknown => "BLOB_UPLOAD_UNKNOWN",
            Self::Denied => "DENIED",
            Self::DigestInvalid => "DIGEST_INVALID",
            Self::ManifestBlobUnknown => "MANIFEST_BLOB_UNKNOWN",
            Self::ManifestInvalid => "MANIFEST_INVALID",
            Self::ManifestUnknown => "MANIFEST_UNKNOWN",
            Self::NameInvalid => "NAME_INVALID",
            Self::NameUnknown => "NAME_UNKNOWN",
            Self::SizeInvalid => "SIZE_INVALID",
            Self::TooManyRequests => "TOOMANYREQUESTS",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::Unsupported => "UNSUPPORTED",
            Self::Other(code) => code,
        }
    }
}

impl From<String> for ErrorCode {
    fn from(text: String) -> Self {
        Self::KNOWN.into_iter().find(|known| known.as_str() == text).unwrap_or(Self::Other(text))
    }
}

impl From<ErrorCode> for String {
    fn from(code: ErrorCode) -> Self {
        code.as_str().to_owned()
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorEntry {
    /// What kind of thing; empty where a registry leaves it out.
    #[serde(default = "no_code", deserialize_with = "null_as_no_code")]
    pub code: ErrorCode,
    /// A sentence for people.
    #[serde(default, deserialize_with = "null_as_empty")]
    pub message: String,
    /// Whatever else the registry has to say.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub detail: Value,
}

fn no_code() -> ErrorCode {
    ErrorCode::Other(String::new())
}

fn null_as_no_code<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<ErrorCode, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_else(no_code))
}

fn null_as_empty<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// The body of a refusal: `{"errors":[…]}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// What is wrong, the most telling first; at least one in a good answer.
    pub errors: Vec<ErrorEntry>,
}

impl ErrorBody {
    /// Makes a body of one error.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { errors: vec![ErrorEntry { code, message: message.into(), detail: Value::Null }] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_what_it_parses() {
        let text = r#"{"errors":[{"code":"NAME_UNKNOWN","message":"no","detail":{"name":"x"}},{"code":"RANGE_INVALID","message":""}]}"#;
        let body: ErrorBody = serde_json::from_str(text).expect("a body");
        assert_eq!(body.errors[0].code, ErrorCode::NameUnknown);
        assert_eq!(body.errors[1].code, ErrorCode::Other("RANGE_INVALID".into()));
        assert_eq!(serde_json::to_string(&body).expect("JSON"), text);
        for code in ErrorCode::KNOWN {
            assert_eq!(ErrorCode::from(code.as_str().to_owned()), code);
        }
    }

    #[test]
    fn takes_entries_without_code_or_message() {
        let text = r#"{"errors":[{"status":401,"message":"Bad Credentials","code":null},{"code":"DENIED","message":null,"detail":null}]}"#;
        let body: ErrorBody = serde_json::from_str(text).expect("a body");
        assert_eq!(body.errors[0].code.as_str(), "");
        assert_eq!(
            body.errors[1],
            ErrorEntry { code: ErrorCode::Denied, message: String::new(), detail: Value::Null }
        );
    }
}
