//! A request's way: which origin, through which layers, to the registry within and back.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, HOST, SET_COOKIE};
use http::{Method, Request, Response, StatusCode, Uri};
use http_body::Body;
use http_body_util::{BodyExt as _, Full, Limited};
use oras_server::{Registry, RegistryService};
use tower_service::Service as _;

use crate::ask::{Ask, End, Here, Outcome, Reply, reply, reply_with, set};
use crate::layer::{door, download, edge, keep, list, manifest, names, token, upload};
use crate::ledger::{Exchange, Origin, Shown};
use crate::listening::Listening;
use crate::profile::{Profile, Quirk};
use crate::refusal::{Refusal, reword};
use crate::state::State;

/// The largest body that is taken, in bytes: it is held in memory, twice for a moment.
const MAX_BODY: usize = 256 << 20;

/// A registry that behaves as another. Cheap to clone; clones are one registry.
#[derive(Clone)]
pub struct Emulator(Arc<Inner>);

struct Inner {
    profile: &'static Profile,
    quirks: Vec<Quirk>,
    registry: RegistryService,
    state: Mutex<State>,
}

impl Emulator {
    /// Makes an empty registry of this kind.
    pub fn new(profile: &'static Profile) -> Self {
        Self::with(profile, &[])
    }

    /// Makes an empty registry of this kind, with more quirks than all of them have. Of two quirks
    /// of the same name the one given here counts.
    ///
    /// # Panics
    ///
    /// Never: a registry in memory needs nothing.
    pub fn with(profile: &'static Profile, more: &[Quirk]) -> Self {
        let registry = Registry::builder().memory().allow_sparse(false).build();
        let registry = registry.expect("memory needs nothing").into_service();
        let quirks = more.iter().chain(profile.quirks).copied().collect();
        let mut state = State::default();
        for quirk in profile.quirks {
            if let Quirk::RepositoriesFirst(names) = quirk {
                state.repositories.extend(names.iter().map(|&name| name.to_owned()));
            }
        }
        Self(Arc::new(Inner { profile, quirks, registry, state: Mutex::new(state) }))
    }

    /// Returns what it is like.
    pub fn profile(&self) -> &'static Profile {
        self.0.profile
    }

    /// Listens on free ports of this machine, with TLS by an authority of its own if that is
    /// wanted.
    ///
    /// # Errors
    ///
    /// If the system has no port for it.
    pub async fn listen(&self, is_tls: bool) -> io::Result<Listening> {
        Listening::new(self.clone(), is_tls, 0).await
    }

    /// As [`listen`](Self::listen), with the registry itself on this port.
    ///
    /// # Errors
    ///
    /// If the port is taken.
    pub async fn listen_on(&self, port: u16, is_tls: bool) -> io::Result<Listening> {
        Listening::new(self.clone(), is_tls, port).await
    }

    /// Returns what was asked and answered so far.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.state().exchanges.clone()
    }

    /// Forgets what was asked and answered, and returns it.
    pub fn take_exchanges(&self) -> Vec<Exchange> {
        std::mem::take(&mut self.state().exchanges)
    }

    /// Forgets all tokens, as if the time of each was over.
    pub fn expire_tokens(&self) {
        self.state().tokens.clear();
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn has(&self, quirk: Quirk) -> bool {
        self.0.quirks.contains(&quirk)
    }

    /// Finds a quirk and what stands in it.
    pub(crate) fn find<T>(&self, of: impl FnMut(&Quirk) -> Option<T>) -> Option<T> {
        self.0.quirks.iter().find_map(of)
    }

    /// Says no in the words of this registry.
    pub(crate) fn refuse(&self, status: StatusCode, code: &str, message: &str) -> Reply {
        Refusal::new(status, code, message).say(self.profile().voice)
    }

    /// Asks the registry within.
    pub(crate) async fn within(&self, ask: &Ask) -> Reply {
        let mut request = Request::new(Full::new(ask.body.clone()));
        *request.method_mut() = ask.method.clone();
        *request.uri_mut() = ask.uri.clone();
        *request.headers_mut() = ask.headers.clone();
        request.headers_mut().remove(AUTHORIZATION);
        let answer = self.0.registry.clone().call(request).await;
        let (parts, body) = answer.unwrap_or_else(|never| match never {}).into_parts();
        match body.collect().await {
            Ok(body) => Response::from_parts(parts, body.to_bytes()),
            Err(error) => {
                reply_with(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", error.to_string())
            }
        }
    }

    /// Asks the registry within for something else.
    pub(crate) async fn look(&self, method: Method, target: &str, like: &Ask) -> Reply {
        let mut ask = Ask {
            method,
            uri: Uri::default(),
            headers: http::HeaderMap::new(),
            body: Bytes::new(),
            here: like.here.clone(),
            operation: None,
        };
        ask.go_to(target);
        self.within(&ask).await
    }

    async fn registry(&self, mut ask: Ask) -> Outcome<Reply> {
        let tokens_here = matches!(self.profile().door, crate::profile::Door::Bearer(tokens)
            if self.profile().token_host.is_none() && tokens.path == ask.uri.path());
        if tokens_here {
            return Ok(token::answer(self, &ask));
        }
        edge::check(self, &ask)?;
        let is_open = upload::enter(self, &mut ask)?;
        if download::is_there(self, &ask) {
            return Ok(download::fetch(self, &ask).await);
        }
        if !is_open {
            door::admit(self, &ask)?;
        }
        names::check(self, &ask)?;
        keep::check(self, &ask).await?;
        upload::check(self, &mut ask)?;
        manifest::check(self, &ask).await?;
        list::check(self, &mut ask)?;
        download::redirect(self, &mut ask).await?;
        let answer = self.within(&ask).await;
        let mut answer = reword(self.profile().voice, &ask, answer);
        if answer.status().is_success() && matches!(ask.method, Method::PUT | Method::POST) {
            let repository = ask.repository().map(str::to_owned);
            self.state().repositories.extend(repository);
        }
        keep::finish(self, &ask, &answer);
        upload::finish(self, &ask, &mut answer);
        list::finish(self, &ask, &mut answer).await;
        download::finish(self, &ask, &mut answer);
        Ok(manifest::finish(self, &ask, answer).await)
    }
}

impl fmt::Debug for Emulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emulator").field("profile", &self.profile().name).finish_non_exhaustive()
    }
}

/// Where each origin listens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    pub(crate) registry: u16,
    pub(crate) token: u16,
    pub(crate) storage: u16,
}

impl Ports {
    pub(crate) fn of(registry: u16) -> Self {
        Self { registry, token: registry, storage: registry }
    }
}

/// One way in.
#[derive(Clone, Debug)]
pub(crate) struct Entrance {
    pub(crate) emulator: Emulator,
    pub(crate) origin: Origin,
    pub(crate) is_tls: bool,
}

impl Entrance {
    /// Answers a request, and notes it; nothing if the connection is to be closed.
    pub(crate) async fn answer<B>(&self, request: Request<B>, ports: Ports) -> Option<Reply>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        let (head, body) = request.into_parts();
        let host = head.headers.get(HOST).and_then(|value| value.to_str().ok());
        // HTTP/2 has it in the target.
        let authority = head.uri.authority().map(http::uri::Authority::as_str);
        let (origin, here) = self.place(authority.or(host).unwrap_or_default(), ports);
        let shown = Shown::of(&head.headers);
        let target = head.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
        let mut exchange =
            Exchange { origin, method: head.method.clone(), target, shown, status: None };
        let answer = match Limited::new(body, MAX_BODY).collect().await {
            Err(_) => Ok(reply(StatusCode::PAYLOAD_TOO_LARGE)),
            Ok(body) => {
                let uri = head.uri;
                let (method, headers, body) = (head.method, head.headers, body.to_bytes());
                let mut ask = Ask { method, uri, headers, body, here, operation: None };
                ask.parse();
                exchange.origin = self.exact_origin(origin, &ask);
                self.route(origin, ask).await
            }
        };
        let answer = match answer {
            Ok(answer) => Some(answer),
            Err(End::Reply(answer)) => Some(*answer),
            Err(End::Cut) => None,
        };
        exchange.status = answer.as_ref().map(|answer| answer.status().as_u16());
        self.emulator.state().exchanges.push(exchange);
        answer.map(|answer| self.dress(origin, answer))
    }

    /// A token service on the registry's own host is still one.
    fn exact_origin(&self, origin: Origin, ask: &Ask) -> Origin {
        match self.emulator.profile().door {
            crate::profile::Door::Bearer(tokens)
                if origin == Origin::Registry && tokens.path == ask.uri.path() =>
            {
                Origin::Token
            }
            _ => origin,
        }
    }

    async fn route(&self, origin: Origin, ask: Ask) -> Outcome<Reply> {
        if ask.headers.get_all(AUTHORIZATION).iter().count() > 1 {
            return Ok(reply_with(StatusCode::BAD_REQUEST, "text/plain", "Authorization twice\n"));
        }
        match origin {
            Origin::Registry => self.emulator.registry(ask).await,
            Origin::Token => Ok(token::answer(&self.emulator, &ask)),
            Origin::Storage => Ok(download::fetch(&self.emulator, &ask).await),
        }
    }

    /// Adds what stands in every answer.
    fn dress(&self, origin: Origin, mut answer: Reply) -> Reply {
        answer.headers_mut().remove("x-content-type-options");
        answer.headers_mut().remove("x-request-id");
        if origin == Origin::Registry {
            set(
                &mut answer,
                &oras_spec::distribution::header::DOCKER_DISTRIBUTION_API_VERSION,
                "registry/2.0",
            );
        }
        if self.emulator.has(Quirk::Cookies) {
            set(&mut answer, &SET_COOKIE, "sid=0123456789abcdef; Path=/; HttpOnly");
        }
        edge::finish(&self.emulator, &mut answer);
        if answer.body().is_empty() || answer.headers().contains_key(CONTENT_LENGTH) {
            return answer;
        }
        let length = answer.body().len().to_string();
        set(&mut answer, &CONTENT_LENGTH, &length);
        answer
    }

    /// Finds out which origin was asked, and what the client calls them all.
    fn place(&self, authority: &str, ports: Ports) -> (Origin, Here) {
        let profile = self.emulator.profile();
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                (host, format!(":{port}"))
            }
            _ => (authority, String::new()),
        };
        let scheme = if self.is_tls { "https" } else { "http" };
        let host = host.to_ascii_lowercase();
        let is_real = profile.host_names().any(|name| name == host);
        if !is_real {
            let at = |port: u16| format!("{host}:{port}");
            let Ports { registry, token, storage } = ports;
            let here =
                Here { scheme, registry: at(registry), token: at(token), storage: at(storage) };
            return (self.origin, here);
        }
        let is = |name: Option<&str>| name == Some(host.as_str());
        let origin = if is(profile.token_host) {
            Origin::Token
        } else if is(profile.storage_host) {
            Origin::Storage
        } else {
            Origin::Registry
        };
        let registry = if origin == Origin::Registry { host.as_str() } else { profile.hosts[0] };
        let named = |name: Option<&str>| format!("{}{port}", name.unwrap_or(registry));
        let here = Here {
            scheme,
            registry: named(Some(registry)),
            token: named(profile.token_host),
            storage: named(profile.storage_host),
        };
        (origin, here)
    }
}

#[cfg(test)]
mod tests;
