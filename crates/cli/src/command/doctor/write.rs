//! A tiny artifact, pushed, read back and taken away, and what else the registry can do with it.

use bytes::Bytes;
use http::header::{CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RANGE};
use http::{Method, Response, StatusCode};
use oras_client::pack::{Artifact, PackOptions, pack};
use oras_client::remote::Repository;
use oras_client::store::Memory;
use oras_client::transport::Body;
use oras_client::{Content, Source as _, Target as _};
use oras_spec::distribution::{Operation, Page};
use oras_spec::image::{Descriptor, MediaType};
use oras_spec::{Digest, Tag, TagOrDigest};

use super::access::TAG;
use super::patient::Patient;
use super::report::{Outcome, Report};
use super::skip;
use crate::advice::chain;

/// What the layer holds.
const LAYER: &[u8] = b"oras doctor was here\n";
/// What is sent in chunks.
const CHUNKED: &[u8] = b"oras doctor was here, twice\n";

/// Writes, reads and deletes.
pub(super) async fn examine(patient: &Patient<'_>, report: &mut Report) {
    const NAMES: [&str; 8] =
        ["blobs", "push", "read back", "mount", "chunks", "range", "referrers", "delete"];
    if report.first_refusal().is_some() {
        return skip(report, &NAMES, "nobody is let in");
    }
    let Some(repository) = &patient.repository else { return };
    let Some(manifest) = push(patient, repository, report).await else {
        let left = NAMES.iter().position(|name| *name == "read back").unwrap_or_default();
        return skip(report, &NAMES[left..], "nothing could be pushed");
    };
    read_back(patient, repository, &manifest, report).await;
    mount(patient, repository, report).await;
    chunks(patient, repository, report).await;
    range(patient, repository, report).await;
    referrers(patient, repository, &manifest, report).await;
    delete(patient, repository, &manifest, report).await;
}

/// Pushes blobs and manifest, as `oras push` would.
async fn push(
    patient: &Patient<'_>,
    repository: &Repository,
    report: &mut Report,
) -> Option<Descriptor> {
    let parsed = &patient.invocation.parsed;
    let store = Memory::default();
    let layer = Descriptor::of(MediaType::from(parsed.text("layer-type")), LAYER);
    let config = parsed
        .some_text("config-type")
        .map(|text| Descriptor::of(MediaType::from(text), Descriptor::EMPTY_JSON));
    let artifact_type = match (parsed.some_text("artifact-type"), &config) {
        (Some(text), _) => MediaType::from(text),
        (None, Some(_)) => MediaType::from(""),
        (None, None) => MediaType::from("application/vnd.oras.doctor"),
    };
    let blobs = [(config.clone(), Descriptor::EMPTY_JSON), (Some(layer.clone()), LAYER)];
    let packed = async {
        for (descriptor, bytes) in &blobs {
            let Some(descriptor) = descriptor else { continue };
            let bytes = Bytes::from_static(bytes);
            store.push(descriptor, Content::from_bytes(descriptor, bytes)).await?;
        }
        let artifact =
            Artifact { artifact_type, config, layers: vec![layer.clone()], ..Artifact::default() };
        pack(&store, artifact, &PackOptions::default()).await
    };
    let manifest = match packed.await {
        Ok(manifest) => manifest,
        Err(error) => {
            report.fails("blobs", chain(&error), "Check the media types");
            report.add("push", Outcome::Skipped, "there is nothing to push");
            return None;
        }
    };
    let (empty, bytes) = (Descriptor::empty_json(), Descriptor::EMPTY_JSON);
    for (descriptor, bytes) in [(&layer, LAYER), (&empty, bytes)] {
        let content = Content::from_bytes(descriptor, Bytes::from_static(bytes));
        if let Err(error) = repository.push(descriptor, content).await {
            let (why, advice) = patient.explain(&error);
            report.fails("blobs", why, &advice);
            report.add("push", Outcome::Skipped, "its blobs were refused");
            return None;
        }
    }
    report.ok("blobs", "");
    let tag: Tag = TAG.parse().expect("a tag");
    let pushed = async {
        let content = store.fetch(&manifest).await?;
        repository.push_tagged(&manifest, content, &tag).await
    };
    match pushed.await {
        Ok(()) => {
            report.ok("push", format!("tag {TAG}, {}", manifest.digest));
            Some(manifest)
        }
        Err(error) => {
            let (why, advice) = patient.explain(&error);
            report.fails("push", why, &advice);
            None
        }
    }
}

async fn read_back(
    patient: &Patient<'_>,
    repository: &Repository,
    manifest: &Descriptor,
    report: &mut Report,
) {
    let tag: Tag = TAG.parse().expect("a tag");
    let read = async {
        let (found, content) = repository.fetch_reference(&TagOrDigest::Tag(tag)).await?;
        content.read_all().await?;
        let layer = Descriptor::of(MediaType::OCTET_STREAM, LAYER);
        repository.fetch(&layer).await?.read_all().await?;
        Ok::<_, oras_client::Error>(found)
    };
    match read.await {
        Ok(found) if found.digest == manifest.digest => report.ok("read back", ""),
        Ok(found) => {
            let why = format!("the tag leads to {}", found.digest);
            report.fails("read back", why, "Somebody else pushes to the same tag: try again");
        }
        Err(error) => {
            let (why, advice) = patient.explain(&error);
            report.fails("read back", why, &advice);
        }
    }
}

async fn mount(patient: &Patient<'_>, repository: &Repository, report: &mut Report) {
    let name = repository.name().clone();
    let digest = Digest::of(LAYER);
    let operation =
        Operation::MountBlob { repository: name.clone(), digest, from: Some(name.clone()) };
    match patient.ask(&operation, HeaderMap::new()).await {
        Ok(answer) if answer.status() == StatusCode::CREATED => report.ok("mount", ""),
        Ok(answer) if answer.status() == StatusCode::ACCEPTED => {
            cancel(patient, &answer).await;
            report.lacks(
                "mount",
                "it opens an upload instead",
                "Copies inside the registry are sent again",
            );
        }
        Ok(answer) => lacks(report, "mount", &answer, "Copies inside the registry are sent again"),
        Err(error) => report.lacks("mount", chain(&error), ""),
    }
}

/// Gives an upload up; it goes away by itself where that is refused.
async fn cancel(patient: &Patient<'_>, answer: &Response<Body>) {
    if let Some(url) = location(patient, answer) {
        drop(patient.send(Method::DELETE, &url, HeaderMap::new(), Bytes::new()).await);
    }
}

fn lacks(report: &mut Report, name: &'static str, answer: &Response<Body>, advice: &str) {
    report.lacks(name, format!("answered with {}", answer.status()), advice);
}

/// Where an upload goes on, if that is at the registry itself.
fn location(patient: &Patient<'_>, answer: &Response<Body>) -> Option<String> {
    let location = answer.headers().get(LOCATION)?.to_str().ok()?;
    let own = patient.url("");
    if location.starts_with('/') {
        return Some(format!("{own}{location}"));
    }
    location.starts_with(&format!("{own}/")).then(|| location.to_owned())
}

async fn chunks(patient: &Patient<'_>, repository: &Repository, report: &mut Report) {
    const ADVICE: &str = "Blobs are sent whole, or as one stream";
    let operation =
        Operation::StartUpload { repository: repository.name().clone(), algorithm: None };
    let send = async {
        let opened = patient.ask(&operation, HeaderMap::new()).await?;
        let Some(url) = location(patient, &opened) else { return Ok(opened) };
        let mut headers = HeaderMap::new();
        let (first, last) = CHUNKED.split_at(CHUNKED.len() / 2);
        let range = format!("0-{}", first.len() - 1);
        let octets = HeaderValue::from_static("application/octet-stream");
        headers.insert(CONTENT_TYPE, octets);
        let mut with_range = headers.clone();
        with_range.insert(CONTENT_RANGE, HeaderValue::from_str(&range).expect("numbers"));
        let sent = patient.send(Method::PATCH, &url, with_range, Bytes::from_static(first)).await?;
        if !sent.status().is_success() {
            return Ok(sent);
        }
        let url = location(patient, &sent).unwrap_or(url);
        let separator = if url.contains('?') { '&' } else { '?' };
        let digest = Digest::of(CHUNKED);
        let url = format!("{url}{separator}digest={digest}");
        patient.send(Method::PUT, &url, headers, Bytes::from_static(last)).await
    };
    match send.await {
        Ok(answer) if answer.status() == StatusCode::CREATED => report.ok("chunks", ""),
        Ok(answer) => lacks(report, "chunks", &answer, ADVICE),
        Err(error) => report.lacks("chunks", chain(&error), ADVICE),
    }
}

async fn range(patient: &Patient<'_>, repository: &Repository, report: &mut Report) {
    const ADVICE: &str = "A download that breaks begins again";
    let repository = repository.name().clone();
    let operation = Operation::GetBlob { repository, digest: Digest::of(LAYER) };
    let mut headers = HeaderMap::new();
    headers.insert(RANGE, HeaderValue::from_static("bytes=5-9"));
    match patient.ask(&operation, headers).await {
        Ok(answer) if answer.status() == StatusCode::PARTIAL_CONTENT => report.ok("range", ""),
        Ok(answer) => lacks(report, "range", &answer, ADVICE),
        Err(error) => report.lacks("range", chain(&error), ADVICE),
    }
}

async fn referrers(
    patient: &Patient<'_>,
    repository: &Repository,
    manifest: &Descriptor,
    report: &mut Report,
) {
    const ADVICE: &str = "Attachments are found by a tag named after the digest; that works";
    let operation = Operation::ListReferrers {
        repository: repository.name().clone(),
        digest: manifest.digest.clone(),
        artifact_type: None,
        page: Page::default(),
    };
    match patient.ask(&operation, HeaderMap::new()).await {
        Ok(answer) if answer.status() == StatusCode::OK => report.ok("referrers", ""),
        Ok(answer) => lacks(report, "referrers", &answer, ADVICE),
        Err(error) => report.lacks("referrers", chain(&error), ADVICE),
    }
}

async fn delete(
    patient: &Patient<'_>,
    repository: &Repository,
    manifest: &Descriptor,
    report: &mut Report,
) {
    if let Err(error) = repository.delete(manifest).await {
        let (why, advice) = patient.explain(&error);
        let stays = format!("The tag {TAG} stays; another run replaces it");
        let advice = if advice.is_empty() { stays } else { format!("{advice}\n{stays}") };
        return report.lacks("delete", why, &advice);
    }
    report.ok("delete", "nothing is left but blobs, which the registry's garbage collection takes");
}
