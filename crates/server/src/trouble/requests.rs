//! Which requests something goes wrong with.

use http::{Method, Request};

use crate::route::Route;

/// Some requests: those that have everything that was said of them, counted from 1 among these.
#[derive(Clone, Debug)]
#[must_use = "it only says which requests, see `Troubles::add`"]
pub struct Requests {
    method: Option<Method>,
    row: Option<String>,
    target: Option<String>,
    skipped: u64,
    times: u64,
}

impl Requests {
    /// All requests.
    pub fn all() -> Self {
        Self { method: None, row: None, target: None, skipped: 0, times: u64::MAX }
    }

    /// Only those with this method.
    pub fn method(mut self, method: Method) -> Self {
        self.method = Some(method);
        self
    }

    /// Only those of a row of
    /// [the specification](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#endpoints):
    /// `end-3` are those for a manifest. `end-4` are `end-4a`, `end-4b` and so on; `catalog`,
    /// `token`, `livez`, `readyz` and `metrics` are rows, too.
    pub fn row(mut self, row: impl Into<String>) -> Self {
        self.row = Some(row.into());
        self
    }

    /// Only those with this text in their path and query, as they were sent.
    pub fn target(mut self, text: impl Into<String>) -> Self {
        self.target = Some(text.into());
        self
    }

    /// Not the first so many.
    pub fn after(mut self, count: u64) -> Self {
        self.skipped = count;
        self
    }

    /// Only so many, and none after them.
    pub fn times(mut self, count: u64) -> Self {
        self.times = count;
        self
    }

    /// Only the n-th.
    pub fn nth(self, number: u64) -> Self {
        self.after(number.saturating_sub(1)).times(1)
    }

    /// Tells whether a request is one of these, whatever its turn.
    pub(super) fn are_about<B>(&self, request: &Request<B>) -> bool {
        let (method, uri) = (request.method(), request.uri());
        let is_row = |row: &String| {
            let found = Route::parse(method, uri);
            found.is_ok_and(|route| match route.id().strip_prefix(row.as_str()) {
                Some("") => true,
                Some(letter) => letter.len() == 1 && letter >= "a",
                None => false,
            })
        };
        let has_text = |text: &String| {
            uri.path_and_query().is_some_and(|target| target.as_str().contains(text.as_str()))
        };
        self.method.as_ref().is_none_or(|wanted| wanted == method)
            && self.target.as_ref().is_none_or(has_text)
            && self.row.as_ref().is_none_or(is_row)
    }

    /// Tells whether the n-th of these is to be struck.
    pub(super) fn have_turn(&self, number: u64) -> bool {
        number > self.skipped && number - self.skipped <= self.times
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn are_about(requests: &Requests, method: Method, target: &str) -> bool {
        let mut request = Request::new(());
        *request.method_mut() = method;
        *request.uri_mut() = target.parse().expect("a target");
        requests.are_about(&request)
    }

    #[test]
    fn rows_are_found_with_and_without_their_letter() {
        let (post, get) = (Method::POST, Method::GET);
        let uploads = "/v2/app/blobs/uploads/";
        assert!(are_about(&Requests::all().row("end-4"), post.clone(), uploads));
        assert!(are_about(&Requests::all().row("end-4a"), post.clone(), uploads));
        assert!(!are_about(&Requests::all().row("end-4b"), post, uploads));
        assert!(are_about(&Requests::all().row("end-1"), get.clone(), "/v2/"));
        let referrers = format!("/v2/app/referrers/{}", oras_spec::Digest::of(b"x"));
        assert!(!are_about(&Requests::all().row("end-1"), get.clone(), &referrers));
        assert!(are_about(&Requests::all().row("end-12"), get.clone(), &referrers));
        assert!(are_about(&Requests::all().row("metrics"), get, "/metrics"));
    }

    #[test]
    fn everything_that_was_said_must_hold() {
        let requests = Requests::all().method(Method::GET).target("/tags/").row("end-8");
        assert!(are_about(&requests, Method::GET, "/v2/app/tags/list"));
        assert!(!are_about(&requests, Method::PUT, "/v2/app/tags/list"));
        assert!(!are_about(&requests, Method::GET, "/v2/tags/manifests/v1"));
    }

    #[test]
    fn turns_are_counted_from_one() {
        let turns =
            |requests: Requests| (1..6).filter(|&n| requests.have_turn(n)).collect::<Vec<u64>>();
        assert_eq!(turns(Requests::all()), vec![1, 2, 3, 4, 5]);
        assert_eq!(turns(Requests::all().nth(3)), vec![3]);
        assert_eq!(turns(Requests::all().after(1).times(2)), vec![2, 3]);
        assert_eq!(turns(Requests::all().times(0)), Vec::<u64>::new());
    }
}
