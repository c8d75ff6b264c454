//! The gate between a request and its handler: who asks, for what, and whether they may.

use std::sync::Arc;
use std::time::Instant;

use http::request::Parts;
use oras_spec::distribution::{ChallengeScheme, NotAnOperation, Operation, Scope};

use crate::auth::{Authenticator, Identity, Origin, Refusal};
use crate::config::Config;
use crate::error::ApiError;
use crate::policy::{Denial, Permissions, Policy, decide};
use crate::rate::Counted;
use crate::route::Route;

/// What is known of a request once it may be carried out.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) route: Route,
    pub(crate) identity: Identity,
    /// The policy that it was admitted by, and that it is carried out by.
    pub(crate) policy: Option<Arc<Policy>>,
}

/// Lets a request pass, or says why not. The only place where that is decided.
///
/// Whoever may not is told the same whether what they asked for exists or not: nothing has looked
/// for it yet. `user` hears who asks, even if they may not.
pub(crate) async fn admit(
    config: &Config,
    parts: &Parts,
    route: Result<Route, NotAnOperation>,
    user: &mut Option<String>,
) -> Result<Admitted, ApiError> {
    let policy = config.policies.as_ref().map(crate::policy::Policies::current);
    // Probes of the machine's keeper know no passwords, and learn nothing but yes or no.
    if let Ok(route @ (Route::Live | Route::Ready)) = route {
        return Ok(Admitted { route, identity: Identity::default(), policy });
    }
    let scopes = match &route {
        Ok(Route::Operation(operation)) => operation.scopes(),
        _ => Vec::new(),
    };
    let door = Door { config, parts, scopes };
    let identified = door.identify().await;
    check_rate(config, parts, identified.as_ref().ok())?;
    let identity = identified?;
    user.clone_from(&identity.name);
    let is_in = |policy: &Policy| policy.permissions_anywhere(&identity) != Permissions::NONE;
    let is_in = policy.as_deref().is_none_or(is_in);
    let decision = match &route {
        // Or whoever found a token could have another for more, and one more for ever.
        Ok(Route::Token) if identity.scopes.is_some() => Err(Denial::Scope),
        Err(_) | Ok(Route::Token | Route::Live | Route::Ready) => {
            if is_in {
                Ok(())
            } else {
                Err(Denial::Permission(Permissions::PULL, None))
            }
        }
        Ok(Route::Metrics) => {
            let sees =
                |policy: &Policy| policy.permissions_anywhere(&identity).allow(Permissions::ADMIN);
            let sees = policy.as_deref().is_none_or(sees);
            if sees { Ok(()) } else { Err(Denial::Permission(Permissions::ADMIN, None)) }
        }
        Ok(Route::Operation(Operation::Ping)) if is_in && door.wants_a_token(&identity) => {
            Err(Denial::Scope)
        }
        Ok(Route::Operation(operation)) => decide(policy.as_deref(), &identity, operation),
    };
    decision.map_err(|denial| door.refuse(&identity, denial))?;
    Ok(Admitted { route: route?, identity, policy })
}

/// Counts a request for who makes it, or refuses it. Whoever is not who they say counts by their
/// address alone.
fn check_rate(config: &Config, parts: &Parts, identity: Option<&Identity>) -> Result<(), ApiError> {
    let Some(rates) = &config.rates else { return Ok(()) };
    let user = identity.and_then(|identity| identity.name.as_deref()).map(Counted::User);
    let who = user.or_else(|| Origin::of(parts).peer.map(Counted::Address));
    let taken = who.map_or(Ok(()), |who| rates.take(who, Instant::now()));
    taken.map_err(ApiError::too_many_requests)
}

/// One request at the door.
struct Door<'a> {
    config: &'a Config,
    parts: &'a Parts,
    scopes: Vec<Scope>,
}

impl Door<'_> {
    fn authenticator(&self) -> Option<&dyn Authenticator> {
        self.config.authenticator.as_deref()
    }

    async fn identify(&self) -> Result<Identity, ApiError> {
        let Some(authenticator) = self.authenticator() else { return Ok(Identity::default()) };
        authenticator.identify(self.parts).await.map_err(|refusal| match refusal {
            Refusal::Unauthorized => self.unauthorized(authenticator),
            Refusal::Untrusted(why) => self.unauthorized(authenticator).because(&why),
            other => other.into(),
        })
    }

    /// Tells whether a client that shows no credential is to hear of tokens at its ping. Docker
    /// learns only there that there are any; whoever may do something without a name gets one
    /// without a password.
    fn wants_a_token(&self, identity: &Identity) -> bool {
        let asks = |authenticator: &dyn Authenticator| {
            *authenticator.challenge(self.parts, &[]).scheme() == ChallengeScheme::Bearer
        };
        identity.name.is_none()
            && identity.scopes.is_none()
            && self.authenticator().is_some_and(asks)
    }

    fn unauthorized(&self, authenticator: &dyn Authenticator) -> ApiError {
        Refusal::Challenge(authenticator.challenge(self.parts, &self.scopes)).into()
    }

    fn refuse(&self, identity: &Identity, denial: Denial) -> ApiError {
        match (self.authenticator(), denial) {
            (Some(authenticator), Denial::Scope) => self.unauthorized(authenticator),
            (Some(authenticator), _) if identity.name.is_none() => self.unauthorized(authenticator),
            (_, Denial::Permission(permission, repository)) => {
                ApiError::denied(permission.word(), repository.as_ref())
            }
            (None, Denial::Scope) => ApiError::denied(Permissions::PULL.word(), None),
        }
    }
}

/// Puts what the listener knows of a request's origin where authenticators look for it.
pub(crate) fn note_origin(parts: &mut Parts) -> Origin {
    use crate::serve::{Encrypted, PeerAddress};

    let peer = parts.extensions.get::<PeerAddress>().map(|peer| peer.0.ip());
    let is_encrypted = parts.extensions.get::<Encrypted>().is_some();
    let origin = Origin { peer, is_encrypted };
    parts.extensions.insert(origin);
    origin
}
