//! Challenges and what we answer them with.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use oras_client::auth::{Anonymous, Credential, Credentials, StaticCredentials};
use oras_client::remote::{Registry, RegistryOptions};
use oras_client::transport::{Authenticated, Redirecting, Retrying, Transport};
use oras_client::{ErrorKind, Result, Source as _, Target as _};
use oras_spec::distribution::Action;
use oras_spec::image::{Descriptor, MediaType};
use oras_spec::{Digest, RegistryName, RepositoryName};

use crate::chain;
use crate::server::{Reply, Scripted, Seen, error, reply, status};

const REGISTRY: &str = "registry.example";

fn transport(scripted: &Scripted, credentials: impl Credentials) -> Arc<dyn Transport> {
    let redirecting = Redirecting::new(Retrying::new(scripted.transport()));
    Arc::new(Authenticated::new(redirecting, Arc::new(credentials)))
}

fn registry(scripted: &Scripted, credentials: impl Credentials) -> Registry {
    let name = REGISTRY.parse().expect("a name");
    Registry::new(name, transport(scripted, credentials), RegistryOptions::default())
}

fn name(text: &str) -> RepositoryName {
    text.parse().expect("a name")
}

fn user() -> StaticCredentials {
    StaticCredentials::new(Credential::password("user", "pass"))
}

/// `user:pass`
const BASIC: &str = "Basic dXNlcjpwYXNz";

fn challenged(challenge: &str) -> Reply {
    reply(401, &[("www-authenticate", challenge)], "")
}

fn is_token_request(seen: &Seen) -> bool {
    seen.uri.path() == "/token"
}

/// A registry that believes in tokens which name the scopes they were asked for.
fn bearer(seen: &Seen) -> Reply {
    if is_token_request(seen) {
        let query = seen.uri.query().unwrap_or_default().replace("%3A", ":").replace("%2C", ",");
        let scopes: Vec<&str> = query.split('&').filter_map(|p| p.strip_prefix("scope=")).collect();
        return reply(
            200,
            &[],
            format!(r#"{{"token":"{}"}}"#, scopes.join("+").replace("%2F", "/")),
        );
    }
    let repository = seen.uri.path().split('/').nth(2).unwrap_or_default();
    let action = if matches!(seen.method.as_str(), "GET" | "HEAD") { "pull" } else { "pull,push" };
    let token = seen.authorization().unwrap_or_default();
    let is_allowed = token.contains(&format!("repository:{repository}:pull,push"))
        || token.contains(&format!("repository:{repository}:{action}"));
    if !is_allowed {
        return challenged(&format!(
            r#"Bearer realm="https://auth.example/token",service="the registry",scope="repository:{repository}:{action}""#
        ));
    }
    match seen.method.as_str() {
        "POST" => reply(202, &[("location", "/v2/a/blobs/uploads/u")], ""),
        "PUT" => status(201),
        _ => status(404),
    }
}

#[tokio::test]
async fn a_password_is_shown_only_after_it_is_asked_for_and_then_at_once() {
    let scripted = Scripted::new(|seen| match seen.authorization() {
        Some(BASIC) => status(200),
        _ => challenged("basic realm=zot"),
    });
    let registry = registry(&scripted, user());
    registry.ping().await.expect("let in");
    registry.ping().await.expect("let in");
    let shown: Vec<bool> = scripted.seen().iter().map(|s| s.authorization().is_some()).collect();
    assert_eq!(shown, [false, true, true]);
}

#[tokio::test]
async fn only_401_asks_who_we_are() {
    for code in [400, 403, 404, 407] {
        let scripted =
            Scripted::new(move |_| reply(code, &[("www-authenticate", r#"Basic realm="x""#)], ""));
        registry(&scripted, user()).ping().await.expect_err("refused");
        let shown = scripted.seen().iter().filter(|seen| seen.authorization().is_some()).count();
        assert_eq!((scripted.seen().len(), shown), (1, 0), "{code}");
    }
}

#[tokio::test]
async fn scopes_that_a_challenge_joins_are_asked_for_one_by_one() {
    let scripted = Scripted::new(|seen| match seen.authorization() {
        _ if is_token_request(seen) => reply(200, &[], r#"{"token":"t"}"#),
        Some("Bearer t") => status(404),
        _ => challenged(
            r#"Bearer realm="https://auth.example/token",scope="repository:a:pull repository:b:pull""#,
        ),
    });
    registry(&scripted, user()).repository(name("a")).exists(&blob()).await.expect("allowed");
    assert_eq!(
        scripted.lines()[1],
        "GET https://auth.example/token?scope=repository%3Aa%3Apull&scope=repository%3Ab%3Apull"
    );
}

#[tokio::test]
async fn a_wrong_password_is_tried_once() {
    let scripted = Scripted::new(|_| challenged(r#"Basic realm="x""#));
    let error = registry(&scripted, user()).ping().await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert_eq!(
        chain(&error),
        "GET \"https://registry.example/v2/\": response status code 401: Unauthorized"
    );
    assert_eq!(scripted.seen().len(), 2);
}

#[tokio::test]
async fn says_which_part_of_a_basic_credential_is_missing() {
    let scripted = Scripted::new(|_| challenged(r#"Basic realm="x""#));
    let prefix = "GET \"https://registry.example/v2/\": ";
    let error = registry(&scripted, Anonymous).ping().await.expect_err("no credential");
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert!(chain(&error).starts_with(&format!("{prefix}basic credential not found")));
    for credential in [Credential::identity_token("t"), Credential::password("user", "")] {
        let registry = registry(&scripted, StaticCredentials::new(credential));
        let error = registry.ping().await.expect_err("no password");
        let text = chain(&error);
        assert!(
            text.starts_with(&format!("{prefix}missing username or password for basic auth")),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_token_is_asked_for_with_one_parameter_per_scope() {
    let scripted = Scripted::new(bearer);
    let repository = registry(&scripted, user()).repository(name("b"));
    assert!(!repository.mount(&blob(), &name("a")).await.expect("an upload is opened instead"));
    let seen = scripted.seen();
    assert_eq!(
        seen[1].line(),
        "GET https://auth.example/token?scope=repository%3Aa%3Apull&scope=repository%3Ab%3Apull%2Cpush&service=the+registry"
    );
    assert_eq!(seen[1].authorization(), Some(BASIC));
    assert_eq!(seen[2].authorization(), Some("Bearer repository:a:pull+repository:b:pull,push"));
}

fn blob() -> Descriptor {
    Descriptor::of(MediaType::OCTET_STREAM, b"blob")
}

#[tokio::test]
async fn one_token_serves_everything_that_was_hinted_at() {
    let scripted = Scripted::new(bearer);
    let repository = registry(&scripted, user())
        .repository(name("a"))
        .with_actions([Action::Pull, Action::Push]);
    assert!(!repository.exists(&blob()).await.expect("allowed"));
    let content = oras_client::Content::from_bytes(&blob(), "blob".into());
    repository.push(&blob(), content).await.expect("pushed");
    let tokens = scripted.seen().iter().filter(|seen| is_token_request(seen)).count();
    assert_eq!(tokens, 1);
    assert_eq!(scripted.seen().len(), 5, "HEAD, token, HEAD, POST, PUT: {:?}", scripted.lines());
}

#[tokio::test]
async fn a_token_for_less_is_followed_by_one_for_more_and_that_serves_for_less() {
    let scripted = Scripted::new(bearer);
    let repository = registry(&scripted, user()).repository(name("a"));
    repository.exists(&blob()).await.expect("allowed");
    let content = oras_client::Content::from_bytes(&blob(), "blob".into());
    repository.push(&blob(), content).await.expect("pushed");
    repository.exists(&blob()).await.expect("allowed");
    let tokens = scripted.seen().iter().filter(|seen| is_token_request(seen)).count();
    assert_eq!(tokens, 2);
}

#[tokio::test]
async fn many_requests_wait_for_one_token() {
    let scripted = Scripted::new(bearer);
    let repository = registry(&scripted, user()).repository(name("a"));
    let blob = blob();
    let all = (0..20).map(|_| repository.exists(&blob));
    for result in futures_util::future::join_all(all).await {
        assert!(!result.expect("allowed"));
    }
    let tokens = scripted.seen().iter().filter(|seen| is_token_request(seen)).count();
    assert_eq!(tokens, 1);
}

/// How many tokens are asked for by four requests with so many seconds between them.
async fn tokens_over(life: &'static str, seconds: u64) -> usize {
    let scripted = Scripted::new(move |seen| match seen.authorization() {
        _ if is_token_request(seen) => reply(200, &[], format!(r#"{{"token":"t"{life}}}"#)),
        Some("Bearer t") => status(404),
        _ => challenged(r#"Bearer realm="https://auth.example/token""#),
    });
    let repository = registry(&scripted, user()).repository(name("a"));
    for _ in 0..4 {
        repository.exists(&blob()).await.expect("allowed");
        tokio::time::advance(std::time::Duration::from_secs(seconds)).await;
    }
    scripted.seen().iter().filter(|seen| is_token_request(seen)).count()
}

#[tokio::test(start_paused = true)]
async fn a_token_is_not_shown_when_its_time_is_over() {
    assert_eq!(tokens_over("", 61).await, 4, "a minute if nothing is said");
    assert_eq!(tokens_over("", 17).await, 1);
    assert_eq!(tokens_over(r#","expires_in":300"#, 90).await, 1);
    assert_eq!(tokens_over(r#","expires_in":300"#, 295).await, 4, "some seconds before its end");
    assert_eq!(tokens_over(r#","expires_in":999999999"#, 25 * 3600).await, 4, "a day at most");
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let issued = AtomicUsize::new(0);
    let scripted = Scripted::new(move |seen| {
        if is_token_request(seen) {
            let number = issued.fetch_add(1, Ordering::Relaxed);
            return reply(200, &[], format!(r#"{{"token":"{number}","expires_in":3600}}"#));
        }
        match seen.authorization() {
            // The first token is revoked after its first use.
            Some("Bearer 0") if seen.uri.path().ends_with("one") => status(404),
            Some("Bearer 1") => status(404),
            _ => challenged(r#"Bearer realm="https://auth.example/token""#),
        }
    });
    let repository = registry(&scripted, Anonymous).repository(name("a"));
    let tag = |text: &str| oras_spec::TagOrDigest::parse(text).expect("a tag");
    for text in ["one", "two", "three"] {
        let error = repository.resolve(&tag(text)).await.expect_err("nothing there");
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    }
    let tokens = scripted.seen().iter().filter(|seen| is_token_request(seen)).count();
    assert_eq!(tokens, 2);
}

#[tokio::test]
async fn a_registry_that_is_never_content_does_not_keep_us_busy() {
    let scripted = Scripted::new(|seen| {
        if is_token_request(seen) {
            return reply(200, &[], r#"{"token":"t"}"#);
        }
        challenged(r#"Bearer realm="https://auth.example/token""#)
    });
    let error = registry(&scripted, Anonymous).ping().await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert!(scripted.seen().len() <= 8, "{:?}", scripted.lines());
}

#[tokio::test]
async fn an_identity_token_is_posted_and_a_registry_token_shown_as_it_is() {
    let scripted = Scripted::new(|seen| {
        if is_token_request(seen) {
            return reply(200, &[], r#"{"access_token":"fresh"}"#);
        }
        match seen.authorization() {
            Some("Bearer fresh" | "Bearer raw") => status(200),
            _ => challenged(r#"Bearer realm="https://auth.example/token",service="s",scope="aws""#),
        }
    });
    let credentials = StaticCredentials::new(Credential::identity_token("refresh me"));
    registry(&scripted, credentials).ping().await.expect("let in");
    let seen = &scripted.seen()[1];
    assert_eq!(seen.line(), "POST https://auth.example/token");
    assert_eq!(seen.authorization(), None);
    assert_eq!(seen.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(
        seen.body,
        "client_id=oras-go&grant_type=refresh_token&refresh_token=refresh+me&scope=aws&service=s"
    );

    // Several scopes stand in one parameter here, and a service that has no name in none.
    let nameless = Scripted::new(|seen| match seen.authorization() {
        _ if is_token_request(seen) => reply(200, &[], r#"{"token":"fresh"}"#),
        Some("Bearer fresh") => status(201),
        _ => challenged(r#"Bearer realm="https://auth.example/token""#),
    });
    let credentials = StaticCredentials::new(Credential::identity_token("r"));
    let repository = registry(&nameless, credentials).repository(name("b"));
    assert!(repository.mount(&blob(), &name("a")).await.expect("mounted"));
    assert_eq!(
        nameless.seen()[1].body,
        "client_id=oras-go&grant_type=refresh_token&refresh_token=r&scope=repository%3Aa%3Apull+repository%3Ab%3Apull%2Cpush"
    );

    let raw = Credential { registry_token: "raw".into(), ..Credential::default() };
    registry(&scripted, StaticCredentials::new(raw)).ping().await.expect("let in");
    assert_eq!(scripted.seen().len(), 5);
}

#[tokio::test]
async fn a_service_without_post_gets_the_password_if_there_is_one() {
    for (code, falls_back) in
        [(400, true), (401, true), (404, true), (405, true), (403, false), (501, false)]
    {
        let scripted = Scripted::new(move |seen| {
            if is_token_request(seen) {
                return match seen.method.as_str() {
                    "GET" => reply(200, &[], r#"{"token":"t"}"#),
                    _ => reply(code, &[("allow", "GET")], "<html>no</html>"),
                };
            }
            match seen.authorization() {
                Some("Bearer t") => status(200),
                _ => challenged(r#"Bearer realm="https://auth.example/token""#),
            }
        });
        let mut credential = Credential::password("user", "pass");
        credential.identity_token = "refresh".into();
        let outcome = registry(&scripted, StaticCredentials::new(credential)).ping().await;
        assert_eq!(outcome.is_ok(), falls_back, "{code}");
        for credential in [
            Credential::identity_token("refresh"),
            Credential { identity_token: "refresh".into(), ..Credential::password("user", "") },
        ] {
            let credentials = StaticCredentials::new(credential);
            let error = registry(&scripted, credentials).ping().await.expect_err("no password");
            assert_eq!(error.response().expect("a response").status.as_u16(), code);
        }
    }
}

#[tokio::test]
async fn a_ping_ignores_example_scopes() {
    let scripted = Scripted::new(|seen| {
        if is_token_request(seen) {
            return reply(200, &[], r#"{"token":"t"}"#);
        }
        match seen.authorization() {
            Some("Bearer t") => status(200),
            _ => challenged(
                r#"Bearer realm="https://auth.example/token",service="ghcr.io",scope="repository:user/image:pull""#,
            ),
        }
    });
    registry(&scripted, user()).ping().await.expect("let in");
    assert_eq!(scripted.lines()[1], "GET https://auth.example/token?service=ghcr.io");
}

#[tokio::test]
async fn a_delete_asks_for_what_the_challenge_says_and_for_other_words_if_those_are_unknown() {
    let scripted = Scripted::new(|seen| {
        if is_token_request(seen) {
            let query = seen.uri.query().unwrap_or_default();
            if query.contains("delete") {
                return error(400, "INVALID_REQUEST", "unknown action");
            }
            return reply(200, &[], r#"{"token":"t"}"#);
        }
        match seen.authorization() {
            Some("Bearer t") => status(202),
            _ => challenged(
                r#"Bearer realm="https://auth.example/token",scope="repository:a:delete""#,
            ),
        }
    });
    registry(&scripted, user()).repository(name("a")).delete(&blob()).await.expect("deleted");
    let asked: Vec<String> = scripted.lines().into_iter().filter(|l| l.contains("token")).collect();
    assert_eq!(
        asked,
        [
            "GET https://auth.example/token?scope=repository%3Aa%3Adelete",
            "GET https://auth.example/token?scope=repository%3Aa%3Apull%2Cpush"
        ]
    );
}

#[tokio::test]
async fn stale_credentials_that_amazon_does_not_challenge_are_asked_for_again() {
    let scripted = Scripted::new(|seen| match seen.authorization() {
        None => challenged(r#"Basic realm="https://x/",service="ecr.amazonaws.com""#),
        Some("Basic dXNlcjpuZXc=") => status(200),
        Some(_) => error(
            403,
            "DENIED",
            "Your authorization token has expired. Reauthenticate and try again.",
        ),
    });
    let registry = registry(&scripted, Rotating(AtomicUsize::new(0)));
    registry.ping().await.expect("let in with the second password");
    assert_eq!(scripted.seen().len(), 4);
}

/// Gives another password each time.
#[derive(Debug)]
struct Rotating(AtomicUsize);

#[async_trait]
impl Credentials for Rotating {
    async fn get(&self, registry: &RegistryName) -> Result<Option<Credential>> {
        assert_eq!(registry.as_str(), REGISTRY);
        let password = ["old", "new"][self.0.fetch_add(1, Ordering::Relaxed)];
        Ok(Some(Credential::password("user", password)))
    }

    async fn put(&self, _: &RegistryName, _: &Credential) -> Result<()> {
        unreachable!("nothing is kept here")
    }

    async fn remove(&self, _: &RegistryName) -> Result<()> {
        unreachable!("nothing is kept here")
    }
}

#[tokio::test]
async fn a_service_that_refuses_is_quoted_and_asked_only_once() {
    let scripted = Scripted::new(|seen| {
        if is_token_request(seen) {
            return reply(401, &[], r#"{"details":"incorrect username or password"}"#);
        }
        challenged(r#"Bearer realm="https://auth.example/token",service="s""#)
    });
    let error = registry(&scripted, user()).ping().await.expect_err("refused");
    assert_eq!(
        chain(&error),
        "GET \"https://registry.example/v2/\": GET \"https://auth.example/token?service=s\": response status code 401: incorrect username or password"
    );
    assert_eq!(scripted.seen().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_counts_logins_is_asked_once_more_and_no_oftener() {
    for refusals in [1, 9] {
        let left = AtomicUsize::new(refusals);
        let scripted = Scripted::new(move |seen| match seen.authorization() {
            Some("Bearer t") => status(200),
            _ if !is_token_request(seen) => {
                challenged(r#"Bearer realm="https://auth.example/token",service="s""#)
            }
            _ if left.load(Ordering::Relaxed) == 0 => reply(200, &[], r#"{"token":"t"}"#),
            _ => {
                left.fetch_sub(1, Ordering::Relaxed);
                reply(429, &[("retry-after", "0")], "Too many login attempts.")
            }
        });
        let outcome = registry(&scripted, user()).ping().await;
        assert_eq!(outcome.is_ok(), refusals == 1, "{refusals}: {outcome:?}");
        assert_eq!(scripted.seen().iter().filter(|seen| is_token_request(seen)).count(), 2);
    }
}

#[tokio::test]
async fn a_service_that_is_not_there_is_not_taken_for_content_that_is_not() {
    let scripted = Scripted::new(|seen| match (is_token_request(seen), seen.method.as_str()) {
        (true, _) => status(404),
        (false, "HEAD") => status(401),
        _ => challenged(r#"Bearer realm="https://auth.example/token""#),
    });
    let repository = registry(&scripted, user()).repository(name("a"));
    repository.exists(&blob()).await.expect_err("who knows");
    let manifest = Descriptor::of(MediaType::IMAGE_MANIFEST, b"");
    repository.exists(&manifest).await.expect_err("who knows");
}

#[tokio::test]
async fn a_service_is_not_followed_elsewhere_and_not_read_without_end() {
    for answer in [
        reply(302, &[("location", "https://evil.example/token")], ""),
        reply(307, &[("location", "/token")], ""),
        reply(200, &[], vec![b' '; 128 * 1024 + 1]),
        reply(200, &[], format!(r#"{{"token":"{}"}}"#, "a".repeat(10_000_000))),
        reply(200, &[], r#"{"token":""}"#),
        reply(200, &[], r#"{"token":"canary"#),
        reply(200, &[], "{\"token\":\"a\\nb\"}"),
        reply(200, &[], ""),
    ] {
        let scripted = Scripted::new(move |seen| {
            if is_token_request(seen) {
                return answer.clone();
            }
            challenged(r#"Bearer realm="https://auth.example/token""#)
        });
        let error = registry(&scripted, user()).ping().await.expect_err("no token");
        assert!(!chain(&error).contains("canary"));
        assert_eq!(scripted.seen().len(), 2, "{:?}", scripted.lines());
    }
}

#[tokio::test]
async fn a_realm_we_may_not_believe_gets_no_credential() {
    for realm in [
        "http://auth.example/token",
        "https://127.0.0.1/token",
        "https://169.254.169.254/token",
        "https://10.1.2.3/token",
        "https://192.168.0.1/token",
        "https://0.0.0.0/token",
        "https://2130706433/token",
        "https://0x7f.1/token",
        "https://[::1]/token",
        "https://[::]/token",
        "https://[::ffff:127.0.0.1]/token",
        "https://[fd00::1]/token",
        "https://user:pw@auth.example/token",
        "file:///etc/passwd",
        "/token",
        "",
    ] {
        let challenge = format!(r#"Bearer realm="{realm}",service="s""#);
        let scripted = Scripted::new(move |_| challenged(&challenge));
        let error = registry(&scripted, user()).ping().await.expect_err("no token");
        assert_eq!(error.kind(), ErrorKind::Server, "{realm}");
        assert_eq!(scripted.seen().len(), 1, "{realm}");
    }
}

#[tokio::test]
async fn malformed_challenges_end_in_the_refusal_itself() {
    for challenge in ["", "Bearer", "Negotiate", "Digest realm=\"x\"", "=,=", "\"", "Basic\u{7f}"] {
        let Ok(value) = http::HeaderValue::from_bytes(challenge.as_bytes()) else { continue };
        let scripted = Scripted::new(move |_| {
            let mut reply = error(401, "UNAUTHORIZED", "who are you");
            reply.headers_mut().insert("www-authenticate", value.clone());
            reply
        });
        let error = registry(&scripted, user()).ping().await.expect_err("refused");
        assert!(scripted.seen().iter().all(|seen| seen.authorization().is_none()), "{challenge}");
        assert!(
            matches!(error.kind(), ErrorKind::Unauthorized | ErrorKind::Server),
            "{challenge}: {error}"
        );
    }
}

#[tokio::test]
async fn bearer_is_preferred_however_the_challenges_are_spread() {
    let scripted = Scripted::new(|seen| {
        if is_token_request(seen) {
            return reply(200, &[], r#"{"token":"t"}"#);
        }
        match seen.authorization() {
            Some("Bearer t") => status(200),
            _ => reply(
                401,
                &[
                    ("www-authenticate", r#"Negotiate, BASIC realm="a, b""#),
                    ("www-authenticate", "bearer realm=https://auth.example/token"),
                ],
                "",
            ),
        }
    });
    registry(&scripted, user()).ping().await.expect("let in");
}

#[tokio::test]
async fn headers_of_the_users_own_reach_a_service_only_on_the_registrys_origin() {
    for (realm, reaches) in
        [("https://registry.example/token", true), ("https://auth.example/token", false)]
    {
        let scripted = Scripted::new(move |seen| {
            if is_token_request(seen) {
                return reply(200, &[], r#"{"token":"t"}"#);
            }
            match seen.authorization() {
                Some(_) => status(200),
                None => challenged(&format!(r#"Bearer realm="{realm}""#)),
            }
        });
        let mut options = RegistryOptions::default();
        options.headers.insert("x-canary", "1".parse().expect("a value"));
        let name = REGISTRY.parse().expect("a name");
        let registry = Registry::new(name, transport(&scripted, user()), options);
        registry.ping().await.expect("let in");
        let seen = scripted.seen();
        assert_eq!(seen[0].header("x-canary"), Some("1"));
        assert_eq!(seen[1].header("x-canary").is_some(), reaches);
        assert_eq!(seen[1].header("user-agent"), seen[0].header("user-agent"));
        assert_eq!(seen[2].header("x-canary"), Some("1"));
    }
}

#[tokio::test]
async fn docker_hub_is_reached_and_kept_under_its_names() {
    let scripted = Scripted::new(|_| status(200));
    let options = RegistryOptions::default();
    let name = "docker.io".parse().expect("a name");
    let registry = Registry::new(name, transport(&scripted, Anonymous), options);
    registry.ping().await.expect("let in");
    assert_eq!(scripted.lines(), ["GET https://registry-1.docker.io/v2/"]);
    assert_eq!(registry.to_string(), "docker.io");
    let name = "index.docker.io".parse().expect("a name");
    let registry = Registry::new(name, transport(&scripted, Anonymous), RegistryOptions::default());
    registry.ping().await.expect("let in");
    assert_eq!(scripted.lines()[1], "GET https://registry-1.docker.io/v2/");
}

#[tokio::test]
async fn digests_ask_for_pull_alone() {
    let scripted = Scripted::new(bearer);
    let repository = registry(&scripted, Anonymous).repository(name("a"));
    let error = repository.resolve_blob(&Digest::of(b"")).await.expect_err("nothing there");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(
        scripted.lines()[1],
        "GET https://auth.example/token?scope=repository%3Aa%3Apull&service=the+registry"
    );
    assert_eq!(scripted.seen()[1].authorization(), None);
}

#[tokio::test]
async fn names_and_passwords_of_any_form_are_shown_as_they_are() {
    use base64::Engine as _;
    let long = "p:\u{e4}".repeat(5_000);
    for (username, password) in
        [("$oauthtoken", "a"), ("org+robot", "b:c"), ("robot$proj+name", "d"), ("_json_key", &long)]
    {
        let pair = format!("{username}:{password}");
        let expected = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair));
        let scripted = Scripted::new(move |seen| match seen.authorization() {
            Some(shown) if shown == expected => status(200),
            _ => challenged(r#"Basic realm="x""#),
        });
        let credentials = StaticCredentials::new(Credential::password(username, password));
        registry(&scripted, credentials).ping().await.expect("let in");
    }
}
