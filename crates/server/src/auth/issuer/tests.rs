//! A web of documents, signers of every kind, and tokens that are good or made to be refused.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::Uri;
use oras_spec::distribution::Scope;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use serde_json::{Value, json};

use super::*;

const URL: &str = "https://ci.example";
const AUDIENCE: &str = "registry.example";
/// When everything happens, in seconds since 1970.
const NOW: u64 = 1_800_000_000;

/// Somebody who signs tokens.
enum Signer {
    Rsa(RsaKeyPair),
    Ecdsa(EcdsaKeyPair),
    Edwards(Ed25519KeyPair),
}

impl Signer {
    fn rsa() -> Self {
        let pem = include_str!("tests/rsa.pem");
        let text: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let der = STANDARD.decode(text).expect("base64");
        Self::Rsa(RsaKeyPair::from_pkcs8(&der).expect("a key"))
    }

    fn ecdsa() -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let der = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
        Self::Ecdsa(EcdsaKeyPair::from_pkcs8(algorithm, der.as_ref(), &random).expect("a key"))
    }

    fn edwards() -> Self {
        let der = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
        Self::Edwards(Ed25519KeyPair::from_pkcs8(der.as_ref()).expect("a key"))
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::Ecdsa(_) => "ES256",
            Self::Edwards(_) => "EdDSA",
        }
    }

    fn public(&self) -> Vec<u8> {
        match self {
            Self::Rsa(pair) => pair.public_key().as_ref().to_vec(),
            Self::Ecdsa(pair) => pair.public_key().as_ref().to_vec(),
            Self::Edwards(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    fn jwk(&self, id: &str) -> Value {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Self::Rsa(pair) => {
                let public = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                json!({ "kty": "RSA", "kid": id, "use": "sig", "alg": "RS256",
                        "n": encode(&public.n), "e": encode(&public.e) })
            }
            Self::Ecdsa(_) => {
                let point = self.public();
                json!({ "kty": "EC", "kid": id, "crv": "P-256",
                        "x": encode(&point[1..33]), "y": encode(&point[33..]) })
            }
            Self::Edwards(_) => {
                json!({ "kty": "OKP", "kid": id, "crv": "Ed25519", "x": encode(&self.public()) })
            }
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).expect("signed");
                signature
            }
            Self::Ecdsa(pair) => pair.sign(&random, message).expect("signed").as_ref().to_vec(),
            Self::Edwards(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    /// Signs what is not JSON, too.
    fn token_of(&self, header: &str, payload: &str) -> String {
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let message = format!("{}.{}", encode(header), encode(payload));
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(self.sign(message.as_bytes())))
    }

    fn token(&self, id: &str, claims: &Value) -> String {
        let header = json!({ "alg": self.algorithm(), "kid": id, "typ": "JWT" });
        self.token_of(&header.to_string(), &claims.to_string())
    }
}

/// Claims that are good, and what is to be changed in them; null takes one away.
fn claims(changes: &Value) -> Value {
    let mut claims = json!({
        "iss": URL, "aud": AUDIENCE, "sub": "repo:acme/app:ref:refs/heads/main",
        "exp": NOW + 300, "nbf": NOW - 5, "iat": NOW - 5,
        "repository": "acme/app", "ref": "refs/heads/main", "ref_protected": "true",
    });
    let all = claims.as_object_mut().expect("an object");
    for (name, value) in changes.as_object().expect("an object") {
        match value {
            Value::Null => all.remove(name),
            value => all.insert(name.clone(), value.clone()),
        };
    }
    claims
}

/// An issuer without a network: its documents by their addresses, and how often it was asked.
#[derive(Debug, Default)]
struct Web {
    documents: Mutex<HashMap<String, Result<Bytes, FetchError>>>,
    asked: Mutex<Vec<String>>,
}

impl Web {
    fn put(&self, uri: &str, document: impl Into<Bytes>) {
        self.documents.lock().expect("whole").insert(uri.to_owned(), Ok(document.into()));
    }

    /// Makes the keys of the issuer be these.
    fn keys(&self, keys: &[Value]) {
        let discovery = json!({ "issuer": URL, "jwks_uri": "https://keys.example/jwks" });
        self.put(&format!("{URL}/.well-known/openid-configuration"), discovery.to_string());
        self.put("https://keys.example/jwks", json!({ "keys": keys }).to_string());
    }

    fn break_down(&self) {
        self.documents.lock().expect("whole").clear();
    }

    fn asked(&self) -> usize {
        self.asked.lock().expect("whole").len()
    }
}

#[async_trait::async_trait]
impl DocumentFetcher for Web {
    async fn fetch(&self, uri: &Uri, _limit: usize) -> Result<Bytes, FetchError> {
        self.asked.lock().expect("whole").push(uri.to_string());
        let documents = self.documents.lock().expect("whole");
        let found = documents.get(&uri.to_string()).cloned();
        found.unwrap_or_else(|| Err(FetchError("nobody is there".to_owned())))
    }
}

fn issuer() -> Issuer {
    Issuer::new("ci", URL, AUDIENCE).expect("an issuer")
}

struct Scene {
    web: Arc<Web>,
    issuers: Issuers,
    start: Instant,
}

impl Scene {
    fn new(issuer: Issuer) -> Self {
        let web = Arc::new(Web::default());
        let issuers = Issuers::new(Some(Arc::clone(&web) as _));
        issuers.replace(vec![issuer]);
        Self { web, issuers, start: Instant::now() }
    }

    async fn at(&self, token: &str, seconds: u64) -> Result<Identity, Untrusted> {
        let now = UNIX_EPOCH + Duration::from_secs(NOW + seconds);
        let instant = self.start + Duration::from_secs(seconds);
        self.issuers.identify_at(token, now, instant).await
    }

    async fn identify(&self, token: &str) -> Result<Identity, Untrusted> {
        self.at(token, 0).await
    }

    async fn refuses(&self, token: &str, why: &str) {
        let outcome = self.identify(token).await;
        let Err(Untrusted::Refused(said)) = &outcome else { panic!("{outcome:?}, not {why}") };
        assert!(said.contains(why), "{said}, not {why}");
    }
}

#[tokio::test]
async fn knows_whom_a_token_speaks_of_however_it_is_signed() {
    for signer in [Signer::rsa(), Signer::ecdsa(), Signer::edwards()] {
        let scene = Scene::new(issuer());
        scene.web.keys(&[json!({ "kty": "unheard of" }), signer.jwk("one")]);
        let known = scene.identify(&signer.token("one", &claims(&json!({})))).await;
        let known = known.expect("good");
        assert_eq!(known.name.as_deref(), Some("ci:repo:acme/app:ref:refs/heads/main"));
        assert_eq!((known.scopes, known.groups), (None, Vec::new()));
        // One of several audiences, and a key that goes without saying.
        let header = json!({ "alg": signer.algorithm() }).to_string();
        let several = claims(&json!({ "aud": ["others", AUDIENCE] })).to_string();
        scene.identify(&signer.token_of(&header, &several)).await.expect("good");
        assert_eq!(scene.web.asked(), 2, "discovery and keys, once each");
    }
}

#[tokio::test]
async fn refuses_claims_that_are_not_for_us_or_not_for_now() {
    let (scene, signer) = (Scene::new(issuer()), Signer::ecdsa());
    scene.web.keys(&[signer.jwk("one")]);
    let long = "x".repeat(LONGEST_SUBJECT + 1);
    for (changes, why) in [
        (json!({ "aud": "another" }), "audience"),
        (json!({ "aud": ["another", 7] }), "audience"),
        (json!({ "aud": { AUDIENCE: AUDIENCE } }), "audience"),
        (json!({ "aud": "" }), "audience"),
        (json!({ "aud": null }), "audience"),
        (json!({ "iss": "https://evil.example" }), "issuer"),
        (json!({ "iss": "https://ci.example/" }), "issuer"),
        (json!({ "iss": [URL] }), "issuer"),
        (json!({ "iss": null }), "issuer"),
        (json!({ "exp": NOW - 61 }), "expired"),
        (json!({ "exp": NOW - 61, "nbf": null, "iat": null }), "expired"),
        (json!({ "exp": null }), "when it expires"),
        (json!({ "exp": (NOW + 300).to_string() }), "no number"),
        (json!({ "exp": -1 }), "expired"),
        (json!({ "nbf": NOW + 62 }), "not valid yet"),
        (json!({ "nbf": "soon" }), "no number"),
        (json!({ "iat": NOW + 62 }), "future"),
        (json!({ "sub": null }), "whom"),
        (json!({ "sub": 7 }), "whom"),
        (json!({ "sub": "" }), "subject"),
        (json!({ "sub": "a\nb" }), "subject"),
        (json!({ "sub": long }), "subject"),
        (json!({ "access": "all" }), "allows"),
        (json!({ "access": [{ "type": "repository", "name": "a", "actions": "pull" }] }), "allows"),
        (json!({ "access": [{ "type": "repository", "actions": ["pull"] }] }), "allows"),
    ] {
        scene.refuses(&signer.token("one", &claims(&changes)), why).await;
    }
    // A clock may be a little off.
    for changes in [json!({ "exp": NOW - 50 }), json!({ "nbf": NOW + 50, "iat": NOW + 50 })] {
        scene.identify(&signer.token("one", &claims(&changes))).await.expect("within the skew");
    }
}

#[tokio::test]
async fn refuses_what_the_issuer_did_not_sign() {
    let (signer, forger) = (Signer::rsa(), Signer::ecdsa());
    let scene = Scene::new(issuer());
    scene.web.keys(&[signer.jwk("one")]);
    let payload = claims(&json!({})).to_string();
    let good = signer.token("one", &claims(&json!({})));
    scene.identify(&good).await.expect("good");
    let (message, signature) = good.rsplit_once('.').expect("three parts");
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);

    // No signature at all, in every spelling.
    for algorithm in ["none", "None", "NONE", "", "HS256", "RS512", "ES384", "PS256", "RS1"] {
        let header = json!({ "alg": algorithm, "kid": "one" }).to_string();
        for signature in ["", signature] {
            let token = format!("{}.{}.{signature}", encode(&header), encode(&payload));
            scene.refuses(&token, "algorithm").await;
        }
    }
    // The public key, which everybody has, as a secret.
    let header = json!({ "alg": "HS256", "kid": "one" }).to_string();
    let text = format!("{}.{}", encode(&header), encode(&payload));
    let public = signer.jwk("one").to_string();
    for secret in [signer.public(), public.into_bytes()] {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &secret);
        let tag = URL_SAFE_NO_PAD.encode(ring::hmac::sign(&key, text.as_bytes()));
        scene.refuses(&format!("{text}.{tag}"), "algorithm").await;
    }
    // A key that the token brings along, or points to.
    for (name, value) in [
        ("jwk", forger.jwk("one")),
        ("jku", json!("https://evil.example/jwks")),
        ("x5u", json!("https://evil.example/cert")),
        ("x5c", json!([STANDARD.encode(forger.public())])),
    ] {
        let asked = scene.web.asked();
        let header = json!({ "alg": "ES256", "kid": "two", name: value }).to_string();
        scene.refuses(&forger.token_of(&header, &payload), "no such key").await;
        let header = json!({ "alg": "RS256", "kid": "one", name: value }).to_string();
        scene.refuses(&forger.token_of(&header, &payload), "signature").await;
        assert_eq!(scene.web.asked(), asked, "nobody is asked who the token says");
    }
    // The algorithm of another kind of key.
    let header = json!({ "alg": "ES256", "kid": "one" }).to_string();
    scene.refuses(&signer.token_of(&header, &payload), "no such key").await;
    // What is signed, and what signs it, changed.
    let other = encode(&claims(&json!({ "sub": "root" })).to_string());
    let header = message.split('.').next().expect("a header");
    scene.refuses(&format!("{header}.{other}.{signature}"), "signature").await;
    scene.refuses(&format!("{message}.{}", encode("nothing")), "signature").await;
    scene.refuses(&format!("{message}."), "signature").await;
    let header = json!({ "alg": "RS256", "kid": "one", "crit": ["b64"], "b64": false });
    scene.refuses(&signer.token_of(&header.to_string(), &payload), "demands").await;
}

#[tokio::test]
async fn refuses_what_is_malformed_or_reads_two_ways() {
    let (scene, signer) = (Scene::new(issuer()), Signer::edwards());
    scene.web.keys(&[signer.jwk("one")]);
    let header = json!({ "alg": "EdDSA", "kid": "one" }).to_string();
    let payload = claims(&json!({})).to_string();
    let twice = |text: &str, name: &str, value: &str| {
        text.replacen('{', &format!("{{\"{name}\":\"{value}\","), 1)
    };
    for payload in [
        twice(&payload, "aud", "another"),
        twice(&payload, "sub", "root"),
        twice(&payload, "repository", "x"),
        "[]".to_owned(),
        "null".to_owned(),
        String::new(),
        payload[1..].to_owned(),
        "[".repeat(5000),
    ] {
        scene.refuses(&signer.token_of(&header, &payload), "not a signed token").await;
    }
    let header_twice = twice(&header, "alg", "none");
    scene.refuses(&signer.token_of(&header_twice, &payload), "not a signed token").await;
    let good = signer.token_of(&header, &payload);
    scene.identify(&good).await.expect("good");
    for bad in ["", ".", "..", "a.b", "a.b.c", "!.!.!", &good[1..], &format!("{good}=")] {
        scene.refuses(bad, "").await;
    }
    let large = claims(&json!({ "filling": "x".repeat(LONGEST) }));
    scene.refuses(&signer.token("one", &large), "too long").await;
    scene.refuses(&".".repeat(LONGEST), "").await;
}

#[tokio::test]
async fn a_new_key_is_asked_for_and_a_made_up_one_not_again_and_again() {
    let (scene, old, new) = (Scene::new(issuer()), Signer::ecdsa(), Signer::ecdsa());
    let claims = claims(&json!({ "exp": NOW + 1_000_000 }));
    scene.web.keys(&[old.jwk("old")]);
    scene.identify(&old.token("old", &claims)).await.expect("the old key");
    scene.web.keys(&[new.jwk("new")]);
    // Right after the first time nobody is asked again, however many made-up keys come.
    for index in 0..100 {
        let made_up = new.token(&format!("made up {index}"), &claims);
        let outcome = scene.at(&made_up, 1).await;
        assert!(matches!(outcome, Err(Untrusted::Refused(_))), "{outcome:?}");
    }
    assert_eq!(scene.web.asked(), 2);
    scene.at(&new.token("new", &claims), 11).await.expect("the new key");
    assert_eq!(scene.web.asked(), 4);
    // What the issuer no longer has is no longer taken.
    let gone = scene.at(&old.token("old", &claims), 30).await;
    assert!(matches!(gone, Err(Untrusted::Refused(_))), "{gone:?}");
    // And a key is asked for anew after an hour, though it is known.
    let asked = scene.web.asked();
    scene.web.keys(&[old.jwk("old")]);
    let gone = scene.at(&new.token("new", &claims), 2 * 3600).await;
    assert!(matches!(gone, Err(Untrusted::Refused(_))), "withdrawn: {gone:?}");
    assert_eq!(scene.web.asked(), asked + 2);
}

#[tokio::test]
async fn an_issuer_that_is_down_is_taken_at_its_last_word_for_a_day() {
    let (scene, signer) = (Scene::new(issuer()), Signer::ecdsa());
    let claims = claims(&json!({ "exp": NOW + 1_000_000 }));
    let token = signer.token("one", &claims);
    let down = scene.identify(&token).await;
    let Err(Untrusted::Unavailable(why)) = down else { panic!("{down:?}") };
    assert!(why.contains(URL) && why.contains("nobody is there"), "{why}");
    scene.web.keys(&[signer.jwk("one")]);
    assert!(matches!(scene.at(&token, 1).await, Err(Untrusted::Unavailable(_))), "not yet again");
    scene.at(&token, 10).await.expect("it is back");
    scene.web.break_down();
    scene.at(&token, 12 * 3600).await.expect("its last word");
    let unknown = scene.at(&signer.token("two", &claims), 12 * 3600 + 20).await;
    assert!(matches!(unknown, Err(Untrusted::Unavailable(_))), "{unknown:?}");
    let late = scene.at(&token, 25 * 3600).await;
    assert!(matches!(late, Err(Untrusted::Unavailable(_))), "{late:?}");
}

#[tokio::test]
async fn documents_that_are_huge_or_lead_astray_are_none() {
    let signer = Signer::ecdsa();
    let token = signer.token("one", &claims(&json!({})));
    let discovery = format!("{URL}/.well-known/openid-configuration");
    let huge = format!("{{\"keys\":[{}],\"x\":\"{}\"}}", signer.jwk("one"), "x".repeat(10 << 20));
    for (uri, document) in [
        ("https://keys.example/jwks", huge),
        ("https://keys.example/jwks", "{}".to_owned()),
        ("https://keys.example/jwks", "<html>".to_owned()),
        (&*discovery, "[".repeat(100_000)),
        (&*discovery, json!({ "issuer": URL }).to_string()),
        (&*discovery, json!({ "issuer": URL, "jwks_uri": "http://keys.example/jwks" }).to_string()),
        (&*discovery, json!({ "issuer": URL, "jwks_uri": "file:///etc/passwd" }).to_string()),
        (&*discovery, json!({ "issuer": URL, "jwks_uri": "http://localhost/jwks" }).to_string()),
        (
            &*discovery,
            json!({ "issuer": URL, "jwks_uri": "https://a@keys.example/jwks" }).to_string(),
        ),
        (
            &*discovery,
            json!({ "issuer": "https://other.example", "jwks_uri": "https://keys.example/jwks" })
                .to_string(),
        ),
    ] {
        let scene = Scene::new(issuer());
        scene.web.keys(&[signer.jwk("one")]);
        scene.web.put(uri, document.clone());
        for wrong in ["http://keys.example/jwks", "http://localhost/jwks"] {
            scene.web.put(wrong, json!({ "keys": [signer.jwk("one")] }).to_string());
        }
        let outcome = scene.identify(&token).await;
        let shown: String = document.chars().take(99).collect();
        assert!(matches!(outcome, Err(Untrusted::Unavailable(_))), "{shown}: {outcome:?}");
    }
    // More keys than anybody needs are not all looked at.
    let scene = Scene::new(issuer());
    let mut keys: Vec<_> = (0..200).map(|index| signer.jwk(&format!("key{index}"))).collect();
    keys.push(signer.jwk("one"));
    scene.web.keys(&keys);
    scene.refuses(&token, "no such key").await;
}

#[tokio::test]
async fn keys_that_are_for_something_else_are_not_taken() {
    let signer = Signer::rsa();
    let token = signer.token("one", &claims(&json!({})));
    for (name, value) in [
        ("use", "enc"),
        ("alg", "RS512"),
        ("kid", "two"),
        ("kty", "oct"),
        ("n", "AQAB"),
        ("n", "!"),
    ] {
        let scene = Scene::new(issuer());
        let mut jwk = signer.jwk("one");
        jwk[name] = json!(value);
        scene.web.keys(&[jwk]);
        scene.refuses(&token, "").await;
    }
    // Issuers differ in whether they write the zero in front of a number.
    let scene = Scene::new(issuer());
    let mut jwk = signer.jwk("one");
    let modulus = URL_SAFE_NO_PAD.decode(jwk["n"].as_str().expect("text")).expect("base64");
    jwk["n"] = json!(URL_SAFE_NO_PAD.encode([&[0], &modulus[..]].concat()));
    scene.web.keys(&[jwk]);
    scene.identify(&token).await.expect("the same key");
}

#[tokio::test]
async fn claims_put_their_owner_into_groups_and_may_narrow_what_a_token_is_for() {
    let patterns = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let (acme, main) = (patterns(&["acme/*"]), patterns(&["refs/heads/main", "refs/tags/**"]));
    let (yes, developers) = (patterns(&["true"]), patterns(&["dev*"]));
    let trusted = issuer()
        .with_keys_at("https://keys.example/jwks")
        .and_then(|one| one.with_member("ci", [("repository", &*acme), ("ref", &*main)]))
        .and_then(|one| one.with_member("protected", [("ref_protected", &*yes)]))
        .and_then(|one| one.with_member("developers", [("groups", &*developers)]));
    let (scene, signer) = (Scene::new(trusted.expect("an issuer")), Signer::ecdsa());
    scene.web.keys(&[signer.jwk("one")]);
    let groups = async |changes: Value| {
        let token = signer.token("one", &claims(&changes));
        scene.identify(&token).await.expect("good").groups
    };
    assert_eq!(groups(json!({})).await, ["ci", "protected"]);
    assert_eq!(
        groups(json!({ "ref": "refs/tags/v1/x", "ref_protected": true })).await,
        ["ci", "protected"]
    );
    assert_eq!(groups(json!({ "ref": "refs/heads/evil", "ref_protected": null })).await, [""; 0]);
    assert_eq!(groups(json!({ "repository": "acme/a/b", "ref_protected": false })).await, [""; 0]);
    assert_eq!(groups(json!({ "repository": "evil/acme/a", "ref_protected": {} })).await, [""; 0]);
    // What a token says of groups means nothing unless a rule says so.
    let told = json!({ "groups": ["admins", "devs"], "repository": "x", "ref_protected": null });
    assert_eq!(groups(told).await, ["developers"]);
    assert_eq!(scene.web.asked(), 1, "no discovery where the keys are known to be");

    let scopes = async |access: Value| {
        let token = signer.token("one", &claims(&json!({ "access": access })));
        scene.identify(&token).await.expect("good").scopes.expect("scopes")
    };
    let pull: Scope = "repository:a/b:pull".parse().expect("any text");
    let access = json!([{ "type": "repository", "name": "a/b", "actions": ["pull"] }]);
    assert_eq!(scopes(access).await, [pull]);
    assert_eq!(scopes(json!([])).await, []);
}

#[tokio::test]
async fn who_is_no_longer_trusted_is_out_and_keys_of_others_stay() {
    let (scene, signer) = (Scene::new(issuer()), Signer::ecdsa());
    scene.web.keys(&[signer.jwk("one")]);
    let token = signer.token("one", &claims(&json!({})));
    scene.identify(&token).await.expect("good");
    let strict = Issuer::new("ci", URL, "another").expect("an issuer");
    scene.issuers.replace(vec![strict]);
    scene.refuses(&token, "audience").await;
    scene.issuers.replace(vec![issuer()]);
    scene.identify(&token).await.expect("good again");
    assert_eq!(scene.web.asked(), 2, "the keys were known");
    scene.issuers.replace(Vec::new());
    scene.refuses(&token, "not trusted").await;
}

#[test]
fn an_issuer_has_a_name_a_safe_address_and_an_audience() {
    for (name, url, audience) in [
        ("", URL, AUDIENCE),
        ("a:b", URL, AUDIENCE),
        ("CI", URL, AUDIENCE),
        ("ci", "http://ci.example", AUDIENCE),
        ("ci", "ci.example", AUDIENCE),
        ("ci", "https://me@ci.example", AUDIENCE),
        ("ci", "https://ci.example?x", AUDIENCE),
        ("ci", "file:///etc/passwd", AUDIENCE),
        ("ci", "", AUDIENCE),
        ("ci", URL, ""),
    ] {
        assert!(Issuer::new(name, url, audience).is_err(), "{name} {url} {audience}");
    }
    assert!(Issuer::new("ci", "http://127.0.0.1:80/x", AUDIENCE).is_ok());
    assert!(issuer().with_keys_at("http://keys.example").is_err());
    assert!(issuer().with_realm("http://auth.example").is_err());
    assert!(issuer().with_member("everybody", []).is_err(), "no claim is everybody");
}
