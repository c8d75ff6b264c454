//! Tokens: how many are asked for, when, and what it means that one does not do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oras_client::auth::{Anonymous, Credential, Credentials, StaticCredentials};
use oras_client::remote::{Registry, RegistryOptions, Repository};
use oras_client::transport::{Authenticated, NotGranted, Redirecting, Retrying};
use oras_client::{Content, Error, ErrorKind, Source as _, Target as _};
use oras_spec::TagOrDigest;
use oras_spec::distribution::Action;
use oras_spec::image::{Descriptor, MediaType};
use tokio::time::Instant;

use crate::server::{Reply, Scripted, Seen, error, reply, status};

fn user() -> StaticCredentials {
    StaticCredentials::new(Credential::password("user", "pass"))
}

fn repository(
    host: &str,
    scripted: &Scripted,
    credentials: impl Credentials,
    actions: &[Action],
) -> Repository {
    let transport = Redirecting::new(Retrying::new(scripted.transport()));
    let transport = Authenticated::new(transport, Arc::new(credentials));
    let name = host.parse().expect("a name");
    Registry::new(name, Arc::new(transport), RegistryOptions::default())
        .repository("a".parse().expect("a name"))
        .with_actions(actions.iter().cloned())
}

const PUSH: [Action; 2] = [Action::Pull, Action::Push];

fn is_token_request(seen: &Seen) -> bool {
    seen.uri.path().starts_with("/token")
}

fn token_requests(scripted: &Scripted) -> Vec<String> {
    let asked = scripted.seen().into_iter().filter(is_token_request);
    asked.map(|seen| seen.uri.query().unwrap_or_default().to_owned()).collect()
}

fn challenged(scope: &str) -> Reply {
    let challenge = format!(r#"Bearer realm="https://auth.example/token",service="s"{scope}"#);
    reply(401, &[("www-authenticate", &challenge)], "")
}

fn blob(number: usize) -> (Descriptor, Content) {
    let bytes = bytes::Bytes::from(format!("blob {number}"));
    let descriptor = Descriptor::of(MediaType::OCTET_STREAM, &bytes);
    (descriptor.clone(), Content::from_bytes(&descriptor, bytes))
}

/// Answers whoever is let in.
fn stored(seen: &Seen) -> Reply {
    match seen.method.as_str() {
        "POST" => reply(202, &[("location", "/v2/a/blobs/uploads/u")], ""),
        "PUT" => status(201),
        _ => status(404),
    }
}

#[tokio::test]
async fn sixteen_workers_need_one_token() {
    let scripted = Scripted::new(|seen| match seen.authorization() {
        _ if is_token_request(seen) => reply(200, &[], r#"{"token":"t"}"#),
        Some("Bearer t") => stored(seen),
        _ if seen.method == "HEAD" => challenged(r#",scope="repository:a:pull""#),
        _ => challenged(r#",scope="repository:a:pull,push""#),
    });
    let repository = repository("r.example", &scripted, user(), &PUSH);
    let workers = (0..16).map(|number| {
        let repository = repository.clone();
        async move {
            let (descriptor, content) = blob(number);
            assert!(!repository.exists(&descriptor).await.expect("allowed"));
            repository.push(&descriptor, content).await.expect("pushed");
        }
    });
    futures_util::future::join_all(workers).await;
    assert_eq!(token_requests(&scripted), ["scope=repository%3Aa%3Apull%2Cpush&service=s"]);
    let first_token = scripted.lines().iter().position(|line| line.contains("/token"));
    let before = &scripted.seen()[..first_token.expect("one was asked for")];
    assert!(before.iter().all(|seen| seen.method == "HEAD"), "it is asked for at the first look");
}

/// A token that says what it allows, as most do.
fn jwt(access: &str) -> String {
    let claims = URL_SAFE_NO_PAD.encode(format!(r#"{{"access":{access}}}"#));
    format!(r#"{{"token":"e30.{claims}.c2ln"}}"#)
}

async fn denied(token: String, credentials: impl Credentials) -> (Error, usize) {
    let scripted = Scripted::new(move |seen| {
        if is_token_request(seen) {
            return reply(200, &[], token.clone());
        }
        challenged(r#",scope="repository:a:pull",error="insufficient_scope""#)
    });
    let repository = repository("r.example", &scripted, credentials, &[]);
    let reference = TagOrDigest::parse("v1").expect("a tag");
    let error = repository.fetch_reference(&reference).await.expect_err("denied");
    (error, token_requests(&scripted).len())
}

fn not_granted(error: &Error) -> &NotGranted {
    let cause = std::error::Error::source(error).expect("a cause");
    cause.downcast_ref().expect("it is that the token does not do")
}

#[tokio::test]
async fn a_refusal_after_a_new_token_is_final_and_tells_what_was_granted() {
    for (access, granted, words) in [
        ("[]", Some(""), "asked r.example for \"repository:a:pull\", which granted nothing"),
        (
            r#"[{"type":"repository","name":"a","actions":[]}]"#,
            Some(""),
            "asked r.example for \"repository:a:pull\", which granted nothing",
        ),
        (
            r#"[{"type":"repository","name":"b","actions":["push","pull"]}]"#,
            Some("repository:b:pull,push"),
            "asked r.example for \"repository:a:pull\", which granted \"repository:b:pull,push\"",
        ),
        ("7", None, "asked r.example for \"repository:a:pull\", and the token it gave does not do"),
    ] {
        let (error, tokens) = denied(jwt(access), user()).await;
        assert_eq!((error.kind(), tokens), (ErrorKind::Denied, 1), "{access}");
        assert_eq!(error.response().expect("an answer").status, 401);
        let why = not_granted(&error);
        assert_eq!((why.granted.as_deref(), why.to_string().as_str()), (granted, words));
        assert_eq!((why.username.as_str(), why.is_anonymous), ("user", false));
    }
    for token in ["opaque", "a.b.c", "..", "a.!.c"] {
        let (error, _) = denied(format!(r#"{{"token":"{token}"}}"#), user()).await;
        assert_eq!(not_granted(&error).granted, None, "{token}");
    }
    let (error, _) = denied(jwt("[]"), Anonymous).await;
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "nobody is not known");
    assert!(not_granted(&error).is_anonymous);
}

#[tokio::test]
async fn a_look_that_is_denied_asks_for_one_token_and_so_do_those_after_it() {
    let scripted = Scripted::new(|seen| match seen.authorization() {
        _ if is_token_request(seen) => reply(200, &[], jwt("[]")),
        _ => challenged(r#",scope="repository:a:pull""#),
    });
    let repository = repository("r.example", &scripted, user(), &[]);
    let reference = TagOrDigest::parse("v1").expect("a tag");
    for _ in 0..2 {
        // HEAD, and GET for the reason.
        let error = repository.resolve(&reference).await.expect_err("denied");
        assert_eq!(error.kind(), ErrorKind::Denied);
        assert_eq!(not_granted(&error).granted.as_deref(), Some(""));
    }
    assert_eq!(token_requests(&scripted).len(), 1, "{:?}", scripted.lines());
    // What needs more gets a token of its own.
    let (descriptor, content) = blob(0);
    repository.push(&descriptor, content).await.expect_err("denied");
    assert_eq!(token_requests(&scripted).len(), 2);
}

#[tokio::test]
async fn a_registry_that_forgets_its_tokens_for_a_moment_is_asked_again_with_the_same() {
    let refusals = AtomicUsize::new(1);
    let scripted = Scripted::new(move |seen| match seen.authorization() {
        _ if is_token_request(seen) => reply(200, &[], r#"{"token":"t"}"#),
        Some("Bearer t") if refusals.swap(0, Ordering::Relaxed) == 0 => stored(seen),
        _ => challenged(r#",scope="aws""#),
    });
    let repository = repository("public.ecr.aws", &scripted, user(), &PUSH);
    assert!(!repository.exists(&blob(0).0).await.expect("allowed"));
    assert_eq!(token_requests(&scripted).len(), 1);
}

#[tokio::test]
async fn tokens_that_went_stale_under_many_workers_are_replaced_once() {
    let issued = AtomicUsize::new(0);
    let scripted = Scripted::new(move |seen| match seen.authorization() {
        _ if is_token_request(seen) => {
            let number = issued.fetch_add(1, Ordering::Relaxed);
            reply(200, &[], format!(r#"{{"token":"{number}","expires_in":3600}}"#))
        }
        Some("Bearer 0") if seen.uri.path().ends_with("/first") => status(404),
        Some("Bearer 1") => status(404),
        Some(_) => error(400, "DENIED", "Your Authorization Token is invalid."),
        None => challenged(r#",scope="aws""#),
    });
    let repository = repository("public.ecr.aws", &scripted, user(), &[]);
    let look = |tag: &str| {
        let reference = TagOrDigest::parse(tag).expect("a tag");
        let repository = repository.clone();
        async move { repository.fetch_reference(&reference).await.expect_err("not there").kind() }
    };
    assert_eq!(look("first").await, ErrorKind::NotFound);
    let all = futures_util::future::join_all((0..16).map(|_| look("later"))).await;
    assert!(all.iter().all(|kind| *kind == ErrorKind::NotFound), "{all:?}");
    assert_eq!(token_requests(&scripted).len(), 2);
}

/// A registry whose tokens live for a minute, and which takes as long over each upload.
fn slow_registry() -> Scripted {
    let started = Instant::now();
    let now = move || started.elapsed().as_secs();
    Scripted::new(move |seen| {
        if is_token_request(seen) {
            return reply(200, &[], format!(r#"{{"token":"{}","expires_in":60}}"#, now()));
        }
        let issued = seen.authorization().and_then(|shown| shown.strip_prefix("Bearer "));
        match issued.map(|text| text.parse::<u64>().expect("a time")) {
            Some(issued) if now() <= issued + 60 => stored(seen),
            _ => challenged(r#",scope="repository:a:pull,push""#),
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_push_of_ten_minutes_completes_on_tokens_of_one() {
    let scripted = slow_registry();
    let repository = repository("r.example", &scripted, user(), &PUSH);
    for number in 0..40 {
        let (descriptor, content) = blob(number);
        assert!(!repository.exists(&descriptor).await.expect("allowed"));
        tokio::time::advance(Duration::from_secs(8)).await;
        repository.push(&descriptor, content).await.expect("pushed");
        tokio::time::advance(Duration::from_secs(7)).await;
    }
    let tokens = token_requests(&scripted).len();
    assert!((10..=13).contains(&tokens), "one a minute, not one a request: {tokens}");
}

#[tokio::test(start_paused = true)]
async fn bytes_that_cannot_be_sent_again_wait_for_a_new_token() {
    let scripted = slow_registry();
    let repository = repository("r.example", &scripted, user(), &PUSH);
    let bytes = bytes::Bytes::from_static(b"once");
    let descriptor = Descriptor::of(MediaType::OCTET_STREAM, &bytes);
    assert!(!repository.exists(&descriptor).await.expect("allowed"));
    tokio::time::advance(Duration::from_secs(59)).await;
    let content = Content::new(&descriptor, futures_util::stream::iter([Ok(bytes)]));
    repository.push(&descriptor, content).await.expect("pushed");
    let bare = |seen: &&Seen| seen.method == "PUT" && seen.authorization().is_none();
    assert_eq!(scripted.seen().iter().filter(bare).count(), 0);
}

#[tokio::test]
async fn the_token_service_is_asked_as_it_wrote_its_address_and_as_the_registry_named_it() {
    for (challenge, expected) in [
        (
            r#"Bearer realm="https://r.example/token/?account=x%2Fy",service="r.example",scope="aws""#,
            "/token/?account=x%2Fy&scope=aws&scope=repository%3Aa%3Apull&service=r.example",
        ),
        (r#"Bearer realm="https://r.example/token""#, "/token?scope=repository%3Aa%3Apull"),
    ] {
        let scripted = Scripted::new(move |seen| match seen.authorization() {
            _ if is_token_request(seen) => {
                reply(200, &[], r#"{"access_token":"t","issued_at":"1970-01-01T00:00:00Z"}"#)
            }
            Some("Bearer t") => status(404),
            _ => reply(401, &[("www-authenticate", challenge)], ""),
        });
        let repository = repository("r.example", &scripted, user(), &[]);
        repository.exists(&blob(0).0).await.expect("allowed");
        repository.exists(&blob(1).0).await.expect("allowed");
        let asked: Vec<String> = scripted
            .seen()
            .iter()
            .filter(|s| is_token_request(s))
            .map(|seen| seen.uri.path_and_query().expect("a path").to_string())
            .collect();
        assert_eq!(asked, [expected]);
    }
}

#[tokio::test]
async fn the_repository_that_is_written_to_is_asked_for_last() {
    let scripted = Scripted::new(|seen| match seen.authorization() {
        _ if is_token_request(seen) => reply(200, &[], r#"{"token":"t"}"#),
        Some(_) => status(201),
        _ => challenged(""),
    });
    let repository = repository("r.example", &scripted, user(), &PUSH);
    let from = "z".parse().expect("a name");
    assert!(repository.mount(&blob(0).0, &from).await.expect("mounted"));
    assert_eq!(
        token_requests(&scripted),
        ["scope=repository%3Az%3Apull&scope=repository%3Aa%3Apull%2Cpush&service=s"]
    );
}

#[tokio::test]
async fn a_mount_that_the_token_service_refuses_becomes_an_upload_with_a_token_of_its_own() {
    let scripted = Scripted::new(|seen| {
        if is_token_request(seen) {
            return match seen.uri.query().unwrap_or_default() {
                query if query.contains("other") => error(403, "DENIED", "not yours"),
                _ => reply(200, &[], r#"{"token":"t"}"#),
            };
        }
        match seen.authorization() {
            Some("Bearer t") => stored(seen),
            _ => challenged(""),
        }
    });
    let repository = repository("r.example", &scripted, user(), &PUSH);
    let (descriptor, content) = blob(0);
    let from = "other/z".parse().expect("a name");
    assert!(!repository.mount(&descriptor, &from).await.expect("an upload may do"));
    repository.push(&descriptor, content).await.expect("pushed");
    assert_eq!(
        token_requests(&scripted).last().map(String::as_str),
        Some("scope=repository%3Aa%3Apull%2Cpush&service=s")
    );
}

#[tokio::test]
async fn a_password_that_is_refused_after_a_token_ends_the_conversation() {
    let scripted = Scripted::new(|seen| match seen.authorization() {
        _ if is_token_request(seen) => reply(200, &[], r#"{"token":"t"}"#),
        Some(_) => reply(401, &[("www-authenticate", r#"Basic realm="harbor""#)], ""),
        None => challenged(""),
    });
    let repository = repository("r.example", &scripted, user(), &[]);
    let reference = TagOrDigest::parse("v1").expect("a tag");
    for sent in [4, 8] {
        let error = repository.fetch_reference(&reference).await.expect_err("refused");
        assert_eq!(error.response().expect("an answer").status, 401);
        assert!(scripted.seen().len() <= sent, "{:?}", scripted.lines());
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_got_before_bytes_are_sent_is_for_them_and_echoes_words_of_its_own() {
    for (scope, expected) in [
        ("aws", "scope=aws&scope=repository%3Aa%3Apull%2Cpush&service=s"),
        // The scope of another challenge is that of another request.
        ("repository:elsewhere:pull", "scope=repository%3Aa%3Apull%2Cpush&service=s"),
    ] {
        let scripted = Scripted::new(move |seen| match seen.authorization() {
            _ if is_token_request(seen) => reply(200, &[], r#"{"token":"t","expires_in":60}"#),
            Some("Bearer t") => stored(seen),
            _ => challenged(&format!(r#",scope="{scope}""#)),
        });
        let repository = repository("r.example", &scripted, user(), &[]);
        assert!(!repository.exists(&blob(0).0).await.expect("allowed"));
        tokio::time::advance(Duration::from_secs(61)).await;
        let bytes = bytes::Bytes::from_static(b"{}");
        let descriptor = Descriptor::of(MediaType::IMAGE_MANIFEST, &bytes);
        let manifest = Content::from_bytes(&descriptor, bytes);
        repository.push(&descriptor, manifest).await.expect("pushed");
        assert_eq!(token_requests(&scripted)[1], expected);
        let bare = |seen: &&Seen| seen.method == "PUT" && seen.authorization().is_none();
        assert_eq!(scripted.seen().iter().filter(bare).count(), 0, "the bytes waited for it");
    }
}

#[tokio::test(start_paused = true)]
async fn requests_without_bytes_find_out_themselves_whether_they_need_a_token() {
    let scripted = Scripted::new(|seen| match seen.authorization() {
        _ if is_token_request(seen) => reply(200, &[], r#"{"token":"t","expires_in":60}"#),
        _ if seen.uri.path().ends_with("public") => status(404),
        Some("Bearer t") => status(404),
        _ => challenged(r#",scope="repository:a:pull""#),
    });
    let repository = repository("r.example", &scripted, user(), &[]);
    assert!(!repository.exists(&blob(0).0).await.expect("allowed"));
    tokio::time::advance(Duration::from_secs(61)).await;
    let reference = TagOrDigest::parse("public").expect("a tag");
    repository.resolve(&reference).await.expect_err("not there");
    assert_eq!(token_requests(&scripted).len(), 1);
}

#[tokio::test]
async fn the_put_shows_the_token_that_opened_the_upload() {
    let scripted = Scripted::new(|seen| match seen.authorization() {
        _ if is_token_request(seen) => reply(200, &[], r#"{"token":"t"}"#),
        Some("Bearer t") => stored(seen),
        _ => challenged(""),
    });
    let repository = repository("r.example", &scripted, user(), &[]);
    let (descriptor, content) = blob(1);
    repository.push(&descriptor, content).await.expect("pushed");
    let lines: Vec<String> = scripted.seen().iter().map(|seen| seen.method.to_string()).collect();
    assert_eq!(lines, ["POST", "GET", "POST", "PUT"]);
    assert_eq!(token_requests(&scripted).len(), 1);
}

#[tokio::test]
async fn bytes_are_sent_again_whole_when_the_put_itself_is_challenged() {
    let puts = AtomicUsize::new(0);
    let scripted = Scripted::new(move |seen| match seen.authorization() {
        _ if is_token_request(seen) => reply(200, &[], r#"{"token":"t"}"#),
        Some(_) if seen.method == "PUT" && puts.fetch_add(1, Ordering::Relaxed) == 0 => {
            challenged("")
        }
        Some("Bearer t") => stored(seen),
        _ => challenged(""),
    });
    let repository = repository("r.example", &scripted, user(), &PUSH);
    let (descriptor, content) = blob(1);
    repository.push(&descriptor, content).await.expect("pushed");
    let puts: Vec<Seen> = scripted.seen().into_iter().filter(|s| s.method == "PUT").collect();
    assert_eq!(puts.len(), 2);
    assert!(puts.iter().all(|seen| seen.body == "blob 1" && seen.authorization().is_some()));
}
