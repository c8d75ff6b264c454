//! Redirects: who is followed where, and what goes along.

use std::sync::Arc;

use oras_client::auth::StaticCredentials;
use oras_client::remote::{Registry, RegistryOptions, Repository};
use oras_client::transport::{Authenticated, Redirecting, Retrying};
use oras_client::{Content, ErrorKind, Source as _, Target as _};
use oras_spec::TagOrDigest;
use oras_spec::image::{Descriptor, MediaType};

use crate::chain;
use crate::server::{Scripted, Seen, reply, status};

/// A repository of a user with a password, a header of their own and a registry that asks for the
/// password and then answers `script`.
fn repository(
    base: &str,
    script: impl Fn(&Seen) -> crate::server::Reply + Send + Sync + 'static,
) -> (Repository, Scripted) {
    let (scheme, host) = base.split_once("://").expect("a scheme");
    let own = base.to_owned();
    let scripted = Scripted::new(move |seen| {
        let is_own = seen.uri.to_string().starts_with(&format!("{own}/v2/"));
        if is_own && seen.authorization().is_none() {
            return reply(401, &[("www-authenticate", "Basic realm=x")], "");
        }
        script(seen)
    });
    let redirecting = Redirecting::new(Retrying::new(scripted.transport()));
    let credentials =
        StaticCredentials::new(oras_client::auth::Credential::password("user", "canary"));
    let transport = Authenticated::new(redirecting, Arc::new(credentials));
    let mut options = RegistryOptions { plain_http: scheme == "http", ..Default::default() };
    options.headers.insert("x-canary", "1".parse().expect("a value"));
    options.headers.insert("cookie", "canary=1".parse().expect("a value"));
    let registry = Registry::new(host.parse().expect("a name"), Arc::new(transport), options);
    (registry.repository("a".parse().expect("a name")), scripted)
}

fn blob() -> Descriptor {
    Descriptor::of(MediaType::OCTET_STREAM, b"blob")
}

#[tokio::test]
async fn a_credential_never_crosses_an_origin() {
    for (base, location) in [
        ("http://registry.example", "http://registry.example:8080/x"),
        ("http://registry.example", "https://registry.example/x"),
        ("https://registry.example", "https://cdn.example/x?sig=1"),
        ("https://registry.example", "https://cdn.registry.example/x"),
        ("https://registry.example", "https://example/x"),
        ("https://registry.example", "https://registry.example.:444/x"),
        ("https://registry.example", "https://user:password@storage.example/x"),
        ("http://[::1]:5000", "http://[::2]:5000/x"),
        ("http://127.0.0.1:5000", "http://localhost:5000/x"),
    ] {
        for code in [301, 302, 303, 307, 308] {
            let (repository, scripted) = repository(base, move |seen| match seen.uri.path() {
                "/x" => reply(200, &[], "blob"),
                _ => reply(code, &[("location", location)], "<html>elsewhere</html>"),
            });
            let content = repository.fetch(&blob()).await.expect("followed");
            assert_eq!(content.read_all().await.expect("whole"), "blob");
            let seen = scripted.seen();
            let last = seen.last().expect("followed");
            let names: Vec<&str> = last.headers.keys().map(http::HeaderName::as_str).collect();
            assert_eq!(names, ["user-agent", "accept-encoding"], "{base} to {location}");
            assert!(!last.uri.to_string().contains('@'), "{}", last.uri);
        }
    }
}

#[tokio::test]
async fn what_is_wanted_of_a_blob_goes_along_to_a_stranger() {
    let (repository, scripted) =
        repository("https://registry.example", move |seen| match seen.uri.path() {
            "/x" => reply(206, &[("content-range", "bytes 1-3/4")], "lob"),
            _ => reply(307, &[("location", "https://cdn.example/x")], ""),
        });
    let content = repository.fetch_from(&blob(), 1).await.expect("followed");
    drop(content);
    let last = scripted.seen().pop().expect("followed");
    assert_eq!((last.uri.host(), last.header("range")), (Some("cdn.example"), Some("bytes=1-")));
}

#[tokio::test]
async fn everything_goes_along_within_an_origin() {
    for (base, location) in [
        ("https://registry.example", "/x"),
        ("https://registry.example", "https://REGISTRY.example:443/x"),
        ("https://registry.example", "//registry.example./x"),
        ("http://[::1]:5000", "http://[0:0:0:0:0:0:0:1]:5000/x"),
        ("https://registry.example", "../../../x"),
    ] {
        let (repository, scripted) = repository(base, move |seen| {
            if seen.uri.path() == "/x" {
                reply(200, &[], "blob")
            } else {
                reply(307, &[("location", location)], "")
            }
        });
        repository.fetch(&blob()).await.expect(location);
        let seen = scripted.seen();
        let last = seen.last().expect("followed");
        assert!(last.authorization().is_some(), "{location}");
        assert_eq!(last.header("x-canary"), Some("1"), "{location}");
    }
}

#[tokio::test]
async fn what_was_left_behind_is_not_taken_up_again_on_the_way_back() {
    let (repository, scripted) =
        repository("https://registry.example", |seen| match (seen.uri.host(), seen.uri.path()) {
            (Some("cdn.example"), _) => {
                reply(302, &[("location", "https://registry.example/back")], "")
            }
            (_, "/back") => reply(200, &[], "blob"),
            _ => reply(302, &[("location", "https://cdn.example/")], ""),
        });
    repository.fetch(&blob()).await.expect("followed");
    let seen = scripted.seen();
    let last = seen.last().expect("followed");
    assert_eq!(last.uri.path(), "/back");
    assert_eq!(last.authorization(), None);
    assert_eq!(last.header("x-canary"), None);
}

#[tokio::test]
async fn a_stranger_who_asks_for_credentials_gets_none() {
    let (repository, scripted) = repository("https://registry.example", |seen| {
        if seen.uri.host() == Some("cdn.example") {
            return reply(401, &[("www-authenticate", "Basic realm=x")], "who are you");
        }
        reply(307, &[("location", "https://cdn.example/x?X-Signature=canary")], "")
    });
    let error = repository.fetch(&blob()).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    let response = error.response().expect("a response");
    assert_eq!(response.url, "https://cdn.example/x?X-Signature=REDACTED");
    let strangers = scripted.seen().into_iter().filter(|s| s.uri.host() == Some("cdn.example"));
    assert_eq!(strangers.count(), 1);
}

#[tokio::test]
async fn some_redirects_are_refused() {
    for (base, location, why) in [
        ("https://r.example", "http://r.example/x", "redirect from https to http"),
        ("https://r.example", "ftp://r.example/x", "unsupported protocol scheme \"ftp\""),
        ("https://r.example", "file:///etc/passwd", "unsupported protocol scheme \"file\""),
        ("https://r.example", "https://169.254.169.254/x", "redirect to a local address"),
        ("https://r.example", "https://127.0.0.1/x", "redirect to a local address"),
        ("https://r.example", "https://2130706433/x", "redirect to a local address"),
        ("http://10.0.0.1", "http://[::ffff:127.0.0.1]/x", "redirect to a local address"),
        ("http://10.0.0.1", "http://0/x", "redirect to a local address"),
        ("https://r.example", "https://", "failed to parse Location header"),
    ] {
        let (repository, scripted) =
            repository(base, move |_| reply(302, &[("location", location)], ""));
        let error = repository.fetch(&blob()).await.expect_err(location);
        assert!(chain(&error).contains(why), "{location}: {}", chain(&error));
        assert!(scripted.seen().iter().all(|seen| seen.uri.path() != "/x"), "{location}");
    }
}

#[tokio::test]
async fn a_loop_ends_after_ten_redirects() {
    let (repository, scripted) =
        repository("https://r.example", |_| reply(302, &[("location", "/v2/again")], ""));
    let error = repository.fetch(&blob()).await.expect_err("a loop");
    assert_eq!(chain(&error), "Get \"https://r.example/v2/again\": stopped after 10 redirects");
    assert_eq!(scripted.seen().len(), 12, "one unauthorized, one answered, ten followed");
}

#[tokio::test]
async fn a_redirect_to_nowhere_is_an_answer() {
    let (repository, _) = repository("https://r.example", |_| status(302));
    let error = repository.fetch(&blob()).await.expect_err("no location");
    assert_eq!(error.response().expect("a response").status.as_u16(), 302);
}

#[tokio::test]
async fn writes_are_not_followed_anywhere() {
    for code in [301, 302, 303, 307, 308] {
        let (repository, scripted) = repository("https://r.example", move |seen| {
            assert_eq!(seen.uri.host(), Some("r.example"));
            if seen.method == "POST" && seen.uri.path().ends_with("/uploads/") && code != 301 {
                return reply(202, &[("location", "/v2/a/blobs/uploads/1")], "");
            }
            reply(code, &[("location", "https://evil.example/x?token=canary")], "")
        });
        let content = Content::from_bytes(&blob(), "blob".into());
        let error = repository.push(&blob(), content).await.expect_err("redirected");
        let text = chain(&error);
        assert!(
            text.ends_with(
                "a redirect to \"https://evil.example/x?token=REDACTED\", which is not followed"
            ),
            "{text}"
        );
        assert!(scripted.seen().iter().all(|seen| seen.uri.host() == Some("r.example")));
    }
}

#[tokio::test]
async fn heads_are_followed_too() {
    let (repository, scripted) = repository("https://r.example", |seen| {
        if seen.uri.host() == Some("cdn.example") {
            assert_eq!(seen.method, "HEAD");
            return status(404);
        }
        reply(307, &[("location", "https://cdn.example/")], "")
    });
    let reference = TagOrDigest::parse("v1").expect("a tag");
    let error = repository.resolve(&reference).await.expect_err("not there");
    assert_eq!(error.to_string(), "r.example/a:v1: not found");
    let last = scripted.seen().pop().expect("followed");
    assert!(last.header("accept").is_some());
}

/// Where a stranger may be, as seen from a registry.
const ELSEWHERE: [(&str, &str); 11] = [
    ("https://r.example", "https://r.example:8443/x"),
    ("http://r.example", "https://r.example/x"),
    ("https://r.example", "https://other.example/x"),
    ("https://r.example", "https://OTHER.EXAMPLE/x"),
    ("https://r.example", "https://cdn.r.example/x"),
    ("https://r.example", "https://r.example.evil.example/x"),
    ("https://r.example", "https://user:password@other.example/x"),
    ("https://r.example", "https://r.example@other.example/x"),
    ("https://r.example", "https://r.example.:8443/x"),
    ("https://[2001:db8::1]", "https://[2001:db8::2]/x"),
    ("http://[2001:db8::1]:5000", "http://[2001:db8:0:0:0:0:0:1]:5001/x"),
];

/// Does one of the things that are done to registries; `POST`, `PATCH` and `PUT` push a blob.
async fn act(repository: &Repository, action: &str) -> oras_client::Result<()> {
    let reference = TagOrDigest::parse("v1").expect("a tag");
    match action {
        "GET blob" => repository.fetch(&blob()).await?.read_all().await.map(drop),
        "HEAD blob" => repository.exists(&blob()).await.map(drop),
        "GET manifest" => repository.fetch_reference(&reference).await.map(drop),
        "HEAD manifest" => repository.resolve(&reference).await.map(drop),
        "DELETE" => repository.delete(&blob()).await,
        _ => repository.push(&blob(), Content::from_bytes(&blob(), "blob".into())).await,
    }
}

/// Redirects `action` to `location` and answers everything before it as a registry does that
/// knows uploads in two steps alone.
fn redirecting(seen: &Seen, action: &str, location: &str) -> crate::server::Reply {
    if action.starts_with(seen.method.as_str()) {
        return reply(307, &[("location", location)], "");
    }
    match seen.method.as_str() {
        "POST" => reply(202, &[("location", "/v2/a/blobs/uploads/1")], ""),
        "PUT" if action == "PATCH" => status(405),
        _ => status(404),
    }
}

const ACTIONS: [&str; 8] =
    ["GET blob", "HEAD blob", "GET manifest", "HEAD manifest", "POST", "PATCH", "PUT", "DELETE"];

/// What the stranger answers: content, or a wish to know us.
const CHALLENGES: [&str; 3] =
    ["", "Basic realm=\"x\"", "Bearer realm=\"https://other.example/token\",service=\"x\""];

/// Does `action` at a registry that sends us to `location`; returns what the stranger there saw.
async fn strangers(
    base: &str,
    location: &'static str,
    action: &'static str,
    challenge: &'static str,
) -> Vec<Seen> {
    let (repository, scripted) = repository(base, move |seen| match (seen.uri.path(), challenge) {
        ("/x", "") => reply(200, &[("content-type", "a/b")], "blob"),
        ("/x", _) => reply(401, &[("www-authenticate", challenge)], ""),
        ("/token", _) => reply(200, &[], r#"{"token":"canary"}"#),
        _ => redirecting(seen, action, location),
    });
    let told = act(&repository, action).await.map_err(|error| chain(&error));
    assert!(!told.is_err_and(|text| text.contains("password")), "{base} {location} {action}");
    let mut seen = scripted.seen();
    seen.retain(|seen| !seen.uri.path().starts_with("/v2/"));
    seen
}

#[tokio::test(start_paused = true)]
async fn nothing_of_ours_reaches_a_stranger_whatever_is_done_and_whatever_the_stranger_answers() {
    let cases = ELSEWHERE.iter().flat_map(|place| ACTIONS.map(|action| (place, action)));
    for ((base, location), action) in cases {
        for challenge in CHALLENGES {
            let case = format!("{base} to {location}, {action}, {challenge}");
            let strangers = strangers(base, location, action, challenge).await;
            let is_read = action.starts_with("GET") || action.starts_with("HEAD");
            assert_eq!(!strangers.is_empty(), is_read, "{case}");
            for seen in strangers {
                let ours = ["authorization", "cookie", "x-canary"].map(|name| seen.header(name));
                assert_eq!((seen.uri.path(), ours), ("/x", [None; 3]), "{case}");
                assert!(seen.body.is_empty() && !seen.uri.to_string().contains('@'), "{case}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_challenge_after_a_redirect_at_home_is_answered() {
    for location in ["/x", "https://R.EXAMPLE/x", "https://r.example.:443/x"] {
        let (repository, scripted) =
            repository("https://r.example", move |seen| match seen.uri.path() {
                "/x" if seen.authorization().is_some() => reply(200, &[], "blob"),
                "/x" => reply(401, &[("www-authenticate", "Basic realm=\"x\"")], ""),
                _ => reply(307, &[("location", location)], ""),
            });
        act(&repository, "GET blob").await.expect(location);
        let last = scripted.seen().pop().expect("followed");
        assert_eq!((last.uri.path(), last.header("x-canary")), ("/x", Some("1")), "{location}");
    }
}

#[tokio::test]
async fn addresses_that_a_descriptor_names_are_not_visited() {
    let (repository, scripted) = repository("https://r.example", |_| reply(200, &[], "blob"));
    let mut foreign = blob();
    foreign.urls =
        vec!["https://169.254.169.254/x".to_owned(), "http://other.example/x".to_owned()];
    repository.fetch(&foreign).await.expect("there").read_all().await.expect("whole");
    assert!(scripted.seen().iter().all(|seen| seen.uri.host() == Some("r.example")));
}
