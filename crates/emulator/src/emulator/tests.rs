//! The very bytes of answers, as they were observed.

use base64::Engine as _;
use http::header::{CONTENT_TYPE, LINK, LOCATION, RANGE, RETRY_AFTER, WWW_AUTHENTICATE};
use http_body_util::Full;
use oras_spec::Digest;

use super::*;

struct Registry(Entrance);

impl Registry {
    fn of(profile: &str) -> Self {
        let emulator = Emulator::new(Profile::named(profile).expect("a profile"));
        Self(Entrance { emulator, origin: Origin::Registry, is_tls: true })
    }

    async fn ask(&self, line: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let (method, target) = line.split_once(' ').expect("a method and a target");
        let (host, path) = match target.split_once('/') {
            Some((host, path)) if !host.is_empty() => (host, format!("/{path}")),
            _ => (self.0.emulator.profile().hosts[0], target.to_owned()),
        };
        let mut request = Request::builder().method(method).uri(path).header(HOST, host);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::from(body.to_owned()))).expect("a request");
        self.0.answer(request, Ports::of(443)).await.expect("an answer")
    }

    async fn token(&self, query: &str, account: usize) -> (StatusCode, serde_json::Value) {
        let account = &self.0.emulator.profile().accounts[account];
        let pair = basic(account.username, &account.password());
        let crate::profile::Door::Bearer(tokens) = self.0.emulator.profile().door else {
            panic!("it has no tokens")
        };
        let profile = self.0.emulator.profile();
        let host = profile.token_host.unwrap_or(profile.hosts[0]);
        let line = format!("GET {host}{}?{query}", tokens.path);
        let answer = self.ask(&line, &[("authorization", &pair)], "").await;
        (answer.status(), serde_json::from_slice(answer.body()).unwrap_or_default())
    }

    async fn bearer(&self, scope: &str, account: usize) -> String {
        let (_, answer) = self.token(&format!("scope={scope}"), account).await;
        let token = answer["token"].as_str().or(answer["access_token"].as_str());
        format!("Bearer {}", token.expect("a token"))
    }
}

fn basic(name: &str, password: &str) -> String {
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}"));
    format!("Basic {pair}")
}

fn header(reply: &Reply, name: impl http::header::AsHeaderName) -> &str {
    reply.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn text(reply: &Reply) -> String {
    String::from_utf8_lossy(reply.body()).into_owned()
}

#[tokio::test]
async fn pings_are_answered_to_the_byte() {
    for (profile, status, body, challenge) in [
        (
            "docker-hub",
            401,
            "{\"errors\":[{\"code\":\"UNAUTHORIZED\",\"message\":\"authentication required\",\"detail\":null}]}\n",
            "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\"",
        ),
        (
            "ecr",
            401,
            "Not Authorized\n",
            "Basic realm=\"https://xxxxxxxxxxx.dkr.ecr.us-east-1.amazonaws.com/\",service=\"ecr.amazonaws.com\"",
        ),
        (
            "ecr-public",
            401,
            "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"Not Authorized\"}]}\n",
            "Bearer realm=\"https://public.ecr.aws/token/\",service=\"public.ecr.aws\",scope=\"aws\"",
        ),
        ("quay", 401, "true", "Bearer realm=\"https://quay.io/v2/auth\",service=\"quay.io\""),
        (
            "ghcr",
            401,
            "{\"errors\":[{\"code\":\"UNAUTHORIZED\",\"message\":\"authentication required\"}]}\n",
            "Bearer realm=\"https://ghcr.io/token\",service=\"ghcr.io\",scope=\"repository:user/image:pull\"",
        ),
        (
            "gar",
            401,
            "{\"errors\":[{\"code\":\"UNAUTHORIZED\",\"message\":\"not authenticated: No credential was supplied.\"}]}",
            "Bearer realm=\"https://us-docker.pkg.dev/v2/token\"",
        ),
        (
            "zot",
            401,
            "{\"code\":\"UNAUTHORIZED\",\"message\":\"authentication required\",\"detail\":{}}",
            "basic realm=zot",
        ),
    ] {
        let answer = Registry::of(profile).ask("GET /v2/", &[], "").await;
        assert_eq!((answer.status().as_u16(), text(&answer).as_str()), (status, body), "{profile}");
        assert_eq!(header(&answer, WWW_AUTHENTICATE), challenge, "{profile}");
    }
}

#[tokio::test]
async fn bodies_have_the_lengths_that_were_observed() {
    let hub = Registry::of("docker-hub");
    assert_eq!(hub.ask("GET /v2/", &[], "").await.body().len(), 87);
    let refused = hub.ask("GET /v2/library/alpine/manifests/latest", &[], "").await;
    assert_eq!(refused.body().len(), 157, "{}", text(&refused));
    assert!(
        header(&refused, WWW_AUTHENTICATE).ends_with("scope=\"repository:library/alpine:pull\"")
    );
    let public = Registry::of("ecr-public");
    assert_eq!(public.ask("GET /v2/", &[], "").await.body().len(), 58);
    let quay = Registry::of("quay");
    let refused = quay.ask("GET /v2/a/b/manifests/t", &[], "").await;
    assert_eq!(refused.body().len(), 112, "{}", text(&refused));
}

#[tokio::test]
async fn quay_gives_rights_as_its_table_says() {
    let quay = Registry::of("quay");
    let granted = async |scope: &str, account| {
        let (_, answer) = quay.token(&format!("service=quay.io&scope={scope}"), account).await;
        let token = answer["token"].as_str().expect("a token").to_owned();
        let value = http::HeaderValue::from_str(&format!("Bearer {token}")).expect("a value");
        let claims = value.to_str().expect("text").split('.').nth(1).expect("claims");
        let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims);
        let claims: serde_json::Value =
            serde_json::from_slice(&claims.expect("base64")).expect("JSON");
        let life =
            claims["exp"].as_i64().expect("a time") - claims["iat"].as_i64().expect("a time");
        assert_eq!(life, 3600);
        claims["access"][0]["actions"].to_string()
    };
    let (owner, creator, writer) = (0, 1, 2);
    assert_eq!(granted("repository:oras/new:pull", owner).await, "[\"pull\"]");
    assert_eq!(granted("repository:acme/new:pull", creator).await, "[]");
    assert_eq!(granted("repository:acme/new:pull,push", creator).await, "[\"push\",\"pull\"]");
    assert_eq!(granted("repository:acme/new:pull", creator).await, "[\"pull\"]");
    assert_eq!(granted("repository:oras/new:pull,push", writer).await, "[]");
    assert_eq!(granted("repository:oras/new:pull,push", owner).await, "[\"push\",\"pull\"]");
    assert_eq!(granted("repository:oras/new:pull,push", writer).await, "[\"push\",\"pull\"]");
    assert_eq!(granted("repository:nobody/new:pull,push", owner).await, "[]");
    for bad in [
        "repository:oras/r:pull,push,delete",
        "registry:catalog:*",
        "repository:oras/r:pull%20repository:oras/s:pull",
    ] {
        let (status, answer) = quay.token(&format!("scope={bad}"), owner).await;
        assert_eq!(status, 400, "{bad}");
        assert_eq!(answer["errors"][0]["code"], "INVALID_REQUEST");
    }
    let (status, answer) = quay.token("scope=repository:oras/UPPER:pull", owner).await;
    assert_eq!((status.as_u16(), &answer["errors"][0]["code"]), (400, &"NAME_INVALID".into()));
}

#[tokio::test]
async fn quay_pauses_after_a_wrong_password_and_knows_no_post() {
    let quay = Registry::of("quay");
    let wrong = basic("oras", "wrong");
    let answer = quay.ask("GET /v2/auth", &[("authorization", &wrong)], "").await;
    assert_eq!(
        text(&answer),
        "{\"errors\":[{\"code\":\"UNAUTHORIZED\",\"detail\":{},\"message\":\"Invalid Username or Password\"}]}\n"
    );
    let account = &quay.0.emulator.profile().accounts[0];
    let right = basic("oras", &account.password());
    let answer = quay.ask("GET /v2/auth", &[("authorization", &right)], "").await;
    assert_eq!((answer.status().as_u16(), header(&answer, RETRY_AFTER)), (429, "0"));
    assert_eq!(
        text(&answer),
        "Too many login attempts. \nPlease reset your Quay password and try again."
    );
    let answer = quay.ask("POST /v2/auth", &[], "grant_type=refresh_token").await;
    assert_eq!(answer.status().as_u16(), 405);
}

#[tokio::test]
async fn uploads_to_quay_go_as_they_were_seen_to() {
    let quay = Registry::of("quay");
    let token = quay.bearer("repository:oras/r:pull,push", 0).await;
    let with = |more: &[(&'static str, String)]| {
        let mut all = vec![("authorization", token.clone())];
        all.extend(more.iter().cloned());
        all
    };
    let ask = async |line: &str, more: &[(&'static str, String)], body: &str| {
        let headers = with(more);
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        quay.ask(line, &headers, body).await
    };
    let opened = ask("POST /v2/oras/r/blobs/uploads/", &[], "").await;
    assert_eq!((opened.status().as_u16(), header(&opened, RANGE)), (202, "bytes=0--1"));
    let location = header(&opened, LOCATION).to_owned();
    let path = location.strip_prefix("https://quay.io").expect("it is absolute").to_owned();
    let range = |range: &str| [("content-range", range.to_owned())];
    let sent = ask(&format!("PATCH {path}"), &range("0-4"), "01234").await;
    assert_eq!((sent.status().as_u16(), header(&sent, RANGE)), (202, "0-4"));
    let held = ask(&format!("GET {path}"), &[], "").await;
    assert_eq!((held.status().as_u16(), header(&held, RANGE)), (204, "bytes=0-5"));
    assert_eq!(header(&held, LOCATION), "");
    let gap = ask(&format!("PATCH {path}"), &range("9-9"), "9").await;
    assert_eq!((gap.status().as_u16(), header(&gap, RANGE), text(&gap).as_str()), (416, "0-5", ""));
    let overlap = ask(&format!("PATCH {path}"), &range("3-6"), "3456").await;
    assert_eq!((overlap.status().as_u16(), header(&overlap, RANGE)), (202, "0-6"));
    let total = ask(&format!("PATCH {path}"), &range("7-7/8"), "7").await;
    assert!(total.status() == 400 && text(&total).contains("Invalid range header"));
    let digest = Digest::of(b"01234567");
    let done = ask(&format!("PUT {path}?digest={digest}"), &[], "7").await;
    assert_eq!(done.status().as_u16(), 201, "{}", text(&done));
    assert_eq!(header(&done, LOCATION), format!("https://quay.io/v2/oras/r/blobs/{digest}"));
    let deleted = ask(&format!("DELETE /v2/oras/r/referrers/{digest}"), &[], "").await;
    assert!(deleted.status().is_client_error());
    let referrers = ask(&format!("GET /v2/oras/r/referrers/{digest}"), &[], "").await;
    assert_eq!(
        text(&referrers),
        "{\"errors\":[{\"code\":\"MANIFEST_INVALID\",\"detail\":\"\",\"message\":\"manifest invalid\"}]}\n"
    );
}

#[tokio::test]
async fn ecr_holds_chunks_to_its_rules() {
    let ecr = Registry::of("ecr");
    let account = &ecr.0.emulator.profile().accounts[0];
    let right = basic("AWS", &account.password());
    let ask = async |line: &str, range: Option<&str>, body: &str| {
        let mut headers = vec![("authorization", right.as_str())];
        headers.extend(range.map(|range| ("content-range", range)));
        ecr.ask(line, &headers, body).await
    };
    let missing = ask("GET /v2/none/manifests/v1", None, "").await;
    assert_eq!(
        text(&missing),
        "{\"errors\":[{\"code\":\"NAME_UNKNOWN\",\"message\":\"The repository with name 'none' does not exist in the registry with id '012345678910'\"}]}\n"
    );
    let opened = ask("POST /v2/ocitest/blobs/uploads/", None, "").await;
    let path = header(&opened, LOCATION).split_once(".com").expect("a URL").1.to_owned();
    let part = "0".repeat(5 << 20);
    let sent = ask(&format!("PATCH {path}"), Some("0-5242879"), &part).await;
    assert_eq!((sent.status().as_u16(), header(&sent, RANGE)), (201, "0-5242879"));
    let next = ask(&format!("PATCH {path}"), Some("5242880-10485759"), &part).await;
    assert_eq!((next.status().as_u16(), header(&next, RANGE)), (201, "0-5242879"));
    let digest = Digest::of(part.repeat(2).as_bytes());
    let empty = ask(&format!("PUT {path}?digest={digest}"), None, "").await;
    assert_eq!((empty.status().as_u16(), text(&empty).as_str()), (500, ""));
}

#[tokio::test]
async fn a_page_of_ecr_has_1000_tags_at_most() {
    let ecr = Registry::of("ecr");
    let right = basic("AWS", &ecr.0.emulator.profile().accounts[0].password());
    for (size, status) in [(1000, 404), (1001, 400)] {
        let line = format!("GET /v2/ocitest/tags/list?n={size}");
        let answer = ecr.ask(&line, &[("authorization", &right)], "").await;
        assert_eq!(answer.status(), status, "{size}: {}", text(&answer));
    }
}

#[tokio::test]
async fn pages_of_quay_are_chained_by_a_word_without_meaning() {
    let quay = Registry::of("quay");
    let config = Digest::of(b"{}");
    for name in ["a", "b", "c"] {
        let token = quay.bearer(&format!("repository:oras/{name}:pull,push"), 0).await;
        let headers = [("authorization", token.as_str())];
        let line = format!("POST /v2/oras/{name}/blobs/uploads/?digest={config}");
        assert_eq!(quay.ask(&line, &headers, "{}").await.status().as_u16(), 201);
        let manifest = format!(
            "{{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"config\":{{\"mediaType\":\"application/x\",\"digest\":\"{config}\",\"size\":2}},\"layers\":[]}}"
        );
        let media_type = ("content-type", "application/vnd.oci.image.manifest.v1+json");
        let headers = [headers[0], media_type];
        let line = format!("PUT /v2/oras/{name}/manifests/v1");
        let put = quay.ask(&line, &headers, &manifest).await;
        assert_eq!((put.status().as_u16(), text(&put).as_str()), (201, "OK"));
        assert!(header(&put, LOCATION).starts_with(&format!("/v2/oras/{name}/manifests/sha256:")));
        let any = quay.ask(&format!("GET /v2/oras/{name}/manifests/v1"), &headers[..1], "").await;
        assert_eq!(any.status().as_u16(), 404, "it is found only by who names its type");
    }
    let token = quay.bearer("repository:oras/a:pull", 0).await;
    let headers = [("authorization", token.as_str())];
    let first = quay.ask("GET /v2/_catalog?n=2", &headers, "").await;
    let link = header(&first, LINK);
    let next = link.strip_prefix('<').and_then(|rest| rest.split_once('>')).expect("a link").0;
    assert!(next.starts_with("/v2/_catalog?n=2&next_page=") && !next.contains("last="), "{next}");
    let second = quay.ask(&format!("GET {next}"), &headers, "").await;
    assert!(text(&second).contains("oras/c"), "{}", text(&second));
}

#[tokio::test]
async fn a_storage_takes_no_credentials_and_a_key_opens_it_once() {
    let acr = Registry::of("acr");
    let token = acr.bearer("repository:oras/r:pull,push", 0).await;
    let headers = [("authorization", token.as_str())];
    let digest = Digest::of(b"blob");
    let line = format!("POST /v2/oras/r/blobs/uploads/?digest={digest}");
    assert_eq!(acr.ask(&line, &headers, "blob").await.status().as_u16(), 201);
    let found = acr.ask(&format!("GET /v2/oras/r/blobs/{digest}"), &headers, "").await;
    assert_eq!(found.status().as_u16(), 307);
    let target = header(&found, LOCATION).strip_prefix("https://").expect("a URL").to_owned();
    let line = format!("GET {target}");
    let refused = acr.ask(&line, &headers, "").await;
    assert_eq!(
        (refused.status().as_u16(), header(&refused, CONTENT_TYPE)),
        (400, "application/xml")
    );
    assert!(text(&refused).contains("<Code>InvalidAuthenticationInfo</Code>"));
    assert_eq!(text(&acr.ask(&line, &[], "").await), "blob");
    assert_eq!(acr.ask(&line, &[], "").await.status().as_u16(), 403);
}
