//! Tests of operations: the wire and back, and what servers must refuse.

use http::Uri;
use proptest::prelude::*;

use super::*;
use crate::NameError;

fn parse(method: &Method, target: &str) -> Result<Operation, NotAnOperation> {
    Operation::parse(method, &target.parse().expect("a URI"))
}

/// Components that are themselves words of the protocol, mixed with ordinary ones.
fn component() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("blobs".to_owned()),
        Just("uploads".to_owned()),
        Just("manifests".to_owned()),
        Just("tags".to_owned()),
        Just("list".to_owned()),
        Just("referrers".to_owned()),
        Just("v2".to_owned()),
        "[a-z0-9]{1,4}(([._]|__|-{1,3})[a-z0-9]{1,3}){0,2}",
    ]
}

fn repository_name() -> impl Strategy<Value = RepositoryName> {
    prop::collection::vec(component(), 1..5)
        .prop_map(|parts| parts.join("/").parse().expect("components make a name"))
}

fn any_tag() -> impl Strategy<Value = Tag> {
    prop_oneof![
        Just("list".to_owned()),
        Just("uploads".to_owned()),
        "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,20}"
    ]
    .prop_map(|text| text.parse().expect("a tag"))
}

fn any_digest() -> impl Strategy<Value = Digest> {
    (any::<[u8; 8]>(), 0..3_usize).prop_map(|(bytes, index)| Algorithm::ALL[index].digest(&bytes))
}

fn tag_or_digest() -> impl Strategy<Value = TagOrDigest> {
    prop_oneof![any_tag().prop_map(TagOrDigest::from), any_digest().prop_map(TagOrDigest::from)]
}

fn upload() -> impl Strategy<Value = UploadId> {
    prop_oneof![Just("list".to_owned()), "[a-zA-Z0-9_-]{1,40}"]
        .prop_map(|text| text.parse().expect("an upload"))
}

fn page() -> impl Strategy<Value = Page> {
    (prop::option::of(any::<u64>()), prop::option::of("\\PC{0,12}"))
        .prop_map(|(limit, last)| Page { limit, last })
}

fn operation() -> impl Strategy<Value = Operation> {
    let name = repository_name;
    prop_oneof![
        Just(Operation::Ping),
        (name(), any_digest())
            .prop_map(|(repository, digest)| Operation::GetBlob { repository, digest }),
        (name(), any_digest())
            .prop_map(|(repository, digest)| Operation::HeadBlob { repository, digest }),
        (name(), any_digest())
            .prop_map(|(repository, digest)| Operation::DeleteBlob { repository, digest }),
        (name(), any_digest())
            .prop_map(|(repository, digest)| Operation::PushBlob { repository, digest }),
        (name(), tag_or_digest())
            .prop_map(|(repository, reference)| Operation::GetManifest { repository, reference }),
        (name(), tag_or_digest())
            .prop_map(|(repository, reference)| Operation::HeadManifest { repository, reference }),
        (name(), tag_or_digest()).prop_map(|(repository, reference)| Operation::DeleteManifest {
            repository,
            reference
        }),
        (name(), any_tag()).prop_map(|(repository, tag)| Operation::PutManifest {
            repository,
            reference: tag.into(),
            tags: vec![]
        }),
        (name(), any_digest(), prop::collection::vec(any_tag(), 0..4)).prop_map(
            |(repository, digest, tags)| Operation::PutManifest {
                repository,
                reference: digest.into(),
                tags
            }
        ),
        (name(), prop::option::of(0..3_usize)).prop_map(|(repository, index)| {
            Operation::StartUpload {
                repository,
                algorithm: index.map(|index| Algorithm::ALL[index]),
            }
        }),
        (name(), any_digest(), prop::option::of(name())).prop_map(|(repository, digest, from)| {
            Operation::MountBlob { repository, digest, from }
        }),
        (name(), upload())
            .prop_map(|(repository, upload)| Operation::AppendUpload { repository, upload }),
        (name(), upload())
            .prop_map(|(repository, upload)| Operation::UploadStatus { repository, upload }),
        (name(), upload())
            .prop_map(|(repository, upload)| Operation::CancelUpload { repository, upload }),
        (name(), upload(), any_digest()).prop_map(|(repository, upload, digest)| {
            Operation::FinishUpload { repository, upload, digest }
        }),
        (name(), page()).prop_map(|(repository, page)| Operation::ListTags { repository, page }),
        (name(), any_digest(), prop::option::of("\\PC{0,12}"), page()).prop_map(
            |(repository, digest, artifact_type, page)| Operation::ListReferrers {
                repository,
                digest,
                artifact_type,
                page
            }
        ),
        page().prop_map(|page| Operation::ListRepositories { page }),
    ]
}

proptest! {
    #[test]
    fn every_operation_survives_the_wire(operation in operation()) {
        let target = operation.path_and_query();
        prop_assert_eq!(parse(&operation.method(), &target), Ok(operation.clone()), "{}", target);
    }

    #[test]
    fn no_target_makes_parsing_panic(
        method in prop_oneof![Just(Method::GET), Just(Method::PUT), Just(Method::POST), Just(Method::PATCH)],
        path in "/(v2/)?[a-z0-9/:%._?=&+-]{0,40}",
    ) {
        if let Ok(uri) = path.parse::<Uri>() {
            drop(Operation::parse(&method, &uri));
        }
    }
}

#[test]
fn says_which_part_is_wrong() {
    let hex = "0".repeat(64);
    for (method, target, expected) in [
        (Method::GET, "/", NotAnOperation::Path),
        (Method::GET, "/v1/", NotAnOperation::Path),
        (Method::GET, "/v2/a", NotAnOperation::Path),
        (Method::GET, "/v2/a/b", NotAnOperation::Path),
        (Method::GET, "/v2/a/tags/lists", NotAnOperation::Path),
        (Method::GET, "/v2/a/uploads/x", NotAnOperation::Path),
        (Method::POST, "/v2/", NotAnOperation::Method { allow: "GET, HEAD" }),
        (Method::GET, "/v2/a/blobs/uploads/", NotAnOperation::Method { allow: "POST" }),
        (
            Method::POST,
            "/v2/a/manifests/b",
            NotAnOperation::Method { allow: "GET, HEAD, PUT, DELETE" },
        ),
        (Method::GET, "/v2/A/manifests/b", NotAnOperation::Name(NameError::Repository("A".into()))),
        (
            Method::GET,
            "/v2//manifests/b",
            NotAnOperation::Name(NameError::Repository(String::new())),
        ),
        (
            Method::GET,
            "/v2/a%2Fb/manifests/b",
            NotAnOperation::Name(NameError::Repository("a%2Fb".into())),
        ),
        (
            Method::GET,
            "/v2/../manifests/b",
            NotAnOperation::Name(NameError::Repository("..".into())),
        ),
        (Method::GET, "/v2/a/manifests/-b", NotAnOperation::Name(NameError::Tag("-b".into()))),
        (Method::GET, "/v2/a/manifests/sha256:x", NotAnOperation::Digest("sha256:x".into())),
        (Method::GET, "/v2/a/blobs/x", NotAnOperation::Digest("x".into())),
        (Method::PUT, "/v2/a/blobs/uploads/x", NotAnOperation::Digest(String::new())),
        (Method::PATCH, "/v2/a/blobs/uploads/x.y", NotAnOperation::Upload("x.y".into())),
        (
            Method::POST,
            "/v2/a/blobs/uploads/?digest-algorithm=md5",
            NotAnOperation::Digest("md5".into()),
        ),
        (Method::GET, "/v2/a/tags/list?n=-1", NotAnOperation::Query("n")),
        (Method::GET, "/v2/a/tags/list?n=%2B1", NotAnOperation::Query("n")),
        (Method::GET, "/v2/a/tags/list?n=", NotAnOperation::Query("n")),
        (Method::GET, "/v2/a/tags/list?n=99999999999999999999", NotAnOperation::Query("n")),
        (Method::PUT, "/v2/a/manifests/b?tag=c", NotAnOperation::Query("tag")),
        (Method::GET, "/v2/_catalog?last=%ff", NotAnOperation::Query("encoding")),
    ] {
        assert_eq!(parse(&method, target), Err(expected), "{method} {target}");
    }
    let target = format!("/v2/a/manifests/sha256:{hex}?tag=.x");
    assert_eq!(
        parse(&Method::PUT, &target),
        Err(NotAnOperation::Name(NameError::Tag(".x".into())))
    );
}

#[test]
fn refuses_names_too_long_for_a_registry() {
    let name = |length| "a".repeat(length);
    let list = |name: &str| parse(&Method::GET, &format!("/v2/{name}/tags/list"));
    assert!(list(&name(255)).is_ok());
    assert_eq!(list(&name(256)), Err(NotAnOperation::Name(NameError::Repository(name(256)))));
}

#[test]
fn a_free_form_tag_stays_in_its_place() {
    let repository: RepositoryName = "a".parse().expect("a name");
    for (tag, target) in [
        ("../../b/manifests/c", "/v2/a/manifests/%2E%2E%2F%2E%2E%2Fb%2Fmanifests%2Fc"),
        ("..", "/v2/a/manifests/%2E%2E"),
        ("b?c#d", "/v2/a/manifests/b%3Fc%23d"),
        ("b\r\nX: y", "/v2/a/manifests/b%0D%0AX%3A%20y"),
        ("B.c-d_e", "/v2/a/manifests/B.c-d_e"),
    ] {
        let reference = TagOrDigest::Tag(Tag::free_form(tag).expect("not empty"));
        let repository = repository.clone();
        let operation = Operation::GetManifest { repository, reference };
        assert_eq!(operation.path_and_query(), target);
    }
}

#[test]
fn accepts_what_clients_are_used_to() {
    assert_eq!(parse(&Method::GET, "/v2"), Ok(Operation::Ping));
    assert_eq!(parse(&Method::HEAD, "/v2/"), Ok(Operation::Ping));
    let start =
        Operation::StartUpload { repository: "a".parse().expect("a name"), algorithm: None };
    assert_eq!(parse(&Method::POST, "/v2/a/blobs/uploads"), Ok(start.clone()));
    assert_eq!(parse(&Method::POST, "/v2/a/blobs/uploads/?unknown=1&ns=docker.io"), Ok(start));
    let digest = Digest::of(b"");
    let mount = format!("/v2/a/blobs/uploads/?mount={digest}&from=");
    let repository = "a".parse().expect("a name");
    let any = Operation::MountBlob { repository, digest, from: None };
    assert_eq!(parse(&Method::POST, &mount), Ok(any));
}

#[test]
fn asks_for_the_scopes_of_its_row() {
    let text = |operation: &Operation| {
        operation.scopes().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    let repository: RepositoryName = "a/b".parse().expect("a name");
    let digest = Digest::of(b"");
    assert_eq!(text(&Operation::Ping), "");
    let head = Operation::HeadBlob { repository: repository.clone(), digest: digest.clone() };
    assert_eq!(text(&head), "repository:a/b:pull");
    let start = Operation::StartUpload { repository: repository.clone(), algorithm: None };
    assert_eq!(text(&start), "repository:a/b:pull,push");
    let delete = Operation::DeleteBlob { repository: repository.clone(), digest: digest.clone() };
    assert_eq!(text(&delete), "repository:a/b:delete");
    let from = Some("c".parse().expect("a name"));
    let mount = Operation::MountBlob { repository, digest, from };
    assert_eq!(text(&mount), "repository:a/b:pull,push repository:c:pull");
    assert_eq!(text(&Operation::ListRepositories { page: Page::default() }), "registry:catalog:*");
}
