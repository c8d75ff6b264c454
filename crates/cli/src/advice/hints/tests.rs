//! One refusal of each kind, and what users read about it.

use std::time::{Duration, SystemTime};

use http::StatusCode;
use oras_client::transport::{NotGranted, RateLimit};
use oras_spec::distribution::ErrorBody;
use serde_json::{Value, json};

use super::*;

fn refused(method: Method, url: &str, status: u16, errors: &Value) -> Error {
    let status = StatusCode::from_u16(status).expect("a status");
    let kind = match status.as_u16() {
        401 => ErrorKind::Unauthorized,
        429 => ErrorKind::RateLimited,
        _ => ErrorKind::Invalid,
    };
    let body = serde_json::from_value(json!({ "errors": errors })).expect("an envelope");
    let response = RegistryResponse { method, url: url.to_owned(), status, body };
    Error::from_response(kind, response).context("failed to do it")
}

fn hinted(registry: &str, repository: &str, error: &Error) -> String {
    let registry = registry.parse().expect("a registry");
    let repository = repository.parse().expect("a repository");
    hint(&registry, Some(&repository), error).unwrap_or_default()
}

fn not_granted(registry: &str, username: &str, granted: Option<&str>) -> Error {
    let why = NotGranted {
        registry: registry.to_owned(),
        asked: "repository:org/app:pull,push".to_owned(),
        granted: granted.map(str::to_owned),
        username: username.to_owned(),
        is_anonymous: username.is_empty(),
    };
    let url = format!("https://{registry}/v2/org/app/blobs/uploads/");
    let status = StatusCode::UNAUTHORIZED;
    let response =
        RegistryResponse { method: Method::POST, url, status, body: ErrorBody::default() };
    Error::from_response(ErrorKind::Denied, response).with_source(why)
}

const ECR: &str = "012345678910.dkr.ecr.eu-west-1.amazonaws.com";

#[test]
fn refusals_of_clouds_are_explained() {
    let said = |message: &str| json!([{ "code": "DENIED", "message": message }]);
    for (registry, status, errors, words) in [
        (
            ECR,
            403,
            said("Your authorization token has expired. Reauthenticate and try again."),
            "log in again, with `aws ecr get-login-password --region eu-west-1 | oras login \
             --username AWS --password-stdin 012345678910.dkr.ecr.eu-west-1.amazonaws.com`",
        ),
        (
            "public.ecr.aws",
            400,
            said("Your Authorization Token is invalid."),
            "`aws ecr-public get-login-password --region us-east-1 | oras login",
        ),
        (
            ECR,
            404,
            json!([{ "code": "NAME_UNKNOWN", "message": "The repository does not exist" }]),
            "this one does not exist: create it, with `aws ecr create-repository --region \
             eu-west-1 --repository-name org/app`",
        ),
        (
            ECR,
            405,
            json!([{ "code": "UNSUPPORTED", "message": "Invalid parameter at 'ImageManifest'" }]),
            "media types without parameters",
        ),
        ("ghcr.io", 403, said("denied"), "`write:packages` to push"),
        (
            "us-docker.pkg.dev",
            403,
            said("no permission on resource \"x\" (or it may not exist)"),
            "`gcloud artifacts repositories create app --project=org --location=us",
        ),
        ("us-docker.pkg.dev", 401, said("No valid credential"), "-u oauth2accesstoken"),
        (
            "us-docker.pkg.dev",
            400,
            json!([{ "code": "NAME_INVALID", "message": "invalid number of path components: 1" }]),
            "have three parts: us-docker.pkg.dev/PROJECT/REPOSITORY/NAME",
        ),
    ] {
        let url = format!("https://{registry}/v2/org/app/manifests/v1");
        let hint = hinted(registry, "org/app", &refused(Method::PUT, &url, status, &errors));
        assert!(hint.contains(words), "{registry}, {status}: {hint}");
        assert!(!hint.contains('\n'));
    }
    let url = "https://ghcr.io/token?service=ghcr.io";
    let error = refused(Method::GET, url, 401, &json!([]));
    assert!(hinted("ghcr.io", "org/app", &error).contains("not public"));
    let missing = Error::new(ErrorKind::Unauthorized, "basic credential not found")
        .with_source(MissingCredential::NotFound);
    assert!(hinted(ECR, "org/app", &missing).starts_with("Log in to this registry with `aws ecr"));
    assert_eq!(hinted("r.example", "org/app", &missing), "");
    let cut = Error::new(ErrorKind::Network, format!("Post \"https://{ECR}/v2/\": EOF"));
    assert!(hinted(ECR, "org/app", &cut).contains("may not exist"));
    assert_eq!(hinted("r.example", "org/app", &cut), "");
}

#[test]
fn a_media_type_that_is_not_listed_is_named_with_both_ways_out() {
    let quay = "failed to parse manifest: manifest data does not match schema: \
                'application/vnd.docker.volume.v1+tar.gz' is not one of \
                ['application/vnd.oci.image.config.v1+json']\n\nFailed validating";
    let url = "https://quay.example/v2/org/app/manifests/v1";
    let errors = json!([{
        "code": "MANIFEST_INVALID",
        "message": "manifest invalid",
        "detail": { "message": quay }
    }]);
    let hint = hinted("quay.example", "org/app", &refused(Method::PUT, url, 400, &errors));
    for words in [
        "\"application/vnd.docker.volume.v1+tar.gz\" is not among them",
        "either use types that are, such as application/vnd.oci.image.config.v1+json",
        "or ask its administrator: Quay takes every type since 3.12",
        "IGNORE_UNKNOWN_MEDIATYPES: true",
    ] {
        assert!(hint.contains(words), "{hint}");
    }
    let errors = json!([{
        "code": "MANIFEST_INVALID",
        "message": "manifest invalid",
        "detail": "unknown media type: application/vnd.x"
    }]);
    let hint = hinted("registry.gitlab.com", "org/app", &refused(Method::PUT, url, 400, &errors));
    assert!(hint.contains("\"application/vnd.x\" is not among them"), "{hint}");
}

#[test]
fn refusals_of_servers_are_explained() {
    let url = "https://r.example/v2/org/app/manifests/v1";
    let message = |message: &str| json!([{ "code": "", "message": message }]);
    for (method, url, status, errors, words) in [
        (Method::PUT, url, 415, message("manifest schema version not supported"), "image manifest"),
        (Method::PUT, url, 500, message("Internal Server Error"), "give it a type of its own"),
        (
            Method::GET,
            "https://r.example/v2/auth",
            429,
            message("Too many login attempts. Please reset"),
            "refuses the right one, too",
        ),
        (
            Method::POST,
            "https://r.example/v2/auth",
            405,
            message("Method Not Allowed"),
            "takes no identity token",
        ),
        (Method::GET, url, 401, message("project org not found"), "create the project org"),
        (
            Method::GET,
            url,
            404,
            message("Unsupported docker v2 repository request for 'x'"),
            "r.example/KEY/org/app",
        ),
        (
            Method::POST,
            "https://r.example/v2/org/app/blobs/uploads/",
            400,
            message("Unable to upload blobs to a remote repository."),
            "push to a local one",
        ),
        (Method::DELETE, url, 405, json!([{ "code": "UNSUPPORTED" }]), "deletes nothing"),
        (Method::GET, url, 429, json!([]), "asked too often"),
        (
            Method::PUT,
            url,
            307,
            message("a redirect to \"https://x.example/\", which is not followed"),
            "use the name that the registry redirects to",
        ),
    ] {
        let hint = hinted("r.example", "org/app", &refused(method, url, status, &errors));
        assert!(hint.contains(words), "{status}: {hint}");
    }
    let downgrade = "blob upload Location \"http://r.example/u\" downgrades scheme from https";
    let error = Error::new(ErrorKind::Server, downgrade);
    assert!(hinted("r.example", "org/app", &error).contains("X-Forwarded-Proto: https"));
}

#[test]
fn what_does_not_fit_or_must_stay_is_explained() {
    for (kind, status, message, words) in [
        ("manifests/v1", 400, "cannot be overwritten because the tag is immutable.", "another tag"),
        ("manifests/v1", 412, "due to 'app:v1' configured as immutable.", "another tag"),
        ("blobs/uploads/1", 403, "Quota exceeded when processing the request", "a larger quota"),
        ("blobs/uploads/", 403, "The system is in read only mode.", "read only for now"),
        ("manifests/v1", 413, "413 Request Entity Too Large", "no manifest of this size"),
    ] {
        let url = format!("https://r.example/v2/org/app/{kind}");
        let errors = json!([{ "code": "X", "message": message }]);
        let error = refused(Method::PUT, &url, status, &errors);
        let hint = hinted("r.example", "org/app", &error);
        assert!(hint.contains(words), "{message}: {hint}");
    }
}

#[test]
fn what_was_not_granted_is_explained_for_robots_users_and_nobody() {
    for (registry, username, granted, words) in [
        (
            "quay.io",
            "org+robot",
            Some(""),
            "The robot account org+robot was granted nothing on org/app: the repository must \
             exist, and the robot have the permission Write on it",
        ),
        ("registry.gitlab.com", "me", None, "begin with the path of a project that exists"),
        (
            "r.example",
            "me",
            Some("repository:org/app:pull"),
            "r.example was asked for \"repository:org/app:pull,push\" and granted \
             \"repository:org/app:pull\": the repository or its namespace does not exist, or me \
             lacks the right to it",
        ),
        ("r.example", "", None, "use `oras login r.example`"),
    ] {
        let hint = hinted(registry, "org/app", &not_granted(registry, username, granted));
        assert!(hint.contains(words), "{hint}");
    }
}

#[test]
fn the_end_of_a_rate_limit_is_told() {
    let end = SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
    let limit = RateLimit {
        limit: Some(100),
        window: Some(Duration::from_hours(6)),
        until: Some(end),
        ..RateLimit::default()
    };
    let url = "https://registry-1.docker.io/v2/org/app/manifests/v1";
    let message = "You have reached your unauthenticated pull rate limit.";
    let errors = json!([{ "code": "TOOMANYREQUESTS", "message": message }]);
    let refused = || refused(Method::GET, url, 429, &errors);
    let error = Error::new(ErrorKind::RateLimited, "no more").with_source(limit);
    assert_eq!(
        hinted("r.example", "org/app", &error),
        "r.example wants no more requests from you for now: try again after 2096-10-02T07:06:40Z"
    );
    assert_eq!(
        hinted("docker.io", "org/app", &error),
        "Docker Hub allows 100 pulls in 6 hours: try again after 2096-10-02T07:06:40Z at the latest"
    );
    assert_eq!(
        hinted("docker.io", "org/app", &refused()),
        "Docker Hub allows no more pulls for now; `oras login docker.io` allows more"
    );
}

#[test]
fn plain_refusals_speak_for_themselves() {
    let url = "https://r.example/v2/org/app/manifests/v1";
    for status in [400, 401, 403, 404, 409, 412, 502] {
        let error = refused(Method::GET, url, status, &json!([{ "code": "X", "message": "no" }]));
        assert_eq!(hinted("r.example", "org/app", &error), "", "{status}");
    }
}
