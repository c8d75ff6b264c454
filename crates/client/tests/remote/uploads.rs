//! Uploads: where they lead, and what happens when they break.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use oras_client::remote::{Registry, RegistryOptions, Repository};
use oras_client::{Content, ErrorKind, Target as _};
use oras_spec::image::{Descriptor, MediaType};

use crate::chain;
use crate::server::{Reply, Scripted, Seen, error, reply, status};

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
    for refused in
        [status(500), status(503), status(416), error(404, "BLOB_UPLOAD_UNKNOWN", "gone")]
    {
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
async fn an_upload_that_is_refused_is_not() {
    for refused in [
        error(400, "DIGEST_INVALID", "no"),
        error(403, "DENIED", "quota"),
        status(413),
        error(404, "NAME_UNKNOWN", "no"),
    ] {
        let code = refused.status();
        let scripted = Scripted::new(move |seen| match seen.method.as_str() {
            "POST" => reply(202, &[("location", "/u")], ""),
            _ => refused.clone(),
        });
        let error = repository("http://r.example", &scripted).push(&blob(), content()).await;
        let error = error.expect_err("refused");
        assert_eq!(error.response().expect("a response").status, code);
        assert_eq!(scripted.seen().len(), 2);
    }
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
    assert_eq!(scripted.seen().len(), 2);
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

#[tokio::test(start_paused = true)]
async fn a_mount_ends_well_badly_or_not_at_all() {
    let answer = |reply: Reply| async move {
        let scripted = Scripted::new(move |_: &Seen| reply.clone());
        let from = "b".parse().expect("a name");
        repository("http://r.example", &scripted).mount(&blob(), &from).await
    };
    assert!(answer(status(201)).await.expect("mounted"));
    for code in [400, 401, 403, 404, 405] {
        assert!(!answer(status(code)).await.expect("an upload may still do"), "{code}");
    }
    assert!(answer(status(500)).await.is_err());
    let other = oras_spec::Digest::of(b"other").to_string();
    let lie = reply(201, &[("docker-content-digest", &other)], "");
    assert_eq!(answer(lie).await.expect_err("a lie").kind(), ErrorKind::Mismatch);
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
