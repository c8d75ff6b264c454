//! What users read for what registries and libraries say.

use http::Method;
use oras_spec::distribution::{ErrorBody, ErrorCode};
use serde_json::json;

use super::*;

fn response(body: &Value) -> RegistryResponse {
    RegistryResponse {
        method: Method::GET,
        url: "http://localhost:5000/v2/a/tags/list".to_owned(),
        status: StatusCode::NOT_FOUND,
        body: serde_json::from_value(body.clone()).expect("an envelope"),
    }
}

#[test]
fn errors_of_a_registry_read_as_those_of_go() {
    for (errors, text) in [
        (
            json!([{"code": "NAME_UNKNOWN", "message": "not known", "detail": {"name": "nope"}}]),
            "name unknown: not known: map[name:nope]",
        ),
        (
            json!([{"code": "UNAUTHORIZED", "message": "authentication required", "detail": [{"x": 1}]}]),
            "unauthorized: authentication required: [map[x:1]]",
        ),
        (
            json!([{"code": "A", "message": "m", "detail": "d"}, {"code": "B_C", "message": ""}]),
            "a: m: d; b c",
        ),
        (
            json!([{"code": "A", "message": "m", "detail": {"b": 12_345_678_901_u64, "a": null}}]),
            "a: m: map[a:<nil> b:1.2345678901e+10]",
        ),
        (json!([{"code": "A", "message": "m", "detail": {}}]), "a: m: map[]"),
        (json!([{"code": "A", "message": "\u{1b}[31m\nfake"}]), r"a: \x1b[31m\nfake"),
        (
            json!([]),
            "GET \"http://localhost:5000/v2/a/tags/list\": response status code 404: Not Found",
        ),
    ] {
        assert_eq!(said(&response(&json!({ "errors": errors }))), text);
    }
}

#[test]
fn a_registry_that_says_very_much_is_cut_short() {
    let dump = "é".repeat(20_000);
    let errors = json!([{"code": "A", "message": "m", "detail": {"message": dump}}]);
    let text = said(&response(&json!({ "errors": errors })));
    assert!(text.starts_with("a: m: map[message:éé") && text.ends_with("é…"));
    assert_eq!(text.chars().count(), MAX_SAID + 1);
}

#[test]
fn numbers_have_exponents_where_go_has_them() {
    for (number, text) in [
        (1.0, "1"),
        (0.5, "0.5"),
        (123_456.0, "123456"),
        (1_000_000.0, "1e+06"),
        (0.000_01, "1e-05"),
        (-2.5e30, "-2.5e+30"),
    ] {
        assert_eq!(float(number), text);
    }
}

#[test]
fn only_answers_of_the_registry_itself_are_its_own() {
    let from = |registry: &str, url: &str| {
        let mut found = response(&json!({ "errors": [] }));
        url.clone_into(&mut found.url);
        is_from(&registry.parse().expect("a registry"), &found)
    };
    assert!(from("localhost:5000", "http://localhost:5000/v2/"));
    assert!(!from("localhost:5000", "http://localhost:5001/token?service=x"));
    assert!(!from("localhost", "http://localhost:5000/v2/"));
    assert!(from("docker.io", "https://registry-1.docker.io/v2/a/manifests/1"));
}

#[test]
fn the_request_is_left_out_where_only_the_credential_is_missing() {
    let error = Error::new(ErrorKind::Unauthorized, "HEAD \"http://h/v2/a/manifests/1\"")
        .with_source(MissingCredential::NotFound)
        .context("failed to resolve digest");
    assert!(is_missing_credential(&error));
    assert_eq!(without_request(&error), "failed to resolve digest: basic credential not found");
    let other = Error::from_response(
        ErrorKind::Unauthorized,
        RegistryResponse {
            body: ErrorBody::new(ErrorCode::Unauthorized, "no"),
            ..response(&json!({ "errors": [] }))
        },
    );
    assert!(!is_missing_credential(&other));
}
