//! end-8 and the catalog: tags and repositories, page by page.

use std::collections::BTreeSet;

use http::StatusCode;
use oras_server::Limits;
use proptest::prelude::*;

use crate::client::{Answer, Client, on_every_store, on_every_store_with};
use crate::sample::push_empty_index;

#[track_caller]
fn texts(answer: &Answer, field: &str) -> Vec<String> {
    answer.expect_status(StatusCode::OK);
    assert_eq!(answer.header("content-type"), "application/json");
    serde_json::from_value(answer.json()[field].clone()).expect("a list of texts")
}

async fn all_pages(client: &Client, target: &str, field: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut next = Some(target.to_owned());
    while let Some(target) = next {
        let answer = client.get(&target).await;
        pages.push(texts(&answer, field));
        next = answer.next();
    }
    pages
}

#[tokio::test]
async fn end_8a_tags_are_listed_in_the_order_of_their_bytes() {
    on_every_store(async |client| {
        for tag in ["b", "a", "C", "_x", "a-b", "a.b", "a_b", "1", "aB", "Z"] {
            push_empty_index(&client, "a/b", tag).await;
        }
        let answer = client.get("/v2/a/b/tags/list").await;
        let tags = texts(&answer, "tags");
        assert_eq!(tags, ["1", "C", "Z", "_x", "a", "a-b", "a.b", "aB", "a_b", "b"]);
        assert_eq!(answer.json()["name"], "a/b");
        assert_eq!(answer.next(), None);
    })
    .await;
}

#[tokio::test]
async fn end_8a_a_repository_that_does_not_exist_is_unknown_and_one_without_tags_is_empty() {
    on_every_store(async |client| {
        let unknown = client.get("/v2/a/tags/list").await;
        unknown.expect_error(StatusCode::NOT_FOUND, "NAME_UNKNOWN");
        client.push_blob("a", "x").await;
        let empty = client.get("/v2/a/tags/list").await;
        assert_eq!(empty.body, r#"{"name":"a","tags":[]}"#);
        client.get("/v2/a/b/tags/list").await.expect_error(StatusCode::NOT_FOUND, "NAME_UNKNOWN");
    })
    .await;
}

#[tokio::test]
async fn end_8b_pages_are_as_long_as_asked_and_link_to_the_next() {
    on_every_store(async |client| {
        for tag in ["a", "b", "c", "d", "e"] {
            push_empty_index(&client, "r", tag).await;
        }
        let first = client.get("/v2/r/tags/list?n=2").await;
        assert_eq!(texts(&first, "tags"), ["a", "b"]);
        assert_eq!(first.header("link"), "</v2/r/tags/list?n=2&last=b>; rel=\"next\"");
        let pages = all_pages(&client, "/v2/r/tags/list?n=2", "tags").await;
        assert_eq!(pages, [vec!["a", "b"], vec!["c", "d"], vec!["e"]]);
        let exact = client.get("/v2/r/tags/list?n=5").await;
        assert_eq!((texts(&exact, "tags").len(), exact.next()), (5, None));
    })
    .await;
}

#[tokio::test]
async fn end_8b_last_works_without_n_and_need_not_be_a_tag() {
    on_every_store(async |client| {
        for tag in ["a", "c", "e"] {
            push_empty_index(&client, "r", tag).await;
        }
        for (last, expected) in [
            ("a", vec!["c", "e"]),
            ("b", vec!["c", "e"]),
            ("e", vec![]),
            ("", vec!["a", "c", "e"]),
            ("%2F..%2F..%2Fx", vec!["a", "c", "e"]),
            ("%C3%A9", vec![]),
            ("%00", vec!["a", "c", "e"]),
        ] {
            let answer = client.get(&format!("/v2/r/tags/list?last={last}")).await;
            assert_eq!(texts(&answer, "tags"), expected, "{last}");
        }
    })
    .await;
}

#[tokio::test]
async fn end_8b_a_page_of_nothing_has_no_next_one() {
    on_every_store(async |client| {
        push_empty_index(&client, "r", "a").await;
        let answer = client.get("/v2/r/tags/list?n=0").await;
        assert_eq!(answer.body, r#"{"name":"r","tags":[]}"#);
        assert_eq!(answer.next(), None);
    })
    .await;
}

#[tokio::test]
async fn end_8b_numbers_that_are_none_are_refused_and_large_ones_are_cut() {
    let mut limits = Limits::default();
    limits.page_size = 3;
    on_every_store_with(
        |builder| builder.limits(limits.clone()),
        async |client| {
            for tag in ["a", "b", "c", "d"] {
                push_empty_index(&client, "r", tag).await;
            }
            for n in ["-1", "x", "1.5", "99999999999999999999"] {
                for list in ["r/tags/list", "_catalog"] {
                    let answer = client.get(&format!("/v2/{list}?n={n}")).await;
                    answer.expect_error(StatusCode::BAD_REQUEST, "UNSUPPORTED");
                }
            }
            for query in ["", "?n=4", "?n=18446744073709551615"] {
                let answer = client.get(&format!("/v2/r/tags/list{query}")).await;
                assert_eq!(texts(&answer, "tags"), ["a", "b", "c"]);
                assert_eq!(answer.next().as_deref(), Some("/v2/r/tags/list?n=3&last=c"));
            }
        },
    )
    .await;
}

#[tokio::test]
async fn the_catalog_lists_repositories_in_the_order_of_their_bytes() {
    on_every_store(async |client| {
        assert_eq!(client.get("/v2/_catalog").await.body, r#"{"repositories":[]}"#);
        for name in ["b", "a/b", "a-b", "a", "a.b", "a/b/c", "a0", "tags/list", "blobs/uploads"] {
            push_empty_index(&client, name, "latest").await;
        }
        let pages = all_pages(&client, "/v2/_catalog?n=4", "repositories").await;
        let all: Vec<String> = pages.concat();
        let sorted = ["a", "a-b", "a.b", "a/b", "a/b/c", "a0", "b", "blobs/uploads", "tags/list"];
        assert_eq!(all, sorted);
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [4, 4, 1]);
        for name in sorted {
            let tags = client.get(&format!("/v2/{name}/tags/list")).await;
            assert_eq!(texts(&tags, "tags"), ["latest"], "{name}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_longest_names_and_tags_are_kept_and_longer_ones_refused() {
    on_every_store(async |client| {
        let name = format!("{}a", "a/".repeat(127));
        let tag = "T".repeat(128);
        push_empty_index(&client, &name, &tag).await;
        let tags = client.get(&format!("/v2/{name}/tags/list")).await;
        assert_eq!(texts(&tags, "tags"), [tag]);
        let names = texts(&client.get("/v2/_catalog").await, "repositories");
        assert_eq!(names, std::slice::from_ref(&name));
        let flat = "a".repeat(255);
        push_empty_index(&client, &flat, "v1").await;
        for long in [format!("{name}a"), "a".repeat(256)] {
            let answer = client.get(&format!("/v2/{long}/tags/list")).await;
            answer.expect_error(StatusCode::BAD_REQUEST, "NAME_INVALID");
        }
    })
    .await;
}

/// What happens to a list.
#[derive(Clone, Debug)]
enum Change {
    Push(String),
    Delete(String),
    List { limit: usize, last: Option<String> },
}

fn change() -> impl Strategy<Value = Change> {
    let tag = || "[aAbB_][ab.-]{0,2}";
    prop_oneof![
        4 => tag().prop_map(Change::Push),
        2 => tag().prop_map(Change::Delete),
        3 => (1..5_usize, prop::option::of(tag()))
            .prop_map(|(limit, last)| Change::List { limit, last }),
    ]
}

async fn make(client: &Client, change: Change, model: &mut BTreeSet<String>) {
    match change {
        Change::Push(tag) => {
            push_empty_index(client, "r", &tag).await;
            model.insert(tag);
        }
        Change::Delete(tag) => {
            let deleted = client.delete(&format!("/v2/r/manifests/{tag}")).await;
            let was_there = model.remove(&tag);
            let expected = if was_there { StatusCode::ACCEPTED } else { StatusCode::NOT_FOUND };
            deleted.expect_status(expected);
        }
        Change::List { limit, last } => {
            let query = last.as_ref().map(|last| format!("&last={last}")).unwrap_or_default();
            let target = format!("/v2/r/tags/list?n={limit}{query}");
            let pages = all_pages(client, &target, "tags").await;
            let behind = model.iter().filter(|tag| last.as_ref().is_none_or(|last| *tag > last));
            assert_eq!(pages.concat(), behind.cloned().collect::<Vec<_>>());
            let (final_page, full) = pages.split_last().expect("at least one page");
            assert!(full.iter().all(|page| page.len() == limit) && final_page.len() <= limit);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn pages_together_are_the_list(changes in prop::collection::vec(change(), 1..40)) {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(on_every_store(async |client| {
            let mut model = BTreeSet::new();
            make(&client, Change::Push("a".to_owned()), &mut model).await;
            for change in changes.clone() {
                make(&client, change, &mut model).await;
            }
        }));
    }
}
