//! The whole story against every registry we know the manners of, by its real name, through TLS.

use std::collections::BTreeMap;

use oras_emulator::{Exchange, Origin, Shown};
use oras_tests::{Emulated, Sandbox};

/// The media types of the story.
const CONFIG: &str = "application/vnd.docker.volume.v1+tar.gz";
const LAYER: &str = "text/plain";

/// What a registry lets us do, where that is not everything.
struct Story {
    config: &'static str,
    layer: &'static str,
    /// The type of what is attached; none if that is refused.
    attachment: Option<&'static str>,
    lists_repositories: bool,
    deletes: bool,
}

fn story(profile: &str) -> Story {
    let everything = Story {
        config: CONFIG,
        layer: LAYER,
        attachment: Some("application/vnd.example.note"),
        lists_repositories: true,
        deletes: true,
    };
    match profile {
        "docker-hub" | "ecr" | "ecr-public" => Story { lists_repositories: false, ..everything },
        "ghcr" => Story { lists_repositories: false, deletes: false, ..everything },
        "distribution" => Story { deletes: false, ..everything },
        "quay-3.11" => Story {
            config: "application/vnd.cncf.helm.config.v1+json",
            layer: "application/vnd.oci.image.layer.v1.tar",
            // What is attached has the empty config, which is not on its list.
            attachment: None,
            ..everything
        },
        "gitlab" => Story {
            config: "application/vnd.cncf.helm.config.v1+json",
            attachment: Some("application/vnd.in-toto+json"),
            lists_repositories: false,
            ..everything
        },
        _ => everything,
    }
}

/// Tells the whole story, and demands that it ends well.
fn tell(profile: &str) {
    let Story { config, layer, attachment, lists_repositories, deletes } = story(profile);
    let sandbox = Sandbox::new();
    let registry = Emulated::start(&sandbox, profile);
    sandbox.write("build/config.json", "{}");
    sandbox.write("build/foo.txt", "hello, world\n");
    sandbox.write("note.txt", "seen\n");
    let oras = |line: &str| {
        let outcome = registry.oras(&sandbox, line);
        check_tokens(&registry, line);
        outcome
    };
    registry.login(&sandbox);
    check_tokens(&registry, "login");

    let push =
        format!("push REPO:0.0.1 --config ./build/config.json:{config} ./build/foo.txt:{layer}");
    oras(&push).succeeds();
    let again = registry.oras(&sandbox, &push).succeeds();
    let digest = again.lines().find_map(|line| line.strip_prefix("Digest: ")).expect("a digest");
    let begins_upload = |exchange: &Exchange| exchange.method == "POST";
    assert!(!registry.exchanges().iter().any(begins_upload), "blobs were sent again");

    let pulled = sandbox.path("pulled").display().to_string();
    oras(&format!("pull REPO:0.0.1 -o {pulled}")).succeeds();
    assert_eq!(sandbox.text("pulled/build/foo.txt"), "hello, world\n");
    assert_eq!(oras("repo tags REPO").succeeds(), "0.0.1\n");
    if lists_repositories {
        let listed = oras("repo ls HOST").succeeds();
        assert!(listed.contains("ocitest"), "{listed}");
    }
    let manifest = oras("manifest fetch REPO:0.0.1").succeeds();
    assert!(manifest.contains(config) && manifest.contains(layer), "{manifest}");
    assert_eq!(oras("resolve REPO:0.0.1").succeeds().trim(), digest);

    let kind = attachment.unwrap_or("application/vnd.example.note");
    let attach = oras(&format!("attach REPO:0.0.1 --artifact-type {kind} ./note.txt:{layer}"));
    if attachment.is_some() {
        attach.succeeds();
        let found = oras("discover REPO:0.0.1").succeeds();
        assert!(found.contains(kind), "{found}");
        assert_eq!(found.matches("sha256:").count(), 2, "{found}");
    } else {
        let complaint = attach.fails();
        assert!(complaint.contains("application/vnd.oci.empty.v1+json"), "{complaint}");
    }

    let layout = sandbox.path("layout").display().to_string();
    oras(&format!("cp -r REPO:0.0.1 --to-oci-layout {layout}:0.0.1")).succeeds();
    oras(&format!("cp -r --from-oci-layout {layout}:0.0.1 REPO-copy:0.0.2")).succeeds();
    assert_eq!(oras("resolve REPO-copy:0.0.2").succeeds().trim(), digest);
    oras("cp REPO:0.0.1 REPO-copy:0.0.3").succeeds();

    let delete = oras(&format!("manifest delete --force REPO@{digest}"));
    if deletes {
        delete.succeeds();
        oras("resolve REPO:0.0.1").fails();
    } else {
        let complaint = delete.fails();
        assert!(complaint.contains("unsupported"), "{complaint}");
    }
}

/// Demands that no token was asked for twice, and that no credential left its origin, since the
/// last command.
#[track_caller]
fn check_tokens(registry: &Emulated, line: &str) {
    let mut asked: BTreeMap<Vec<String>, u32> = BTreeMap::new();
    for exchange in registry.exchanges() {
        if let Some(token) = exchange.token_request() {
            *asked.entry(token).or_default() += 1;
        }
        if exchange.origin == Origin::Storage {
            assert_eq!(exchange.shown, Shown::Nothing, "{line}: {exchange:?}");
        }
        assert_ne!(exchange.shown, Shown::Other, "{line}: {exchange:?}");
    }
    let twice: Vec<_> = asked.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "{line}: asked more than once for {twice:#?}");
}

#[test]
fn the_story_ends_well_at_docker_hub() {
    tell("docker-hub");
}

#[test]
fn the_story_ends_well_at_ecr() {
    tell("ecr");
}

#[test]
fn the_story_ends_well_at_ecr_public() {
    tell("ecr-public");
}

#[test]
fn the_story_ends_well_at_quay_up_to_3_11() {
    tell("quay-3.11");
}

#[test]
fn the_story_ends_well_at_quay() {
    tell("quay");
}

#[test]
fn the_story_ends_well_at_ghcr() {
    tell("ghcr");
}

#[test]
fn the_story_ends_well_at_gitlab() {
    tell("gitlab");
}

#[test]
fn the_story_ends_well_at_acr() {
    tell("acr");
}

#[test]
fn the_story_ends_well_at_gar() {
    tell("gar");
}

#[test]
fn the_story_ends_well_at_harbor() {
    tell("harbor");
}

#[test]
fn the_story_ends_well_at_artifactory() {
    tell("artifactory");
}

#[test]
fn the_story_ends_well_at_zot() {
    tell("zot");
}

#[test]
fn the_story_ends_well_at_distribution() {
    tell("distribution");
}
