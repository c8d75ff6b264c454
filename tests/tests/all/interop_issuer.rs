//! Tokens of a CI service at the door of our registry, shown by everybody's clients.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oras_tests::{Answer, Evil, OrasPython, OrasServer, Part, Sandbox, Skopeo};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

/// How the issuer answers who asks for its keys.
#[derive(Clone, Copy, Debug)]
enum Manner {
    Good,
    Redirects,
    Huge,
    Broken,
}

/// An issuer on this machine, and a registry that trusts it.
struct Scene {
    sandbox: Sandbox,
    issuer: Evil,
    pair: Ed25519KeyPair,
    manner: Arc<Mutex<Manner>>,
    server: OrasServer,
}

fn pair() -> Ed25519KeyPair {
    let der = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
    Ed25519KeyPair::from_pkcs8(der.as_ref()).expect("a key")
}

fn policy(issuer: &str) -> String {
    format!(
        r#"
[[issuer]]
name = "ci"
url = "http://{issuer}"
audience = "registry.example"

[[issuer.member]]
group = "builds"
claims = {{ repository = "acme/*", ref = "refs/heads/main" }}

[[grant]]
users = ["@builds"]
permissions = ["overwrite"]
repositories = ["acme/**"]
"#
    )
}

impl Scene {
    fn start(flags: &[&str]) -> Self {
        let (sandbox, pair) = (Sandbox::new(), pair());
        let x = URL_SAFE_NO_PAD.encode(pair.public_key());
        let keys = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "one", "x": x }] });
        let manner = Arc::new(Mutex::new(Manner::Good));
        let shared = Arc::clone(&manner);
        let issuer = Evil::start(move |request| {
            let host = request.header("host").expect("a host");
            let manner = *shared.lock().expect("whole");
            match (request.target.as_str(), manner) {
                ("/.well-known/openid-configuration", _) => {
                    let base = format!("http://{host}");
                    let told = json!({ "issuer": base, "jwks_uri": format!("{base}/jwks") });
                    Answer::body("application/json", told.to_string())
                }
                ("/jwks", Manner::Good) | ("/elsewhere", _) => {
                    Answer::body("application/json", keys.to_string())
                }
                ("/jwks", Manner::Redirects) => {
                    Answer::status(302).header("Location", &format!("http://{host}/elsewhere"))
                }
                ("/jwks", Manner::Huge) => {
                    let mut keys = keys.clone();
                    keys["filling"] = json!("x".repeat(10 << 20));
                    Answer::body("application/json", keys.to_string())
                }
                _ => Answer::status(500),
            }
        });
        let policy = sandbox.write("policy.toml", policy(&issuer.host()));
        let all = [&["--policy", policy.to_str().expect("UTF-8")], flags].concat();
        let root = sandbox.path("registry");
        let server = OrasServer::start_at(&sandbox, &root, "127.0.0.1:0", &all);
        Self { sandbox, issuer, pair, manner, server }
    }

    fn token(&self, claims: &Value) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        let mut all = json!({
            "iss": format!("http://{}", self.issuer.host()), "aud": "registry.example",
            "sub": "repo:acme/app:ref:refs/heads/main", "exp": now + 900, "iat": now,
            "repository": "acme/app", "ref": "refs/heads/main",
        });
        for (name, value) in claims.as_object().expect("an object") {
            all[name] = value.clone();
        }
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = json!({ "alg": "EdDSA", "kid": "one", "typ": "JWT" });
        let message = format!("{}.{}", part(&header), part(&all));
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(self.pair.sign(message.as_bytes())))
    }

    fn curl(&self, arguments: &[&str], path: &str) -> String {
        let mut curl = self.sandbox.command(Part::Curl.find().expect("looked for before"));
        curl.args(["-sS", "-w", " %{http_code}"]).args(arguments);
        curl.arg(format!("http://{}{path}", self.server.host()));
        self.sandbox.run(&mut curl).succeeds()
    }
}

#[test]
fn oras_logs_in_with_the_token_of_its_build_and_pushes() {
    let scene = Scene::start(&[]);
    let (sandbox, host) = (&scene.sandbox, scene.server.host());
    sandbox.write("hi.txt", "hi");
    let token = scene.token(&json!({}));
    let wrong = scene.token(&json!({ "aud": "another" }));
    let refused = sandbox.oras(&format!("login -u oidc -p {wrong} {host}"));
    let complaint = refused.fails();
    assert!(complaint.contains("another audience"), "{complaint}");
    sandbox.oras(&format!("login -u oidc -p {token} {host}")).succeeds();
    sandbox.oras(&format!("push {host}/acme/app:1 hi.txt")).succeeds();
    sandbox.oras(&format!("pull {host}/acme/app:1 -o out")).succeeds();
    assert_eq!(sandbox.text("out/hi.txt"), "hi");
    assert!(!sandbox.oras(&format!("push {host}/other:1 hi.txt")).status.success());
    let branch = scene.token(&json!({ "ref": "refs/heads/evil" }));
    let other = sandbox.oras(&format!("push -u oidc -p {branch} {host}/acme/app:2 hi.txt"));
    assert!(!other.status.success(), "{other:?}");
    let log = scene.server.stop();
    let name = "user=ci:repo:acme/app:ref:refs/heads/main";
    assert!(log.iter().any(|line| line.contains(name)), "{log:#?}");
    for secret in [&token, &wrong, &branch] {
        let end = secret.rsplit('.').next().expect("a signature");
        assert!(!log.iter().any(|line| line.contains(end)), "{log:#?}");
    }
    let asked = scene.issuer.requests();
    assert!(asked.iter().all(|request| request.header("authorization").is_none()), "{asked:?}");
    assert_eq!(asked.len(), 2, "discovery and keys, once: {asked:?}");
}

#[test]
fn other_makers_clients_show_the_token_of_a_build_for_a_password() {
    let scene = Scene::start(&[]);
    let (sandbox, host) = (&scene.sandbox, scene.server.host());
    sandbox.write("hi.txt", "hi");
    let token = scene.token(&json!({}));
    sandbox.oras(&format!("push -u oidc -p {token} {host}/acme/app:1 hi.txt")).succeeds();
    let auth = sandbox.path("auth.json").display().to_string();
    if let Some(skopeo) = Skopeo::find(sandbox) {
        let login = format!("login --authfile {auth} --tls-verify=false -u oidc -p");
        assert!(!skopeo.run(&format!("{login} {token}x {host}")).status.success());
        skopeo.run(&format!("{login} {token} {host}")).succeeds();
        let copy = format!(
            "copy --authfile {auth} --preserve-digests --src-tls-verify=false \
             --dest-tls-verify=false docker://{host}/acme/app:1 docker://{host}"
        );
        skopeo.run(&format!("{copy}/acme/copied:1")).succeeds();
        assert!(!skopeo.run(&format!("{copy}/other:1")).status.success());
    }
    if let Some(podman) = Part::Podman.find() {
        let run = |password: &str| {
            let mut command = sandbox.command(&podman);
            command.arg("--root").arg(sandbox.path("storage"));
            command.arg("--runroot").arg(sandbox.path("run"));
            command.args(["--storage-driver", "vfs", "login", "--authfile", &auth]);
            command.args(["--tls-verify=false", "-u", "oidc", "-p", password, &host]);
            sandbox.run(&mut command)
        };
        assert!(!run(&format!("{token}x")).status.success());
        let right = run(&token);
        assert!(right.status.success(), "{right:?}");
    }
    if let Some(python) = OrasPython::find(sandbox) {
        let push = "
client = oras.client.OrasClient(insecure=True, auth_backend='basic')
client.auth.set_basic_auth('oidc', sys.argv[1])
client.push(target=sys.argv[2], files=['hi.txt'])";
        python.run(push, &[&token, &format!("{host}/acme/python:1")]).succeeds();
        let pull = "
client.auth.set_basic_auth('oidc', sys.argv[1])
client.pull(target=sys.argv[2], outdir='theirs')";
        python.run(pull, &[&token, &format!("{host}/acme/python:1")]).succeeds();
        assert_eq!(sandbox.text("theirs/hi.txt"), "hi");
    }
}

#[test]
fn curl_shows_the_token_of_a_build_itself_and_exchanges_it() {
    let scene = Scene::start(&[]);
    if Part::Curl.find().is_none() {
        return;
    }
    let status = |arguments: &[&str], path: &str| {
        let said = scene.curl(arguments, path);
        said.rsplit(' ').next().expect("a status").to_owned()
    };
    let bearer = format!("Authorization: Bearer {}", scene.token(&json!({})));
    assert_eq!(status(&["-H", &bearer], "/v2/"), "200");
    assert_eq!(status(&["-H", &bearer, "-X", "POST"], "/v2/acme/app/blobs/uploads/"), "202");
    assert_eq!(status(&["-H", &bearer, "-X", "POST"], "/v2/other/blobs/uploads/"), "403");
    let told = scene.curl(&["-H", &bearer], "/token?scope=repository:acme/app:pull,push");
    let told: Value =
        serde_json::from_str(told.rsplit_once(' ').expect("a status").0).expect("JSON");
    let ours = format!("Authorization: Bearer {}", told["token"].as_str().expect("a token"));
    assert_eq!(status(&["-H", &ours, "-X", "POST"], "/v2/acme/app/blobs/uploads/"), "202");
    assert_eq!(status(&["-H", &ours, "-X", "POST"], "/v2/acme/b/blobs/uploads/"), "401");
    assert_eq!(status(&["-H", &ours], "/token"), "401");
}

#[test]
fn keys_behind_a_redirect_or_among_megabytes_are_not_taken() {
    if Part::Curl.find().is_none() {
        return;
    }
    for manner in [Manner::Redirects, Manner::Huge, Manner::Broken] {
        let scene = Scene::start(&[]);
        *scene.manner.lock().expect("whole") = manner;
        let bearer = format!("Authorization: Bearer {}", scene.token(&json!({})));
        let said = scene.curl(&["-i", "-H", &bearer], "/v2/");
        assert!(
            said.ends_with(" 503") && said.to_lowercase().contains("retry-after: 10"),
            "{said}"
        );
        let targets: Vec<_> = scene.issuer.requests().into_iter().map(|one| one.target).collect();
        assert_eq!(targets, ["/.well-known/openid-configuration", "/jwks"], "{manner:?}");
        let log = scene.server.stop();
        let why = log.iter().find(|line| line.contains("the keys of http://"));
        assert!(why.is_some_and(|line| line.contains("/jwks: ")), "{manner:?}: {log:#?}");
    }
}

#[test]
fn an_issuer_is_trusted_as_long_as_the_policy_says_so() {
    let scene = Scene::start(&[]);
    let (sandbox, host) = (&scene.sandbox, scene.server.host());
    sandbox.write("hi.txt", "hi");
    let token = scene.token(&json!({}));
    let push = || sandbox.oras(&format!("push -u oidc -p {token} {host}/acme/app:1 hi.txt")).status;
    assert!(push().success());
    let text = policy(&scene.issuer.host()).replace("registry.example", "another.example");
    sandbox.write("policy.toml", text);
    // It looks every two seconds; half a minute is a long time even on a busy machine.
    let is_out = (0..60).any(|_| {
        std::thread::sleep(Duration::from_millis(500));
        !push().success()
    });
    assert!(is_out, "{:#?}", scene.server.stop());
}
