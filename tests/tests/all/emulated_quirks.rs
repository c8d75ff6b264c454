//! What registries do differently, row by row: each test fails without the rule that copes with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use oras_emulator::{Exchange, Origin, Quirk, Shown};
use oras_tests::{Direction, Emulated, Fault, Proxy, Sandbox};

const PUSH: &str = "push REPO:0.0.1 --config ./config.json:application/vnd.docker.volume.v1+tar.gz ./foo.txt:text/plain";

/// A sandbox with the files of the story, and a registry that is logged in to.
fn logged_in(profile: &str, quirks: &[Quirk]) -> (Sandbox, Emulated) {
    let sandbox = files();
    let registry = Emulated::with(&sandbox, profile, quirks);
    registry.login(&sandbox);
    registry.exchanges();
    (sandbox, registry)
}

fn files() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("config.json", "{}");
    sandbox.write("foo.txt", "hello, world\n");
    sandbox
}

fn targets(exchanges: &[Exchange], method: &str) -> Vec<String> {
    let of = exchanges.iter().filter(|exchange| exchange.method == method);
    of.map(|exchange| exchange.target.clone()).collect()
}

#[test]
fn old_quay_refuses_the_media_types_of_the_story_and_both_ways_out_are_named() {
    let (sandbox, registry) = logged_in("quay-3.11", &[]);
    let complaint = registry.oras(&sandbox, PUSH).fails();
    assert!(complaint.contains("application/vnd.docker.volume.v1+tar.gz"), "{complaint}");
    assert!(complaint.contains("is not one of ["), "{complaint}");
    for way_out in ["application/vnd.oci.image.layer.v1.tar", "IGNORE_UNKNOWN_MEDIATYPES"] {
        assert!(complaint.contains(way_out), "{way_out}: {complaint}");
    }
    let puts = targets(&registry.exchanges(), "PUT");
    let manifests = puts.iter().filter(|target| target.contains("/manifests/"));
    assert_eq!(manifests.count(), 1, "a refusal is not asked for twice: {puts:?}");
}

#[test]
fn quay_today_makes_the_repository_for_a_user_and_for_a_robot_that_may() {
    let sandbox = files();
    let registry = Emulated::start(&sandbox, "quay");
    registry.login(&sandbox);
    registry.oras(&sandbox, &PUSH.replace("REPO", "HOST/oras/brand-new")).succeeds();
    // The robot gets nothing for a repository that is not there, unless it asks to push at once.
    let robot = &registry.emulator.profile().accounts[1];
    registry.login_as(&sandbox, robot.username, &robot.password()).succeeds();
    registry.oras(&sandbox, &PUSH.replace("REPO", "HOST/acme/brand-new")).succeeds();
    let tokens = registry.exchanges();
    let asked = tokens.iter().filter(|exchange| exchange.target.contains("brand-new"));
    let asked = asked.filter(|exchange| exchange.origin == Origin::Token);
    for exchange in asked {
        assert!(exchange.target.contains("pull%2Cpush"), "{exchange:?}");
    }
}

#[test]
fn a_quay_robot_that_may_only_write_is_told_that_the_repository_must_exist() {
    let sandbox = files();
    let registry = Emulated::start(&sandbox, "quay");
    let robot = &registry.emulator.profile().accounts[2];
    registry.login_as(&sandbox, robot.username, &robot.password()).succeeds();
    let complaint = registry.oras(&sandbox, &PUSH.replace("REPO", "HOST/oras/brand-new")).fails();
    assert!(complaint.contains("the robot have the permission Write"), "{complaint}");
    registry.login(&sandbox);
    registry.oras(&sandbox, PUSH).succeeds();
    registry.login_as(&sandbox, robot.username, &robot.password()).succeeds();
    registry.oras(&sandbox, PUSH).succeeds();
}

#[test]
fn quay_is_asked_once_more_after_a_pause_for_wrong_passwords_and_no_oftener() {
    let sandbox = files();
    let registry = Emulated::start(&sandbox, "quay");
    let account = registry.account();
    let complaint = registry.login_as(&sandbox, account.username, "wrong").fails();
    assert!(complaint.contains("Invalid Username or Password"), "{complaint}");
    registry.exchanges();
    registry.login_as(&sandbox, account.username, &account.password()).succeeds();
    let exchanges = registry.exchanges();
    let refused = exchanges.iter().filter(|exchange| exchange.status == Some(429));
    assert_eq!(refused.count(), 1, "{exchanges:#?}");
}

#[test]
fn deleting_on_quay_asks_for_no_right_that_it_does_not_know() {
    let (sandbox, registry) = logged_in("quay", &[]);
    registry.oras(&sandbox, PUSH).succeeds();
    registry.exchanges();
    registry.oras(&sandbox, "manifest delete --force REPO:0.0.1").succeeds();
    let exchanges = registry.exchanges();
    let tokens = exchanges.iter().filter(|exchange| exchange.origin == Origin::Token);
    for exchange in tokens {
        assert!(!exchange.target.contains("delete"), "{exchange:?}");
    }
    let complaint = registry.oras(&sandbox, "pull REPO:0.0.1").fails();
    assert!(complaint.contains("not found"), "{complaint}");
}

#[test]
fn referrers_that_quay_knows_by_itself_are_not_written_down_as_a_tag_too() {
    let (sandbox, registry) = logged_in("quay", &[]);
    registry.oras(&sandbox, PUSH).succeeds();
    registry
        .oras(&sandbox, "attach REPO:0.0.1 --artifact-type application/vnd.example.note ./foo.txt")
        .succeeds();
    let tags = registry.oras(&sandbox, "repo tags REPO").succeeds();
    assert_eq!(tags, "0.0.1\n");
}

#[test]
fn credentials_go_to_the_token_service_of_another_host_and_to_no_storage() {
    for profile in ["docker-hub", "gitlab"] {
        let sandbox = files();
        let registry = Emulated::start(&sandbox, profile);
        registry.login(&sandbox);
        let config = "application/vnd.cncf.helm.config.v1+json";
        let push = PUSH.replace("application/vnd.docker.volume.v1+tar.gz", config);
        registry.oras(&sandbox, &push).succeeds();
        registry.oras(&sandbox, "pull REPO:0.0.1").succeeds();
        let exchanges = registry.exchanges();
        let at = |origin| exchanges.iter().filter(move |exchange| exchange.origin == origin);
        assert!(at(Origin::Token).all(|exchange| exchange.shown == Shown::Basic), "{profile}");
        assert!(at(Origin::Storage).count() > 0, "{profile}");
        assert!(at(Origin::Storage).all(|exchange| exchange.shown == Shown::Nothing), "{profile}");
    }
}

#[test]
fn ecr_gets_the_password_with_every_request_and_its_realm_is_left_alone() {
    let (sandbox, registry) = logged_in("ecr", &[]);
    registry.oras(&sandbox, PUSH).succeeds();
    let exchanges = registry.exchanges();
    let realm = exchanges.iter().filter(|exchange| exchange.target == "/");
    assert_eq!(realm.count(), 0, "{exchanges:#?}");
    let bare = exchanges.iter().filter(|exchange| exchange.shown == Shown::Nothing);
    assert!(bare.count() <= 1, "{exchanges:#?}");
}

#[test]
fn an_ecr_repository_that_is_not_there_is_to_be_made_first() {
    let (sandbox, registry) = logged_in("ecr", &[]);
    let complaint = registry.oras(&sandbox, &PUSH.replace("REPO", "HOST/nowhere")).fails();
    assert!(complaint.contains("The repository with name 'nowhere' does not exist"), "{complaint}");
    assert!(complaint.contains("aws ecr create-repository"), "{complaint}");
    // It may also close the connection without a word.
    let (sandbox, registry) = logged_in("ecr", &[Quirk::EndsConnection]);
    let complaint = registry.oras(&sandbox, "blob push HOST/nowhere ./foo.txt").fails();
    assert!(complaint.contains("aws ecr create-repository"), "{complaint}");
}

#[test]
fn a_password_of_ecr_that_has_expired_is_said_to_have() {
    let sandbox = files();
    let registry = Emulated::start(&sandbox, "ecr");
    let expired = &registry.emulator.profile().accounts[1];
    let complaint = registry.login_as(&sandbox, expired.username, &expired.password()).fails();
    assert!(complaint.contains("Your authorization token has expired"), "{complaint}");
}

#[test]
fn a_scope_of_its_own_form_is_echoed_to_ecr_public() {
    let (sandbox, registry) = logged_in("ecr-public", &[]);
    registry.oras(&sandbox, PUSH).succeeds();
    let exchanges = registry.exchanges();
    let mut tokens = exchanges.iter().filter(|exchange| exchange.origin == Origin::Token);
    assert!(tokens.all(|exchange| exchange.target.contains("scope=aws")), "{exchanges:#?}");
}

#[test]
fn a_token_that_ecr_public_does_not_know_any_more_is_replaced_once() {
    for quirk in [Quirk::TokenUses(3), Quirk::FlakyTokens] {
        let (sandbox, registry) = logged_in("ecr-public", &[quirk]);
        registry.oras(&sandbox, PUSH).succeeds();
        let stale = registry.answered(400);
        assert!(!stale.is_empty(), "{quirk:?} did nothing");
    }
}

#[test]
fn tokens_that_run_out_amid_a_push_are_replaced() {
    for profile in ["docker-hub", "quay", "acr", "harbor", "distribution"] {
        let (sandbox, registry) = logged_in(profile, &[Quirk::TokenUses(3)]);
        for number in 0..12 {
            sandbox.write(&format!("many/{number}.txt"), format!("{number}"));
        }
        let files: Vec<String> = (0..12).map(|number| format!("many/{number}.txt")).collect();
        registry
            .oras(&sandbox, &format!("push --concurrency 1 REPO:many {}", files.join(" ")))
            .succeeds();
    }
}

#[test]
fn the_example_in_the_challenge_of_ghcr_is_not_asked_for() {
    let sandbox = files();
    let registry = Emulated::start(&sandbox, "ghcr");
    registry.login(&sandbox);
    let exchanges = registry.exchanges();
    let asked = exchanges.iter().filter(|exchange| exchange.target.contains("user%2Fimage"));
    assert_eq!(asked.count(), 0, "{exchanges:#?}");
}

#[test]
fn a_ghcr_token_without_the_right_to_write_is_told_which_it_lacks() {
    let sandbox = files();
    let registry = Emulated::start(&sandbox, "ghcr");
    let reader = &registry.emulator.profile().accounts[1];
    registry.login_as(&sandbox, reader.username, &reader.password()).succeeds();
    let complaint = registry.oras(&sandbox, PUSH).fails();
    assert!(complaint.contains("write:packages"), "{complaint}");
    assert_eq!(registry.answered(403).len(), 1, "a refusal is not asked for twice");
}

#[test]
fn gitlab_names_the_type_it_does_not_know() {
    let (sandbox, registry) = logged_in("gitlab", &[]);
    let complaint = registry.oras(&sandbox, PUSH).fails();
    let unknown = "unknown media type: application/vnd.docker.volume.v1+tar.gz";
    assert!(complaint.contains(unknown), "{complaint}");
}

#[test]
fn the_subject_itself_is_no_list_of_its_referrers() {
    let (sandbox, registry) = logged_in("gitlab", &[]);
    let push = PUSH.replace("docker.volume.v1+tar.gz", "cncf.helm.config.v1+json");
    registry.oras(&sandbox, &push).succeeds();
    let found = registry.oras(&sandbox, "discover REPO:0.0.1").succeeds();
    assert_eq!(found.matches("sha256:").count(), 1, "{found}");
    // An index least of all, although its manifests look like a list.
    registry.oras(&sandbox, "manifest index create REPO:all 0.0.1").succeeds();
    let found = registry.oras(&sandbox, "discover REPO:all").succeeds();
    assert_eq!(found.matches("sha256:").count(), 1, "{found}");
}

#[test]
fn the_scope_that_is_written_to_stands_last_where_only_that_counts() {
    let (sandbox, registry) = logged_in("gitlab", &[]);
    let push = PUSH.replace("docker.volume.v1+tar.gz", "cncf.helm.config.v1+json");
    registry.oras(&sandbox, &push).succeeds();
    registry.exchanges();
    registry.oras(&sandbox, "cp REPO:0.0.1 REPO-copy:0.0.1").succeeds();
    let exchanges = registry.exchanges();
    let scopes = |exchange: &Exchange| {
        let asked = exchange.target.split(['?', '&']);
        let scopes = asked.filter_map(|pair| pair.strip_prefix("scope="));
        scopes.map(str::to_owned).collect::<Vec<_>>()
    };
    let tokens = exchanges.iter().filter(|exchange| exchange.origin == Origin::Token);
    let both: Vec<_> = tokens.map(scopes).filter(|scopes| scopes.len() == 2).collect();
    assert!(!both.is_empty(), "{exchanges:#?}");
    assert!(both.iter().all(|scopes| scopes[1].contains("push")), "{both:?}");
}

#[test]
fn a_mount_that_the_registry_refuses_becomes_an_upload() {
    for profile in ["docker-hub", "ghcr", "ecr", "quay", "harbor", "zot", "distribution"] {
        let (sandbox, registry) = logged_in(profile, &[]);
        registry.oras(&sandbox, PUSH).succeeds();
        registry.oras(&sandbox, "cp REPO:0.0.1 REPO-copy:0.0.1").succeeds();
    }
}

#[test]
fn azure_is_sent_larger_blobs_in_chunks_and_starts_over_after_a_416() {
    for quirk in [Quirk::LargestPut(9 << 20), Quirk::RangeErrorOnce] {
        let (sandbox, registry) = logged_in("acr", &[quirk]);
        sandbox.write("large.bin", "0123456789abcdef".repeat(640 << 10));
        registry.oras(&sandbox, "push REPO:large large.bin").succeeds();
        let refused = if quirk == Quirk::RangeErrorOnce { 416 } else { 413 };
        assert!(!registry.answered(refused).is_empty(), "{quirk:?} did nothing");
    }
}

#[test]
fn an_artifactory_that_takes_no_blob_whole_gets_it_as_a_stream() {
    let (sandbox, registry) = logged_in("artifactory", &[Quirk::NoSinglePut]);
    registry.oras(&sandbox, PUSH).succeeds();
    assert!(!targets(&registry.exchanges(), "PATCH").is_empty());
}

#[test]
fn uploads_of_google_go_where_they_are_said_to_be() {
    let (sandbox, registry) = logged_in("gar", &[]);
    registry.oras(&sandbox, PUSH).succeeds();
    let puts = targets(&registry.exchanges(), "PUT");
    let outside = puts.iter().filter(|target| target.starts_with("/artifacts-uploads/"));
    assert_eq!(outside.count(), 2, "{puts:?}");
}

#[test]
fn a_project_that_google_does_not_know_is_not_asked_for_twice() {
    let (sandbox, registry) = logged_in("gar", &[]);
    let complaint = registry.oras(&sandbox, &PUSH.replace("REPO", "HOST/oras/none/x")).fails();
    assert!(complaint.contains("(or it may not exist)"), "{complaint}");
    assert_eq!(registry.answered(403).len(), 1);
}

#[test]
fn harbor_says_basic_to_who_has_a_token_and_that_ends_it() {
    let sandbox = files();
    let registry = Emulated::start(&sandbox, "harbor");
    let reader = &registry.emulator.profile().accounts[2];
    registry.login_as(&sandbox, reader.username, &reader.password()).succeeds();
    registry.exchanges();
    let complaint = registry.oras(&sandbox, PUSH).fails();
    assert!(complaint.contains("unauthorized"), "{complaint}");
    // One without anything, and for each of two blobs one with a token and one with a password.
    assert!(registry.answered(401).len() <= 6, "{:#?}", registry.answered(401));
    let complaint = registry.oras(&sandbox, &PUSH.replace("REPO", "HOST/none/x")).fails();
    assert!(complaint.contains("project none not found"), "{complaint}");
}

#[test]
fn an_error_of_artifactory_without_a_code_is_shown() {
    let sandbox = files();
    let registry = Emulated::start(&sandbox, "artifactory");
    let complaint = registry.login_as(&sandbox, "oras", "wrong").fails();
    assert!(complaint.contains("Bad Credentials"), "{complaint}");
}

#[test]
fn a_bare_error_of_zot_is_shown() {
    let sandbox = files();
    let registry = Emulated::start(&sandbox, "zot");
    let complaint = registry.login_as(&sandbox, "oras", "wrong").fails();
    assert!(complaint.contains("authentication required"), "{complaint}");
}

#[test]
fn at_the_limit_of_docker_hub_we_say_so() {
    let (sandbox, registry) = logged_in("docker-hub", &[Quirk::PullLimit(0)]);
    registry.oras(&sandbox, PUSH).succeeds();
    let complaint = registry.oras(&sandbox, "pull REPO:0.0.1").fails();
    assert!(complaint.contains("pull rate limit"), "{complaint}");
}

#[test]
fn a_name_without_an_account_at_docker_hub_is_told_of_library() {
    let (sandbox, registry) = logged_in("docker-hub", &[]);
    let complaint = registry.oras(&sandbox, "pull HOST/alpine:3").fails();
    assert!(complaint.contains("docker.io/library/alpine:3"), "{complaint}");
}

#[test]
fn a_dump_of_40_kilobytes_is_read_and_shortened() {
    let (sandbox, registry) = logged_in("quay", &[]);
    sandbox.write("bad.json", r#"{"mediaType":"application/vnd.oci.image.manifest.v1+json"}"#);
    let complaint = registry.oras(&sandbox, "manifest push REPO:bad bad.json").fails();
    assert!(complaint.contains("'schemaVersion' is a required property"), "{complaint}");
}

#[test]
fn chunks_are_as_each_registry_wants_them() {
    let limit = Quirk::LargestPut(9 << 20);
    for profile in ["ghcr", "ecr", "ecr-public", "quay", "acr", "harbor", "zot", "distribution"] {
        let (sandbox, registry) = logged_in(profile, &[limit]);
        sandbox.write("large.bin", "0123456789abcdef".repeat(800 << 10));
        registry.oras(&sandbox, "push REPO:large large.bin").succeeds();
        let patches = targets(&registry.exchanges(), "PATCH");
        assert!(!patches.is_empty(), "{profile} got it whole");
        registry.oras(&sandbox, "pull REPO:large -o copy").succeeds();
        assert!(sandbox.read("copy/large.bin") == sandbox.read("large.bin"), "{profile}");
    }
}

#[test]
fn a_download_that_breaks_is_asked_for_at_the_registry_again() {
    let (sandbox, registry) = logged_in("docker-hub", &[]);
    sandbox.write("large.bin", "0123456789abcdef".repeat(64 << 10));
    registry.oras(&sandbox, "push REPO:large large.bin").succeeds();
    registry.exchanges();
    let proxy = Proxy::start(registry.address(), |number| match number {
        0 => Fault::Cut(Direction::Down, 500_000),
        _ => Fault::None,
    });
    let storage = registry.emulator.profile().storage_host.expect("another host");
    let port = proxy.host().rsplit(':').next().expect("a port").to_owned();
    let line = format!("pull REPO:large -o copy --resolve {storage}:443:127.0.0.1:{port}");
    registry.oras_last(&sandbox, &line).succeeds();
    assert!(sandbox.read("copy/large.bin") == sandbox.read("large.bin"));
    let exchanges = registry.exchanges();
    let gets = exchanges.iter().filter(|exchange| exchange.origin == Origin::Storage);
    let statuses: Vec<_> = gets.filter_map(|exchange| exchange.status).collect();
    assert!(statuses.contains(&206), "it began again: {statuses:?}");
    assert!(!statuses.contains(&403), "a key was used twice: {statuses:?}");
}

#[test]
fn a_download_that_breaks_where_there_are_no_parts_begins_again() {
    let (sandbox, registry) = logged_in("quay", &[]);
    sandbox.write("large.bin", "0123456789abcdef".repeat(64 << 10));
    registry.oras(&sandbox, "push REPO:large large.bin").succeeds();
    let proxy = Proxy::start(registry.address(), |number| match number {
        0 => Fault::Cut(Direction::Down, 500_000),
        _ => Fault::None,
    });
    let port = proxy.host().rsplit(':').next().expect("a port").to_owned();
    let line = format!("pull REPO:large -o copy --resolve quay.io:443:127.0.0.1:{port}");
    registry.oras_last(&sandbox, &line).succeeds();
    assert!(sandbox.read("copy/large.bin") == sandbox.read("large.bin"));
}

#[test]
fn lists_are_followed_from_page_to_page_whatever_chains_them() {
    for profile in ["quay", "acr", "harbor", "zot", "artifactory", "gar"] {
        let (sandbox, registry) = logged_in(profile, &[Quirk::PageClamp(2)]);
        for number in 0..5 {
            let push = PUSH.replace("REPO:0.0.1", &format!("REPO-{number}:v1"));
            registry.oras(&sandbox, &push).succeeds();
            registry.oras(&sandbox, &format!("tag REPO-0:v1 v{number}")).succeeds();
        }
        let repositories = registry.oras(&sandbox, "repo ls HOST").succeeds();
        assert_eq!(repositories.lines().count(), 5, "{profile}: {repositories}");
        let tags = registry.oras(&sandbox, "repo tags REPO-0").succeeds();
        assert_eq!(tags, "v0\nv1\nv2\nv3\nv4\n", "{profile}");
    }
}

#[test]
fn a_list_of_referrers_that_cannot_be_deleted_is_replaced_all_the_same() {
    for profile in ["ghcr", "docker-hub", "gitlab", "distribution"] {
        let (sandbox, registry) = logged_in(profile, &[]);
        let push = PUSH.replace("docker.volume.v1+tar.gz", "cncf.helm.config.v1+json");
        registry.oras(&sandbox, &push).succeeds();
        for number in 0..2 {
            sandbox.write("note.txt", format!("{number}"));
            let attach = "attach REPO:0.0.1 --artifact-type application/vnd.in-toto+json note.txt";
            registry.oras(&sandbox, attach).succeeds();
        }
        let found = registry.oras(&sandbox, "discover REPO:0.0.1").succeeds();
        assert_eq!(found.matches("sha256:").count(), 3, "{profile}: {found}");
    }
}

#[test]
fn an_artifactory_that_forbids_what_is_not_there_takes_it_when_it_comes() {
    let (sandbox, registry) = logged_in("artifactory", &[Quirk::ForbiddenManifests]);
    registry.oras(&sandbox, PUSH).succeeds();
}

#[test]
fn an_upload_that_would_lose_its_tls_is_not_followed() {
    let (sandbox, registry) = logged_in("artifactory", &[Quirk::PlainLocation]);
    let complaint = registry.oras(&sandbox, PUSH).fails();
    assert!(complaint.contains("downgrades scheme from https"), "{complaint}");
}

#[test]
fn google_says_that_a_blob_must_not_be_empty() {
    let (sandbox, registry) = logged_in("gar", &[]);
    sandbox.write("empty.txt", "");
    let complaint = registry.oras(&sandbox, "push REPO:empty empty.txt").fails();
    assert!(complaint.contains("blob upload invalid"), "{complaint}");
}

#[test]
fn an_identity_token_is_good_at_azure_and_said_not_to_be_at_quay() {
    for (profile, works) in [("acr", true), ("quay", false)] {
        let sandbox = files();
        let registry = Emulated::start(&sandbox, profile);
        let accounts = registry.emulator.profile().accounts;
        let token = accounts[1].password();
        let outcome = registry.oras(&sandbox, &format!("login HOST --identity-token {token}"));
        if works {
            outcome.succeeds();
            registry.oras(&sandbox, PUSH).succeeds();
        } else {
            let complaint = outcome.fails();
            assert!(complaint.contains("identity token"), "{complaint}");
        }
    }
}

#[test]
fn a_config_that_breaks_quay_is_not_sent_over_and_over() {
    let (sandbox, registry) = logged_in("quay", &[]);
    sandbox.write("config.json", r#"{"not":"an image"}"#);
    let push = PUSH.replace("vnd.docker.volume.v1+tar.gz", "vnd.oci.image.config.v1+json");
    let complaint = registry.oras(&sandbox, &push).fails();
    assert!(complaint.contains("Internal Server Error"), "{complaint}");
    let refused = registry.answered(500).len();
    assert!(refused <= 2, "{refused} times");
}

#[test]
fn strict_manifests_of_ecr_are_explained() {
    let (sandbox, registry) = logged_in("ecr", &[]);
    let arguments = ["push", "HOST/ocitest:v1", "./foo.txt:text/plain;charset=utf-8"];
    let mut command = sandbox.command(oras_tests::sandbox::binary());
    command.args(arguments.map(|text| text.replace("HOST", registry.host())));
    let complaint = sandbox.run(command.args(registry.flags(""))).fails();
    assert!(complaint.contains("Invalid JSON syntax"), "{complaint}");
    assert!(complaint.contains("without parameters"), "{complaint}");
}

#[test]
fn a_blob_comes_as_it_is_where_a_proxy_would_compress_it() {
    let (sandbox, registry) = logged_in("quay", &[Quirk::Compresses]);
    sandbox.write("text.txt", "0123456789".repeat(100));
    registry.oras(&sandbox, "push REPO:text text.txt").succeeds();
    registry.oras(&sandbox, "pull REPO:text -o copy").succeeds();
    assert_eq!(sandbox.text("copy/text.txt"), sandbox.text("text.txt"));
}

#[test]
fn a_connection_that_ends_with_every_answer_is_replaced_every_time() {
    let sandbox = files();
    let registry = Emulated::plain(&sandbox, "quay", &[Quirk::ClosesConnections]);
    registry.login(&sandbox);
    for number in 0..8 {
        sandbox.write(&format!("many/{number}.txt"), format!("{number}"));
    }
    registry.exchanges();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    let proxy = Proxy::start(registry.address(), move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        Fault::None
    });
    let port = proxy.host().rsplit(':').next().expect("a port").to_owned();
    let flags = format!("--resolve quay.io:80:127.0.0.1:{port}");
    registry.oras_last(&sandbox, &format!("push REPO:many many {flags}")).succeeds();
    registry.oras_last(&sandbox, &format!("pull REPO:many -o copy {flags}")).succeeds();
    let asked = registry.exchanges().len();
    assert!(asked > 8, "{asked}");
    let made = connections.load(Ordering::Relaxed);
    assert!(made >= asked, "{asked} requests over {made} connections");
}

#[test]
fn a_manifest_too_large_for_the_proxy_before_quay_is_said_to_be() {
    let (sandbox, registry) = logged_in("quay", &[Quirk::LargestManifest(256)]);
    let complaint = registry.oras(&sandbox, PUSH).fails();
    assert!(complaint.contains("413 Request Entity Too Large"), "{complaint}");
    assert!(!complaint.contains("<html>"), "{complaint}");
    assert!(complaint.contains("takes no manifest of this size"), "{complaint}");
    assert_eq!(registry.answered(413).len(), 1, "a refusal is not asked for twice");
}

#[test]
fn a_proxy_before_quay_that_is_too_busy_is_asked_again_but_not_for_ever() {
    let (sandbox, registry) = logged_in("quay", &[Quirk::BusyProxy(2)]);
    registry.oras(&sandbox, PUSH).succeeds();
    registry.oras(&sandbox, "manifest fetch REPO:0.0.1").succeeds();
    assert_eq!(registry.answered(429).len(), 2);
    let (sandbox, registry) = logged_in("quay", &[Quirk::BusyProxy(u32::MAX)]);
    registry.oras(&sandbox, PUSH).succeeds();
    let complaint = registry.oras(&sandbox, "manifest fetch REPO:0.0.1").fails();
    assert!(complaint.contains("429 Too Many Requests"), "{complaint}");
    assert!(complaint.contains("was asked too often: try again in some minutes"), "{complaint}");
    assert_eq!(registry.answered(429).len(), 6, "once and five times more");
}

#[test]
fn a_tag_that_stays_where_it_is_is_named_and_another_is_advised() {
    for (profile, refused, words) in [
        ("ecr", 400, "already exists in the 'ocitest' repository and cannot be overwritten"),
        ("harbor", 412, "due to 'ocitest:0.0.1' configured as immutable."),
    ] {
        let (sandbox, registry) = logged_in(profile, &[Quirk::ImmutableTags]);
        registry.oras(&sandbox, PUSH).succeeds();
        sandbox.write("foo.txt", "something else\n");
        let complaint = registry.oras(&sandbox, PUSH).fails();
        assert!(complaint.contains(words), "{profile}: {complaint}");
        assert!(complaint.contains("use another tag"), "{profile}: {complaint}");
        assert_eq!(registry.answered(refused).len(), 1, "{profile}");
        registry.oras(&sandbox, &PUSH.replace("0.0.1", "0.0.2")).succeeds();
    }
}

#[test]
fn no_page_of_ecr_is_asked_for_that_it_would_refuse() {
    // It refuses pages of more than 1000 tags; we leave their length to it, however short.
    let (sandbox, registry) = logged_in("ecr", &[Quirk::PageLimit(0)]);
    registry.oras(&sandbox, PUSH).succeeds();
    let tags = registry.oras(&sandbox, "repo tags REPO").succeeds();
    assert_eq!(tags, "0.0.1\n");
}

#[test]
fn a_harbor_that_takes_nothing_more_says_why() {
    let sentences = [
        (Quirk::ReadOnly, "The system is in read only mode.", "can be read only for now"),
        (Quirk::Quota(1 << 10), "Quota exceeded when processing the request", "larger quota"),
    ];
    for (quirk, words, advice) in sentences {
        let (sandbox, registry) = logged_in("harbor", &[quirk]);
        sandbox.write("foo.txt", "0123456789abcdef".repeat(128));
        let complaint = registry.oras(&sandbox, PUSH).fails();
        assert!(complaint.contains("denied: ") && complaint.contains(words), "{complaint}");
        assert!(complaint.contains(advice), "{complaint}");
        assert!(!complaint.contains("lacks the right"), "{complaint}");
    }
    let (sandbox, registry) = logged_in("harbor", &[Quirk::Quota(1 << 10)]);
    registry.oras(&sandbox, PUSH).succeeds();
}

#[test]
fn a_repository_of_artifactory_that_only_mirrors_another_is_not_pushed_to() {
    let (sandbox, registry) = logged_in("artifactory", &[Quirk::Mirrors]);
    let complaint = registry.oras(&sandbox, PUSH).fails();
    assert!(complaint.contains("Unable to upload blobs to a remote repository."), "{complaint}");
    assert!(complaint.contains("push to a local one"), "{complaint}");
}
