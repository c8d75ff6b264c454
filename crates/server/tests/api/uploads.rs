//! end-4, end-5, end-6, end-13, end-14: bring blobs in.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use oras_server::Limits;
use oras_spec::{Algorithm, Digest};
use proptest::prelude::*;

use crate::body::{Pieces, broken};
use crate::client::{Client, on_every_store, on_every_store_with};

/// Sends a chunk that says where it belongs.
async fn chunk(
    client: &Client,
    location: &str,
    range: &str,
    bytes: &[u8],
) -> crate::client::Answer {
    let bytes = Bytes::copy_from_slice(bytes);
    let request = client.request(Method::PATCH, location).header("content-range", range);
    request.header("content-length", &bytes.len().to_string()).body(bytes).send().await
}

/// Checks how many bytes an upload says it holds.
async fn expect_held(client: &Client, location: &str, range: &str) {
    let status = client.get(location).await;
    status.expect_status(StatusCode::NO_CONTENT);
    assert_eq!(status.header("range"), range);
    assert_eq!(status.header("location"), location);
    assert_eq!(status.body, "");
}

#[tokio::test]
async fn end_4a_an_upload_begins_with_a_location_that_nobody_can_guess() {
    on_every_store(async |client| {
        let started = client.post("/v2/a/b/blobs/uploads/").await;
        started.expect_status(StatusCode::ACCEPTED);
        assert_eq!(started.header("range"), "0-0");
        assert_eq!(started.header("content-length"), "0");
        let id = started.header("docker-upload-uuid");
        assert_eq!(id.len(), 32, "128 bits in hexadecimal");
        assert_eq!(started.header("location"), format!("/v2/a/b/blobs/uploads/{id}"));
        let other = client.post("/v2/a/b/blobs/uploads").await;
        assert_ne!(other.expect_status(StatusCode::ACCEPTED).header("docker-upload-uuid"), id);
    })
    .await;
}

#[tokio::test]
async fn end_4b_one_post_pushes_a_blob() {
    on_every_store(async |client| {
        for bytes in [vec![], vec![1; 10], vec![2; 65_536], vec![3; 65_537], vec![4; 3_000_000]] {
            let digest = Digest::of(&bytes);
            let target = format!("/v2/a/blobs/uploads/?digest={digest}");
            let posted = client.request(Method::POST, &target).body(bytes.clone()).send().await;
            posted.expect_status(StatusCode::CREATED);
            assert_eq!(posted.header("docker-content-digest"), digest.as_str());
            assert_eq!(posted.header("location"), format!("/v2/a/blobs/{digest}"));
            assert!(client.get(posted.header("location")).await.body == bytes);
        }
    })
    .await;
}

#[tokio::test]
async fn end_4b_one_post_of_other_content_pushes_nothing() {
    on_every_store(async |client| {
        for size in [10, 3_000_000] {
            let digest = Digest::of(b"something else");
            let target = format!("/v2/a/blobs/uploads/?digest={digest}");
            let posted = client.request(Method::POST, &target).body(vec![1; size]).send().await;
            posted.expect_error(StatusCode::BAD_REQUEST, "DIGEST_INVALID");
            let head = client.head(&format!("/v2/a/blobs/{digest}")).await;
            head.expect_status(StatusCode::NOT_FOUND);
        }
    })
    .await;
}

#[tokio::test]
async fn end_4c_an_upload_may_say_its_algorithm_and_may_not_invent_one() {
    on_every_store(async |client| {
        for algorithm in Algorithm::ALL {
            let target = format!("/v2/a/blobs/uploads/?digest-algorithm={algorithm}");
            let started = client.post(&target).await;
            let location = started.expect_status(StatusCode::ACCEPTED).header("location");
            client.patch(location, vec![5; 100_000]).await.expect_status(StatusCode::ACCEPTED);
            let digest = algorithm.digest(&vec![5; 100_000]);
            let put = client.put(&format!("{location}?digest={digest}"), "").await;
            put.expect_status(StatusCode::CREATED);
        }
        let started = client.post("/v2/a/blobs/uploads/?digest-algorithm=md5").await;
        started.expect_error(StatusCode::BAD_REQUEST, "DIGEST_INVALID");
    })
    .await;
}

#[tokio::test]
async fn end_5_chunks_in_order_make_a_blob() {
    on_every_store(async |client| {
        let location = client.start_upload("a").await;
        let first = chunk(&client, &location, "0-4", b"hello").await;
        first.expect_status(StatusCode::ACCEPTED);
        assert_eq!(first.header("location"), location);
        assert_eq!(first.header("range"), "0-4");
        assert!(location.ends_with(first.header("docker-upload-uuid")));
        let second = chunk(&client, &location, "5-10", b" world").await;
        assert_eq!(second.expect_status(StatusCode::ACCEPTED).header("range"), "0-10");
        let digest = Digest::of(b"hello world");
        let put = client.put(&format!("{location}?digest={digest}"), "").await;
        put.expect_status(StatusCode::CREATED);
        assert_eq!(client.get(put.header("location")).await.body, "hello world");
    })
    .await;
}

#[tokio::test]
async fn end_5_a_stream_without_a_range_is_added_at_the_end() {
    on_every_store(async |client| {
        let location = client.start_upload("a").await;
        for size in [100_000, 5, 2_000_000] {
            client.patch(&location, vec![6; size]).await.expect_status(StatusCode::ACCEPTED);
        }
        let digest = Digest::of(&vec![6; 2_100_005]);
        let put = client.put(&format!("{location}?digest={digest}"), "").await;
        put.expect_status(StatusCode::CREATED);
    })
    .await;
}

#[tokio::test]
async fn end_5_a_chunk_out_of_order_is_refused_and_the_upload_goes_on() {
    on_every_store(async |client| {
        let location = client.start_upload("a").await;
        let early = chunk(&client, &location, "5-10", b" world").await;
        early.expect_error(StatusCode::RANGE_NOT_SATISFIABLE, "BLOB_UPLOAD_INVALID");
        assert_eq!(early.header("location"), location);
        assert_eq!(early.header("range"), "0-0");
        expect_held(&client, &location, "0-0").await;
        chunk(&client, &location, "0-4", b"hello").await.expect_status(StatusCode::ACCEPTED);
        for range in ["0-4", "3-8", "6-11"] {
            let bytes = vec![b'x'; if range == "0-4" { 5 } else { 6 }];
            let refused = chunk(&client, &location, range, &bytes).await;
            refused.expect_error(StatusCode::RANGE_NOT_SATISFIABLE, "BLOB_UPLOAD_INVALID");
            assert_eq!(refused.header("range"), "0-4");
        }
        chunk(&client, &location, "5-10", b" world").await.expect_status(StatusCode::ACCEPTED);
        let digest = Digest::of(b"hello world");
        let put = client.put(&format!("{location}?digest={digest}"), "").await;
        put.expect_status(StatusCode::CREATED);
    })
    .await;
}

#[tokio::test]
async fn end_5_a_range_that_is_none_or_does_not_fit_its_chunk_is_refused() {
    on_every_store(async |client| {
        let location = client.start_upload("a").await;
        for range in ["bytes=0-4", "bytes 0-4/5", "4-0", "-", "0-", "x", "0-99999999999999999999"] {
            let refused = chunk(&client, &location, range, b"hello").await;
            refused.expect_error(StatusCode::BAD_REQUEST, "BLOB_UPLOAD_INVALID");
        }
        let refused = chunk(&client, &location, "0-9", b"hello").await;
        refused.expect_error(StatusCode::BAD_REQUEST, "SIZE_INVALID");
        expect_held(&client, &location, "0-0").await;
    })
    .await;
}

#[tokio::test]
async fn end_5_a_chunk_longer_than_its_range_leaves_only_bytes_of_the_range() {
    on_every_store(async |client| {
        let location = client.start_upload("a").await;
        let pieces = [b"hello".as_slice(), b"too much"].map(|piece| Ok(Bytes::from_static(piece)));
        let request = client.streamed(Method::PATCH, &location, Pieces::of(pieces));
        let refused = request.header("content-range", "0-4").send().await;
        refused.expect_error(StatusCode::BAD_REQUEST, "SIZE_INVALID");
        expect_held(&client, &location, "0-4").await;
        let digest = Digest::of(b"hello");
        let put = client.put(&format!("{location}?digest={digest}"), "").await;
        put.expect_status(StatusCode::CREATED);
    })
    .await;
}

#[tokio::test]
async fn end_5_what_arrived_before_the_connection_broke_counts() {
    on_every_store(async |client| {
        for size in [1000, 100_000, 1_500_000] {
            let location = client.start_upload("a").await;
            let pieces = [Ok(Bytes::from(vec![1; size])), broken()];
            let request = client.streamed(Method::PATCH, &location, Pieces::of(pieces));
            request.send().await.expect_status(StatusCode::BAD_REQUEST);
            expect_held(&client, &location, &format!("0-{}", size - 1)).await;
            let rest = chunk(&client, &location, &format!("{size}-{size}"), b"!").await;
            rest.expect_status(StatusCode::ACCEPTED);
            let mut all = vec![1; size];
            all.push(b'!');
            let digest = Digest::of(&all);
            let put = client.put(&format!("{location}?digest={digest}"), "").await;
            put.expect_status(StatusCode::CREATED);
        }
    })
    .await;
}

#[tokio::test]
async fn end_5_two_requests_do_not_write_one_upload_at_once() {
    on_every_store(async |client| {
        let location = client.start_upload("a").await;
        let (sender, body) = Pieces::channel();
        let writing = client.streamed(Method::PATCH, &location, body).send();
        let interfering = async {
            sender.send(Ok(Bytes::from_static(b"hello"))).expect("the body is read");
            // The first request is polled first, so it has the upload by now.
            let second = client.patch(&location, "x").await;
            second.expect_error(StatusCode::CONFLICT, "BLOB_UPLOAD_INVALID");
            let digest = Digest::of(b"hello");
            let put = client.put(&format!("{location}?digest={digest}"), "").await;
            put.expect_error(StatusCode::CONFLICT, "BLOB_UPLOAD_INVALID");
            client.delete(&location).await.expect_status(StatusCode::CONFLICT);
            expect_held(&client, &location, "0-0").await;
            drop(sender);
        };
        let (written, ()) = futures_util::join!(writing, interfering);
        assert_eq!(written.expect_status(StatusCode::ACCEPTED).header("range"), "0-4");
    })
    .await;
}

#[tokio::test]
async fn end_5_who_hangs_up_does_not_leave_the_upload_locked() {
    on_every_store(async |client| {
        let location = client.start_upload("a").await;
        let (sender, body) = Pieces::channel();
        let mut writing = Box::pin(client.streamed(Method::PATCH, &location, body).send());
        assert!(futures_util::poll!(&mut writing).is_pending());
        sender.send(Ok(Bytes::from_static(b"hello"))).expect("the body is read");
        drop(writing);
        sender.send(broken()).expect("the body is read");
        drop(sender);
        // The upload is free as soon as its task has seen the end.
        loop {
            let answer = client.patch(&location, " world").await;
            if answer.status != StatusCode::CONFLICT {
                assert_eq!(answer.expect_status(StatusCode::ACCEPTED).header("range"), "0-10");
                break;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn end_6_a_post_and_a_put_push_a_blob() {
    on_every_store(async |client| {
        for bytes in [vec![], vec![7; 10], vec![8; 100_000], vec![9; 3_000_000]] {
            let digest = Digest::of(&bytes);
            let location = client.start_upload("a").await;
            let put = client.put(&format!("{location}?digest={digest}"), bytes.clone()).await;
            put.expect_status(StatusCode::CREATED);
            assert_eq!(put.header("docker-content-digest"), digest.as_str());
            let got = client.get(put.header("location")).await;
            assert!(got.body == bytes);
            let gone = client.get(&location).await;
            gone.expect_error(StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN");
        }
    })
    .await;
}

#[tokio::test]
async fn end_6_the_last_chunk_may_come_with_the_closing() {
    on_every_store(async |client| {
        let location = client.start_upload("a").await;
        chunk(&client, &location, "0-4", b"hello").await.expect_status(StatusCode::ACCEPTED);
        let digest = Digest::of(b"hello world");
        let target = format!("{location}?digest={digest}");
        let closing = client.request(Method::PUT, &target).header("content-range", "5-10");
        closing.body(" world").send().await.expect_status(StatusCode::CREATED);
        assert_eq!(client.get(&format!("/v2/a/blobs/{digest}")).await.body, "hello world");
    })
    .await;
}

#[tokio::test]
async fn end_6_a_closing_out_of_order_is_refused_and_the_upload_goes_on() {
    on_every_store(async |client| {
        let location = client.start_upload("a").await;
        let digest = Digest::of(b"hello world");
        let target = format!("{location}?digest={digest}");
        let close = || client.request(Method::PUT, &target).header("content-range", "5-10");
        let refused = close().body(" world").send().await;
        refused.expect_error(StatusCode::RANGE_NOT_SATISFIABLE, "BLOB_UPLOAD_INVALID");
        assert_eq!(refused.header("location"), location);
        assert_eq!(refused.header("range"), "0-0");
        chunk(&client, &location, "0-4", b"hello").await.expect_status(StatusCode::ACCEPTED);
        close().body(" world").send().await.expect_status(StatusCode::CREATED);
    })
    .await;
}

#[tokio::test]
async fn end_6_other_content_than_the_digest_says_ends_the_upload() {
    on_every_store(async |client| {
        for (chunk, last) in [("", "hello"), ("hel", "lo"), ("hello", "")] {
            for wrong in [Digest::of(b"other"), Algorithm::Sha512.digest(b"other")] {
                let location = client.start_upload("a").await;
                client.patch(&location, chunk).await.expect_status(StatusCode::ACCEPTED);
                let put = client.put(&format!("{location}?digest={wrong}"), last).await;
                put.expect_error(StatusCode::BAD_REQUEST, "DIGEST_INVALID");
                let head = client.head(&format!("/v2/a/blobs/{wrong}")).await;
                head.expect_status(StatusCode::NOT_FOUND);
                let gone = client.get(&location).await;
                gone.expect_error(StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn end_6_a_closing_without_a_digest_is_refused_and_the_upload_goes_on() {
    on_every_store(async |client| {
        let location = client.start_upload("a").await;
        for query in ["", "?digest=", "?digest=sha256:x", "?digest=md5:00"] {
            let put = client.put(&format!("{location}{query}"), "hello").await;
            put.expect_error(StatusCode::BAD_REQUEST, "DIGEST_INVALID");
        }
        expect_held(&client, &location, "0-0").await;
    })
    .await;
}

#[tokio::test]
async fn end_6_what_arrived_of_a_closing_that_broke_off_counts() {
    on_every_store(async |client| {
        let location = client.start_upload("a").await;
        let digest = Digest::of(b"hello world");
        let target = format!("{location}?digest={digest}");
        let pieces = [Ok(Bytes::from_static(b"hello")), broken()];
        let request = client.streamed(Method::PUT, &target, Pieces::of(pieces));
        request.send().await.expect_status(StatusCode::BAD_REQUEST);
        expect_held(&client, &location, "0-4").await;
        client.put(&target, " world").await.expect_status(StatusCode::CREATED);
    })
    .await;
}

#[tokio::test]
async fn end_6_the_digest_may_be_of_another_algorithm_than_was_expected() {
    on_every_store(async |client| {
        for (chunk, last) in [("", "hello"), ("hel", "lo"), ("hello", "")] {
            for algorithm in Algorithm::ALL {
                let location = client.start_upload("a").await;
                client.patch(&location, chunk).await.expect_status(StatusCode::ACCEPTED);
                let digest = algorithm.digest(b"hello");
                let put = client.put(&format!("{location}?digest={digest}"), last).await;
                put.expect_status(StatusCode::CREATED);
                assert_eq!(put.header("docker-content-digest"), digest.as_str());
            }
        }
    })
    .await;
}

#[tokio::test]
async fn end_13_an_upload_says_how_far_it_is() {
    on_every_store(async |client| {
        let location = client.start_upload("a").await;
        expect_held(&client, &location, "0-0").await;
        client.patch(&location, vec![0; 300_000]).await.expect_status(StatusCode::ACCEPTED);
        expect_held(&client, &location, "0-299999").await;
    })
    .await;
}

#[tokio::test]
async fn end_14_a_canceled_upload_is_gone() {
    on_every_store(async |client| {
        let location = client.start_upload("a").await;
        client.patch(&location, "hello").await.expect_status(StatusCode::ACCEPTED);
        client.delete(&location).await.expect_status(StatusCode::NO_CONTENT);
        let digest = Digest::of(b"hello");
        for answer in [
            client.get(&location).await,
            client.patch(&location, "x").await,
            client.put(&format!("{location}?digest={digest}"), "").await,
            client.delete(&location).await,
        ] {
            answer.expect_error(StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN");
        }
    })
    .await;
}

#[tokio::test]
async fn an_upload_belongs_to_its_repository() {
    on_every_store(async |client| {
        let location = client.start_upload("mine").await;
        let other = location.replace("/mine/", "/other/");
        let digest = Digest::of(b"hello");
        for answer in [
            client.get(&other).await,
            client.patch(&other, "hello").await,
            client.put(&format!("{other}?digest={digest}"), "hello").await,
            client.delete(&other).await,
        ] {
            answer.expect_error(StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN");
        }
        expect_held(&client, &location, "0-0").await;
    })
    .await;
}

#[tokio::test]
async fn uploads_nobody_opened_are_unknown() {
    on_every_store(async |client| {
        for id in ["00000000000000000000000000000000", "x", "..", "%2e%2e", "a.b", &"a".repeat(200)]
        {
            let answer = client.get(&format!("/v2/a/blobs/uploads/{id}")).await;
            answer.expect_error(StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN");
        }
    })
    .await;
}

#[tokio::test]
async fn uploads_expire() {
    let mut limits = Limits::default();
    limits.upload_lifetime = Duration::ZERO;
    on_every_store_with(
        |builder| builder.limits(limits.clone()),
        async |client| {
            let refused = client.post("/v2/a/blobs/uploads/").await;
            refused.expect_error(StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN");
        },
    )
    .await;
}

#[tokio::test]
async fn only_so_many_uploads_are_open_at_once() {
    let mut limits = Limits::default();
    limits.uploads = 2;
    on_every_store_with(
        |builder| builder.limits(limits.clone()),
        async |client| {
            let first = client.start_upload("a").await;
            client.start_upload("a").await;
            let refused = client.post("/v2/a/blobs/uploads/").await;
            refused.expect_error(StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS");
            assert_eq!(refused.header("retry-after"), "60");
            client.delete(&first).await.expect_status(StatusCode::NO_CONTENT);
            client.start_upload("a").await;
        },
    )
    .await;
}

#[tokio::test]
async fn a_blob_may_have_a_greatest_size() {
    let mut limits = Limits::default();
    limits.blob_size = Some(100_000);
    on_every_store_with(
        |builder| builder.limits(limits.clone()),
        async |client| {
            client.push_blob("a", vec![0; 100_000]).await;
            for size in [100_001, 200_000] {
                let bytes = vec![0; size];
                let digest = Digest::of(&bytes);
                let target = format!("/v2/a/blobs/uploads/?digest={digest}");
                let posted = client.request(Method::POST, &target).body(bytes).send().await;
                posted.expect_error(StatusCode::PAYLOAD_TOO_LARGE, "SIZE_INVALID");
            }
            let location = client.start_upload("a").await;
            client.patch(&location, vec![0; 60_000]).await.expect_status(StatusCode::ACCEPTED);
            let more = client.patch(&location, vec![0; 60_000]).await;
            more.expect_error(StatusCode::PAYLOAD_TOO_LARGE, "SIZE_INVALID");
            expect_held(&client, &location, "0-59999").await;
        },
    )
    .await;
}

/// What one request does to an upload.
#[derive(Clone, Debug)]
enum Step {
    /// A chunk of so many bytes that belongs so far off the end.
    Chunk {
        size: usize,
        off_by: i64,
    },
    /// A chunk without a range.
    Stream(usize),
    /// A chunk that breaks off.
    Broken(usize),
    Status,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1..200_000_usize, prop_oneof![4 => Just(0_i64), 1 => -5..5_i64])
            .prop_map(|(size, off_by)| Step::Chunk { size, off_by }),
        (0..200_000_usize).prop_map(Step::Stream),
        (0..200_000_usize).prop_map(Step::Broken),
        Just(Step::Status),
    ]
}

async fn take_step(client: &Client, location: &str, step: &Step, model: &mut Vec<u8>) {
    let size = match step {
        Step::Chunk { size, .. } | Step::Stream(size) | Step::Broken(size) => *size,
        Step::Status => 0,
    };
    let fill = u8::try_from(model.len() % 256).expect("below 256");
    let bytes: Vec<u8> = (0..size).map(|n| fill ^ n.to_le_bytes()[0]).collect();
    match step {
        Step::Chunk { off_by, .. } => {
            let first = (i64::try_from(model.len()).expect("small") + off_by).max(0);
            let last = first + i64::try_from(size).expect("small") - 1;
            let answer = chunk(client, location, &format!("{first}-{last}"), &bytes).await;
            if first == i64::try_from(model.len()).expect("small") {
                answer.expect_status(StatusCode::ACCEPTED);
                model.extend(bytes);
            } else {
                answer.expect_status(StatusCode::RANGE_NOT_SATISFIABLE);
            }
        }
        Step::Stream(_) => {
            client.patch(location, bytes.clone()).await.expect_status(StatusCode::ACCEPTED);
            model.extend(bytes);
        }
        Step::Broken(_) => {
            let pieces = Pieces::of([Ok(Bytes::from(bytes.clone())), broken()]);
            let answer = client.streamed(Method::PATCH, location, pieces).send().await;
            answer.expect_status(StatusCode::BAD_REQUEST);
            model.extend(bytes);
        }
        Step::Status => {}
    }
    let held = oras_spec::distribution::UploadRange::print_held(model.len() as u64);
    expect_held(client, location, &held).await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn an_upload_holds_what_was_accepted_and_nothing_else(
        steps in prop::collection::vec(step(), 1..8),
        algorithm in prop::sample::select(&Algorithm::ALL[..]),
    ) {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(on_every_store(async |client| {
            let location = client.start_upload("a").await;
            let mut model = Vec::new();
            for step in &steps {
                take_step(&client, &location, step, &mut model).await;
            }
            let digest = algorithm.digest(&model);
            let put = client.put(&format!("{location}?digest={digest}"), "").await;
            put.expect_status(StatusCode::CREATED);
            assert!(client.get(put.header("location")).await.body == model);
        }));
    }
}
