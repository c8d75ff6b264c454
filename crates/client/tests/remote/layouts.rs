//! Where people have their credentials, and what six kinds of registries make of them.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oras_client::auth::{Credentials as _, DockerConfig, KeptBy};
use oras_client::remote::{Registry, RegistryOptions};
use oras_client::transport::{Authenticated, Redirecting, Retrying};
use oras_client::{ErrorKind, Source as _};
use oras_spec::TagOrDigest;

use crate::chain;
use crate::server::{Reply, Scripted, Seen, error, reply};

/// `user:pass`
const BASIC: &str = "Basic dXNlcjpwYXNz";
const REPOSITORY: &str = "org/app";

/// How a registry wants to be convinced.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wants {
    /// A password, from every request.
    Password,
    /// A token, got with GET.
    Token,
    /// A token, got with GET or with POST.
    TokenOrIdentity,
}

/// What users call it, where it is, what its key is, and where its token service is.
struct Shape {
    name: &'static str,
    host: &'static str,
    key: &'static str,
    realm: &'static str,
    wants: Wants,
}

const fn shape(name: &'static str, key: &'static str, realm: &'static str, wants: Wants) -> Shape {
    Shape { name, host: name, key, realm, wants }
}

const ECR: &str = "012345678910.dkr.ecr.us-east-1.amazonaws.com";
const REGISTRIES: [Shape; 6] = [
    Shape {
        name: "docker.io",
        host: "registry-1.docker.io",
        key: "https://index.docker.io/v1/",
        realm: "https://auth.docker.io/token",
        wants: Wants::TokenOrIdentity,
    },
    shape(ECR, ECR, "", Wants::Password),
    shape("quay.io", "quay.io", "https://quay.io/v2/auth", Wants::Token),
    shape("ghcr.io", "ghcr.io", "https://ghcr.io/token", Wants::Token),
    shape(
        "r.azurecr.io",
        "r.azurecr.io",
        "https://r.azurecr.io/oauth2/token",
        Wants::TokenOrIdentity,
    ),
    shape(
        "harbor.example:8443",
        "harbor.example:8443",
        "https://harbor.example:8443/service/token",
        Wants::Token,
    ),
];

impl Shape {
    /// Lets in who is `user` with `pass`, who has the identity token `identity`, and who shows a
    /// token; and is never asked for a token by nobody.
    fn answer(&self, seen: &Seen) -> Reply {
        let is_service = !self.realm.is_empty() && seen.uri.to_string().starts_with(self.realm);
        if is_service {
            let is_identity = seen.body.windows(22).any(|part| part == b"refresh_token=identity");
            return match (seen.method.as_str(), seen.authorization()) {
                ("GET", Some(BASIC)) => reply(200, &[], r#"{"token":"good"}"#),
                ("POST", None) if self.wants == Wants::TokenOrIdentity && is_identity => {
                    reply(200, &[], r#"{"access_token":"good"}"#)
                }
                ("POST", _) => error(405, "UNSUPPORTED", "no POST here"),
                (_, shown) => panic!("{} was shown {shown:?}", self.realm),
            };
        }
        assert_eq!(seen.uri.authority().expect("an authority"), self.host);
        let good = if self.wants == Wants::Password { BASIC } else { "Bearer good" };
        if seen.authorization() == Some(good) {
            return error(404, "MANIFEST_UNKNOWN", "let in");
        }
        let challenge = match self.wants {
            Wants::Password => "Basic realm=\"x\"".to_owned(),
            _ => format!("Bearer realm=\"{}\",service=\"x\"", self.realm),
        };
        let mut refusal = error(401, "UNAUTHORIZED", "kept out");
        refusal.headers_mut().insert("www-authenticate", challenge.parse().expect("a value"));
        refusal
    }
}

/// The text of docker's file and, if there is one, of podman's.
fn layouts(shape: &Shape) -> [(&'static str, String, Option<String>); 12] {
    let (name, key) = (shape.name, shape.key);
    let auth = STANDARD.encode("user:pass");
    let auths = |key: &str, entry: &str| format!(r#"{{"auths":{{"{key}":{entry}}}}}"#);
    let password = format!(r#"{{"auth":"{auth}"}}"#);
    let identity = format!(
        r#"{{"auth":"{}","identitytoken":"identity"}}"#,
        STANDARD.encode("00000000-0000-0000-0000-000000000000:")
    );
    [
        ("the key", auths(key, &password), None),
        ("https", auths(&format!("https://{name}"), &password), None),
        ("http and path", auths(&format!("http://{name}/v1/"), &password), None),
        ("path without scheme", auths(&format!("{name}/v2/"), &password), None),
        ("plain fields", auths(key, r#"{"username":"user","password":"pass"}"#), None),
        ("identity", auths(key, &identity), None),
        ("registry token", auths(key, r#"{"registrytoken":"good"}"#), None),
        ("helper for all", format!(r#"{{"auths":{{"{key}":{{}}}},"credsStore":"any"}}"#), None),
        ("own helper", format!(r#"{{"credHelpers":{{"{name}":"any"}}}}"#), None),
        ("helper's token", r#"{"credsStore":"token"}"#.to_owned(), None),
        ("podman", String::new(), Some(auths(name, &password))),
        (
            "repository",
            format!(
                r#"{{"auths":{{"{name}/{REPOSITORY}":{password},"{name}":{{"auth":"eDp5"}}}}}}"#
            ),
            None,
        ),
    ]
}

fn config(directory: &Path, docker: &str, podman: Option<&str>) -> DockerConfig {
    let paths = ["config.json", "auth.json"].map(|name| directory.join(name));
    fs::write(&paths[0], docker).expect("written");
    drop(fs::remove_file(&paths[1]));
    if let Some(text) = podman {
        fs::write(&paths[1], text).expect("written");
    }
    let helpers = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/remote/helpers");
    let [first, second] = paths;
    DockerConfig::new(first, [second])
        .with_helper_directory(helpers)
        .with_repository(REPOSITORY.parse().expect("a name"))
}

#[tokio::test]
async fn twelve_layouts_do_at_six_registries_what_they_can() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut let_in = 0;
    for shape in &REGISTRIES {
        for (layout, docker, podman) in layouts(shape) {
            let config = config(directory.path(), &docker, podman.as_deref());
            let shape = Shape { ..*shape };
            let (name, wants) = (shape.name, shape.wants);
            let scripted = Scripted::new(move |seen| shape.answer(seen));
            let transport = Redirecting::new(Retrying::new(scripted.transport()));
            let transport = Authenticated::new(transport, Arc::new(config));
            let registry = Registry::new(
                name.parse().expect("a name"),
                Arc::new(transport),
                RegistryOptions::default(),
            );
            let repository = registry.repository(REPOSITORY.parse().expect("a name"));
            let reference = TagOrDigest::parse("v1").expect("a tag");
            let error = repository.fetch_reference(&reference).await.expect_err("no such tag");
            let text = chain(&error);
            let is_identity = matches!(layout, "identity" | "helper's token");
            let expected = match (layout, wants) {
                (_, Wants::Password) if is_identity || layout == "registry token" => {
                    "missing username or password for basic auth"
                }
                (_, Wants::Token) if is_identity => "no POST here",
                _ => "not found",
            };
            assert!(text.contains(expected), "{name}, {layout}: {text}");
            if expected == "not found" {
                assert_eq!(error.kind(), ErrorKind::NotFound);
                let_in += 1;
            }
        }
    }
    assert_eq!(let_in, 6 * 12 - 3 - 3 * 2);
}

#[tokio::test]
async fn amazons_helper_is_asked_and_its_long_password_shown() {
    let directory = tempfile::tempdir().expect("a directory");
    for (text, kept_by) in [
        (r#"{"credsStore":"ecr-login"}"#.to_owned(), false),
        (format!(r#"{{"credHelpers":{{"{ECR}":"ecr-login"}},"credsStore":"missing"}}"#), true),
    ] {
        let config = config(directory.path(), &text, None);
        let name = ECR.parse().expect("a name");
        let credential = config.get(&name).await.expect("asked").expect("found");
        assert_eq!((credential.username.as_str(), credential.password.len()), ("AWS", 2500));
        let lookups = config.lookups(&name).await;
        let program = "docker-credential-ecr-login".to_owned();
        let expected =
            if kept_by { KeptBy::OwnHelper(program) } else { KeptBy::HelperForAll(program) };
        assert_eq!((lookups.len(), &lookups[0].kept_by), (1, &expected));
        assert!(!format!("{lookups:?}").contains("0007"), "no secret is told");
    }
}

#[tokio::test]
async fn files_are_looked_into_until_one_knows() {
    let directory = tempfile::tempdir().expect("a directory");
    let podman = r#"{"auths":{"https://q.io/v2/":{"auth":"dXNlcjpwYXNz"}}}"#;
    let config = config(directory.path(), r#"{"auths":{"q.io":{}}}"#, Some(podman));
    let lookups = config.lookups(&"q.io".parse().expect("a name")).await;
    let keys: Vec<Option<&str>> = lookups.iter().map(|lookup| lookup.key.as_deref()).collect();
    assert_eq!(keys, [Some("q.io"), Some("https://q.io/v2/")]);
    let lookups = config.lookups(&"other.io".parse().expect("a name")).await;
    assert!(lookups.iter().all(|lookup| lookup.key.is_none() && lookup.is_there));
    fs::write(directory.path().join("auth.json"), "{").expect("written");
    let lookups = config.lookups(&"other.io".parse().expect("a name")).await;
    assert!(lookups[1].found.is_err(), "what cannot be read is not taken for nothing");
    assert!(config.get(&"other.io".parse().expect("a name")).await.is_err());
}
