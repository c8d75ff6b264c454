//! `oras resolve`.

use oras_spec::image::{Descriptor, Index, MediaType, Platform};
use oras_spec::json;

use crate::sandbox::{Listener, Sandbox, oras_in};

#[test]
fn prints_the_digest_or_the_full_reference() {
    let sandbox = Sandbox::new();
    let digest = sandbox.seed("a/b", "v1", "").digest;
    assert_eq!(sandbox.oras("resolve HOST/a/b:v1").succeeds(), format!("{digest}\n"));
    assert_eq!(sandbox.oras("digest HOST/a/b:v1").succeeds(), format!("{digest}\n"));
    let full = format!("{}/a/b@{digest}\n", sandbox.host());
    assert_eq!(sandbox.oras("resolve -l HOST/a/b:v1").succeeds(), full);
    assert_eq!(sandbox.oras(&format!("resolve -l HOST/a/b@{digest}")).succeeds(), full);
    // The digest counts where there is a tag, too.
    let both = format!("resolve HOST/a/b:nope@{digest}");
    assert_eq!(sandbox.oras(&both).succeeds(), format!("{digest}\n"));
}

#[test]
fn loopback_addresses_are_spoken_to_as_localhost_is() {
    let sandbox = Sandbox::new();
    let digest = sandbox.seed("a", "v1", "").digest;
    let port = sandbox.host().replace("localhost:", "");
    let line = format!("resolve 127.0.0.1:{port}/a:v1");
    assert_eq!(sandbox.oras(&line).succeeds(), format!("{digest}\n"));
    let complaint = sandbox.oras(&format!("{line} --plain-http=false")).fails();
    assert_eq!(
        complaint,
        format!(
            "Error: failed to resolve digest: Head \"https://127.0.0.1:{port}/v2/a/manifests/v1\": \
             http: server gave HTTP response to HTTPS client\n"
        )
    );
}

#[test]
fn says_what_is_missing() {
    let sandbox = Sandbox::new();
    sandbox.seed("a", "v1", "");
    let host = sandbox.host();
    assert_eq!(
        sandbox.oras("resolve HOST/a:nope").fails(),
        format!(
            "Error response from registry: failed to resolve digest: {host}/a:nope: not found\n"
        )
    );
    assert_eq!(
        sandbox.oras("resolve HOST/a").fails(),
        format!(
            "Error: \"{host}/a\": no tag or digest specified\n\
             Usage: oras resolve [flags] <name>{{:<tag>|@<digest>}}\n\
             Please specify a reference in the form of \"<name>:<tag>\" or \"<name>@<digest>\". \
             Run \"oras resolve -h\" for more options and examples\n"
        )
    );
}

#[test]
fn picks_the_manifest_of_a_platform() {
    let sandbox = Sandbox::new();
    let mut entries = Vec::new();
    for (os, architecture) in [("linux", "amd64"), ("linux", "arm64")] {
        let mut entry = sandbox.seed("a", architecture, architecture);
        entry.platform = Some(Platform::new(os, architecture));
        entries.push(entry);
    }
    let index = json::to_vec(&Index::new(entries.clone()));
    let root = sandbox.put("a", "multi", MediaType::IMAGE_INDEX, index);
    let resolve =
        |platform: &str| sandbox.oras(&format!("resolve --platform {platform} HOST/a:multi"));
    assert_eq!(resolve("linux/arm64").succeeds(), format!("{}\n", entries[1].digest));
    assert_eq!(
        resolve("windows/amd64").fails(),
        format!(
            "Error response from registry: failed to resolve digest: {}: not found: \
             no matching manifest was found in the manifest list\n",
            root.digest
        )
    );
    for (platform, complaint) in [
        ("a/b/c/d", "failed to parse platform \"a/b/c/d\": expected format os[/arch[/variant]]"),
        ("/amd64", "invalid platform: OS cannot be empty"),
        ("linux/", "invalid platform: Architecture cannot be empty"),
    ] {
        assert_eq!(resolve(platform).fails(), format!("Error: {complaint}\n"));
    }
}

#[test]
fn the_answer_of_a_registry_is_shown_without_our_context() {
    let sandbox = Sandbox::new();
    let denying = Listener::answering(|_| {
        let body =
            r#"{"errors":[{"code":"DENIED","message":"not you","detail":{"b":[1,2.5],"a":"x"}}]}"#;
        http::Response::builder().status(403).body(body).expect("a response")
    });
    // The answer to HEAD has no body, so the question is put again with GET.
    for command in ["resolve", "manifest fetch"] {
        assert_eq!(
            sandbox.oras(&format!("{command} {}/a:v1", denying.host())).fails(),
            "Error response from registry: denied: not you: map[a:x b:[1 2.5]]\n"
        );
    }
    let silent = Listener::answering(|_| {
        http::Response::builder().status(403).body("").expect("a response")
    });
    assert_eq!(
        sandbox.oras(&format!("manifest fetch {}/a:v1", silent.host())).fails(),
        format!(
            "Error response from registry: GET \"http://{}/v2/a/manifests/v1\": \
             response status code 403: Forbidden\n",
            silent.host()
        )
    );
}

#[test]
fn the_debug_log_shows_requests_and_hides_secrets() {
    let sandbox = Sandbox::closed();
    let digest = sandbox.seed("a", "v1", "").digest;
    let host = sandbox.host();
    let arguments = ["resolve", "-d", &format!("{host}/a:v1"), "-u", "me", "--password-stdin"];
    let arguments = [&arguments[..], &["-H", "X-Canary: canary-header"]].concat();
    let outcome = oras_in(sandbox.environment(), &arguments, "open sesame\r\n");
    assert_eq!((outcome.code, outcome.stdout), (0, format!("{digest}\n")));
    let log = outcome.stderr;
    assert!(
        log.starts_with(&format!(
            "[2000-01-01T00:00:00Z][DEBUG]: --> Request #0\n\
             > Request URL: \"http://{host}/v2/a/manifests/v1\"\n\
             > Request method: \"HEAD\"\n> Request headers:\n"
        )),
        "{log}"
    );
    assert!(log.contains("\n   \"X-Canary\": \"*****\"\n"), "{log}");
    assert!(log.contains("\n   \"Authorization\": \"*****\"\n"), "{log}");
    assert!(
        log.contains("< Response Status: \"401 Unauthorized\"\n< Response headers:\n"),
        "{log}"
    );
    assert!(log.contains("< Response body:\n   No response body to print\n\n\n"), "{log}");
    for secret in ["canary-header", "sesame", "bWU6b3BlbiBzZXNhbWU"] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}

#[test]
fn a_registry_that_warns_is_heard_once() {
    let sandbox = Sandbox::new();
    let descriptor = Descriptor::of(MediaType::IMAGE_MANIFEST, b"{}");
    let digest = descriptor.digest.to_string();
    let warning = Listener::answering(move |_| {
        http::Response::builder()
            .header("Warning", "299 - \"This is deprecated\"")
            .header("Content-Type", "application/vnd.oci.image.manifest.v1+json")
            .header("Docker-Content-Digest", &digest)
            .body("{}")
            .expect("a response")
    });
    let outcome = sandbox.oras(&format!("resolve {}/a:v1", warning.host()));
    assert_eq!((outcome.code, outcome.stdout), (0, format!("{}\n", descriptor.digest)));
    assert_eq!(
        outcome.stderr.replace(&warning.host(), "HOST").lines().collect::<Vec<_>>(),
        [
            "[2000-01-01T00:00:00Z][WARNING]: This is deprecated",
            "[Data]:",
            "  registry=HOST",
            "",
            ""
        ]
    );
}

#[test]
fn every_retry_shows_in_the_debug_log() {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let shaky = Listener::answering(move |_| {
        let is_down = asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < 2;
        let response = http::Response::builder().status(if is_down { 503 } else { 200 });
        response.body(r#"{"name":"a","tags":["v1"]}"#).expect("a response")
    });
    let sandbox = Sandbox::new();
    let list = format!("{}/a", shaky.host());
    let outcome = sandbox.oras_with(&["repo", "tags", "-d", &list]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (0, "v1\n"));
    for attempt in 1..=2 {
        let wanted =
            format!("[DEBUG]: retry {attempt} of GET \"http://{}/v2/a/tags/", shaky.host());
        assert!(outcome.stderr.contains(&wanted), "{wanted}: {}", outcome.stderr);
    }
    assert!(!outcome.stderr.contains("retry 3"), "{}", outcome.stderr);
    assert_eq!(
        sandbox.oras_with(&["repo", "tags", &list]).stderr,
        "",
        "without it they are silent"
    );
}
