//! The registry under examination, and the ways to ask it things.

use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Method, Request, Response};
use oras_client::remote::{Registry, Repository};
use oras_client::transport::{Authenticated, Body, Redirecting, Transport};
use oras_spec::distribution::{Action, Operation};
use oras_spec::{Reference, RegistryName};

use super::witness::{Record, Witness};
use crate::advice::{Advisor, chain};
use crate::args::remote::Remote;
use crate::args::target::{Place, Target};
use crate::command::Invocation;
use crate::connect;
use crate::context::Context;
use crate::error::Result;

/// The registry under examination.
pub(super) struct Patient<'a> {
    pub(super) invocation: &'a Invocation,
    pub(super) context: &'a Context,
    pub(super) remote: Remote,
    pub(super) name: RegistryName,
    /// Without anybody's credentials.
    pub(super) bare: Arc<dyn Transport>,
    /// With those that were found.
    pub(super) transport: Arc<dyn Transport>,
    pub(super) registry: Registry,
    pub(super) repository: Option<Repository>,
    pub(super) record: Record,
    pub(super) plain_http: bool,
    target: Option<Target>,
}

impl<'a> Patient<'a> {
    /// Gets ready; sends nothing yet.
    ///
    /// # Errors
    ///
    /// As [`connect::wire`].
    pub(super) fn new(
        invocation: &'a Invocation,
        context: &'a Context,
        remote: Remote,
        name: RegistryName,
        reference: Option<Reference>,
    ) -> Result<Self> {
        let (bare, options) = connect::wire(invocation, &remote, &name, context)?;
        let plain_http = options.plain_http;
        let record = Record::default();
        let witness = Witness::new(Arc::clone(&bare), record.clone());
        let repository = reference.as_ref().map(Reference::repository);
        let credentials = connect::credentials::all(&remote, repository, context);
        let transport: Arc<dyn Transport> =
            Arc::new(Authenticated::new(Redirecting::new(witness), credentials));
        let registry = Registry::new(name.clone(), Arc::clone(&transport), options);
        let is_write = invocation.parsed.switch("write");
        let repository = reference.as_ref().map(|reference| {
            let actions: &[Action] =
                if is_write { &[Action::Pull, Action::Push] } else { &[Action::Pull] };
            let repository = registry.repository(reference.repository().clone());
            repository.with_actions(actions.iter().cloned())
        });
        let target = reference.map(|reference| Target {
            raw: invocation.argument(0).to_owned(),
            reference: None,
            place: Place::Registry(reference),
            remote: remote.clone(),
        });
        Ok(Self {
            invocation,
            context,
            remote,
            name,
            bare,
            transport,
            registry,
            repository,
            record,
            plain_http,
            target,
        })
    }

    /// Says what went wrong, and what to do about it, if there is anything.
    pub(super) fn explain(&self, error: &oras_client::Error) -> (String, String) {
        let credentials = connect::credentials_file(&self.remote, self.context);
        let advisor = match &self.target {
            Some(target) => Advisor::of_target(self.invocation, target, credentials),
            None => Advisor::of_registry(self.invocation, &self.name, credentials),
        };
        let told = advisor.explain(error).to_string();
        let (why, advice) = told.split_once('\n').unwrap_or((&told, ""));
        let why = why.strip_prefix("Error response from registry: ").unwrap_or(why);
        let why = why.strip_prefix("Error: ").unwrap_or(why);
        let why = if why.is_empty() { chain(error) } else { why.to_owned() };
        (why, advice.to_owned())
    }

    /// Returns the URL of a path of the registry.
    pub(super) fn url(&self, path: &str) -> String {
        let scheme = if self.plain_http { "http" } else { "https" };
        let host = match self.name.as_str() {
            "docker.io" | "index.docker.io" => "registry-1.docker.io",
            name => name,
        };
        format!("{scheme}://{host}{path}")
    }

    /// Asks for an operation with headers and a body of our own choice.
    ///
    /// # Errors
    ///
    /// If there is no answer, or no credential for one.
    pub(super) async fn ask(
        &self,
        operation: &Operation,
        headers: HeaderMap,
    ) -> oras_client::Result<Response<Body>> {
        let url = self.url(&operation.path_and_query());
        self.send(operation.method(), &url, headers, Bytes::new()).await
    }

    /// Sends a request to a URL.
    ///
    /// # Errors
    ///
    /// As [`ask`](Self::ask).
    pub(super) async fn send(
        &self,
        method: Method,
        url: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> oras_client::Result<Response<Body>> {
        let has_body = !matches!(method, Method::GET | Method::HEAD);
        let mut request = Request::new(Body::from(body.clone()));
        *request.method_mut() = method;
        *request.uri_mut() = url.parse().map_err(|error| {
            oras_client::Error::new(oras_client::ErrorKind::Invalid, format!("{url}: {error}"))
        })?;
        *request.headers_mut() = headers;
        if has_body {
            request.headers_mut().insert(CONTENT_LENGTH, body.len().into());
        }
        self.transport.send(request).await
    }
}
