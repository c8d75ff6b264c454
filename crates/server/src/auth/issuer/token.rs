//! Tokens as they are written: three parts with dots between, the first two JSON.
//!
//! [RFC 7515](https://www.rfc-editor.org/rfc/rfc7515#section-7.1),
//! [RFC 7519](https://www.rfc-editor.org/rfc/rfc7519)

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oras_spec::distribution::Scope;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Value;

use super::keys::Algorithm;

/// A token whose signature nobody has looked at yet.
#[derive(Debug)]
pub(super) struct Signed<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) key_id: Option<String>,
    pub(super) claims: Claims,
    /// What was signed.
    pub(super) message: &'a [u8],
    pub(super) signature: Vec<u8>,
}

impl<'a> Signed<'a> {
    /// Reads a token; says why if it is none.
    ///
    /// Keys that a header carries or points to (`jwk`, `jku`, `x5c`, `x5u`) are never looked at:
    /// whoever forges a token can put theirs there.
    pub(super) fn parse(text: &'a str) -> Result<Self, &'static str> {
        let malformed = "it is not a signed token";
        let (message, signature) = text.rsplit_once('.').ok_or(malformed)?;
        let (header, payload) = message.split_once('.').ok_or(malformed)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| malformed);
        let header: Claims = serde_json::from_slice(&decode(header)?).map_err(|_| malformed)?;
        let algorithm = header.text("alg").and_then(Algorithm::named);
        let algorithm = algorithm.ok_or("its algorithm is not RS256, ES256 or EdDSA")?;
        if header.0.contains_key("crit") {
            return Err("it demands what is not understood here");
        }
        let claims = serde_json::from_slice(&decode(payload)?).map_err(|_| malformed)?;
        let key_id = header.text("kid").map(str::to_owned);
        let signature = decode(signature)?;
        Ok(Self { algorithm, key_id, claims, message: message.as_bytes(), signature })
    }
}

/// What a token says: names, each once, and their values.
#[derive(Debug)]
pub(super) struct Claims(BTreeMap<String, Value>);

impl Claims {
    /// Returns the value of a claim that is text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// Tells whether a claim, or one of its values if it is a list, is as wanted.
    pub(super) fn has(&self, name: &str, is_wanted: impl Fn(&str) -> bool) -> bool {
        let wanted = |value: &Value| match value {
            Value::String(text) => is_wanted(text),
            Value::Bool(is_so) => is_wanted(if *is_so { "true" } else { "false" }),
            Value::Number(number) => is_wanted(&number.to_string()),
            _ => false,
        };
        match self.0.get(name) {
            Some(Value::Array(all)) => all.iter().any(wanted),
            Some(one) => wanted(one),
            None => false,
        }
    }

    /// Returns a moment, in seconds since 1970.
    pub(super) fn time(&self, name: &str) -> Result<Option<f64>, &'static str> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        value.as_f64().map(Some).ok_or("one of its times is no number")
    }

    /// Returns what the token allows at most, if it says so: the claim `access` of
    /// [Docker's tokens](https://distribution.github.io/distribution/spec/auth/jwt/).
    pub(super) fn scopes(&self) -> Result<Option<Vec<Scope>>, &'static str> {
        let Some(access) = self.0.get("access") else { return Ok(None) };
        let scope = |entry: &Value| {
            let text = |name: &str| entry.get(name)?.as_str().map(str::to_owned);
            let actions = entry.get("actions")?.as_array()?.iter();
            let actions = actions.map(|action| action.as_str().map(Into::into));
            let (kind, name) = (text("type")?, text("name")?);
            Some(Scope::Resource { kind, name, actions: actions.collect::<Option<_>>()? })
        };
        let scopes = match access {
            // Some services write it so when they allow nothing.
            Value::Null => Some(Vec::new()),
            Value::Array(all) => all.iter().map(scope).collect::<Option<Vec<_>>>(),
            _ => None,
        };
        scopes.map(Some).ok_or("what it allows cannot be read")
    }
}

/// A name that is there twice would let two readers read two things; so there is none.
impl<'de> Deserialize<'de> for Claims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Once)
    }
}

/// Reads each name once.
struct Once;

impl<'de> Visitor<'de> for Once {
    type Value = Claims;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Claims, A::Error> {
        let mut all = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            if all.insert(name, value).is_some() {
                return Err(A::Error::custom("a name is there twice"));
            }
        }
        Ok(Claims(all))
    }
}
