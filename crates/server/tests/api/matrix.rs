//! The authorization matrix: every method of every route, for every role, with what is to come.
//!
//! A route that is answered with something else than 404 or 405 and has no row fails the test, and
//! so does a row whose request is no longer answered.

use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{Method, StatusCode};
use oras_server::Registry;
use oras_server::auth::{Logins, LoginsOptions, Users};
use oras_server::policy::Policy;
use oras_spec::Digest;
use oras_spec::image::Descriptor;

use crate::client::Client;
use crate::sample::{bytes, image, manifest, push_image};

const POLICY: &str = r#"
[[grant]]
users = ["anonymous"]
permissions = ["pull"]
repositories = ["public"]

[[grant]]
users = ["reader"]
permissions = ["pull"]
repositories = ["own"]

[[grant]]
users = ["creator"]
permissions = ["push"]
repositories = ["own"]

[[grant]]
users = ["writer"]
permissions = ["overwrite"]
repositories = ["own"]

[[grant]]
users = ["deleter"]
permissions = ["delete"]
repositories = ["own"]

[[grant]]
users = ["admin"]
permissions = ["admin"]
repositories = ["**"]
"#;

/// Who asks. The last has a repository of their own, and nothing here.
const ROLES: [&str; 7] =
    ["anonymous", "reader", "creator", "writer", "deleter", "admin", "stranger"];

/// One route and method, and the status for each role: first on a repository that the roles are
/// about, then on one that only the admin has anything to do with.
struct Row {
    method: &'static str,
    target: &'static str,
    own: [u16; 7],
    other: [u16; 7],
}

/// `{name}` is the repository, `{blob}`, `{manifest}` and `{missing}` are digests, `{upload}` is an
/// upload of whoever asks, where they can open one.
#[rustfmt::skip]
const ROWS: &[Row] = &[
    Row { method: "GET",    target: "/v2/",                                           own: [401, 200, 200, 200, 200, 200, 200], other: [401, 200, 200, 200, 200, 200, 200] },
    Row { method: "HEAD",   target: "/v2/",                                           own: [401, 200, 200, 200, 200, 200, 200], other: [401, 200, 200, 200, 200, 200, 200] },
    Row { method: "GET",    target: "/v2/_catalog",                                   own: [200, 200, 200, 200, 200, 200, 200], other: [200, 200, 200, 200, 200, 200, 200] },
    Row { method: "GET",    target: "/v2/{name}/tags/list",                           own: [401, 200, 200, 200, 200, 200, 403], other: [401, 403, 403, 403, 403, 200, 403] },
    Row { method: "GET",    target: "/v2/{name}/referrers/{manifest}",                own: [401, 200, 200, 200, 200, 200, 403], other: [401, 403, 403, 403, 403, 200, 403] },
    Row { method: "GET",    target: "/v2/{name}/manifests/v1",                        own: [401, 200, 200, 200, 200, 200, 403], other: [401, 403, 403, 403, 403, 200, 403] },
    Row { method: "HEAD",   target: "/v2/{name}/manifests/v1",                        own: [401, 200, 200, 200, 200, 200, 403], other: [401, 403, 403, 403, 403, 200, 403] },
    Row { method: "GET",    target: "/v2/{name}/manifests/{missing}",                 own: [401, 404, 404, 404, 404, 404, 403], other: [401, 403, 403, 403, 403, 404, 403] },
    Row { method: "GET",    target: "/v2/{name}/blobs/{blob}",                        own: [401, 200, 200, 200, 200, 200, 403], other: [401, 403, 403, 403, 403, 200, 403] },
    Row { method: "HEAD",   target: "/v2/{name}/blobs/{blob}",                        own: [401, 200, 200, 200, 200, 200, 403], other: [401, 403, 403, 403, 403, 200, 403] },
    Row { method: "GET",    target: "/v2/{name}/blobs/{missing}",                     own: [401, 404, 404, 404, 404, 404, 403], other: [401, 403, 403, 403, 403, 404, 403] },
    Row { method: "POST",   target: "/v2/{name}/blobs/uploads/",                      own: [401, 403, 202, 202, 403, 202, 403], other: [401, 403, 403, 403, 403, 202, 403] },
    Row { method: "POST",   target: "/v2/{name}/blobs/uploads/?digest={empty}",       own: [401, 403, 201, 201, 403, 201, 403], other: [401, 403, 403, 403, 403, 201, 403] },
    Row { method: "POST",   target: "/v2/{name}/blobs/uploads/?mount={blob}&from=own", own: [401, 403, 201, 201, 403, 201, 403], other: [401, 403, 403, 403, 403, 201, 403] },
    Row { method: "POST",   target: "/v2/{name}/blobs/uploads/?mount={secret}&from=secret", own: [401, 403, 202, 202, 403, 201, 403], other: [401, 403, 403, 403, 403, 201, 403] },
    Row { method: "POST",   target: "/v2/{name}/blobs/uploads/?mount={secret}",       own: [401, 403, 202, 202, 403, 201, 403], other: [401, 403, 403, 403, 403, 201, 403] },
    Row { method: "GET",    target: "{upload}",                                       own: [401, 403, 204, 204, 403, 204, 403], other: [401, 403, 403, 403, 403, 204, 403] },
    Row { method: "PATCH",  target: "{upload}",                                       own: [401, 403, 202, 202, 403, 202, 403], other: [401, 403, 403, 403, 403, 202, 403] },
    Row { method: "PUT",    target: "{upload}?digest={empty}",                        own: [401, 403, 201, 201, 403, 201, 403], other: [401, 403, 403, 403, 403, 201, 403] },
    Row { method: "DELETE", target: "{upload}",                                       own: [401, 403, 204, 204, 403, 204, 403], other: [401, 403, 403, 403, 403, 204, 403] },
    Row { method: "PUT",    target: "/v2/{name}/manifests/new",                       own: [401, 403, 201, 201, 403, 201, 403], other: [401, 403, 403, 403, 403, 201, 403] },
    Row { method: "PUT",    target: "/v2/{name}/manifests/v1",                        own: [401, 403, 403, 201, 403, 201, 403], other: [401, 403, 403, 403, 403, 201, 403] },
    Row { method: "PUT",    target: "/v2/{name}/manifests/latest",                    own: [401, 403, 403, 201, 403, 201, 403], other: [401, 403, 403, 403, 403, 201, 403] },
    Row { method: "PUT",    target: "/v2/{name}/manifests/{second}",                  own: [401, 403, 201, 201, 403, 201, 403], other: [401, 403, 403, 403, 403, 201, 403] },
    Row { method: "PUT",    target: "/v2/{name}/manifests/{second}?tag=new",          own: [401, 403, 201, 201, 403, 201, 403], other: [401, 403, 403, 403, 403, 201, 403] },
    Row { method: "PUT",    target: "/v2/{name}/manifests/{second}?tag=new&tag=v1",   own: [401, 403, 403, 201, 403, 201, 403], other: [401, 403, 403, 403, 403, 201, 403] },
    Row { method: "DELETE", target: "/v2/{name}/manifests/v1",                        own: [401, 403, 403, 403, 202, 202, 403], other: [401, 403, 403, 403, 403, 202, 403] },
    Row { method: "DELETE", target: "/v2/{name}/manifests/{manifest}",                own: [401, 403, 403, 403, 202, 202, 403], other: [401, 403, 403, 403, 403, 202, 403] },
    Row { method: "DELETE", target: "/v2/{name}/blobs/{blob}",                        own: [401, 403, 403, 403, 202, 202, 403], other: [401, 403, 403, 403, 403, 202, 403] },
    Row { method: "GET",    target: "/token?scope=repository:{name}:pull",            own: [200, 200, 200, 200, 200, 200, 200], other: [200, 200, 200, 200, 200, 200, 200] },
    Row { method: "HEAD",   target: "/token",                                         own: [200, 200, 200, 200, 200, 200, 200], other: [200, 200, 200, 200, 200, 200, 200] },
    Row { method: "GET",    target: "/metrics",                                       own: [401, 403, 403, 403, 403, 200, 403], other: [401, 403, 403, 403, 403, 200, 403] },
    Row { method: "HEAD",   target: "/metrics",                                       own: [401, 403, 403, 403, 403, 200, 403], other: [401, 403, 403, 403, 403, 200, 403] },
    Row { method: "GET",    target: "/livez",                                         own: [200, 200, 200, 200, 200, 200, 200], other: [200, 200, 200, 200, 200, 200, 200] },
    Row { method: "HEAD",   target: "/livez",                                         own: [200, 200, 200, 200, 200, 200, 200], other: [200, 200, 200, 200, 200, 200, 200] },
    Row { method: "GET",    target: "/readyz",                                        own: [200, 200, 200, 200, 200, 200, 200], other: [200, 200, 200, 200, 200, 200, 200] },
    Row { method: "HEAD",   target: "/readyz",                                        own: [200, 200, 200, 200, 200, 200, 200], other: [200, 200, 200, 200, 200, 200, 200] },
];

/// A registry with something in it, fresh for every cell.
struct Cell {
    client: Client,
    admin: Client,
    name: &'static str,
}

const LAYER: &[u8] = b"a layer";
const SECOND: &[u8] = b"another layer";
const SECRET: &[u8] = b"nobody else has this";

fn users() -> String {
    // `secret`, at the lowest cost.
    let hash = bcrypt::hash("secret", 4).expect("a hash");
    let named = ROLES.iter().filter(|role| **role != "anonymous");
    named.map(|role| format!("{role}:{hash}")).collect::<Vec<_>>().join("\n")
}

impl Cell {
    async fn new(users: &str, role: &'static str, name: &'static str) -> Self {
        let logins = Users::from_htpasswd(users).expect("users");
        let logins = Logins::new(logins, LoginsOptions::default()).expect("a key");
        let registry = Registry::builder()
            .memory()
            .authenticator(Arc::new(logins))
            .policy(Policy::parse(POLICY).expect("a policy"))
            .build();
        let anonymous =
            Client::new(registry.expect("a registry")).with_header(http::header::HOST, "localhost");
        let admin = Self::named(&anonymous, "admin");
        for repository in ["own", "foreign", "public"] {
            push_image(&admin, repository, "v1", LAYER).await;
            push_image(&admin, repository, "latest", LAYER).await;
            admin.push_blob(repository, SECOND).await;
        }
        admin.push_blob("secret", SECRET).await;
        let client = if role == "anonymous" { anonymous } else { Self::named(&anonymous, role) };
        Self { client, admin, name }
    }

    fn named(client: &Client, role: &str) -> Client {
        let pair = STANDARD.encode(format!("{role}:secret"));
        client.with_header(AUTHORIZATION, &format!("Basic {pair}"))
    }

    async fn status(&self, row: &Row) -> StatusCode {
        let opened = self.client.post(&format!("/v2/{}/blobs/uploads/", self.name)).await;
        let upload = match opened.status {
            StatusCode::ACCEPTED => opened.header("location").to_owned(),
            // Somebody else's, in the same repository.
            _ => self.admin.start_upload(self.name).await,
        };
        let second = bytes(&manifest(SECOND));
        let target = row
            .target
            .replace("{name}", self.name)
            .replace("{upload}", &upload)
            .replace("{blob}", Digest::of(LAYER).as_str())
            .replace("{secret}", Digest::of(SECRET).as_str())
            .replace("{empty}", Digest::of(b"").as_str())
            .replace("{missing}", Digest::of(b"missing").as_str())
            .replace("{second}", Digest::of(&second).as_str())
            .replace("{manifest}", Digest::of(&bytes(&manifest(LAYER))).as_str());
        let method: Method = row.method.parse().expect("a method");
        let request = self.client.request(method, &target);
        let is_manifest = row.method == "PUT" && row.target.contains("/manifests/");
        let request = if is_manifest { request.body(second) } else { request };
        let answer = request.send().await;
        let has_challenge = answer.headers.contains_key("www-authenticate");
        assert_eq!(has_challenge, answer.status == StatusCode::UNAUTHORIZED, "{answer}");
        answer.status
    }
}

#[tokio::test]
async fn every_role_gets_from_every_route_what_its_cell_says() {
    let users = users();
    let cells = ROWS.iter().flat_map(|row| {
        let both = [("own", &row.own), ("foreign", &row.other)];
        both.into_iter().flat_map(move |(name, all)| {
            ROLES.iter().zip(all).map(move |(role, expected)| (row, name, *role, *expected))
        })
    });
    let mut wrong = Vec::new();
    for (row, name, role, expected) in cells {
        let status = Cell::new(&users, role, name).await.status(row).await;
        if status.as_u16() != expected {
            let Row { method, target, .. } = row;
            wrong.push(format!("{method} {target} by {role} on {name}: {status}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Paths of every kind of route that there is, or might be.
const PATHS: &[&str] = &[
    "/",
    "/v2/",
    "/v2/_catalog",
    "/v2/own/tags/list",
    "/v2/own/referrers/{manifest}",
    "/v2/own/manifests/v1",
    "/v2/own/blobs/{blob}",
    "/v2/own/blobs/uploads/",
    "{upload}",
    "/token",
    "/metrics",
    "/livez",
    "/readyz",
    "/healthz",
    "/debug/pprof",
    "/admin",
    "/api",
    "/ui",
    "/v2/_oci/ext/discover",
    "/v2/own/_oci/ext/discover",
    "/favicon.ico",
    "/auth/token",
];

/// A path with its blanks filled in the same way as those of the rows.
fn shape(target: &str) -> String {
    let path = target.split('?').next().expect("a path");
    path.replace("{name}", "own")
        .replace("/manifests/new", "/manifests/v1")
        .replace("/manifests/latest", "/manifests/v1")
        .replace("{missing}", "{blob}")
        .replace("/manifests/{blob}", "/manifests/v1")
        .replace("/manifests/{second}", "/manifests/v1")
        .replace("/manifests/{manifest}", "/manifests/v1")
}

#[tokio::test]
async fn every_route_that_answers_has_a_row() {
    let users = users();
    let rows: BTreeSet<_> = ROWS.iter().map(|row| (row.method, shape(row.target))).collect();
    for path in PATHS {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "LIST"]
        {
            let cell = Cell::new(&users, "admin", "own").await;
            let row = Row { method, target: path, own: [0; 7], other: [0; 7] };
            let status = cell.status(&row).await;
            let answers =
                status != StatusCode::NOT_FOUND && status != StatusCode::METHOD_NOT_ALLOWED;
            let has_row = rows.contains(&(method, (*path).to_owned()));
            assert_eq!(answers, has_row, "{method} {path} answers {status}");
        }
    }
    let known: BTreeSet<_> = PATHS.iter().map(|path| (*path).to_owned()).collect();
    for (method, path) in &rows {
        assert!(known.contains(path), "{method} {path} is not among the paths that are tried");
    }
}

#[tokio::test]
async fn a_list_of_repositories_has_those_that_one_may_pull() {
    let users = users();
    for (role, expected) in [
        ("anonymous", &["public"][..]),
        ("reader", &["own", "public"]),
        ("stranger", &["public"]),
        ("admin", &["foreign", "own", "public", "secret"]),
    ] {
        let cell = Cell::new(&users, role, "own").await;
        let mut found = Vec::new();
        let mut next = Some("/v2/_catalog?n=1".to_owned());
        while let Some(target) = next {
            let answer = cell.client.get(&target).await;
            for name in answer.json()["repositories"].as_array().expect("a list") {
                found.push(name.as_str().expect("a name").to_owned());
            }
            next = answer.next();
        }
        assert_eq!(found, expected, "{role}");
    }
}

#[tokio::test]
async fn what_is_forbidden_and_what_is_not_there_are_answered_alike() {
    let users = users();
    for role in ["anonymous", "stranger", "reader"] {
        let cell = Cell::new(&users, role, "own").await;
        let digest = Digest::of(SECRET);
        let nowhere = Digest::of(b"nowhere");
        for target in [
            "/v2/{name}/tags/list",
            "/v2/{name}/manifests/v1",
            "/v2/{name}/blobs/{digest}",
            "/v2/{name}/referrers/{digest}",
        ] {
            let ask = async |name: &str, digest: &Digest| {
                let target = target.replace("{name}", name).replace("{digest}", digest.as_str());
                let mut answer = cell.client.get(&target).await;
                answer.headers.remove("x-request-id");
                let body = String::from_utf8(answer.body.to_vec()).expect("text");
                let told = format!("{:?}", answer.headers);
                (answer.status, told.replace(name, "?"), body.replace(name, "?"))
            };
            assert_eq!(ask("secret", &digest).await, ask("absent", &nowhere).await, "{role}");
        }
    }
    // A mount of what one may not see is one of what is not there.
    let cell = Cell::new(&users, "writer", "own").await;
    let mount = async |query: String| {
        let answer = cell.client.post(&format!("/v2/own/blobs/uploads/?{query}")).await;
        let mut names: Vec<_> =
            answer.headers.keys().map(|name| name.as_str().to_owned()).collect();
        names.sort_unstable();
        (answer.status, names, answer.body.clone())
    };
    let absent = mount(format!("mount={}&from=absent", Digest::of(b"nowhere"))).await;
    for query in ["", "&from=secret", "&from=absent"] {
        let forbidden = mount(format!("mount={}{query}", Digest::of(SECRET))).await;
        assert_eq!(forbidden, absent, "{query}");
    }
}

#[tokio::test]
async fn a_token_lets_its_owner_do_what_it_was_asked_for_and_no_more() {
    let users = users();
    let cell = Cell::new(&users, "writer", "own").await;
    let token = async |client: &Client, scope: &str| {
        let answer = client.get(&format!("/token?service=oras-registry&{scope}")).await;
        answer.expect_status(StatusCode::OK);
        assert_eq!(answer.header("cache-control"), "no-store");
        let token = answer.json()["token"].as_str().expect("a token").to_owned();
        client.with_header(AUTHORIZATION, &format!("Bearer {token}"))
    };
    let pulls = token(&cell.client, "scope=repository:own:pull").await;
    pulls.get("/v2/own/manifests/v1").await.expect_status(StatusCode::OK);
    let refused = pulls.post("/v2/own/blobs/uploads/").await;
    refused.expect_error(StatusCode::UNAUTHORIZED, "UNAUTHORIZED");
    assert_eq!(
        refused.header("www-authenticate"),
        "Bearer realm=\"http://localhost/token\",service=\"oras-registry\",\
         scope=\"repository:own:pull,push\""
    );
    let pushes = token(&cell.client, "scope=repository:own:pull,push").await;
    pushes.post("/v2/own/blobs/uploads/").await.expect_status(StatusCode::ACCEPTED);
    // Asking for what one may not do gives no right to do it.
    let greedy = token(&cell.client, "scope=repository:own:*+repository:foreign:*").await;
    greedy.delete("/v2/own/manifests/v1").await.expect_error(StatusCode::FORBIDDEN, "DENIED");
    greedy.get("/v2/foreign/tags/list").await.expect_error(StatusCode::FORBIDDEN, "DENIED");
    // Nobody gets a token that is good for what everybody may do.
    let anonymous = Cell::new(&users, "anonymous", "own").await;
    let anybody = token(&anonymous.client, "scope=repository:public:pull").await;
    anybody.get("/v2/").await.expect_status(StatusCode::OK);
    anybody.get("/v2/public/manifests/v1").await.expect_status(StatusCode::OK);
    anybody.get("/v2/own/manifests/v1").await.expect_status(StatusCode::UNAUTHORIZED);
}

const FIXED: &str = r#"
[[grant]]
users = ["anonymous"]
permissions = ["all"]
repositories = ["**"]

[[immutable]]
repositories = ["fixed/*"]
tags = ["v*", "latest"]

[[quota]]
repositories = ["small/**"]
bytes = 20
"#;

fn open() -> Client {
    let policy = Policy::parse(FIXED).expect("a policy");
    Client::new(Registry::builder().memory().policy(policy).build().expect("a registry"))
}

#[tokio::test]
async fn an_immutable_tag_is_set_once_by_one_of_many_and_never_deleted() {
    let client = open();
    let layers: [&'static [u8]; 8] = [b"0", b"1", b"2", b"3", b"4", b"5", b"6", b"7"];
    let mut manifests = Vec::new();
    for layer in layers {
        manifests.push(image(&client, "fixed/a", layer).await);
    }
    for tag in ["v1", "latest"] {
        let target = format!("/v2/fixed/a/manifests/{tag}");
        let puts = manifests.iter().map(|bytes| client.put(&target, bytes.clone()));
        let answers = futures_util::future::join_all(puts).await;
        let won = answers.iter().filter(|answer| answer.status == StatusCode::CREATED).count();
        assert_eq!(won, 1, "{tag}");
        for lost in answers.iter().filter(|answer| answer.status != StatusCode::CREATED) {
            lost.expect_error(StatusCode::FORBIDDEN, "DENIED");
        }
        let stored = client.get(&target).await.body;
        client.put(&target, stored.clone()).await.expect_status(StatusCode::CREATED);
        client.delete(&target).await.expect_error(StatusCode::FORBIDDEN, "DENIED");
        let by_digest = format!("/v2/fixed/a/manifests/{}", Digest::of(&stored));
        client.delete(&by_digest).await.expect_error(StatusCode::FORBIDDEN, "DENIED");
    }
    for bytes in &manifests {
        let target = "/v2/fixed/a/manifests/moving";
        client.put(target, bytes.clone()).await.expect_status(StatusCode::CREATED);
    }
    client.delete("/v2/fixed/a/manifests/moving").await.expect_status(StatusCode::ACCEPTED);
}

#[tokio::test]
async fn a_blob_beyond_the_quota_is_denied_with_the_bytes_left() {
    let client = open();
    let push = async |name: &str, bytes: &'static str| {
        let target = format!("/v2/{name}/blobs/uploads/?digest={}", Digest::of(bytes.as_bytes()));
        let length = bytes.len().to_string();
        client
            .request(Method::POST, &target)
            .header("content-length", &length)
            .body(bytes)
            .send()
            .await
    };
    push("small/a", "0123456789").await.expect_status(StatusCode::CREATED);
    push("small/b", "abcdefg").await.expect_status(StatusCode::CREATED);
    let denied = push("small/a", "too much").await;
    denied.expect_error(StatusCode::FORBIDDEN, "DENIED");
    assert!(
        denied.json()["errors"][0]["message"]
            .as_str()
            .expect("text")
            .contains("3 of 20 bytes left")
    );
    assert_eq!(denied.json()["errors"][0]["detail"]["left"], 3);
    push("small/a", "0123456789").await.expect_status(StatusCode::CREATED);
    push("large/a", "too much elsewhere").await.expect_status(StatusCode::CREATED);
    // In several requests, it is denied when it is to become a blob.
    let location = client.start_upload("small/a").await;
    client.patch(&location, "too much").await.expect_status(StatusCode::ACCEPTED);
    let target = format!("{location}?digest={}", Digest::of(b"too much"));
    client.put(&target, "").await.expect_error(StatusCode::FORBIDDEN, "DENIED");
    push("small/a", "xyz").await.expect_status(StatusCode::CREATED);
    assert!(!Descriptor::EMPTY_JSON.is_empty());
}
