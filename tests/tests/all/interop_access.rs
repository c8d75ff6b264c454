//! Other makers' clients at the door of our registry: over TLS, with tokens and without.

use std::process::Command;

use oras_tests::{OrasPython, OrasServer, Outcome, Part, Sandbox, Skopeo};

/// `me`, `ci` and `reader`, all with the password `open-sesame`.
const HASH: &str = "$2y$05$cJmM41Zsyg31gmA.lSV56uIteJWhS74ltApihuk8WEGdrlBPC909y";

const POLICY: &str = r#"
[[grant]]
users = ["me"]
permissions = ["admin"]
repositories = ["**"]

[[grant]]
users = ["ci"]
permissions = ["overwrite"]
repositories = ["team/**"]

[[grant]]
users = ["reader"]
permissions = ["pull"]
repositories = ["team/**"]

[[grant]]
users = ["anonymous"]
permissions = ["pull"]
repositories = ["public/**"]
"#;

/// A registry with TLS, users and a policy; its authority is in `certs/ca.crt` of the sandbox.
struct Closed {
    server: OrasServer,
    sandbox: Sandbox,
}

impl Closed {
    fn start(flags: &[&str]) -> Self {
        let sandbox = Sandbox::new();
        let users: Vec<_> = ["me", "ci", "reader"].map(|name| format!("{name}:{HASH}")).into();
        let users = sandbox.write("users", users.join("\n"));
        let policy = sandbox.write("policy.toml", POLICY);
        let mut all = vec!["--htpasswd", users.to_str().expect("UTF-8"), "--policy"];
        all.push(policy.to_str().expect("UTF-8"));
        all.extend(flags);
        let root = sandbox.path("registry");
        let server = OrasServer::start_at(&sandbox, &root, "127.0.0.1:0", &all);
        let authority = root.join("tls/authority.pem");
        if authority.is_file() {
            sandbox.write("certs/ca.crt", std::fs::read(authority).expect("readable"));
        }
        Self { server, sandbox }
    }

    fn certs(&self) -> String {
        self.sandbox.path("certs").display().to_string()
    }

    fn oras(&self, line: &str) -> Outcome {
        let flags = format!("--plain-http=false --ca-file {}/ca.crt", self.certs());
        self.sandbox.oras(&format!("{line} {flags}"))
    }

    /// Pushes an artifact and returns its digest.
    fn push(&self, name: &str) -> String {
        self.sandbox.write("hi.txt", "hi");
        let reference = format!("{}/{name}", self.server.host());
        self.oras(&format!("push -u me -p open-sesame {reference} hi.txt:text/plain")).succeeds();
        self.oras(&format!("resolve -u me -p open-sesame {reference}")).succeeds().trim().to_owned()
    }

    /// Runs `curl`, which says the status of the answer and then its body.
    fn curl(&self, arguments: &[&str], path: &str) -> String {
        let mut curl = self.sandbox.command(Part::Curl.find().expect("looked for before"));
        let authority = format!("{}/ca.crt", self.certs());
        curl.args(["-sS", "--cacert", &authority, "-w", " %{http_code}"]).args(arguments);
        curl.arg(format!("https://{}{path}", self.server.host()));
        self.sandbox.run(&mut curl).succeeds()
    }
}

#[test]
fn skopeo_logs_in_over_tls_gets_tokens_and_is_told_no() {
    let closed = Closed::start(&["--tls-self-signed"]);
    let Some(skopeo) = Skopeo::find(&closed.sandbox) else { return };
    let host = closed.server.host();
    closed.push("public/a:1");
    let certs = closed.certs();
    let copy = format!("copy --preserve-digests --src-cert-dir {certs}");
    skopeo
        .run(&format!("{copy} --src-no-creds docker://{host}/public/a:1 oci:theirs:1"))
        .succeeds();
    let auth = closed.sandbox.path("auth.json").display().to_string();
    let login = format!("login --authfile {auth} --cert-dir {certs} -u ci");
    assert!(!skopeo.run(&format!("{login} -p wrong {host}")).status.success());
    skopeo.run(&format!("{login} -p open-sesame {host}")).succeeds();
    let copy = format!("copy --preserve-digests --authfile {auth} --dest-cert-dir {certs}");
    skopeo.run(&format!("{copy} oci:theirs:1 docker://{host}/team/a:1")).succeeds();
    let refused = skopeo.run(&format!("{copy} oci:theirs:1 docker://{host}/other/a:1"));
    assert!(!refused.status.success(), "{refused:?}");
    let delete = format!("delete --authfile {auth} --cert-dir {certs} docker://{host}/team/a:1");
    assert!(!skopeo.run(&delete).status.success(), "who may push may not delete");
    let log = closed.server.stop();
    for wanted in ["user=ci", " token", " 403 "] {
        assert!(log.iter().any(|line| line.contains(wanted)), "{wanted} is not in {log:#?}");
    }
    assert!(!log.iter().any(|line| line.contains("open-sesame")), "{log:#?}");
}

#[test]
fn podman_logs_in_over_tls() {
    let closed = Closed::start(&["--tls-self-signed"]);
    let Some(podman) = Part::Podman.find() else { return };
    let auth = closed.sandbox.path("auth.json").display().to_string();
    let run = |password: &str| {
        let mut command = closed.sandbox.command(&podman);
        command.args(["--root"]).arg(closed.sandbox.path("storage"));
        command.args(["--runroot"]).arg(closed.sandbox.path("run"));
        command.args(["--storage-driver", "vfs", "login", "--authfile", &auth, "--cert-dir"]);
        command.args([&closed.certs(), "-u", "ci", "-p", password, &closed.server.host()]);
        closed.sandbox.run(&mut command)
    };
    let wrong = run("wrong");
    assert!(!wrong.status.success(), "{wrong:?}");
    let right = run("open-sesame");
    assert!(right.status.success(), "{right:?}");
}

#[test]
fn oras_for_python_pushes_with_a_password_and_pulls_with_a_token() {
    let closed = Closed::start(&[]);
    let Some(python) = OrasPython::find(&closed.sandbox) else { return };
    // It asks for one token and never for one for more, so it pushes with the password itself.
    let push = "
client = oras.client.OrasClient(insecure=True, auth_backend='basic')
client.auth.set_basic_auth(sys.argv[1], 'open-sesame')
client.push(target=sys.argv[2], files=['hi.txt'])
print('pushed')";
    let pull = "
client.auth.set_basic_auth(sys.argv[1], 'open-sesame')
client.pull(target=sys.argv[2], outdir='out')
print(*client.get_tags(sys.argv[2].rsplit(':', 1)[0]))";
    closed.sandbox.write("hi.txt", "hi");
    let host = closed.server.host();
    let reference = format!("{host}/team/py:1");
    python.run(push, &["ci", &reference]).succeeds();
    let refused = python.run(push, &["reader", &reference]);
    assert!(!refused.status.success(), "{refused:?}");
    let said = python.run(pull, &["reader", &reference]).succeeds();
    assert_eq!(said.lines().last(), Some("1"));
    assert_eq!(closed.sandbox.text("out/hi.txt"), "hi");
    let log = closed.server.stop();
    assert!(log.iter().any(|line| line.ends_with(" token")), "{log:#?}");
}

#[test]
fn curl_uses_a_password_or_a_token_and_sees_the_metrics_as_admin_only() {
    let closed = Closed::start(&["--tls-self-signed"]);
    if Part::Curl.find().is_none() {
        return;
    }
    let digest = closed.push("public/a:1");
    let manifest = format!("/v2/public/a/manifests/{digest}");
    let status = |arguments: &[&str], path: &str| {
        let said = closed.curl(arguments, path);
        said.rsplit(' ').next().expect("a status").to_owned()
    };
    assert_eq!(status(&[], &manifest), "200");
    assert_eq!(status(&["-u", "ci:open-sesame"], "/v2/"), "200");
    assert_eq!(status(&["-u", "ci:wrong"], "/v2/"), "401");
    assert_eq!(status(&[], "/v2/"), "401");
    let token = closed.curl(&["-u", "ci:open-sesame"], "/token?scope=repository:team/x:pull,push");
    let token: serde_json::Value =
        serde_json::from_str(token.rsplit_once(' ').expect("a status").0).expect("JSON");
    let bearer = format!("Authorization: Bearer {}", token["token"].as_str().expect("a token"));
    assert_eq!(status(&["-H", &bearer, "-X", "POST"], "/v2/team/x/blobs/uploads/"), "202");
    assert_eq!(status(&["-H", &bearer, "-X", "POST"], "/v2/team/y/blobs/uploads/"), "401");
    assert_eq!(status(&["-u", "ci:open-sesame"], "/metrics"), "403");
    assert_eq!(status(&[], "/livez"), "200");
    let metrics = closed.curl(&["-u", "me:open-sesame"], "/metrics");
    assert!(metrics.ends_with(" 200") && metrics.contains("oras_requests_total{"), "{metrics}");
    assert_eq!(status(&["--http2"], "/readyz"), "200");
    let Some(promtool) = Part::Promtool.find() else { return };
    let text = metrics.strip_suffix(" 200").expect("a status");
    let file = closed.sandbox.write("metrics.txt", text);
    let mut check = Command::new(promtool);
    check.args(["check", "metrics"]).stdin(std::fs::File::open(file).expect("there"));
    let checked = check.output().expect("promtool runs");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[test]
fn users_policy_and_certificate_are_read_again_while_it_runs() {
    let closed = Closed::start(&[]);
    let host = closed.server.host();
    let reference = format!("{host}/other/a:1");
    closed.sandbox.write("hi.txt", "hi");
    let push = || closed.sandbox.oras(&format!("push -u ci -p open-sesame {reference} hi.txt"));
    assert!(!push().status.success());
    closed.sandbox.write("policy.toml", POLICY.replace("team/**", "other/**"));
    let patient = |wanted: bool| {
        // It looks every two seconds; half a minute is a long time even on a busy machine.
        (0..60).any(|_| {
            let is_so = push().status.success() == wanted;
            if !is_so {
                std::thread::sleep(std::time::Duration::from_millis(500));
            }
            is_so
        })
    };
    assert!(patient(true), "the new policy");
    closed.sandbox.write("policy.toml", "[[grant]]\nusers = 7\n");
    closed.sandbox.write("users", format!("ci:{HASH}\nme:{HASH}\nreader:{HASH}\n"));
    std::thread::sleep(std::time::Duration::from_secs(5));
    assert!(push().status.success(), "what cannot be read changes nothing");
    closed.sandbox.write("policy.toml", POLICY.replace("\"ci\"", "\"me\""));
    assert!(patient(false), "nobody is called ci any more");
    let log = closed.server.stop();
    for wanted in ["users and policy read again", "users and policy not read again: "] {
        assert!(log.iter().any(|line| line.contains(wanted)), "{wanted} is not in {log:#?}");
    }
}

#[test]
fn every_write_is_in_the_audit_log_and_no_secret_in_any() {
    let beside = Sandbox::new();
    let audit = beside.path("audit.jsonl");
    let name = audit.to_str().expect("UTF-8").to_owned();
    let closed = Closed::start(&["--audit-log", &name, "--log-format", "json"]);
    let reference = format!("{}/team/a:1", closed.server.host());
    closed.sandbox.write("hi.txt", "hi");
    let push = |user: &str| {
        closed.sandbox.oras(&format!("push -u {user} -p open-sesame {reference} hi.txt"))
    };
    push("ci").succeeds();
    assert!(!push("reader").status.success());
    let log = closed.server.stop();
    let lines = |text: &str| -> Vec<serde_json::Value> {
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    };
    let text = beside.text("audit.jsonl");
    let entries = lines(&text);
    let is = |entry: &serde_json::Value, user: &str, status: u16| {
        entry["user"] == user && entry["status"] == status && entry["repository"] == "team/a"
    };
    let put = |entry: &&serde_json::Value| is(entry, "ci", 201) && entry["reference"] == "1";
    assert!(entries.iter().any(|entry| put(&entry)), "{text}");
    assert!(entries.iter().any(|entry| is(entry, "reader", 403)), "{text}");
    assert!(entries.iter().all(|entry| entry["method"] != "GET" && entry["method"] != "HEAD"));
    assert!(entries.iter().all(|entry| entry["peer"] == "127.0.0.1"), "{text}");
    let requests = log.iter().filter(|line| line.starts_with('{')).count();
    assert!(requests > entries.len(), "{log:#?}");
    for secret in ["open-sesame", "Bearer", "Basic", HASH] {
        assert!(!text.contains(secret) && !log.iter().any(|line| line.contains(secret)));
    }
}
