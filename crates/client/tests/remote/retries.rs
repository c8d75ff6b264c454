//! What is sent again, how often, and after how long a wait.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Method, Request, Response};
use oras_client::transport::{
    Body, InProcess, Network, NetworkOptions, Pauses, Retrying, Traffic, Transport,
};
use oras_client::{ErrorKind, Result};
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::server::{Reply, Scripted, reply, status};

fn request(method: Method) -> Request<Body> {
    let body = Body::from(Bytes::from_static(b"body"));
    Request::builder().method(method).uri("https://r.example/v2/").body(body).expect("a request")
}

/// Sends one request; returns the status in the end, how many were sent and how long it took.
async fn send(replies: Vec<Reply>) -> (u16, usize, Duration) {
    let scripted = Scripted::in_turn(replies);
    let started = Instant::now();
    let response = Retrying::new(scripted.transport()).send(request(Method::GET)).await;
    let code = response.expect("an answer").status().as_u16();
    assert!(scripted.seen().iter().all(|seen| seen.body == "body"));
    (code, scripted.seen().len(), started.elapsed())
}

#[tokio::test(start_paused = true)]
async fn what_passes_is_waited_out() {
    for code in [408, 429, 500, 502, 503, 504] {
        let (last, sent, waited) = send(vec![status(code), status(code), status(200)]).await;
        assert_eq!((last, sent), (200, 3), "{code}");
        assert!(waited >= Duration::from_millis(225 + 450), "{code}: {waited:?}");
        assert!(waited <= Duration::from_millis(275 + 550 + 10), "{code}: {waited:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_stays_is_not() {
    for code in [200, 201, 400, 401, 403, 404, 405, 409, 416, 501, 505] {
        assert_eq!(send(vec![status(code), status(200)]).await, (code, 1, Duration::ZERO));
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_answer_is_reported_after_five_repetitions() {
    let (last, sent, waited) = send(vec![status(503)]).await;
    assert_eq!((last, sent), (503, 6));
    assert!(waited < Duration::from_secs(8), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_names_a_wait_gets_it() {
    let seconds = reply(429, &[("retry-after", "42")], "");
    let (_, sent, waited) = send(vec![seconds, status(200)]).await;
    assert_eq!(sent, 2);
    assert!(waited >= Duration::from_secs(42) && waited < Duration::from_secs(43));

    let date = httpdate(SystemTime::now() + Duration::from_secs(100));
    let (_, sent, waited) =
        send(vec![reply(503, &[("retry-after", &date)], ""), status(200)]).await;
    assert_eq!(sent, 2);
    assert!(waited > Duration::from_secs(90) && waited <= Duration::from_secs(101), "{waited:?}");

    for nothing in ["0", "-1", "soon", "Thu, 01 Jan 1970 00:00:00 GMT"] {
        let (_, sent, waited) =
            send(vec![reply(429, &[("retry-after", nothing)], ""), status(200)]).await;
        assert_eq!(sent, 2);
        assert!(waited < Duration::from_secs(1), "{nothing}: {waited:?}");
        assert!(waited >= Duration::from_millis(200), "{nothing} is no leave to hurry: {waited:?}");
    }
}

fn httpdate(time: SystemTime) -> String {
    httpdate::fmt_http_date(time)
}

#[tokio::test(start_paused = true)]
async fn a_wait_longer_than_we_would_is_an_error_that_names_it() {
    let scripted = Scripted::in_turn(vec![reply(429, &[("retry-after", "3600")], "")]);
    let started = Instant::now();
    let sent = Retrying::new(scripted.transport()).send(request(Method::GET)).await;
    let error = sent.expect_err("an hour");
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert!(error.to_string().contains("3600 s"), "{error}");
    assert_eq!(error.response().expect("the answer").status, 429);
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn nobody_asks_a_host_that_wants_to_be_left_alone() {
    let scripted = Scripted::in_turn(vec![reply(429, &[("retry-after", "60")], ""), status(200)]);
    let retrying = Arc::new(Retrying::new(scripted.transport()));
    let first = tokio::spawn({
        let retrying = Arc::clone(&retrying);
        async move { retrying.send(request(Method::GET)).await.map(|r| r.status()) }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    let started = Instant::now();
    retrying.send(request(Method::GET)).await.expect("an answer");
    assert!(started.elapsed() >= Duration::from_secs(59));
    assert_eq!(first.await.expect("no panic").expect("an answer"), 200);
    assert_eq!(scripted.seen().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_is_asked_too_often_is_left_alone_also_if_it_names_no_wait() {
    let scripted = Scripted::in_turn(vec![status(429), status(200)]);
    let retrying = Arc::new(Retrying::new(scripted.transport()));
    let first = tokio::spawn({
        let retrying = Arc::clone(&retrying);
        async move { retrying.send(request(Method::GET)).await.map(|r| r.status()) }
    });
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(scripted.seen().len(), 1);
    let second = retrying.send(request(Method::GET));
    let early = tokio::time::timeout(Duration::from_millis(100), second).await;
    assert!(early.is_err(), "it was asked: {:?}", scripted.lines());
    assert_eq!(scripted.seen().len(), 1);
    assert_eq!(first.await.expect("no panic").expect("an answer"), 200);
}

/// Takes a second over each answer, so that requests overlap.
#[derive(Debug)]
struct Slow(InProcess<Scripted>);

#[async_trait]
impl Transport for Slow {
    async fn send(&self, request: Request<Body>) -> Result<Response<Body>> {
        let response = self.0.send(request).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        response
    }
}

#[tokio::test(start_paused = true)]
async fn one_answer_keeps_all_workers_away_and_one_of_them_goes_first() {
    let started = Instant::now();
    let log = Arc::new(Mutex::new(Vec::new()));
    let arrivals = Arc::clone(&log);
    let scripted = Scripted::new(move |_| {
        let mut arrivals = arrivals.lock().expect("no panic");
        arrivals.push(started.elapsed().as_secs());
        // The first three are turned away, and who goes first afterwards once more.
        match arrivals.len() {
            1..=3 => reply(429, &[("retry-after", "30")], ""),
            4 => reply(503, &[("retry-after", "60")], ""),
            _ => status(200),
        }
    });
    let pauses = Pauses::default();
    let workers = (0..3).map(|_| {
        // As many transports as workers: what they share is the pauses.
        let retrying = Retrying::new(Slow(scripted.transport())).with_pauses(pauses.clone());
        async move { retrying.send(request(Method::GET)).await.expect("an answer").status() }
    });
    let statuses = futures_util::future::join_all(workers).await;
    assert!(statuses.iter().all(|status| *status == 200));
    let log = log.lock().expect("no panic").clone();
    assert_eq!(log, [0, 0, 0, 31, 92, 93, 93], "one goes first, and then all go at once");
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_told_once_with_its_length() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&heard);
    let observer = move |traffic: Traffic<'_>| {
        if let Traffic::Paused { host, delay, cause } = traffic {
            log.lock().expect("no panic").push(format!("{host} {} {cause}", delay.as_secs()));
        }
    };
    let refusal = || reply(429, &[("retry-after", "42")], "");
    let scripted = Scripted::in_turn(vec![refusal(), refusal(), refusal(), status(200)]);
    let retrying = Retrying::new(Slow(scripted.transport())).with_observer(Arc::new(observer));
    let workers = (0..3).map(|_| retrying.send(request(Method::GET)));
    futures_util::future::join_all(workers).await;
    assert_eq!(*heard.lock().expect("no panic"), ["r.example 42 429 Too Many Requests"]);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_cannot_be_had_again_is_sent_once() {
    let scripted = Scripted::in_turn(vec![status(503), status(200)]);
    let body = Body::new(http_body_util::Full::new(Bytes::from_static(b"once")));
    let request = Request::put("https://r.example/").body(body).expect("a request");
    let response = Retrying::new(scripted.transport()).send(request).await.expect("an answer");
    assert_eq!(response.status(), 503);
    assert_eq!(scripted.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_observer_hears_of_each_repetition() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&heard);
    let observer = move |traffic: Traffic<'_>| {
        if let Traffic::Retrying { method, url, attempt, cause, .. } = traffic {
            log.lock().expect("no panic").push(format!("{attempt}: {method} {url}: {cause}"));
        }
    };
    let scripted = Scripted::in_turn(vec![status(503), status(429), status(200)]);
    let retrying = Retrying::new(scripted.transport()).with_observer(Arc::new(observer));
    retrying.send(request(Method::PUT)).await.expect("an answer");
    assert_eq!(
        *heard.lock().expect("no panic"),
        [
            "1: PUT https://r.example/v2/: 503 Service Unavailable",
            "2: PUT https://r.example/v2/: 429 Too Many Requests"
        ]
    );
}

/// A transport whose connections end without an answer, but for the last.
#[derive(Debug)]
struct Hanging(AtomicU32);

#[async_trait]
impl Transport for Hanging {
    async fn send(&self, request: Request<Body>) -> Result<Response<Body>> {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        let Some(left) = 3_u32.checked_sub(number) else {
            return Ok(Response::new(Body::empty()));
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let uri = format!("http://{}/{left}", listener.local_addr().expect("address"));
        tokio::spawn(async move { drop(listener.accept().await) });
        let (mut parts, body) = request.into_parts();
        parts.uri = uri.parse().expect("a URL");
        Network::new(NetworkOptions::default()).send(Request::from_parts(parts, body)).await
    }
}

#[tokio::test]
async fn a_connection_that_ends_without_an_answer_is_made_again() {
    let get = || Request::get("http://r.example/v2/").body(Body::empty()).expect("a request");
    let retrying = Retrying::new(Hanging(AtomicU32::new(0))).with_retries(3);
    assert_eq!(retrying.send(get()).await.expect("an answer").status(), 200);
    // Once at once, and then as often as is allowed.
    let retrying = Retrying::new(Hanging(AtomicU32::new(0))).with_retries(2);
    assert_eq!(retrying.send(get()).await.expect_err("none").kind(), ErrorKind::Network);
}
