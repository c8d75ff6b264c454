//! Uploads: where they lead, and what happens when they break.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use http::{Request, Response};
use oras_client::remote::{Registry, RegistryOptions, Repository};
use oras_client::transport::{Body, InProcess, Retrying, Transport};
use oras_client::{Content, Error, ErrorKind, Note as _, Notebook, Target as _};
use oras_spec::image::{Descriptor, MediaType};

use crate::chain;
use crate::server::{Reply, Scripted, Seen, error, reply, status};
use crate::slate::Slate;

fn repository(base: &str, scripted: &Scripted) -> Repository {
    let (scheme, host) = base.split_once("://").expect("a scheme");
    let options = RegistryOptions { plain_http: scheme == "http", ..Default::default() };
    let name = host.parse().expect("a name");
    Registry::new(name, Arc::new(scripted.transport()), options)
        .repository("a".parse().expect("a name"))
}

fn blob() -> Descriptor {
    Descriptor::of(MediaType::OCTET_STREAM, b"blob")
}

fn content() -> Content {
    Content::from_bytes(&blob(), "blob".into())
}

/// Where the PUT goes, without the digest.
async fn put(base: &str, location: &'static str) -> Result<String, String> {
    let scripted = Scripted::new(move |seen| match seen.method.as_str() {
        "POST" => reply(202, &[("location", location)], ""),
        _ => status(201),
    });
    let pushed = repository(base, &scripted).push(&blob(), content()).await;
    pushed.map_err(|error| chain(&error))?;
    let digest = blob().digest.as_str().replace(':', "%3A");
    let uri = scripted.seen().pop().expect("a PUT").uri.to_string();
    let uri = uri.strip_suffix(&format!("digest={digest}")).expect("the digest is last");
    Ok(uri.to_owned())
}

#[tokio::test]
async fn a_location_is_taken_as_it_is() {
    let http = "http://r.example:5000";
    let https = "https://r.example";
    for (base, location, expected) in [
        (http, "/v2/a/blobs/uploads/1", "http://r.example:5000/v2/a/blobs/uploads/1?"),
        (
            http,
            "http://r.example:5000/u?_state=a%2Fb%3D",
            "http://r.example:5000/u?_state=a%2Fb%3D&",
        ),
        (http, "/u?_state=a+b==&x", "http://r.example:5000/u?_state=a+b==&x&"),
        (http, "//r.example:5000/u", "http://r.example:5000/u?"),
        (http, "1", "http://r.example:5000/v2/a/blobs/uploads/1?"),
        (https, "/artifacts-uploads/x?y=1", "https://r.example/artifacts-uploads/x?y=1&"),
        (https, "https://R.EXAMPLE:443/u", "https://r.example/u?"),
        ("https://r.example:443", "https://r.example/u", "https://r.example:443/u?"),
        ("https://r.example:443", "/u", "https://r.example:443/u?"),
        ("http://r.example:5000", "https://r.example:5000/u", "https://r.example:5000/u?"),
        (https, "https://user:canary@r.example/u", "https://r.example/u?"),
        (https, "/u?#fragment", "https://r.example/u?"),
    ] {
        assert_eq!(put(base, location).await, Ok(expected.to_owned()), "{base} {location}");
    }
}

#[tokio::test]
async fn a_location_elsewhere_is_refused() {
    for (base, location, why) in [
        (
            "https://r.example",
            "https://evil.example/u",
            "blob upload Location \"evil.example\" is on a different host than the registry \"r.example\"",
        ),
        (
            "https://r.example",
            "https://r.example:8443/u",
            "blob upload Location \"r.example:8443\" is on a different host than the registry \"r.example\"",
        ),
        (
            "https://r.example",
            "http://r.example/u",
            "blob upload Location \"http://r.example/u\" downgrades scheme from https",
        ),
        (
            "https://r.example",
            "http://r.example:443/u?sig=canary",
            "blob upload Location \"http://r.example:443/u?sig=REDACTED\" downgrades scheme from https",
        ),
    ] {
        assert_eq!(put(base, location).await, Err(why.to_owned()));
    }
    for location in ["", "ftp://r.example/u", "https://"] {
        assert!(put("https://r.example", location).await.is_err(), "{location}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_breaks_is_begun_anew() {
    for refused in [
        status(500),
        status(503),
        status(416),
        error(404, "BLOB_UPLOAD_UNKNOWN", "gone"),
        error(400, "DIGEST_INVALID", "altered on the way"),
        error(400, "SIZE_INVALID", "the body broke off"),
    ] {
        let puts = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&puts);
        let scripted = Scripted::new(move |seen| match seen.method.as_str() {
            "POST" => {
                let location = format!("/v2/a/blobs/uploads/{}", count.load(Ordering::Relaxed));
                reply(202, &[("location", &location)], "")
            }
            _ if count.fetch_add(1, Ordering::Relaxed) == 0 => refused.clone(),
            _ => status(201),
        });
        repository("http://r.example", &scripted).push(&blob(), content()).await.expect("pushed");
        let methods: Vec<String> =
            scripted.seen().iter().map(|seen| seen.method.to_string()).collect();
        assert_eq!(methods, ["POST", "PUT", "POST", "PUT"]);
        let seen = scripted.seen();
        assert!(seen[1].uri.path().ends_with("/0") && seen[3].uri.path().ends_with("/1"));
        assert_eq!(seen[3].body, "blob");
    }
}

#[tokio::test(start_paused = true)]
async fn bytes_are_never_sent_twice_into_one_upload() {
    let puts = AtomicUsize::new(0);
    let scripted = Scripted::new(move |seen| match seen.method.as_str() {
        "POST" => reply(202, &[("location", "/u")], ""),
        _ if puts.fetch_add(1, Ordering::Relaxed) == 0 => status(503),
        _ => status(201),
    });
    let name = "r.example".parse().expect("a name");
    let transport = Arc::new(Retrying::new(scripted.transport()));
    let registry = Registry::new(name, transport, RegistryOptions::default());
    let repository = registry.repository("a".parse().expect("a name"));
    repository.push(&blob(), content()).await.expect("pushed");
    let methods: Vec<String> = scripted.seen().iter().map(|seen| seen.method.to_string()).collect();
    assert_eq!(methods, ["POST", "PUT", "POST", "PUT"]);
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_is_refused_is_not() {
    for (refused, sent) in [
        (error(400, "UNSUPPORTED", "no"), 3),
        (error(403, "DENIED", "quota"), 2),
        (status(413), 3),
        (error(404, "NAME_UNKNOWN", "no"), 2),
    ] {
        let code = refused.status();
        let scripted = Scripted::new(move |seen| match seen.method.as_str() {
            "POST" => reply(202, &[("location", "/u")], ""),
            _ => refused.clone(),
        });
        let error = repository("http://r.example", &scripted).push(&blob(), content()).await;
        let error = error.expect_err("refused");
        assert_eq!(error.response().expect("a response").status, code);
        // Opened, sent once, and taken back where that may be allowed.
        assert_eq!(scripted.seen().len(), sent, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_arrives_altered_twice_is_not_sent_again() {
    let scripted = Scripted::new(|seen| match seen.method.as_str() {
        "POST" => reply(202, &[("location", "/u")], ""),
        _ => error(400, "DIGEST_INVALID", "no"),
    });
    let pushed = repository("http://r.example", &scripted).push(&blob(), content()).await;
    assert_eq!(pushed.expect_err("refused").response().expect("a response").status, 400);
    assert_eq!(scripted.seen().iter().filter(|seen| seen.method == "PUT").count(), 2);
}

#[tokio::test(start_paused = true)]
async fn content_that_is_gone_once_read_is_sent_once() {
    let scripted = Scripted::new(|seen| match seen.method.as_str() {
        "POST" => reply(202, &[("location", "/u")], ""),
        _ => status(500),
    });
    let once = futures_util::stream::iter([Ok("blob".into())]);
    let content = Content::new(&blob(), once);
    let error = repository("http://r.example", &scripted).push(&blob(), content).await;
    assert_eq!(error.expect_err("refused").kind(), ErrorKind::Server);
    assert_eq!(scripted.seen().iter().filter(|seen| seen.method == "PUT").count(), 1);
}

#[tokio::test]
async fn a_mount_is_asked_for_by_name_and_falls_back_to_the_upload_it_was_given() {
    let scripted = Scripted::new(|seen| match seen.method.as_str() {
        "POST" => reply(202, &[("location", "/given")], ""),
        _ => status(201),
    });
    let repository = repository("http://r.example", &scripted);
    let from = "other/b".parse().expect("a name");
    assert!(!repository.mount(&blob(), &from).await.expect("no error"));
    repository.push(&blob(), content()).await.expect("pushed");
    let digest = blob().digest;
    let lines = scripted.lines();
    assert_eq!(
        lines[0],
        format!("POST http://r.example/v2/a/blobs/uploads/?mount={digest}&from=other/b")
    );
    assert!(lines[1].starts_with("PUT http://r.example/given?digest="), "{}", lines[1]);
    assert_eq!(lines.len(), 2);
}

/// Where nobody answers.
#[derive(Debug)]
struct Unreachable;

#[async_trait]
impl Transport for Unreachable {
    async fn send(&self, _: Request<Body>) -> oras_client::Result<Response<Body>> {
        Err(Error::new(ErrorKind::Network, "no route to host"))
    }
}

#[tokio::test(start_paused = true)]
async fn a_mount_ends_well_badly_or_not_at_all() {
    let answer = |reply: Reply| async move {
        let scripted = Scripted::new(move |_: &Seen| reply.clone());
        let from = "b".parse().expect("a name");
        repository("http://r.example", &scripted).mount(&blob(), &from).await
    };
    assert!(answer(status(201)).await.expect("mounted"));
    for code in [400, 401, 403, 404, 405, 500] {
        assert!(!answer(status(code)).await.expect("an upload may still do"), "{code}");
    }
    let other = oras_spec::Digest::of(b"other").to_string();
    let lie = reply(201, &[("docker-content-digest", &other)], "");
    assert_eq!(answer(lie).await.expect_err("a lie").kind(), ErrorKind::Mismatch);
    // An upload that is opened where we would not go is not gone on with.
    for location in ["https://evil.example/u", ""] {
        let elsewhere = reply(202, &[("location", location)], "");
        assert!(!answer(elsewhere).await.expect("an upload of our own may do"), "{location}");
    }
    let from = "b".parse().expect("a name");
    let nobody = Registry::new(
        "r.example".parse().expect("a name"),
        Arc::new(Unreachable),
        RegistryOptions::default(),
    );
    let nobody = nobody.repository("a".parse().expect("a name"));
    let error = nobody.mount(&blob(), &from).await.expect_err("nobody is there");
    assert_eq!(error.kind(), ErrorKind::Network);
}

#[tokio::test]
async fn the_far_sides_word_on_what_it_stored_is_checked() {
    let other = oras_spec::Digest::of(b"other").to_string();
    let scripted = Scripted::new(move |seen| match seen.method.as_str() {
        "POST" => reply(202, &[("location", "/u")], ""),
        _ => reply(201, &[("docker-content-digest", &other)], ""),
    });
    let error = repository("http://r.example", &scripted).push(&blob(), content()).await;
    assert_eq!(error.expect_err("a lie").kind(), ErrorKind::Mismatch);
}

/// A blob of so many bytes.
fn large(size: usize) -> (Descriptor, Content) {
    let bytes = bytes::Bytes::from(vec![7; size]);
    let descriptor = Descriptor::of(MediaType::OCTET_STREAM, &bytes);
    (descriptor.clone(), Content::from_bytes(&descriptor, bytes))
}

const MIB: usize = 1024 * 1024;

/// `PATCH 0-9 10`, `PUT 10`: method, range and length of each request that carries bytes.
fn sent(scripted: &Scripted) -> Vec<String> {
    let carries = |seen: &&Seen| seen.method == "PATCH" || seen.method == "PUT";
    let told = |seen: &Seen| {
        assert_eq!(seen.header("content-type"), Some("application/octet-stream"));
        assert_eq!(seen.header("content-length"), Some(seen.body.len().to_string().as_str()));
        match seen.header("content-range") {
            Some(range) => format!("{} {range}", seen.method),
            None => format!("{} {}", seen.method, seen.body.len()),
        }
    };
    scripted.seen().iter().filter(carries).map(told).collect()
}

/// Opens uploads, refuses single ones with `refused` and takes the others; each answer to a PATCH
/// has `status` and those headers.
fn taking_chunks(refused: Reply, status: u16, headers: &'static [(&str, &str)]) -> Scripted {
    let patched = AtomicUsize::new(0);
    Scripted::new(move |seen| match seen.method.as_str() {
        "POST" => {
            patched.store(0, Ordering::Relaxed);
            reply(202, &[("location", "/u?_state=0")], "")
        }
        "PATCH" => {
            patched.fetch_add(1, Ordering::Relaxed);
            reply(status, headers, "")
        }
        _ if patched.load(Ordering::Relaxed) > 0 => reply(201, &[], ""),
        _ => refused.clone(),
    })
}

#[tokio::test(start_paused = true)]
async fn a_blob_that_is_too_large_for_one_request_goes_in_chunks_and_so_do_those_after_it() {
    let stuck: &[(&str, &str)] = &[("range", "0-8388607")];
    for (code, headers) in [
        (202, &[("location", "/u?_state=1"), ("range", "0-8388607")][..]),
        (201, stuck),
        (204, &[]),
    ] {
        let scripted = taking_chunks(status(413), code, headers);
        let repository = repository("https://r.example", &scripted);
        let (descriptor, first) = large(17 * MIB);
        repository.push(&descriptor, first).await.expect("pushed");
        let chunks = ["PATCH 0-8388607", "PATCH 8388608-16777215", "PUT 1048576"];
        assert_eq!(sent(&scripted)[1..], chunks, "{code}");
        let last = scripted.seen().pop().expect("a PUT").uri.to_string();
        let state = if code == 202 { "1" } else { "0" };
        assert!(last.contains(&format!("/u?_state={state}&digest=sha256%3A")), "{last}");

        let (descriptor, again) = large(18 * MIB);
        repository.push(&descriptor, again).await.expect("pushed");
        assert_eq!(sent(&scripted).len(), 1 + 3 + 3, "the second begins with chunks");
        repository.push(&blob(), content()).await.expect_err("a small one still goes whole");
    }
}

#[tokio::test(start_paused = true)]
async fn chunks_are_as_large_as_the_registry_at_hand_wants_them() {
    for (host, minimum, first) in [
        ("https://ghcr.io", "", "PATCH 0-4194303"),
        ("https://1.dkr.ecr.us-east-1.amazonaws.com", "", "PATCH 0-10485759"),
        ("https://r.example", "9000000", "PATCH 0-8999999"),
    ] {
        let scripted = Scripted::new(move |seen| match seen.method.as_str() {
            "POST" => {
                let headers = [("location", "/u"), ("oci-chunk-min-length", minimum)];
                reply(202, &headers, "")
            }
            "PATCH" => status(202),
            _ if seen.body.len() > 11 * MIB => status(413),
            _ => status(201),
        });
        let (descriptor, content) = large(12 * MIB);
        repository(host, &scripted).push(&descriptor, content).await.expect("pushed");
        assert_eq!(sent(&scripted)[1], first, "{host}");
    }
}

#[tokio::test(start_paused = true)]
async fn chunks_that_are_too_large_become_smaller() {
    let scripted = Scripted::new(|seen| match seen.method.as_str() {
        "POST" => reply(202, &[("location", "/u")], ""),
        "PATCH" if seen.body.len() > 4 * MIB => error(
            416,
            "REQUESTED_RANGE_NOT_SATISFIABLE",
            "the request body is too large and exceeds the maximum permissible limit of 4.00MiB",
        ),
        "PATCH" => status(202),
        _ if seen.body.len() > 4 * MIB => status(413),
        _ => status(201),
    });
    let (descriptor, content) = large(9 * MIB);
    repository("https://r.example", &scripted).push(&descriptor, content).await.expect("pushed");
    assert_eq!(
        sent(&scripted)[1..],
        ["PATCH 0-8388607", "PATCH 0-4194303", "PATCH 4194304-8388607", "PUT 1048576"]
    );
}

/// Ends the connection over what is larger than 8 MiB.
#[derive(Debug)]
struct Cutting(InProcess<Scripted>);

#[async_trait]
impl Transport for Cutting {
    async fn send(&self, request: Request<Body>) -> Result<Response<Body>, Error> {
        let length = request.headers().get("content-length").and_then(|text| text.to_str().ok());
        let length: usize = length.and_then(|text| text.parse().ok()).unwrap_or_default();
        let answer = self.0.send(request).await;
        if length > 8 * MIB { Err(Error::new(ErrorKind::Network, "EOF")) } else { answer }
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_ends_twice_over_a_single_upload_brings_it_in_chunks() {
    let scripted = taking_chunks(status(201), 202, &[]);
    let transport = Arc::new(Cutting(scripted.transport()));
    let registry =
        Registry::new("r.example".parse().expect("a name"), transport, RegistryOptions::default());
    let (descriptor, content) = large(9 * MIB);
    let repository = registry.repository("a".parse().expect("a name"));
    repository.push(&descriptor, content).await.expect("pushed");
    let all = sent(&scripted);
    let whole = all.iter().filter(|line| **line == "PUT 9437184").count();
    assert_eq!((whole, all[2].as_str()), (2, "PATCH 0-8388607"), "{all:?}");
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_knows_no_single_upload_gets_a_stream_and_an_empty_end() {
    for refused in
        [error(404, "BLOB_UNKNOWN", "no"), error(404, "BLOB_UPLOAD_UNKNOWN", "no"), status(405)]
    {
        let scripted = taking_chunks(refused, 202, &[]);
        let repository = repository("https://r.example", &scripted);
        repository.push(&blob(), content()).await.expect("pushed");
        let all = sent(&scripted);
        assert_eq!(all[all.len() - 2..], ["PATCH 4", "PUT 0"], "{all:?}");
        let before = all.len();
        repository.push(&blob(), content()).await.expect("pushed");
        assert_eq!(sent(&scripted)[before..], ["PATCH 4", "PUT 0"], "it is remembered");
    }
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_knows_no_chunks_gets_a_stream_at_last() {
    let scripted = Scripted::new(|seen| match seen.method.as_str() {
        "POST" => reply(202, &[("location", "/u")], ""),
        "PATCH" if seen.header("content-range").is_some() => {
            error(400, "UNKNOWN", "the Content-Range header format is invalid")
        }
        "PATCH" => status(202),
        _ if seen.body.len() > MIB => status(413),
        _ => status(201),
    });
    let (descriptor, content) = large(9 * MIB);
    repository("https://r.example", &scripted).push(&descriptor, content).await.expect("pushed");
    assert_eq!(sent(&scripted)[1..], ["PATCH 0-8388607", "PATCH 9437184", "PUT 0"]);
}

#[tokio::test]
async fn an_empty_blob_is_sent_as_it_is_and_what_is_said_of_it_is_shown() {
    let scripted = Scripted::new(|seen| match seen.method.as_str() {
        "POST" => reply(202, &[("location", "/u")], ""),
        _ => error(400, "BLOB_UPLOAD_INVALID", "no empty blobs here"),
    });
    let (descriptor, content) = large(0);
    let pushed = repository("https://r.example", &scripted).push(&descriptor, content).await;
    assert!(chain(&pushed.expect_err("refused")).contains("no empty blobs here"));
    assert_eq!(sent(&scripted), ["PUT 0"]);
}

#[tokio::test]
async fn a_blob_that_is_taken_without_content_is_taken() {
    for code in [201, 204] {
        let scripted = Scripted::new(move |seen| match seen.method.as_str() {
            "POST" => reply(202, &[("location", "/u")], ""),
            _ => reply(code, &[("content-type", "text/html")], if code == 201 { "OK" } else { "" }),
        });
        repository("https://r.example", &scripted).push(&blob(), content()).await.expect("pushed");
    }
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_is_given_up_is_canceled_once_whatever_becomes_of_that() {
    for (refused, canceled) in
        [(500, Some(204)), (400, Some(204)), (400, Some(405)), (400, Some(503)), (403, None)]
    {
        let scripted = Scripted::new(move |seen| match seen.method.as_str() {
            "POST" => reply(202, &[("location", "/u?state=1")], ""),
            "PUT" => status(refused),
            "DELETE" => status(canceled.expect("not asked for")),
            _ => unreachable!("{}", seen.line()),
        });
        let target = repository("https://r.example", &scripted);
        let error = target.push(&blob(), content()).await.expect_err("broken");
        let told = error.response().expect("what the registry said of the upload");
        assert_eq!((told.method.as_str(), told.status.as_u16()), ("PUT", refused));
        let lines = scripted.lines();
        let deletes: Vec<_> = lines.iter().filter(|line| line.starts_with("DELETE")).collect();
        let expected = canceled.map(|_| "DELETE https://r.example/u?state=1");
        assert_eq!(deletes, Vec::from_iter(expected), "{refused}");
    }
}

const LARGE: usize = 9 * 1024 * 1024;

/// Pushes a large blob with what `slate` remembers; returns what was asked, and how many bytes went.
async fn push_large(
    slate: &Slate,
    script: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
) -> (Result<(), String>, Vec<String>, usize) {
    push_large_to("r.example", slate, script).await
}

async fn push_large_to(
    host: &str,
    slate: &Slate,
    script: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
) -> (Result<(), String>, Vec<String>, usize) {
    let scripted = Scripted::new(script);
    let notes: Arc<dyn Notebook> = Arc::new(slate.clone());
    let options = RegistryOptions { notes: Some(notes), ..RegistryOptions::default() };
    let name = host.parse().expect("a name");
    let registry = Registry::new(name, Arc::new(scripted.transport()), options);
    let repository = registry.repository("a".parse().expect("a name"));
    let (descriptor, content) = large(LARGE);
    let pushed = repository.push(&descriptor, content).await.map_err(|error| chain(&error));
    let seen = scripted.seen();
    let lines = seen.iter().map(|seen| format!("{} {}", seen.method, seen.uri.path())).collect();
    (pushed, lines, seen.iter().map(|seen| seen.body.len()).sum())
}

fn noted(location: &str, sent: usize) -> Slate {
    let slate = Slate::default();
    slate.clone().write(&format!("{{\"location\":\"{location}\",\"sent\":{sent}}}"));
    slate
}

#[tokio::test]
async fn an_upload_that_another_process_left_is_gone_on_with() {
    let slate = noted("https://r.example/u?_state=1", 0);
    let (pushed, lines, sent) = push_large(&slate, |seen| match seen.method.as_str() {
        "GET" => reply(204, &[("location", "/v?_state=2"), ("range", "0-999999")], ""),
        _ => status(201),
    })
    .await;
    assert_eq!(pushed, Ok(()));
    assert_eq!(lines[0], "GET /u");
    assert!(lines[1..].iter().all(|line| line == "PATCH /v" || line == "PUT /v"), "{lines:?}");
    assert_eq!(sent, LARGE - 1_000_000);
    assert_eq!(slate.read(), None, "what is done is forgotten");
}

/// They never say more than the first chunk, however much they hold.
#[tokio::test]
async fn an_upload_to_amazon_goes_on_behind_what_was_sent_whatever_the_registry_says() {
    let host = "1.dkr.ecr.us-east-1.amazonaws.com";
    let slate = noted(&format!("https://{host}/u"), 6 * MIB);
    let (pushed, lines, sent) = push_large_to(host, &slate, |seen| match seen.method.as_str() {
        "GET" => reply(204, &[("range", "0-999999")], ""),
        _ => status(201),
    })
    .await;
    assert_eq!(pushed, Ok(()));
    assert_eq!(lines[0], "GET /u");
    assert_eq!(sent, LARGE - 6 * MIB, "{lines:?}");
}

#[tokio::test]
async fn an_upload_that_the_registry_forgot_is_begun_anew() {
    for (code, range) in [(404, "0-5"), (204, ""), (204, "0-0"), (204, "0-99999999")] {
        let slate = noted("https://r.example/u", 0);
        let (pushed, lines, sent) = push_large(&slate, move |seen| match seen.method.as_str() {
            "GET" => reply(code, &[("range", range)], ""),
            "POST" => reply(202, &[("location", "/w")], ""),
            _ => status(201),
        })
        .await;
        assert_eq!(pushed, Ok(()));
        assert_eq!(lines, ["GET /u", "POST /v2/a/blobs/uploads/", "PUT /w"], "{code} {range}");
        assert_eq!(sent, LARGE);
    }
}

#[tokio::test]
async fn an_upload_elsewhere_is_not_gone_on_with() {
    for location in ["https://evil.example/u", "http://r.example/u", "not a place", ""] {
        let (pushed, lines, _) =
            push_large(&noted(location, 0), |seen| match seen.method.as_str() {
                "POST" => reply(202, &[("location", "/w")], ""),
                _ => status(201),
            })
            .await;
        assert_eq!(pushed, Ok(()));
        assert_eq!(lines, ["POST /v2/a/blobs/uploads/", "PUT /w"], "{location}");
    }
}

/// Quay says one byte too many; what was put together of that is refused at the end.
#[tokio::test]
async fn parts_that_do_not_fit_together_are_sent_as_one() {
    let (pushed, lines, _) =
        push_large(&noted("https://r.example/u", 0), |seen| match seen.method.as_str() {
            "GET" => reply(204, &[("range", "0-1000")], ""),
            "POST" => reply(202, &[("location", "/w")], ""),
            "PUT" if seen.uri.path() == "/u" => error(400, "DIGEST_INVALID", "no"),
            _ => status(201),
        })
        .await;
    assert_eq!(pushed, Ok(()));
    assert_eq!(lines.last().expect("requests"), "PUT /w", "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_is_busy_with_an_upload_is_asked_again() {
    let asked = AtomicUsize::new(0);
    let slate = noted("https://r.example/u", 0);
    let (pushed, lines, sent) = push_large(&slate, move |seen| match seen.method.as_str() {
        "GET" if asked.fetch_add(1, Ordering::Relaxed) < 2 => {
            error(409, "BLOB_UPLOAD_INVALID", "another request writes to it")
        }
        "GET" => reply(204, &[("range", "0-999999")], ""),
        _ => status(201),
    })
    .await;
    assert_eq!(pushed, Ok(()));
    assert_eq!(lines[..3], ["GET /u", "GET /u", "GET /u"]);
    assert_eq!(sent, LARGE - 1_000_000, "{lines:?}");
}

/// Distribution forgets an upload whose connection breaks amid a chunk.
#[tokio::test(start_paused = true)]
async fn chunks_have_a_connection_each_where_one_that_breaks_costs_all_of_an_upload() {
    for forgets in [true, false] {
        let puts = AtomicUsize::new(0);
        let scripted = Scripted::new(move |seen| match seen.method.as_str() {
            "POST" | "PATCH" => reply(202, &[("location", "/u")], ""),
            "GET" => status(404),
            _ => match (puts.fetch_add(1, Ordering::Relaxed), forgets) {
                (0, true) => error(400, "SIZE_INVALID", "the body broke off"),
                (0, false) | (1, true) => status(413),
                _ => status(201),
            },
        });
        let (descriptor, content) = large(LARGE);
        let target = repository("https://r.example", &scripted);
        target.push(&descriptor, content).await.expect("pushed");
        let seen = scripted.seen();
        let patch = seen.iter().find(|seen| seen.method == "PATCH").expect("chunks");
        assert_eq!(patch.header("connection"), forgets.then_some("close"));
    }
}
