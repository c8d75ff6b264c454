//! Downloads: resumed where they broke, checked to the end.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::StreamBody;
use oras_client::remote::{Parallelism, Registry, RegistryOptions, Repository};
use oras_client::transport::{Body, Transport};
use oras_client::{ErrorKind, Result, Source as _, Target as _};
use oras_spec::image::{Descriptor, MediaType};
use oras_spec::{Digest, Tag, TagOrDigest};

use crate::chain;
use crate::server::{Reply, Scripted, Seen, reply, status};

/// Breaks the bodies of successes after so many bytes; when all numbers are used up, no more.
#[derive(Debug)]
struct Breaking<T> {
    inner: T,
    after: Vec<usize>,
    next: AtomicUsize,
}

#[async_trait]
impl<T: Transport> Transport for Breaking<T> {
    async fn send(&self, request: Request<Body>) -> Result<Response<Body>> {
        let response = self.inner.send(request).await?;
        if !response.status().is_success() {
            return Ok(response);
        }
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        let Some(&after) = self.after.get(next) else { return Ok(response) };
        let (parts, body) = response.into_parts();
        let whole = http_body_util::BodyExt::collect(body).await.expect("whole").to_bytes();
        let frames = [
            Ok(http_body::Frame::data(whole.slice(..after.min(whole.len())))),
            Err("connection reset by peer"),
        ];
        let broken = Body::new(StreamBody::new(futures_util::stream::iter(frames)));
        Ok(Response::from_parts(parts, broken))
    }
}

fn text() -> Bytes {
    Bytes::from_static(b"0123456789")
}

fn blob() -> Descriptor {
    Descriptor::of(MediaType::OCTET_STREAM, &text())
}

fn repository(transport: impl Transport) -> Repository {
    let name = "r.example".parse().expect("a name");
    Registry::new(name, Arc::new(transport), RegistryOptions::default())
        .repository("a".parse().expect("a name"))
}

/// Reads the blob over connections that break; returns it, or why not, and the ranges asked for.
async fn read(
    after: &[usize],
    script: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
) -> (std::result::Result<Bytes, String>, Vec<Option<String>>) {
    let scripted = Scripted::new(script);
    let transport =
        Breaking { inner: scripted.transport(), after: after.to_vec(), next: AtomicUsize::new(0) };
    let outcome = match repository(transport).fetch(&blob()).await {
        Ok(content) => content.read_all().await,
        Err(error) => Err(error),
    };
    let ranges =
        scripted.seen().iter().map(|seen| seen.header("range").map(str::to_owned)).collect();
    (outcome.map_err(|error| chain(&error)), ranges)
}

/// Answers ranges as they should be.
fn ranged(seen: &Seen) -> Reply {
    let Some(range) = seen.header("range") else { return reply(200, &[], text()) };
    let first: usize = range
        .strip_prefix("bytes=")
        .and_then(|r| r.strip_suffix('-'))
        .expect("open")
        .parse()
        .expect("a number");
    let header = format!("bytes {first}-9/10");
    reply(206, &[("content-range", &header)], text().slice(first..))
}

#[tokio::test(start_paused = true)]
async fn a_broken_download_goes_on_where_it_broke() {
    for cut in 1..10 {
        let (read, ranges) = read(&[cut], ranged).await;
        assert_eq!(read, Ok(text()));
        assert_eq!(ranges, [None, Some(format!("bytes={cut}-"))]);
    }
    let (read, ranges) = read(&[0, 3, 3, 3], ranged).await;
    assert_eq!(read, Ok(text()));
    let expected = [None, None, Some(3), Some(6), Some(9)];
    assert_eq!(ranges, expected.map(|n| n.map(|n| format!("bytes={n}-"))));
}

#[tokio::test(start_paused = true)]
async fn a_registry_without_ranges_is_read_anew_and_what_is_known_is_skipped() {
    let (whole, _) = read(&[4, 2, 7], |_| reply(200, &[], text())).await;
    assert_eq!(whole, Ok(text()));
    // One that changes its mind skips nothing that is new.
    let count = AtomicUsize::new(0);
    let moody = move |seen: &Seen| match count.fetch_add(1, Ordering::Relaxed) {
        1 => reply(200, &[], text()),
        _ => ranged(seen),
    };
    let (whole, ranges) = read(&[6, 2], moody).await;
    assert_eq!(whole, Ok(text()));
    assert_eq!(ranges, [None, Some("bytes=6-".to_owned()), Some("bytes=6-".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn a_range_that_is_refused_starts_over() {
    let whole_or_nothing = |seen: &Seen| match seen.header("range") {
        Some(_) => status(416),
        None => reply(200, &[], text()),
    };
    let (read, ranges) = read(&[4], whole_or_nothing).await;
    assert_eq!(read, Ok(text()));
    assert_eq!(ranges.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn progress_is_patient_and_the_lack_of_it_is_not() {
    let (good, _) = read(&[1; 9], ranged).await;
    assert_eq!(good, Ok(text()), "each connection brings a byte");
    let (bad, ranges) = read(&[4, 0, 0, 0, 0, 0, 0, 0, 0], ranged).await;
    assert_eq!(bad, Err("read 4 of 10 bytes: connection reset by peer".to_owned()));
    assert_eq!(ranges.len(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_range_is_not_taken_for_the_right_one() {
    for header in ["bytes 3-9/10", "bytes 4-9/11", "bytes */10", "4-9/10", ""] {
        let (read, _) = read(&[4], move |seen| match seen.header("range") {
            Some(_) => reply(206, &[("content-range", header)], text().slice(4..)),
            None => reply(200, &[], text()),
        })
        .await;
        let error = read.expect_err(header);
        assert!(error.ends_with("invalid response Content-Range"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_changes_between_connections_is_found_out() {
    let (read, _) = read(&[4], |seen| match seen.header("range") {
        Some(_) => reply(206, &[("content-range", "bytes 4-9/10")], "456780"),
        None => reply(200, &[], text()),
    })
    .await;
    assert_eq!(read, Err(format!("read {}: mismatched digest", blob().digest)));
}

#[tokio::test]
async fn lies_about_size_and_digest_are_found_out_before_or_while_reading() {
    let wrong = Digest::of(b"other").to_string();
    let short = |_: &Seen| reply(200, &[("content-length", "9")], text().slice(..9));
    let named = move |_: &Seen| reply(200, &[("docker-content-digest", &wrong)], text());
    let (read_short, _) = read(&[], short).await;
    let url = format!("https://r.example/v2/a/blobs/{}", blob().digest);
    assert_eq!(read_short, Err(format!("GET \"{url}\": mismatch Content-Length")));
    let (read_named, _) = read(&[], named).await;
    assert!(read_named.expect_err("a lie").contains("digest mismatch in Docker-Content-Digest"));
    let (other, _) = read(&[], |_| reply(200, &[], "9876543210")).await;
    assert_eq!(other, Err(format!("read {}: mismatched digest", blob().digest)));
}

#[tokio::test]
async fn a_blob_can_be_read_by_its_digest_alone() {
    let scripted = Scripted::new(|_| reply(200, &[("content-length", "10")], text()));
    let repository = repository(scripted.transport());
    let (descriptor, content) =
        repository.fetch_blob_by_digest(&blob().digest).await.expect("there");
    assert_eq!(descriptor, blob());
    assert_eq!(content.read_all().await.expect("whole"), text());
    assert_eq!(repository.resolve_blob(&blob().digest).await.expect("there"), blob());
    assert_eq!(
        scripted.lines(),
        [
            format!("GET https://r.example/v2/a/blobs/{}", blob().digest),
            format!("HEAD https://r.example/v2/a/blobs/{}", blob().digest),
        ]
    );
}

#[tokio::test]
async fn a_repository_seen_as_blobs_asks_for_nothing_else() {
    let kind = MediaType::IMAGE_MANIFEST;
    let scripted = Scripted::new(move |seen| match seen.method.as_str() {
        "DELETE" => reply(202, &[], ""),
        _ => reply(200, &[("content-length", "10"), ("content-type", kind.as_str())], text()),
    });
    let blobs = repository(scripted.transport()).blobs();
    let digest = TagOrDigest::Digest(blob().digest);
    let found = blobs.resolve(&digest).await.expect("there");
    assert_eq!(found, Descriptor::new(MediaType::IMAGE_MANIFEST, blob().digest, 10));
    let (fetched, content) = blobs.fetch_reference(&digest).await.expect("there");
    assert_eq!((fetched, content.read_all().await.expect("whole")), (found.clone(), text()));
    assert!(blobs.exists(&found).await.expect("an answer"));
    assert_eq!(blobs.fetch(&found).await.expect("there").read_all().await.expect("whole"), text());
    blobs.delete(&found).await.expect("deleted");
    let url = format!("https://r.example/v2/a/blobs/{}", blob().digest);
    let wanted = ["HEAD", "GET", "HEAD", "GET", "DELETE"].map(|method| format!("{method} {url}"));
    assert_eq!(scripted.lines(), wanted);

    let tag: Tag = "v1".parse().expect("a tag");
    let error = blobs.resolve(&tag.clone().into()).await.expect_err("no digest");
    assert_eq!(error.to_string(), "invalid checksum digest format");
    assert_eq!(blobs.tag(&found, &tag).await.expect_err("a blob").kind(), ErrorKind::Invalid);
    let plain = repository(scripted.transport()).resolve_blob(&blob().digest).await;
    assert_eq!(plain.expect("there").media_type, MediaType::OCTET_STREAM);
}

#[tokio::test]
async fn a_blob_can_be_read_again_from_where_it_is() {
    let scripted = Scripted::new(|_| reply(200, &[], text()));
    let content = repository(scripted.transport()).fetch(&blob()).await.expect("there");
    let again = content.reopen().await.expect("no request yet").expect("reopenable");
    assert_eq!(content.read_all().await.expect("whole"), text());
    assert_eq!(again.read_all().await.expect("whole"), text());
    assert_eq!(scripted.seen().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_manifest_whose_connection_breaks_is_read_anew() {
    let manifest = Descriptor::of(MediaType::IMAGE_MANIFEST, &text());
    let kind = MediaType::IMAGE_MANIFEST;
    let scripted = Scripted::new(move |_| reply(200, &[("content-type", kind.as_str())], text()));
    let breaking = |after: Vec<usize>| Breaking {
        inner: scripted.transport(),
        after,
        next: AtomicUsize::new(0),
    };
    let content = repository(breaking(vec![0, 5, 9])).fetch(&manifest).await.expect("there");
    assert_eq!(content.read_all().await.expect("whole"), text());
    let error = repository(breaking(vec![0; 9])).fetch(&manifest).await.expect_err("never whole");
    assert_eq!(error.kind(), ErrorKind::Network);
}

#[tokio::test]
async fn a_blob_that_is_not_there_is_named() {
    let scripted = Scripted::new(|_| status(404));
    let error = repository(scripted.transport()).fetch(&blob()).await.expect_err("not there");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.to_string(), format!("r.example/a@{}: not found", blob().digest));
}

#[tokio::test(start_paused = true)]
async fn only_what_is_missing_is_asked_for() {
    let scripted = Scripted::new(ranged);
    let repository = repository(scripted.transport());
    let content = repository.fetch_from(&blob(), 4).await.expect("there");
    assert_eq!(content.start(), 4);
    let ranges = || -> Vec<_> {
        scripted.seen().iter().map(|seen| seen.header("range").map(str::to_owned)).collect()
    };
    assert_eq!(ranges(), [Some("bytes=4-".to_owned())]);
    // Whoever has nothing of it is given all of it.
    let whole = content.reopen().await.expect("there").expect("reopenable");
    assert_eq!(whole.read_all().await.expect("whole"), text());
    let end = repository.fetch_from(&blob(), 10).await.expect("there");
    assert_eq!(end.start(), 10);
    assert_eq!(ranges().len(), 2, "of a blob that is here nothing is asked");
    let missing = Scripted::new(|_| status(404));
    let error = self::repository(missing.transport()).fetch_from(&blob(), 4).await;
    assert_eq!(error.expect_err("not there").kind(), ErrorKind::NotFound);
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_is_away_for_a_moment_is_waited_for() {
    let scripted = Scripted::new(ranged);
    let transport = Away { inner: scripted.transport(), requests: AtomicUsize::new(0) };
    let content = repository(transport).fetch(&blob()).await.expect("there");
    assert_eq!(content.read_all().await.expect("whole"), text());
    assert_eq!(scripted.seen().len(), 2);
}

/// Breaks the first answer, then is not to be reached twice.
#[derive(Debug)]
struct Away<T> {
    inner: T,
    requests: AtomicUsize,
}

#[async_trait]
impl<T: Transport> Transport for Away<T> {
    async fn send(&self, request: Request<Body>) -> Result<Response<Body>> {
        match self.requests.fetch_add(1, Ordering::Relaxed) {
            0 => {
                let (parts, _) = self.inner.send(request).await?.into_parts();
                let frames = [Ok(http_body::Frame::data(text().slice(..3))), Err("reset")];
                let body = Body::new(StreamBody::new(futures_util::stream::iter(frames)));
                Ok(Response::from_parts(parts, body))
            }
            1 | 2 => Err(oras_client::Error::new(ErrorKind::Network, "connection refused")),
            _ => self.inner.send(request).await,
        }
    }
}

/// 3 MiB, none of which is like the next.
fn large() -> Bytes {
    static LARGE: LazyLock<Bytes> = LazyLock::new(|| {
        (0..3 << 20).map(|at: u32| at.wrapping_mul(2_654_435_761).to_le_bytes()[2]).collect()
    });
    LARGE.clone()
}

const PIECE: usize = 64 * 1024;

/// Has bodies come in frames of 16 KiB.
#[derive(Debug)]
struct Piecemeal<T>(T);

#[async_trait]
impl<T: Transport> Transport for Piecemeal<T> {
    async fn send(&self, request: Request<Body>) -> Result<Response<Body>> {
        let (parts, body) = self.0.send(request).await?.into_parts();
        let whole = http_body_util::BodyExt::collect(body).await.expect("whole").to_bytes();
        let frames: Vec<std::result::Result<_, String>> = whole
            .chunks(16 * 1024)
            .map(|piece| Ok(http_body::Frame::data(Bytes::copy_from_slice(piece))))
            .collect();
        let body = Body::new(StreamBody::new(futures_util::stream::iter(frames)));
        Ok(Response::from_parts(parts, body))
    }
}

/// Reads the large blob from a registry that is always too slow for one connection; returns whether
/// it is right, or why there is none, and the ranges that were asked for.
async fn read_in_parts(
    script: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
) -> (std::result::Result<bool, String>, Vec<Option<String>>) {
    let scripted = Scripted::new(script);
    let parallelism = Parallelism {
        rest: 1 << 20,
        piece: PIECE as u64,
        watch: std::time::Duration::ZERO,
        enough: u64::MAX,
        ..Parallelism::default()
    };
    let options = RegistryOptions { parallelism, ..RegistryOptions::default() };
    let transport = Arc::new(Piecemeal(scripted.transport()));
    let repository = Registry::new("r.example".parse().expect("a name"), transport, options)
        .repository("a".parse().expect("a name"));
    let descriptor = Descriptor::of(MediaType::OCTET_STREAM, &large());
    let read = match repository.fetch(&descriptor).await {
        Ok(content) => content.read_all().await,
        Err(error) => Err(error),
    };
    let ranges =
        scripted.seen().iter().map(|seen| seen.header("range").map(str::to_owned)).collect();
    (read.map(|bytes| bytes == large()).map_err(|error| chain(&error)), ranges)
}

/// Answers ranges of the large blob as they should be.
fn parts(seen: &Seen) -> Reply {
    let all = large();
    let Some(range) = seen.header("range") else { return reply(200, &[], all) };
    let (first, last) = of(range);
    let last = last.unwrap_or(all.len() - 1);
    let header = format!("bytes {first}-{last}/{}", all.len());
    reply(206, &[("content-range", &header)], all.slice(first..=last))
}

fn of(range: &str) -> (usize, Option<usize>) {
    let (first, last) =
        range.strip_prefix("bytes=").and_then(|range| range.split_once('-')).expect("a range");
    (first.parse().expect("a number"), last.parse().ok())
}

#[tokio::test]
async fn a_large_blob_over_a_slow_line_is_asked_for_in_parts() {
    let (read, ranges) = read_in_parts(parts).await;
    assert_eq!(read, Ok(true));
    assert_eq!(ranges[0], None);
    let asked: Vec<_> = ranges[1..].iter().flatten().map(|range| of(range)).collect();
    assert!(asked.len() >= 6, "{asked:?}");
    for (first, last) in asked.iter().filter_map(|(first, last)| Some((first, (*last)?))) {
        assert!(last - first < PIECE, "{first}-{last}");
    }
}

#[tokio::test]
async fn a_registry_that_knows_no_parts_is_read_over_one_line() {
    for refusal in [200, 416, 400, 500] {
        let (read, ranges) = read_in_parts(move |seen| match seen.header("range") {
            Some(range) if of(range).1.is_some() => {
                reply(refusal, &[], if refusal == 200 { large() } else { Bytes::new() })
            }
            _ => parts(seen),
        })
        .await;
        assert_eq!(read, Ok(true), "{refusal}");
        let last = ranges.last().expect("requests").as_deref().map(of);
        assert!(last.is_some_and(|(first, last)| first > 0 && last.is_none()), "{ranges:?}");
    }
}

#[tokio::test]
async fn a_part_that_is_too_short_is_completed_and_a_wrong_one_is_found_out() {
    let (read, _) = read_in_parts(|seen| {
        let mut answer = parts(seen);
        if seen.header("range").is_some_and(|range| of(range).1.is_some()) {
            let half = answer.body().len().div_ceil(2);
            *answer.body_mut() = answer.body().slice(..half);
        }
        answer
    })
    .await;
    assert_eq!(read, Ok(true), "each part was cut in the middle");
    let (read, _) = read_in_parts(|seen| {
        let mut answer = parts(seen);
        if seen.header("range").is_some() {
            *answer.body_mut() = vec![0; answer.body().len()].into();
        }
        answer
    })
    .await;
    assert!(read.expect_err("wrong").contains("mismatched digest"));
}
