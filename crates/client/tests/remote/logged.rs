//! What an observer of the traffic gets to hear, and what not.

use std::sync::{Arc, Mutex};

use http::Request;
use oras_client::transport::{Body, Logged, Traffic, Transport as _};

use crate::server::{Reply, Scripted, reply, status};

/// Sends a request whose every secret is a canary; returns what was heard and what came.
async fn heard(answer: Reply) -> (Vec<String>, String) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&heard);
    let observer = move |traffic: Traffic<'_>| {
        log.lock().expect("no panic").push(format!("{traffic:?}"));
    };
    let scripted = Scripted::in_turn(vec![answer]);
    let logged = Logged::new(scripted.transport(), Arc::new(observer))
        .hiding(["x-own".parse().expect("a name")]);
    let request = Request::get("https://user:canary@r.example/v2/?b=canary&a=canary")
        .header("authorization", "canary")
        .header("cookie", "canary")
        .header("x-own", "canary")
        .header("user-agent", "oras/1.3.3")
        .body(Body::empty())
        .expect("a request");
    let response = logged.send(request).await.expect("an answer");
    let body = http_body_util::BodyExt::collect(response.into_body()).await.expect("whole");
    let body = String::from_utf8(body.to_bytes().to_vec()).expect("UTF-8");
    let heard = heard.lock().expect("no panic").clone();
    (heard, body)
}

#[tokio::test]
async fn no_secret_is_heard() {
    for (content_type, body) in [
        ("application/json", r#"{"token":"canary"}"#),
        ("application/json", r#"{"a":[{"Access_Token":"canary"}]}"#),
        ("application/vnd.x+json; charset=utf-8", r#"{"refresh_token":"canary"}"#),
        ("text/plain", r#"{"identity_token": "canary""#),
        ("application/octet-stream", "canary"),
    ] {
        let headers = [
            ("content-type", content_type),
            ("set-cookie", "canary"),
            ("location", "/x?state=canary"),
        ];
        let (heard, passed) = heard(reply(200, &headers, body)).await;
        assert_eq!(heard.len(), 2);
        assert!(!heard.concat().contains("canary"), "{heard:?}");
        assert_eq!(passed, body, "what is logged is passed on whole");
    }
}

#[tokio::test]
async fn requests_and_responses_are_told_as_they_are() {
    let (heard, _) = heard(reply(404, &[("content-type", "text/plain")], "not here")).await;
    for part in [
        "Request { id: 0, method: GET",
        "url: \"https://REDACTED@r.example/v2/?a=REDACTED&b=REDACTED\"",
        "(\"User-Agent\", \"oras/1.3.3\")",
        "(\"Authorization\", \"*****\")",
        "(\"X-Own\", \"*****\")",
    ] {
        assert!(heard[0].contains(part), "{part}: {}", heard[0]);
    }
    for part in [
        "Response { id: 0, status: 404",
        "(\"Content-Type\", \"text/plain\")",
        "Text(\"not here\")",
    ] {
        assert!(heard[1].contains(part), "{part}: {}", heard[1]);
    }
}

#[tokio::test]
async fn a_location_keeps_its_form() {
    for (location, shown) in [
        ("/v2/u?state=1", "(\"Location\", \"/v2/u?state=REDACTED\")"),
        ("https://s.example/u?sig=1", "(\"Location\", \"https://s.example/u?sig=REDACTED\")"),
        ("http://[bad", "(\"Location\", \"*****\")"),
    ] {
        let (heard, _) = heard(reply(202, &[("location", location)], "")).await;
        assert!(heard[1].contains(shown), "{}", heard[1]);
    }
}

#[tokio::test]
async fn each_kind_of_body_is_called_by_its_name() {
    let typed = |body: Vec<u8>| reply(200, &[("content-type", "text/html")], body);
    for (answer, name) in [
        (status(200), "Empty"),
        (reply(307, &[("location", "/")], "elsewhere"), "Redirect"),
        (reply(200, &[], "something"), "Untyped"),
        (reply(200, &[("content-type", "image/png")], "x"), "Binary(\"image/png\")"),
        (typed(vec![b'a'; 16 * 1024]), "Text(\"aaa"),
        (typed(vec![b'a'; 16 * 1024 + 1]), "TooLarge"),
    ] {
        let size = answer.body().len();
        let (heard, passed) = heard(answer).await;
        assert!(heard[1].contains(&format!("body: {name}")), "{name}: {}", heard[1]);
        assert_eq!(passed.len(), size);
    }
}
