//! Routes: the operations of the specification, and what else the registry answers.

use http::{Method, Uri};
use oras_spec::distribution::{NotAnOperation, Operation};

use crate::auth::TOKEN_PATH;

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// What the specification defines.
    Operation(Operation),
    /// A token for what stands in the query.
    Token,
    /// Whether the process lives.
    Live,
    /// Whether it can serve.
    Ready,
    /// What it has done so far, in numbers.
    Metrics,
}

impl Route {
    /// Reads a request's method and target.
    ///
    /// # Errors
    ///
    /// If there is nothing at that path, or not with that method.
    pub(crate) fn parse(method: &Method, uri: &Uri) -> Result<Self, NotAnOperation> {
        let route = match uri.path() {
            TOKEN_PATH => Self::Token,
            "/livez" => Self::Live,
            "/readyz" => Self::Ready,
            "/metrics" => Self::Metrics,
            _ => return Operation::parse(method, uri).map(Self::Operation),
        };
        match *method {
            Method::GET | Method::HEAD => Ok(route),
            _ => Err(NotAnOperation::Method { allow: "GET, HEAD" }),
        }
    }

    /// Returns the short name under which requests are counted and logged.
    pub(crate) fn id(&self) -> &'static str {
        match self {
            Self::Operation(operation) => operation.spec_id(),
            Self::Token => "token",
            Self::Live => "livez",
            Self::Ready => "readyz",
            Self::Metrics => "metrics",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(method: &Method, target: &str) -> Result<Route, NotAnOperation> {
        Route::parse(method, &target.parse().expect("a target"))
    }

    #[test]
    fn knows_its_own_paths_and_leaves_the_others_to_the_specification() {
        assert_eq!(parse(&Method::GET, "/token?scope=x"), Ok(Route::Token));
        assert_eq!(parse(&Method::HEAD, "/metrics"), Ok(Route::Metrics));
        assert_eq!(parse(&Method::GET, "/v2/"), Ok(Route::Operation(Operation::Ping)));
        for target in ["/token", "/livez", "/readyz", "/metrics"] {
            for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
                assert_eq!(
                    parse(&method, target),
                    Err(NotAnOperation::Method { allow: "GET, HEAD" })
                );
            }
        }
        for target in ["/", "/token/", "/Metrics", "/livez/x", "/v1/"] {
            assert_eq!(parse(&Method::GET, target), Err(NotAnOperation::Path), "{target}");
        }
    }
}
