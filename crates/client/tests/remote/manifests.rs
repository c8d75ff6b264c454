//! Manifests: what answers about them must say, and their referrers.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use oras_client::remote::{ReferrersMode, Registry, RegistryOptions, Repository};
use oras_client::{Content, ErrorKind, Result, Source as _, Target as _};
use oras_spec::image::{Descriptor, Index, Manifest, MediaType};
use oras_spec::{Digest, TagOrDigest, json};

use crate::server::{Reply, Scripted, Seen, error, reply, status};

fn repository_in(mode: ReferrersMode, scripted: &Scripted) -> Repository {
    let options = RegistryOptions { referrers: mode, ..RegistryOptions::default() };
    let name = "r.example".parse().expect("a name");
    Registry::new(name, Arc::new(scripted.transport()), options)
        .repository("a".parse().expect("a name"))
}

fn repository(scripted: &Scripted) -> Repository {
    repository_in(ReferrersMode::Automatic, scripted)
}

fn tag(text: &str) -> TagOrDigest {
    TagOrDigest::parse(text).expect("a tag")
}

const TEXT: &[u8] = br#"{"schemaVersion":2,"manifests":[]}"#;

fn index() -> Descriptor {
    Descriptor::of(MediaType::IMAGE_INDEX, TEXT)
}

fn answer(headers: &[(&str, &str)]) -> Reply {
    let mut reply = reply(200, headers, TEXT);
    reply.headers_mut().entry("content-length").or_insert(TEXT.len().into());
    reply
}

fn typed() -> (&'static str, &'static str) {
    ("content-type", "application/vnd.oci.image.index.v1+json; charset=utf-8")
}

async fn resolve(reference: &TagOrDigest, reply: Reply) -> (Result<Descriptor>, Vec<String>) {
    let scripted = Scripted::in_turn(vec![reply]);
    let resolved = repository(&scripted).resolve(reference).await;
    (resolved, scripted.seen().iter().map(|seen| seen.method.to_string()).collect())
}

#[tokio::test]
async fn what_a_head_lacks_is_taken_from_a_get() {
    let digest = index().digest.to_string();
    let stated = ("docker-content-digest", digest.as_str());
    let (found, methods) = resolve(&tag("v1"), answer(&[typed(), stated])).await;
    assert_eq!((found.expect("there"), methods), (index(), vec!["HEAD".to_owned()]));
    let (found, methods) = resolve(&tag("v1"), answer(&[typed()])).await;
    assert_eq!(found.expect("there"), index());
    assert_eq!(methods, ["HEAD", "GET"]);
    let by_digest = index().digest.into();
    let (found, methods) = resolve(&by_digest, answer(&[typed()])).await;
    assert_eq!((found.expect("there"), methods), (index(), vec!["HEAD".to_owned()]));
    let (found, methods) =
        resolve(&tag("v1"), answer(&[typed(), stated, ("content-length", "")])).await;
    assert_eq!(found.expect("there"), index());
    assert_eq!(methods, ["HEAD", "GET"]);
}

#[tokio::test]
async fn answers_without_sense_are_refused() {
    let url = "https://r.example/v2/a/manifests";
    let other = Digest::of(b"other").to_string();
    let (error, _) = resolve(&tag("v1"), answer(&[])).await;
    assert_eq!(
        error.expect_err("untyped").to_string(),
        format!("HEAD \"{url}/v1\": invalid response `Content-Type` header; mime: no media type")
    );
    let (error, _) =
        resolve(&tag("v1"), answer(&[typed(), ("docker-content-digest", "sha256:x")])).await;
    assert_eq!(
        error.expect_err("no digest").to_string(),
        format!(
            "HEAD \"{url}/v1\": invalid response header value: `Docker-Content-Digest: sha256:x`; invalid checksum digest length"
        )
    );
    let digest = index().digest;
    let (error, _) =
        resolve(&digest.clone().into(), answer(&[typed(), ("docker-content-digest", &other)]))
            .await;
    let error = error.expect_err("another digest");
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert_eq!(
        error.to_string(),
        format!(
            "HEAD \"{url}/{digest}\": invalid response; digest mismatch in Docker-Content-Digest: received \"{other}\" when expecting \"{digest}\""
        )
    );
}

#[tokio::test]
async fn a_refusal_without_a_word_is_asked_for_its_reason() {
    let blob = Descriptor::of(MediaType::OCTET_STREAM, b"");
    for code in [400, 401, 405] {
        let replies = vec![status(code), error(code, "DENIED", "the reason")];
        let scripted = Scripted::in_turn(replies.clone());
        let resolved = repository(&scripted).resolve(&tag("v1")).await.map(drop);
        let scripted = Scripted::in_turn(replies.clone());
        let manifest = repository(&scripted).exists(&index()).await.map(drop);
        let scripted = Scripted::in_turn(replies);
        let blob = repository(&scripted).exists(&blob).await.map(drop);
        for refused in [resolved, manifest, blob] {
            let error = refused.expect_err("refused");
            let response = error.response().expect("a response");
            assert_eq!(response.body.errors[0].message, "the reason");
            assert_eq!(response.method, "GET");
        }
    }
    let scripted = Scripted::in_turn(vec![status(500)]);
    repository(&scripted).resolve(&tag("v1")).await.expect_err("broken");
    assert_eq!(scripted.seen().len(), 1);
}

#[tokio::test]
async fn a_tag_is_read_in_one_round_trip_and_a_lie_about_it_is_found_out() {
    let digest = index().digest.to_string();
    let scripted = Scripted::in_turn(vec![answer(&[typed(), ("docker-content-digest", &digest)])]);
    let (descriptor, content) =
        repository(&scripted).fetch_reference(&tag("v1")).await.expect("there");
    assert_eq!(descriptor, index());
    assert_eq!(content.read_all().await.expect("whole"), TEXT);
    assert_eq!(scripted.lines(), ["GET https://r.example/v2/a/manifests/v1"]);

    let other = Digest::of(b"other").to_string();
    let scripted = Scripted::in_turn(vec![answer(&[typed(), ("docker-content-digest", &other)])]);
    let (_, content) = repository(&scripted).fetch_reference(&tag("v1")).await.expect("so far");
    assert_eq!(content.read_all().await.expect_err("a lie").kind(), ErrorKind::Mismatch);
}

#[tokio::test]
async fn a_descriptor_is_fetched_as_what_it_says_and_nothing_else() {
    let fetch = |reply: Reply| async move {
        let scripted = Scripted::in_turn(vec![reply]);
        let error = repository(&scripted).fetch(&index()).await.err().map(|error| {
            let text = error.to_string();
            text.split_once("\": ").expect("a URL").1.to_owned()
        });
        (error, scripted)
    };
    let (error, scripted) = fetch(answer(&[typed()])).await;
    assert_eq!(error, None);
    assert_eq!(
        scripted.seen()[0].header("accept"),
        Some("application/vnd.oci.image.index.v1+json")
    );
    let (error, _) = fetch(answer(&[("content-type", "text/html")])).await;
    assert_eq!(
        error.as_deref(),
        Some(
            "mismatch response Content-Type \"text/html\": expect \"application/vnd.oci.image.index.v1+json\""
        )
    );
    let (error, _) = fetch(reply(200, &[typed(), ("content-length", "3")], "abc")).await;
    assert_eq!(error.as_deref(), Some("mismatch Content-Length"));
    let other = Digest::of(b"other").to_string();
    let (error, _) = fetch(answer(&[typed(), ("docker-content-digest", &other)])).await;
    let error = error.expect("a lie");
    assert!(error.contains("digest mismatch in Docker-Content-Digest"), "{error}");
}

#[tokio::test]
async fn whether_a_manifest_is_there_is_a_question_of_404_and_403() {
    for (code, expected) in [(200, Some(true)), (404, Some(false)), (403, Some(false)), (401, None)]
    {
        let scripted = Scripted::in_turn(vec![status(code)]);
        let exists = repository(&scripted).exists(&index()).await;
        assert_eq!(exists.ok(), expected, "{code}");
        let accepted = scripted.seen()[0].header("accept").unwrap_or_default().to_owned();
        for media_type in MediaType::DOCUMENTS {
            assert!(accepted.contains(media_type.as_str()), "{accepted}");
        }
    }
    let blob = Descriptor::of(MediaType::OCTET_STREAM, b"");
    for (code, expected) in [(200, Some(true)), (404, Some(false)), (403, None)] {
        let scripted = Scripted::in_turn(vec![status(code)]);
        assert_eq!(repository(&scripted).exists(&blob).await.ok(), expected, "{code}");
    }
}

#[tokio::test]
async fn media_types_of_the_users_own_are_asked_for_in_place_of_the_usual() {
    let scripted = Scripted::in_turn(vec![status(404)]);
    let repository = repository(&scripted).with_media_types(["a/b".into(), "c/d".into()]);
    repository.resolve(&tag("v1")).await.expect_err("not there");
    assert_eq!(scripted.seen()[0].header("accept"), Some("a/b, c/d"));
}

#[tokio::test]
async fn tagging_reads_the_manifest_and_writes_it_under_the_tag() {
    let scripted = Scripted::in_turn(vec![answer(&[typed()]), status(201)]);
    let tag = "v2".parse().expect("a tag");
    repository(&scripted).tag(&index(), &tag).await.expect("tagged");
    assert_eq!(
        scripted.lines(),
        [
            format!("GET https://r.example/v2/a/manifests/{}", index().digest),
            "PUT https://r.example/v2/a/manifests/v2".to_owned()
        ]
    );
    let odd = oras_spec::Tag::free_form("a/../b").expect("not empty");
    let error = repository(&scripted).tag(&index(), &odd).await.expect_err("no tag");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(scripted.seen().len(), 2, "nothing was sent");
}

#[tokio::test]
async fn other_answers_to_a_put_count_only_with_the_right_digest() {
    let put = |reply: Reply| async move {
        let scripted = Scripted::in_turn(vec![reply]);
        let content = Content::from_bytes(&index(), Bytes::from_static(TEXT));
        repository(&scripted).push(&index(), content).await
    };
    let (right, wrong) = (index().digest.to_string(), Digest::of(b"other").to_string());
    for code in [200, 202] {
        assert!(put(reply(code, &[("docker-content-digest", &right)], "OK")).await.is_ok());
        assert!(put(reply(code, &[("docker-content-digest", &wrong)], "OK")).await.is_err());
        assert!(put(reply(code, &[], "OK")).await.is_err());
    }
    assert!(put(reply(201, &[], "<html>")).await.is_ok());
    assert!(put(reply(201, &[("docker-content-digest", &wrong)], "")).await.is_err());
}

/// A registry that keeps manifests by tag and digest, and knows nothing of referrers.
fn simple() -> Scripted {
    let kept: Mutex<HashMap<String, (String, Bytes)>> = Mutex::default();
    Scripted::new(move |seen: &Seen| {
        let Some(name) = seen.uri.path().strip_prefix("/v2/a/manifests/") else {
            return status(404);
        };
        let mut kept = kept.lock().expect("no panic");
        match seen.method.as_str() {
            "PUT" => {
                let kind = seen.header("content-type").expect("a type").to_owned();
                let digest = Digest::of(&seen.body).to_string();
                kept.insert(name.to_owned(), (kind.clone(), seen.body.clone()));
                kept.insert(digest, (kind, seen.body.clone()));
                status(201)
            }
            "DELETE" => status(if kept.remove(name).is_some() { 202 } else { 404 }),
            _ => match kept.get(name) {
                Some((kind, bytes)) => reply(200, &[("content-type", kind)], bytes.clone()),
                None => status(404),
            },
        }
    })
}

fn subject() -> Descriptor {
    Descriptor::of(MediaType::IMAGE_MANIFEST, b"subject")
}

fn fallback() -> String {
    subject().digest.as_str().replace(':', "-")
}

fn referrer(kind: &str) -> (Descriptor, Bytes) {
    let mut manifest = Manifest::new(Descriptor::empty_json(), Vec::new());
    manifest.artifact_type = kind.into();
    manifest.subject = Some(subject());
    manifest.annotations.insert("k".into(), "v".into());
    let bytes = Bytes::from(json::to_vec(&manifest));
    (Descriptor::of(MediaType::IMAGE_MANIFEST, &bytes), bytes)
}

async fn push(repository: &Repository, kind: &str) -> Descriptor {
    let (descriptor, bytes) = referrer(kind);
    let content = Content::from_bytes(&descriptor, bytes);
    repository.push(&descriptor, content).await.expect("pushed");
    descriptor
}

#[tokio::test]
async fn referrers_are_kept_under_a_tag_where_there_is_no_api() {
    let scripted = simple();
    let repository = repository(&scripted);
    for kind in ["a/b", "c/d", "a/b"] {
        push(&repository, kind).await;
    }
    let all = repository.referrers(&subject(), None).await.expect("a list");
    let kinds: Vec<&str> = all.iter().map(|referrer| referrer.artifact_type.as_str()).collect();
    assert_eq!(kinds, ["a/b", "c/d"], "each once, in the order they came");
    assert_eq!(all[0].annotations["k"], "v");
    let wanted = MediaType::from("c/d");
    let some = repository.referrers(&subject(), Some(&wanted)).await.expect("a list");
    assert_eq!(some.len(), 1);
    let asked = scripted.lines().iter().filter(|line| line.contains("/referrers/")).count();
    assert_eq!(asked, 1, "that there is no API is remembered");

    repository.delete(&all[0].plain()).await.expect("deleted");
    let left = repository.referrers(&subject(), None).await.expect("a list");
    assert_eq!(left.len(), 1);
    repository.delete(&left[0].plain()).await.expect("deleted");
    let (_, empty) = repository.fetch_reference(&tag(&fallback())).await.expect("an empty index");
    assert_eq!(
        empty.read_all().await.expect("whole"),
        r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#
    );
}

#[tokio::test]
async fn pushes_at_the_same_time_all_find_their_way_into_the_list() {
    let scripted = simple();
    let repository = repository(&scripted);
    let kinds: Vec<String> = (0..20).map(|number| format!("a/b{number}")).collect();
    futures_util::future::join_all(kinds.iter().map(|kind| push(&repository, kind))).await;
    assert_eq!(repository.referrers(&subject(), None).await.expect("a list").len(), 20);
}

#[tokio::test]
async fn a_registry_that_says_so_keeps_the_list_itself() {
    let subject = subject().digest.to_string();
    let scripted = Scripted::new(move |seen| match seen.method.as_str() {
        "PUT" => reply(201, &[("oci-subject", &subject)], ""),
        _ => unreachable!("{}", seen.line()),
    });
    push(&repository(&scripted), "a/b").await;
    assert_eq!(scripted.seen().len(), 1);
}

#[tokio::test]
async fn a_registry_that_has_the_api_but_does_not_say_so_is_asked() {
    let empty = json::to_vec(&Index::new(Vec::new()));
    let scripted = Scripted::new(move |seen| match seen.method.as_str() {
        "PUT" => status(201),
        _ => reply(200, &[typed()], empty.clone()),
    });
    let repository = repository(&scripted);
    push(&repository, "a/b").await;
    push(&repository, "c/d").await;
    let methods: Vec<String> = scripted.seen().iter().map(|seen| seen.method.to_string()).collect();
    assert_eq!(methods, ["PUT", "GET", "PUT"]);
}

#[tokio::test]
async fn the_api_is_read_page_by_page_and_filtered_by_whoever_does_it() {
    let page = |kinds: &[&str]| {
        let manifests = kinds.iter().map(|kind| {
            let mut descriptor = referrer(kind).0;
            descriptor.artifact_type = (*kind).into();
            descriptor
        });
        json::to_vec(&Index::new(manifests.collect()))
    };
    let (first, second) = (page(&["a/b", "c/d"]), page(&["a/b"]));
    let scripted = Scripted::new(move |seen| {
        if seen.uri.query().is_some_and(|query| query.contains("page=2")) {
            return reply(200, &[typed(), ("oci-filters-applied", "artifactType")], second.clone());
        }
        let path = seen.uri.path();
        reply(200, &[typed(), ("link", &format!("<{path}?page=2>; rel=next"))], first.clone())
    });
    let wanted = MediaType::from("a/b");
    let found = repository(&scripted).referrers(&subject(), Some(&wanted)).await.expect("a list");
    assert_eq!(found.len(), 2);
    let line = &scripted.lines()[0];
    assert!(line.ends_with("?artifactType=a/b") || line.ends_with("?artifactType=a%2Fb"), "{line}");
}

/// A registry whose list of referrers has `seed(page)` on each page and leads on to `next(page)`.
fn paged(seed: fn(usize) -> usize, next: fn(usize) -> usize) -> Scripted {
    Scripted::new(move |seen| {
        let page = seen.uri.query().and_then(|query| query.strip_prefix("page=")?.parse().ok());
        let page = page.unwrap_or(0);
        let listed = referrer(&format!("a/b{}", seed(page))).0;
        let link = format!("<{}?page={}>; rel=next", seen.uri.path(), next(page));
        reply(200, &[typed(), ("link", &link)], json::to_vec(&Index::new(vec![listed])))
    })
}

#[tokio::test]
async fn pages_of_referrers_that_lead_in_a_circle_end() {
    for (next, count) in
        [((|_| 0) as fn(usize) -> usize, 1), (|_| 7, 2), (|page| (page + 1) % 3, 3)]
    {
        let scripted = paged(|page| page, next);
        let found = repository(&scripted).referrers(&subject(), None).await.expect("a list");
        let digests: HashSet<_> = found.iter().map(|referrer| &referrer.digest).collect();
        assert_eq!(digests.len(), count);
        assert!(scripted.seen().len() <= count + 1, "{:?}", scripted.lines());
    }
    let scripted = paged(|_| 0, |page| page + 1);
    repository(&scripted).referrers(&subject(), None).await.expect("a list");
    assert_eq!(scripted.seen().len(), 2, "the second page brings nothing new");
}

#[tokio::test]
async fn pages_of_referrers_without_end_are_given_up() {
    let scripted = paged(|page| page, |page| page + 1);
    let error = repository(&scripted).referrers(&subject(), None).await.expect_err("no end");
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    assert_eq!(scripted.seen().len(), 10_001);
}

#[tokio::test]
async fn a_tag_that_leads_to_the_subject_is_no_list() {
    let list = json::to_vec(&Index::new(vec![referrer("a/b").0]));
    let index = Descriptor::of(MediaType::IMAGE_INDEX, &list);
    let (image, index_type) = (MediaType::IMAGE_MANIFEST, MediaType::IMAGE_INDEX);
    for (subject, media_type, bytes) in [
        (subject(), image.clone(), b"subject".to_vec()),
        // An index least of all, although its manifests look like a list.
        (index, index_type, list.clone()),
        // What is no index is no list, whatever is in it.
        (subject(), image, list),
    ] {
        let scripted = Scripted::new(move |seen| {
            if seen.uri.path().contains("/referrers/") {
                return reply(404, &[("content-type", "text/plain")], "404 page not found");
            }
            reply(200, &[("content-type", media_type.as_str())], bytes.clone())
        });
        assert!(repository(&scripted).referrers(&subject, None).await.expect("none").is_empty());
    }
}

#[tokio::test]
async fn modes_ask_only_what_they_should() {
    let scripted = Scripted::new(|_| status(404));
    let refused = repository_in(ReferrersMode::Api, &scripted).referrers(&subject(), None).await;
    assert_eq!(
        refused.expect_err("no API").to_string(),
        "failed to query referrers API: unsupported"
    );
    let none = repository_in(ReferrersMode::Tag, &scripted).referrers(&subject(), None).await;
    assert!(none.expect("none").is_empty());
    assert_eq!(
        scripted.lines()[1..],
        [format!("GET https://r.example/v2/a/manifests/{}", fallback())]
    );
    // The same on a push, whatever the registry can do.
    for (mode, listed) in [(ReferrersMode::Api, 0), (ReferrersMode::Tag, 1)] {
        let scripted = simple();
        push(&repository_in(mode, &scripted), "a/b").await;
        let lines = scripted.lines();
        let puts =
            lines.iter().filter(|line| line.ends_with(&fallback()) && line.starts_with("PUT"));
        assert_eq!(puts.count(), listed, "{mode:?}");
        assert!(lines.iter().all(|line| !line.contains("/referrers/")), "{mode:?}: {lines:?}");
    }
    let scripted = Scripted::new(|_| error(404, "NAME_UNKNOWN", "no such repository"));
    let error = repository(&scripted).referrers(&subject(), None).await.expect_err("no repository");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_name_too_long_for_a_url_is_an_error() {
    let scripted = Scripted::new(|_| status(404));
    let name = "r.example".parse().expect("a name");
    let registry = Registry::new(name, Arc::new(scripted.transport()), RegistryOptions::default());
    let repository = registry.repository("a".repeat(70_000).parse().expect("a name"));
    let error = repository.resolve(&tag("v1")).await.expect_err("too long");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let mut names = registry.repositories(Some(&"a".repeat(70_000)));
    let first = futures_util::StreamExt::next(&mut names).await.expect("an item");
    assert_eq!(first.expect_err("too long").kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn a_users_own_name_for_the_client_is_the_only_one() {
    let scripted = Scripted::new(|_| status(404));
    let mut options = RegistryOptions::default();
    for (header, value) in [("user-agent", "mine"), ("x-a", "1"), ("x-a", "2")] {
        let header: http::HeaderName = header.parse().expect("a name");
        options.headers.append(header, value.parse().expect("a value"));
    }
    let name = "r.example".parse().expect("a name");
    let registry = Registry::new(name, Arc::new(scripted.transport()), options);
    registry.ping().await.expect_err("no registry");
    let seen = &scripted.seen()[0];
    let all = |name: &str| seen.headers.get_all(name).iter().cloned().collect::<Vec<_>>();
    assert_eq!(all("user-agent"), ["mine"]);
    assert_eq!(all("x-a"), ["1", "2"]);
}

#[tokio::test]
async fn each_warning_is_heard_once() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&heard);
    let warnings =
        [("warning", "299 - \"old\""), ("warning", "299 - \"new\""), ("warning", "199 - \"x\"")];
    let scripted = Scripted::new(move |_| reply(404, &warnings, ""));
    let options = RegistryOptions {
        warnings: Arc::new(move |warning| {
            log.lock().expect("no panic").push(warning.text().to_owned());
        }),
        ..RegistryOptions::default()
    };
    let name = "r.example".parse().expect("a name");
    let registry = Registry::new(name, Arc::new(scripted.transport()), options);
    for repository in ["a", "b"] {
        let repository = registry.repository(repository.parse().expect("a name"));
        repository.resolve(&tag("v1")).await.expect_err("not there");
    }
    assert_eq!(*heard.lock().expect("no panic"), ["old", "new"]);
}

#[tokio::test(start_paused = true)]
async fn a_manifest_that_breaks_the_registry_is_put_twice_at_most() {
    for (code, sent) in [(500, 2), (503, 6)] {
        let scripted = Scripted::new(move |_| status(code));
        let transport = oras_client::transport::Retrying::new(scripted.transport());
        let name = "r.example".parse().expect("a name");
        let registry = Registry::new(name, Arc::new(transport), RegistryOptions::default());
        let repository = registry.repository("a".parse().expect("a name"));
        let (descriptor, bytes) = referrer("x");
        let content = Content::from_bytes(&descriptor, bytes);
        repository.push(&descriptor, content).await.expect_err("broken");
        assert_eq!(scripted.seen().len(), sent, "{code}");
    }
}

#[tokio::test]
async fn a_rate_limit_that_is_used_up_is_told_once() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&heard);
    let options = RegistryOptions {
        warnings: Arc::new(move |warning| log.lock().expect("no panic").push(warning.clone())),
        ..RegistryOptions::default()
    };
    let scripted = Scripted::in_turn(
        [("100;w=21600", "1;w=21600"), ("100;w=21600", "0;w=21600"), ("100", "0")]
            .map(|(limit, left)| {
                reply(404, &[("ratelimit-limit", limit), ("ratelimit-remaining", left)], "")
            })
            .into(),
    );
    let name = "r.example".parse().expect("a name");
    let registry = Registry::new(name, Arc::new(scripted.transport()), options);
    let repository = registry.repository("a".parse().expect("a name"));
    for _ in 0..4 {
        repository.fetch_reference(&tag("v1")).await.expect_err("not there");
    }
    let heard: Vec<String> =
        heard.lock().expect("no panic").iter().map(|w| w.text().to_owned()).collect();
    assert_eq!(
        heard,
        [
            "the registry's rate limit is used up: 100 requests in 21600 s",
            "the registry's rate limit is used up: 100 requests"
        ]
    );
}

#[tokio::test]
async fn amazons_word_on_referrers_is_checked() {
    let subject = subject().digest.to_string();
    let scripted = Scripted::new(move |seen| match seen.method.as_str() {
        "PUT" => reply(201, &[("oci-subject", &subject)], ""),
        _ => status(404),
    });
    let name = "1.dkr.ecr.us-east-1.amazonaws.com".parse().expect("a name");
    let options = RegistryOptions::default();
    let registry = Registry::new(name, Arc::new(scripted.transport()), options);
    push(&registry.repository("a".parse().expect("a name")), "a/b").await;
    let lines = scripted.lines();
    assert!(lines[1].contains("/referrers/sha256:"), "{lines:?}");
    assert!(lines[3].ends_with(&format!("/manifests/{}", fallback())), "{lines:?}");
}

#[tokio::test]
async fn a_refused_list_of_referrers_is_looked_for_under_the_tag() {
    let list = json::to_vec(&Index::new(vec![referrer("a/b").0]));
    for refused in [
        error(400, "MANIFEST_INVALID", "manifest invalid"),
        reply(404, &[("content-type", "text/html")], "{\"error\": \"Not Found\"}"),
        reply(404, &[], "404 page not found"),
        status(405),
        reply(200, &[("content-type", "text/html")], "<html>"),
    ] {
        let list = list.clone();
        let scripted = Scripted::new(move |seen| {
            if seen.uri.path().contains("/referrers/") {
                return refused.clone();
            }
            assert!(seen.uri.path().ends_with(&fallback()));
            reply(200, &[typed()], list.clone())
        });
        let found = repository(&scripted).referrers(&subject(), None).await.expect("a list");
        assert_eq!(found.len(), 1);
    }
}

#[tokio::test]
async fn a_registry_that_refuses_one_subject_is_asked_about_the_next() {
    let scripted = Scripted::new(|seen| match seen.uri.path() {
        path if path.contains("/referrers/") => error(400, "MANIFEST_INVALID", "manifest invalid"),
        _ => status(404),
    });
    let repository = repository(&scripted);
    for _ in 0..2 {
        assert!(repository.referrers(&subject(), None).await.expect("none").is_empty());
    }
    let asked = scripted.lines().iter().filter(|line| line.contains("/referrers/")).count();
    assert_eq!(asked, 2);
}

#[tokio::test]
async fn a_list_that_says_in_the_old_way_that_it_is_filtered_is_believed() {
    let mut other = referrer("a/b").0;
    other.artifact_type = MediaType::from("");
    let mut list = Index::new(vec![other]);
    list.annotations
        .insert("org.opencontainers.referrers.filtersApplied".into(), "artifactType".into());
    let list = json::to_vec(&list);
    let scripted = Scripted::new(move |_| reply(200, &[typed()], list.clone()));
    let wanted = MediaType::from("a/b");
    let found = repository(&scripted).referrers(&subject(), Some(&wanted)).await.expect("a list");
    assert_eq!(found.len(), 1);
}

#[tokio::test]
async fn a_list_that_is_replaced_is_not_deleted() {
    let scripted = simple();
    let repository = repository(&scripted);
    push(&repository, "a/b").await;
    push(&repository, "c/d").await;
    assert!(scripted.seen().iter().all(|seen| seen.method != "DELETE"));
}

#[tokio::test]
async fn a_manifest_of_more_than_4_mib_is_not_sent() {
    let scripted = Scripted::new(|_| status(201));
    let bytes = Bytes::from(vec![b' '; 4 * 1024 * 1024 + 1]);
    let descriptor = Descriptor::of(MediaType::IMAGE_MANIFEST, &bytes);
    let content = Content::from_bytes(&descriptor, bytes);
    let error = repository(&scripted).push(&descriptor, content).await.expect_err("too large");
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    assert!(scripted.seen().is_empty());
}

#[tokio::test]
async fn a_refusal_is_not_read_without_end() {
    let dump = format!(r#"{{"errors":[{{"code":"X","message":"{}"}}]}}"#, "a".repeat(40_000));
    let endless = format!(r#"{{"errors":[{{"code":"X","message":"{}"}}]}}"#, "a".repeat(100_000));
    let scripted = Scripted::in_turn(vec![
        reply(400, &[], dump),
        reply(400, &[], endless),
        reply(400, &[("content-type", "text/html")], "<p>".repeat(4_000_000)),
    ]);
    let repository = repository(&scripted);
    let error = repository.fetch_reference(&tag("v1")).await.expect_err("refused");
    let said = &error.response().expect("an answer").body.errors[0];
    assert_eq!((said.code.as_str(), said.message.len()), ("X", 40_000));
    let error = repository.fetch_reference(&tag("v1")).await.expect_err("refused");
    let said = &error.response().expect("an answer").body.errors[0];
    assert!(
        said.message.len() <= 256,
        "what is cut off is no JSON any more: {}",
        said.message.len()
    );
    let error = repository.fetch_reference(&tag("v1")).await.expect_err("refused");
    assert!(error.to_string().len() < 1_000, "{}", error.to_string().len());
}
