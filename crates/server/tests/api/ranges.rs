//! Ranges of blobs, as RFC 9110 has them.

use http::{Method, StatusCode};

use crate::client::{Answer, Client, on_every_store};

/// Larger than what is read from a file at once, so that ranges cross pieces.
const SIZE: usize = 700_000;

fn bytes() -> Vec<u8> {
    (0..SIZE).map(|index| u8::try_from(index % 251).expect("small")).collect()
}

async fn get(client: &Client, target: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = client.request(Method::GET, target);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    request.send().await
}

#[tokio::test]
async fn a_range_within_the_blob_is_served_as_a_part() {
    on_every_store(async |client| {
        let bytes = bytes();
        let digest = client.push_blob("a", bytes.clone()).await;
        let target = format!("/v2/a/blobs/{digest}");
        for (range, first, last) in [
            ("bytes=0-0", 0, 0),
            ("bytes=0-99", 0, 99),
            ("bytes=100-199", 100, 199),
            ("bytes=262100-262200", 262_100, 262_200),
            ("bytes=1000-", 1000, SIZE - 1),
            ("bytes=-1", SIZE - 1, SIZE - 1),
            ("bytes=-300000", SIZE - 300_000, SIZE - 1),
            ("bytes=-9000000", 0, SIZE - 1),
            ("bytes=699999-9000000", SIZE - 1, SIZE - 1),
            ("bytes=0-18446744073709551615", 0, SIZE - 1),
        ] {
            let part = get(&client, &target, &[("range", range)]).await;
            part.expect_status(StatusCode::PARTIAL_CONTENT);
            let length = (last - first + 1).to_string();
            assert_eq!(part.header("content-length"), length, "{range}");
            assert_eq!(part.header("content-range"), format!("bytes {first}-{last}/{SIZE}"));
            assert_eq!(part.header("docker-content-digest"), digest.as_str());
            assert!(part.body == bytes[first..=last], "{range}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_range_outside_of_the_blob_cannot_be_satisfied() {
    on_every_store(async |client| {
        let digest = client.push_blob("a", "hello").await;
        let target = format!("/v2/a/blobs/{digest}");
        for range in [
            "bytes=5-",
            "bytes=5-9",
            "bytes=500-0",
            "bytes=-0",
            "bytes=-",
            "bytes=x-y",
            "bytes=99999999999999999999-",
        ] {
            let answer = get(&client, &target, &[("range", range)]).await;
            answer.expect_status(StatusCode::RANGE_NOT_SATISFIABLE);
            assert_eq!(answer.header("content-range"), "bytes */5", "{range}");
        }
    })
    .await;
}

#[tokio::test]
async fn several_ranges_and_other_units_are_answered_with_everything() {
    on_every_store(async |client| {
        let digest = client.push_blob("a", "hello").await;
        let target = format!("/v2/a/blobs/{digest}");
        let many = format!("bytes={}", vec!["0-1"; 1000].join(","));
        for range in ["bytes=0-1,3-4", many.as_str(), "lines=1-2", "0-1", ""] {
            let answer = get(&client, &target, &[("range", range)]).await;
            answer.expect_status(StatusCode::OK);
            assert_eq!(answer.body, "hello", "{range}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_range_is_served_only_of_the_blob_it_was_meant_for() {
    on_every_store(async |client| {
        let digest = client.push_blob("a", "hello").await;
        let target = format!("/v2/a/blobs/{digest}");
        let range = ("range", "bytes=0-1");
        let matching = format!("\"{digest}\"");
        let part = get(&client, &target, &[range, ("if-range", &matching)]).await;
        part.expect_status(StatusCode::PARTIAL_CONTENT);
        for other in ["\"x\"", "Sat, 01 Jan 2000 00:00:00 GMT"] {
            let whole = get(&client, &target, &[range, ("if-range", other)]).await;
            whole.expect_status(StatusCode::OK);
            assert_eq!(whole.body, "hello");
        }
    })
    .await;
}

#[tokio::test]
async fn a_range_of_nothing_cannot_be_satisfied() {
    on_every_store(async |client| {
        let digest = client.push_blob("a", "").await;
        let target = format!("/v2/a/blobs/{digest}");
        let answer = get(&client, &target, &[("range", "bytes=0-0")]).await;
        answer.expect_status(StatusCode::RANGE_NOT_SATISFIABLE);
        assert_eq!(answer.header("content-range"), "bytes */0");
    })
    .await;
}

#[tokio::test]
async fn a_head_has_no_ranges() {
    on_every_store(async |client| {
        let digest = client.push_blob("a", "hello").await;
        let target = format!("/v2/a/blobs/{digest}");
        let head = client.request(Method::HEAD, &target).header("range", "bytes=0-1").send().await;
        head.expect_status(StatusCode::OK);
        assert_eq!(head.header("content-length"), "5");
    })
    .await;
}
