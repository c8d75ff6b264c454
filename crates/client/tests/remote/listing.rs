//! Lists in pages, honest and otherwise.

use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _};
use oras_client::remote::{Registry, RegistryOptions};
use oras_client::{ErrorKind, Source as _};
use oras_spec::Tag;

use crate::server::{Scripted, reply};

fn registry(scripted: &Scripted) -> Registry {
    let name = "r.example".parse().expect("a name");
    Registry::new(name, Arc::new(scripted.transport()), RegistryOptions::default())
}

async fn tags(scripted: &Scripted, last: Option<&str>) -> oras_client::Result<Vec<String>> {
    let last = last.map(|text| text.parse::<Tag>().expect("a tag"));
    let repository = registry(scripted).repository("a".parse().expect("a name"));
    repository.tags(last.as_ref()).map_ok(|tag| tag.to_string()).try_collect().await
}

#[tokio::test]
async fn follows_links_and_keeps_their_words() {
    let scripted = Scripted::in_turn(vec![
        reply(
            200,
            &[("link", "</v2/a/tags/list?next_page=a%2Bb==>; rel=\"next\"")],
            r#"{"name":"a","tags":["1","2"]}"#,
        ),
        reply(
            200,
            &[("link", "<https://r.example:443/v2/a/tags/list?x>; rel=next")],
            r#"{"tags":["3",null,""]}"#,
        ),
        reply(200, &[], r#"{"tags":["4"],"child":[],"manifest":{}}"#),
    ]);
    assert_eq!(tags(&scripted, Some("0")).await.expect("tags"), ["1", "2", "3", "4"]);
    assert_eq!(
        scripted.lines(),
        [
            "GET https://r.example/v2/a/tags/list?last=0",
            "GET https://r.example/v2/a/tags/list?next_page=a%2Bb==",
            "GET https://r.example/v2/a/tags/list?x",
        ]
    );
}

#[tokio::test]
async fn a_page_is_asked_for_when_the_one_before_is_used_up() {
    let scripted = Scripted::in_turn(vec![
        reply(200, &[("link", "</v2/_catalog?last=b>; rel=next")], r#"{"repositories":["a","b"]}"#),
        reply(200, &[], r#"{"repositories":["C/not even a name"]}"#),
    ]);
    let registry = registry(&scripted);
    let mut names = registry.repositories(None);
    for expected in ["a", "b"] {
        assert_eq!(names.next().await.expect("more").expect("a page"), expected);
        assert_eq!(scripted.lines(), ["GET https://r.example/v2/_catalog"]);
    }
    assert_eq!(names.next().await.expect("more").expect("a page"), "C/not even a name");
    assert!(names.next().await.is_none());
}

#[tokio::test]
async fn a_list_that_goes_round_or_on_for_nothing_ends() {
    let itself = reply(200, &[("link", "</v2/a/tags/list>; rel=next")], r#"{"tags":["1"]}"#);
    assert_eq!(tags(&Scripted::in_turn(vec![itself]), None).await.expect("tags"), ["1"]);
    let empty = reply(200, &[("link", "</v2/a/tags/list?n=9>; rel=next")], r#"{"tags":null}"#);
    let scripted = Scripted::in_turn(vec![empty]);
    assert!(tags(&scripted, None).await.expect("tags").is_empty());
    assert_eq!(scripted.seen().len(), 1);
}

#[tokio::test]
async fn a_link_to_elsewhere_is_refused() {
    for link in [
        "<https://evil.example/v2/a/tags/list>; rel=next",
        "<http://r.example/v2/a/tags/list>; rel=next",
        "<https://r.example:444/v2/a/tags/list>; rel=next",
        "<//evil.example/x>; rel=next",
    ] {
        let scripted = Scripted::in_turn(vec![reply(200, &[("link", link)], r#"{"tags":["1"]}"#)]);
        let error = tags(&scripted, None).await.expect_err(link);
        let text = error.to_string();
        assert!(text.starts_with("invalid next link \""), "{text}");
        assert!(
            text.ends_with("\": not the same origin as \"https://r.example/v2/a/tags/list\""),
            "{text}"
        );
        assert_eq!(scripted.seen().len(), 1);
    }
}

#[tokio::test]
async fn a_page_without_end_is_not_read_to_it() {
    let huge = format!(r#"{{"tags":["{}"]}}"#, "a".repeat(4 * 1024 * 1024));
    let scripted = Scripted::in_turn(vec![reply(200, &[], huge)]);
    let error = tags(&scripted, None).await.expect_err("too large");
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
}

#[tokio::test]
async fn nonsense_is_an_error_of_the_registry() {
    for body in ["", "<html>", "7", r#"{"tags":{}}"#] {
        let scripted = Scripted::in_turn(vec![reply(200, &[], body)]);
        assert_eq!(tags(&scripted, None).await.expect_err(body).kind(), ErrorKind::Server);
    }
}

#[tokio::test]
async fn tags_that_are_none_are_left_out() {
    let digest = oras_spec::Digest::of(b"x");
    let page = format!(r#"{{"name":"a","tags":["v1",null,"","{digest}","v2"]}}"#);
    let scripted = Scripted::new(move |_| reply(200, &[], page.clone()));
    assert_eq!(tags(&scripted, None).await.expect("a list"), ["v1", "v2"]);
    assert_eq!(scripted.lines(), ["GET https://r.example/v2/a/tags/list"], "no `n` is asked for");
}
