//! Tokens that others signed, shown in every way that clients have.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST};
use http::{StatusCode, Uri};
use oras_server::Registry;
use oras_server::auth::{DocumentFetcher, FetchError, Logins, LoginsOptions, Users};
use oras_server::policy::{Policies, Policy};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

use crate::client::Client;
use crate::sample::push_image;

const POLICY: &str = r#"
[[issuer]]
name = "ci"
url = "https://ci.example"
audience = "registry.example"
keys = "https://ci.example/keys"

[[issuer.member]]
group = "builds"
claims = { repository = "acme/*", ref = ["refs/heads/main", "refs/tags/*"] }

[[grant]]
users = ["@builds"]
permissions = ["push", "overwrite"]
repositories = ["acme/**"]

[[grant]]
users = ["ci:robot"]
permissions = ["pull"]
repositories = ["robot/**"]

[[grant]]
users = ["anonymous"]
permissions = ["pull"]
repositories = ["public"]
"#;

/// The issuer: it signs tokens, and shows its key.
#[derive(Debug)]
struct Service(Ed25519KeyPair);

#[async_trait::async_trait]
impl DocumentFetcher for Service {
    async fn fetch(&self, _uri: &Uri, _limit: usize) -> Result<Bytes, FetchError> {
        let x = URL_SAFE_NO_PAD.encode(self.0.public_key());
        let key = json!({ "kty": "OKP", "crv": "Ed25519", "kid": "one", "x": x });
        Ok(json!({ "keys": [key] }).to_string().into())
    }
}

impl Service {
    fn token(&self, claims: &Value) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        let mut all = json!({ "iss": "https://ci.example", "aud": "registry.example",
                              "sub": "build 1", "exp": now + 600 });
        let (all, more) = (all.as_object_mut(), claims.as_object());
        let (all, more) = (all.expect("an object"), more.expect("an object"));
        all.extend(more.iter().map(|(name, value)| (name.clone(), value.clone())));
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = json!({ "alg": "EdDSA", "kid": "one" });
        let message = format!("{}.{}", part(&header), part(&json!(all)));
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(self.0.sign(message.as_bytes())))
    }
}

/// A registry that trusts the service, and has something in each repository.
struct Scene {
    service: Arc<Service>,
    logins: Arc<Logins>,
    policies: Policies,
    client: Client,
}

impl Scene {
    async fn new(policy: &str) -> Self {
        let der = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
        let pair = Ed25519KeyPair::from_pkcs8(der.as_ref()).expect("a key");
        let service = Arc::new(Service(pair));
        let mut options = LoginsOptions::default();
        options.fetcher = Some(Arc::clone(&service) as _);
        let hash = bcrypt::hash("lovelace", 4).expect("a hash");
        let users = Users::from_htpasswd(&format!("ada:{hash}")).expect("users");
        let logins = Arc::new(Logins::new(users, options).expect("random numbers"));
        let grant = "anonymous:all:**".parse().expect("a grant");
        let policies = Policies::new(Policy::of([grant]));
        let builder = Registry::builder().authenticator(Arc::clone(&logins) as _);
        let registry = builder.policies(policies.clone()).build().expect("a registry");
        let client = Client::new(registry).with_header(HOST, "localhost");
        for repository in ["acme/app", "robot/a", "public", "secret"] {
            push_image(&client, repository, "v1", b"a layer").await;
        }
        let scene = Self { service, logins, policies, client };
        scene.rule(policy);
        scene
    }

    fn rule(&self, policy: &str) {
        let policy = Policy::parse(policy).expect("a policy");
        self.logins.trust(policy.issuers().to_vec());
        self.policies.replace(policy);
    }

    fn bearer(&self, token: &str) -> Client {
        self.client.with_header(AUTHORIZATION, &format!("Bearer {token}"))
    }

    fn basic(&self, name: &str, password: &str) -> Client {
        let pair = STANDARD.encode(format!("{name}:{password}"));
        self.client.with_header(AUTHORIZATION, &format!("Basic {pair}"))
    }

    fn build(&self) -> String {
        let claims = json!({ "repository": "acme/app", "ref": "refs/heads/main" });
        self.service.token(&claims)
    }
}

async fn exchange(client: &Client, scope: &str) -> String {
    let answer = client.get(&format!("/token?scope={scope}")).await;
    answer.expect_status(StatusCode::OK);
    answer.json()["token"].as_str().expect("a token").to_owned()
}

#[tokio::test]
async fn a_token_of_an_issuer_lets_in_as_bearer_as_password_and_exchanged() {
    let scene = Scene::new(POLICY).await;
    let token = scene.build();
    let exchanged = exchange(&scene.basic("oidc", &token), "repository:acme/app:pull,push").await;
    for client in [
        scene.bearer(&token),
        scene.basic("oidc", &token),
        scene.basic("", &token),
        scene.bearer(&exchanged),
    ] {
        client.get("/v2/").await.expect_status(StatusCode::OK);
        client.get("/v2/acme/app/manifests/v1").await.expect_status(StatusCode::OK);
        client.start_upload("acme/app").await;
        client.get("/v2/secret/manifests/v1").await.expect_error(StatusCode::FORBIDDEN, "DENIED");
        let deleted = client.delete("/v2/acme/app/manifests/v1").await;
        deleted.expect_error(StatusCode::FORBIDDEN, "DENIED");
    }
    // What was exchanged is good for what it was asked for, and for no other token.
    let narrow = exchange(&scene.bearer(&token), "repository:acme/app:pull").await;
    let narrow = scene.bearer(&narrow);
    narrow.get("/v2/acme/app/manifests/v1").await.expect_status(StatusCode::OK);
    narrow.post("/v2/acme/app/blobs/uploads/").await.expect_status(StatusCode::UNAUTHORIZED);
    let more = narrow.get("/token?scope=repository:acme/app:push").await;
    more.expect_status(StatusCode::UNAUTHORIZED);
    // A user of the issuer is one by name, too; others of it are nobody here.
    let robot = scene.bearer(&scene.service.token(&json!({ "sub": "robot" })));
    robot.get("/v2/robot/a/manifests/v1").await.expect_status(StatusCode::OK);
    robot.get("/v2/acme/app/manifests/v1").await.expect_error(StatusCode::FORBIDDEN, "DENIED");
    let stranger = scene.bearer(&scene.service.token(&json!({ "sub": "ada" })));
    stranger.get("/v2/public/manifests/v1").await.expect_status(StatusCode::OK);
    stranger.get("/v2/robot/a/manifests/v1").await.expect_error(StatusCode::FORBIDDEN, "DENIED");
}

#[tokio::test]
async fn who_shows_a_bad_token_is_told_why_and_asked_again() {
    let scene = Scene::new(POLICY).await;
    let other = scene.service.token(&json!({ "aud": "another" }));
    for client in [scene.bearer(&other), scene.basic("oidc", &other)] {
        for target in ["/v2/", "/v2/public/manifests/v1", "/token"] {
            let answer = client.get(target).await;
            answer.expect_error(StatusCode::UNAUTHORIZED, "UNAUTHORIZED");
            assert!(answer.header("www-authenticate").starts_with("Bearer realm="), "{answer}");
            let body = answer.json();
            let message = body["errors"][0]["message"].as_str().expect("text");
            assert!(message.contains("another audience"), "{message}");
        }
    }
    // Users with passwords are what they were, however alike the passwords look.
    let ada = scene.basic("ada", "lovelace").get("/v2/public/manifests/v1").await;
    ada.expect_status(StatusCode::OK);
    for wrong in ["a.b.c", &"x.y.z".repeat(20)] {
        let answer = scene.basic("ada", wrong).get("/v2/").await;
        answer.expect_status(StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn who_is_no_longer_trusted_is_out_at_once_also_with_what_was_exchanged() {
    let scene = Scene::new(POLICY).await;
    let token = scene.build();
    let exchanged = exchange(&scene.bearer(&token), "repository:acme/app:pull").await;
    let (direct, exchanged) = (scene.bearer(&token), scene.bearer(&exchanged));
    scene.rule(&POLICY.replace("refs/heads/main", "refs/heads/other"));
    for client in [&direct, &exchanged] {
        let refused = client.get("/v2/acme/app/manifests/v1").await;
        refused.expect_error(StatusCode::FORBIDDEN, "DENIED");
    }
    scene.rule(POLICY.split_once("[[issuer.member]]").expect("a rule").0);
    for client in [&direct, &exchanged] {
        client.get("/v2/").await.expect_status(StatusCode::FORBIDDEN);
    }
    scene.rule("[[grant]]\nusers = [\"*\"]\npermissions = [\"all\"]\nrepositories = [\"**\"]\n");
    for client in [&direct, &exchanged] {
        let refused = client.get("/v2/acme/app/manifests/v1").await;
        refused.expect_status(StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_token_service_is_where_clients_are_sent_and_says_what_its_tokens_are_for() {
    let realm = "audience = \"registry.example\"\nrealm = \"https://auth.example/token\"";
    let policy = POLICY.replace("audience = \"registry.example\"", realm);
    let scene = Scene::new(&policy).await;
    let asked = scene.client.get("/v2/acme/app/manifests/v1").await;
    asked.expect_status(StatusCode::UNAUTHORIZED);
    assert_eq!(
        asked.header("www-authenticate"),
        "Bearer realm=\"https://auth.example/token\",service=\"registry.example\",\
         scope=\"repository:acme/app:pull\""
    );
    let pulls = json!([{ "type": "repository", "name": "acme/app", "actions": ["pull"] }]);
    let token = scene.service.token(&json!({
        "repository": "acme/app", "ref": "refs/heads/main", "access": pulls,
    }));
    let client = scene.bearer(&token);
    client.get("/v2/acme/app/manifests/v1").await.expect_status(StatusCode::OK);
    let refused = client.post("/v2/acme/app/blobs/uploads/").await;
    refused.expect_status(StatusCode::UNAUTHORIZED);
    // It allows at most what the policy grants, and is exchanged for nothing wider.
    client.get("/v2/secret/tags/list").await.expect_error(StatusCode::FORBIDDEN, "DENIED");
    client
        .get("/token?scope=repository:acme/app:push")
        .await
        .expect_status(StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn no_token_of_ours_is_exchanged_for_another() {
    let scene = Scene::new("[[grant]]\nusers = [\"*\", \"anonymous\"]\npermissions = [\"pull\"]\nrepositories = [\"public\"]").await;
    let token = exchange(&scene.basic("ada", "lovelace"), "repository:public:pull").await;
    let anonymous = exchange(&scene.client, "repository:public:pull").await;
    for token in [token, anonymous] {
        let client = scene.bearer(&token);
        client.get("/v2/public/manifests/v1").await.expect_status(StatusCode::OK);
        let refused = client.get("/token?scope=repository:public:pull").await;
        refused.expect_status(StatusCode::UNAUTHORIZED);
    }
}

#[test]
fn a_policy_has_each_issuer_once_and_knows_its_groups() {
    let issuer = |name: &str, url: &str| {
        format!("[[issuer]]\nname = \"{name}\"\nurl = \"{url}\"\naudience = \"a\"\n")
    };
    let both = issuer("a", "https://a") + &issuer("b", "https://b");
    assert_eq!(Policy::parse(&both).expect("two issuers").issuers().len(), 2);
    let realm = "realm = \"https://r\"\n";
    for bad in [
        issuer("a", "https://a") + &issuer("a", "https://b"),
        issuer("a", "https://a") + &issuer("b", "https://a"),
        issuer("a", "https://a") + realm + &issuer("b", "https://b") + realm,
        issuer("a", "http://a"),
        issuer("a:b", "https://a"),
        issuer("a", "https://a") + "[[issuer.member]]\ngroup = \"g\"\nclaims = {}\n",
        issuer("a", "https://a") + "[[issuer.member]]\ngroup = \"g\"\nclaims = { a = \"\" }\n",
        issuer("a", "https://a") + "[[issuer.member]]\ngroup = \"g\"\nclaims = { a = \"x**\" }\n",
        issuer("a", "https://a") + "secret = \"x\"\n",
        POLICY.replace("@builds", "@build"),
    ] {
        assert!(Policy::parse(&bad).is_err(), "{bad}");
    }
    // Of the users that are named, those of issuers are not looked for among ours.
    let policy = Policy::parse(POLICY).expect("a policy");
    assert_eq!(policy.users().collect::<Vec<_>>(), [""; 0]);
    let stranger = Policy::parse(&POLICY.replace("ci:robot", "cj:robot")).expect("a policy");
    assert_eq!(stranger.users().collect::<Vec<_>>(), ["cj:robot"]);
}
