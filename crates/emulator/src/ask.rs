//! A request on its way through the layers, and what can become of it.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode, Uri};
use oras_spec::distribution::Operation;
use url::form_urlencoded;

/// A whole answer.
pub(crate) type Reply = Response<Bytes>;

/// How a request ends before it has passed all layers.
#[derive(Debug)]
pub(crate) enum End {
    /// With this answer.
    Reply(Box<Reply>),
    /// Without any: the connection is closed.
    Cut,
}

impl From<Reply> for End {
    fn from(reply: Reply) -> Self {
        Self::Reply(Box::new(reply))
    }
}

/// What a layer makes of a request.
pub(crate) type Outcome<T> = Result<T, End>;

/// The names of the origins, as the client who asks knows them.
#[derive(Clone, Debug)]
pub(crate) struct Here {
    pub(crate) scheme: &'static str,
    /// Host and port of the registry.
    pub(crate) registry: String,
    /// Host and port of the token service.
    pub(crate) token: String,
    /// Host and port of the storage.
    pub(crate) storage: String,
}

/// A request.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) here: Here,
    /// What is asked, if that is anything the specification knows.
    pub(crate) operation: Option<Operation>,
}

impl Ask {
    /// Reads what is asked from method and target.
    pub(crate) fn parse(&mut self) {
        self.operation = Operation::parse(&self.method, &self.uri).ok();
    }

    /// Changes path and query.
    pub(crate) fn go_to(&mut self, target: &str) {
        if let Ok(uri) = target.parse() {
            self.uri = uri;
            self.parse();
        }
    }

    /// Returns the repository that it is about.
    pub(crate) fn repository(&self) -> Option<&str> {
        self.operation.as_ref()?.repository().map(oras_spec::RepositoryName::as_str)
    }

    /// Returns the values of a parameter of the query.
    pub(crate) fn parameters(&self, name: &str) -> Vec<String> {
        pairs(self.uri.query().unwrap_or_default())
            .into_iter()
            .filter_map(|(key, value)| (key == name).then_some(value))
            .collect()
    }

    /// Returns the value of a header.
    pub(crate) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the name and the password that are shown.
    pub(crate) fn basic(&self) -> Option<(String, String)> {
        use base64::Engine as _;
        let (scheme, encoded) = self.header(&AUTHORIZATION)?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let decoded = base64::engine::general_purpose::STANDARD.decode(encoded.trim()).ok()?;
        let decoded = String::from_utf8(decoded).ok()?;
        let (name, password) = decoded.split_once(':')?;
        Some((name.to_owned(), password.to_owned()))
    }

    /// Returns the token that is shown.
    pub(crate) fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header(&AUTHORIZATION)?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }
}

/// Reads the pairs of a query or a form.
pub(crate) fn pairs(text: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

/// Makes an answer of a status and nothing else.
pub(crate) fn reply(status: StatusCode) -> Reply {
    let mut reply = Response::new(Bytes::new());
    *reply.status_mut() = status;
    reply
}

/// Makes an answer with a body.
pub(crate) fn reply_with(status: StatusCode, media_type: &str, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(body.into());
    *reply.status_mut() = status;
    set(&mut reply, &CONTENT_TYPE, media_type);
    reply
}

/// Sets a header; a value that cannot be one's is left out.
pub(crate) fn set(reply: &mut Reply, name: &HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        reply.headers_mut().insert(name, value);
    }
}
