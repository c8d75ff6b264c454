//! `/metrics`, `/livez` and `/readyz`, read as strictly as Prometheus reads.

use std::collections::{BTreeMap, BTreeSet};

use http::StatusCode;
use oras_server::Registry;

use crate::client::Client;

/// Every sample by its name with its labels, after a look at every rule of the text format.
fn parse(text: &str) -> BTreeMap<String, f64> {
    assert!(text.ends_with('\n') && !text.contains('\r') && !text.contains("\n\n"));
    let mut samples = BTreeMap::new();
    let mut kinds: BTreeMap<String, String> = BTreeMap::new();
    let mut helped = BTreeSet::new();
    let mut current = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("a text");
            assert!(helped.insert(name.to_owned()), "{name} is described twice");
            assert!(help.ends_with('.'), "{line}");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a type");
            assert!(helped.contains(name) && ["counter", "gauge", "histogram"].contains(&kind));
            assert!(kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "{name} twice");
            name.clone_into(&mut current);
        } else {
            let (series, value) = line.rsplit_once(' ').expect("a value");
            let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
            let labels = labels.strip_suffix('}').expect("closed");
            let legal = |text: &str| {
                !text.is_empty()
                    && !text.starts_with(|first: char| first.is_ascii_digit())
                    && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            };
            assert!(legal(name), "{line}");
            for label in labels.split(',').filter(|label| !label.is_empty()) {
                let (key, value) = label.split_once('=').expect("a label");
                let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
                assert!(legal(key) && value.is_some_and(|value| !value.contains(['"', '\\'])));
            }
            let family = match kinds[&current].as_str() {
                "histogram" => ["_bucket", "_sum", "_count"]
                    .iter()
                    .find_map(|end| name.strip_suffix(end))
                    .expect("a part of a histogram"),
                "counter" => {
                    assert!(name.ends_with("_total"), "{line}");
                    name
                }
                _ => name,
            };
            assert_eq!(family, current, "outside of its group: {line}");
            let value: f64 = value.parse().expect("a number");
            assert!(samples.insert(series.to_owned(), value).is_none(), "twice: {series}");
        }
    }
    samples
}

#[tokio::test]
async fn counts_what_was_asked_with_labels_that_no_client_can_add_to() {
    let client = Client::new(Registry::builder().memory().build().expect("a registry"));
    let digest = client.push_blob("a", "hello").await;
    client.get(&format!("/v2/a/blobs/{digest}")).await.expect_status(StatusCode::OK);
    client.get("/v2/a/manifests/v1").await.expect_status(StatusCode::NOT_FOUND);
    for index in 0..300 {
        client.get(&format!("/nowhere/{index}%22%0a")).await.expect_status(StatusCode::NOT_FOUND);
        client.get(&format!("/v2/repository{index}/tags/list?n={index}")).await;
    }
    client.start_upload("a").await;
    let answer = client.get("/metrics").await;
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let text = String::from_utf8(answer.body.to_vec()).expect("text");
    let samples = parse(&text);
    for (series, value) in [
        ("oras_requests_total{route=\"end-2\",status=\"2xx\"}", 1.0),
        ("oras_requests_total{route=\"end-3\",status=\"4xx\"}", 1.0),
        ("oras_requests_total{route=\"end-4b\",status=\"2xx\"}", 1.0),
        ("oras_requests_total{route=\"other\",status=\"4xx\"}", 300.0),
        ("oras_requests_total{route=\"end-8b\",status=\"4xx\"}", 300.0),
        ("oras_request_duration_seconds_count{kind=\"blob\"}", 1.0),
        ("oras_request_duration_seconds_bucket{kind=\"blob\",le=\"+Inf\"}", 1.0),
        ("oras_received_bytes_total", 5.0),
        ("oras_requests_in_flight", 1.0),
        ("oras_uploads_open", 1.0),
    ] {
        assert_eq!(samples.get(series), Some(&value), "{series} in {text}");
    }
    let mut last = 0.0;
    for bound in ["0.001", "0.01", "0.1", "1", "300", "+Inf"] {
        let series =
            format!("oras_request_duration_seconds_bucket{{kind=\"other\",le=\"{bound}\"}}");
        assert!(samples[&series] >= last, "{text}");
        last = samples[&series];
    }
    assert!(samples.len() < 150, "{} series", samples.len());
    assert!(!text.contains("repository1"), "{text}");
}

#[tokio::test]
async fn says_that_it_lives_and_is_ready() {
    let root = tempfile::tempdir().expect("a directory");
    let registry = Registry::builder().directory(root.path()).build().expect("a registry");
    let client = Client::new(registry);
    for target in ["/livez", "/readyz"] {
        let answer = client.get(target).await;
        assert_eq!(answer.expect_status(StatusCode::OK).body, "ok\n");
        assert!(client.head(target).await.body.is_empty());
    }
    // As when the file system is taken away from under it; it recovers unaided.
    let (here, gone) = (root.path().join("layout.json"), root.path().join("gone"));
    std::fs::rename(&here, &gone).expect("moved");
    client.get("/readyz").await.expect_status(StatusCode::SERVICE_UNAVAILABLE);
    client.get("/livez").await.expect_status(StatusCode::OK);
    std::fs::rename(&gone, &here).expect("moved back");
    client.get("/readyz").await.expect_status(StatusCode::OK);
}
