//! `config.json` and the helpers it names.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use oras_client::ErrorKind;
use oras_client::auth::{Credential, Credentials as _, DockerConfig};
use oras_spec::RegistryName;

use crate::chain;

fn name(text: &str) -> RegistryName {
    text.parse().expect("a name")
}

fn config(path: &Path) -> DockerConfig {
    let helpers = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/remote/helpers");
    DockerConfig::new(path, []).with_helper_directory(helpers)
}

/// A configuration of this text, in a directory that goes with it.
fn written(text: &str) -> (DockerConfig, tempfile::TempDir) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("config.json");
    fs::write(&path, text).expect("written");
    (config(&path), directory)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("there").permissions().mode() & 0o7777
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_login_makes_the_file_and_its_directory_private_and_leaves_nothing_beside_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("new/docker/config.json");
    let config = config(&path);
    assert_eq!(config.get(&name("localhost:5000")).await.expect("no file is no credential"), None);
    let credential = Credential::password("hello", "oras-test");
    config.put(&name("localhost:5000"), &credential).await.expect("kept");
    assert_eq!(
        fs::read_to_string(&path).expect("written"),
        "{\n\t\"auths\": {\n\t\t\"localhost:5000\": {\n\t\t\t\"auth\": \"aGVsbG86b3Jhcy10ZXN0\"\n\t\t}\n\t}\n}"
    );
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().expect("a parent")), 0o700);
    assert_eq!(names(path.parent().expect("a parent")), ["config.json"]);
    assert_eq!(config.get(&name("localhost:5000")).await.expect("read"), Some(credential));

    config.remove(&name("localhost:5000")).await.expect("removed");
    assert_eq!(fs::read_to_string(&path).expect("written"), "{\n\t\"auths\": {}\n}");
}

#[tokio::test]
async fn a_readable_file_becomes_private_when_a_secret_is_put_in() {
    let (config, directory) = written("{}");
    let path = directory.path().join("config.json");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("changed");
    config.put(&name("h"), &Credential::password("u", "p")).await.expect("kept");
    assert_eq!(mode(&path), 0o600);
}

#[tokio::test]
async fn what_a_link_leads_to_is_replaced_not_the_link() {
    let (_, directory) = written("{\"keep\": 1}");
    let (link, dangling) = (directory.path().join("link"), directory.path().join("dangling"));
    symlink("config.json", &link).expect("linked");
    config(&link).put(&name("h"), &Credential::password("u", "p")).await.expect("kept");
    assert!(fs::symlink_metadata(&link).expect("there").is_symlink());
    let text = fs::read_to_string(directory.path().join("config.json")).expect("there");
    assert!(text.contains("\"keep\": 1") && text.contains("\"auth\": \"dTpw\""), "{text}");

    symlink("sub/new.json", &dangling).expect("linked");
    config(&dangling).put(&name("h"), &Credential::password("u", "p")).await.expect("kept");
    assert!(directory.path().join("sub/new.json").exists());

    let circle = directory.path().join("circle");
    symlink("circle", &circle).expect("linked");
    config(&circle).put(&name("h"), &Credential::default()).await.expect_err("a circle");
}

#[tokio::test]
async fn docker_hub_has_one_key_under_all_its_names() {
    let (config, directory) = written("");
    config.put(&name("docker.io"), &Credential::password("u", "p")).await.expect("kept");
    let text = fs::read_to_string(directory.path().join("config.json")).expect("there");
    assert!(text.contains("\"https://index.docker.io/v1/\": {"), "{text}");
    for hub in ["docker.io", "registry-1.docker.io", "index.docker.io"] {
        assert!(config.get(&name(hub)).await.expect("read").is_some(), "{hub}");
        config.put(&name(hub), &Credential::password("u", hub)).await.expect("kept");
        let text = fs::read_to_string(directory.path().join("config.json")).expect("there");
        assert_eq!(text.matches("\"auth\"").count(), 1, "{text}");
        config.remove(&name(hub)).await.expect("removed");
        config.put(&name("docker.io"), &Credential::password("u", "p")).await.expect("kept");
    }
}

#[tokio::test]
async fn the_first_file_that_has_a_credential_counts_and_only_the_first_is_changed() {
    let (_, first) = written(r#"{"auths":{"a":{},"b":{"auth":"dTpi"}}}"#);
    let (_, second) = written(r#"{"auths":{"a":{"auth":"dTph"},"b":{"auth":"dTp4"}}}"#);
    let path = |directory: &tempfile::TempDir| directory.path().join("config.json");
    let config = DockerConfig::new(path(&first), [path(&second)]);
    let password = |found: Option<Credential>| found.expect("found").password;
    assert_eq!(password(config.get(&name("a")).await.expect("read")), "a");
    assert_eq!(password(config.get(&name("b")).await.expect("read")), "b");
    let before = fs::read(path(&second)).expect("there");
    config.put(&name("c"), &Credential::identity_token("t")).await.expect("kept");
    config.remove(&name("b")).await.expect("removed");
    assert_eq!(fs::read(path(&second)).expect("there"), before);
    assert_eq!(password(config.get(&name("b")).await.expect("read")), "x");
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_an_error_and_left_alone() {
    let (config, directory) = written("{\"auths\": {");
    let path = directory.path().join("config.json");
    let error = config.get(&name("h")).await.expect_err("corrupt");
    let prefix =
        format!("failed to decode config file {}: invalid config format: ", path.display());
    assert!(error.to_string().starts_with(&prefix), "{error}");
    config.put(&name("h"), &Credential::password("u", "p")).await.expect_err("corrupt");
    config.remove(&name("h")).await.expect_err("corrupt");
    assert_eq!(fs::read_to_string(&path).expect("there"), "{\"auths\": {");

    let error = self::config(directory.path()).get(&name("h")).await.expect_err("a directory");
    assert_eq!(error.kind(), ErrorKind::Io);
    let path = directory.path().display();
    assert_eq!(chain(&error), format!("failed to open config file {path}: is a directory"));
}

#[tokio::test]
async fn a_name_with_a_colon_is_not_kept_in_a_file() {
    let (config, directory) = written("{}");
    let error = config.put(&name("h"), &Credential::password("a:b", "p")).await;
    assert_eq!(
        error.expect_err("a colon").to_string(),
        "bad credential format: colons(:) are not allowed in username"
    );
    assert_eq!(fs::read_to_string(directory.path().join("config.json")).expect("there"), "{}");
}

#[tokio::test]
async fn removing_what_is_not_there_rewrites_nothing() {
    let (config, directory) = written("{ }");
    config.remove(&name("h")).await.expect("nothing to do");
    assert_eq!(fs::read_to_string(directory.path().join("config.json")).expect("there"), "{ }");
    let missing: PathBuf = directory.path().join("missing/config.json");
    self::config(&missing).remove(&name("h")).await.expect("nothing to do");
    assert!(!missing.parent().expect("a parent").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn logins_at_the_same_time_all_stay() {
    let (config, directory) = written(r#"{"keep":"this"}"#);
    let config = Arc::new(config);
    let tasks = (0..50).map(|number| {
        let config = Arc::clone(&config);
        tokio::spawn(async move {
            let registry = name(&format!("host{number}:5000"));
            for _ in 0..3 {
                config.put(&registry, &Credential::password("u", "p")).await.expect("kept");
            }
            config.remove(&name(&format!("none{number}"))).await.expect("nothing to do");
        })
    });
    for task in futures_util::future::join_all(tasks).await {
        task.expect("no panic");
    }
    for number in 0..50 {
        let found = config.get(&name(&format!("host{number}:5000"))).await.expect("read");
        assert!(found.is_some(), "{number}");
    }
    let text = fs::read_to_string(directory.path().join("config.json")).expect("there");
    assert!(text.contains("\"keep\": \"this\""));
    assert_eq!(names(directory.path()), ["config.json"]);
}

#[tokio::test]
async fn helpers_are_asked_before_the_file_and_their_no_is_not_an_error() {
    let (config, _directory) = written(
        r#"{"auths":{"h:5000":{"auth":"dTpw"},"x:1":{"auth":"dTpw"}},"credHelpers":{"h:5000":"good","token:5000":"good"},"credsStore":"good"}"#,
    );
    let get = async |registry: &str| config.get(&name(registry)).await.expect("asked");
    assert_eq!(get("h:5000").await, Some(Credential::password("user", "secret")));
    assert_eq!(get("token:5000").await, Some(Credential::identity_token("identity")));
    assert_eq!(get("docker.io").await, Some(Credential::password("hub", "secret")));
    assert_eq!(get("x:1").await, None, "the file is not asked behind the helper's back");
}

#[tokio::test]
async fn an_entry_for_a_repository_comes_before_a_helper_for_its_registry() {
    let (config, _directory) =
        written(r#"{"auths":{"h:5000/a":{"auth":"dTpw"}},"credHelpers":{"h:5000":"good"}}"#);
    let get = async |repository: &str| {
        let config = config.clone().with_repository(repository.parse().expect("a name"));
        config.get(&name("h:5000")).await.expect("asked")
    };
    assert_eq!(get("a/b").await, Some(Credential::password("u", "p")));
    assert_eq!(get("b").await, Some(Credential::password("user", "secret")));
}

#[tokio::test]
async fn helpers_get_what_the_protocol_says_and_their_words_are_passed_on() {
    let (config, directory) = written(r#"{"credsStore":"echo"}"#);
    let said = |outcome: oras_client::Result<()>| outcome.expect_err("it fails").to_string();
    assert_eq!(config.get(&name("h:5000")).await.expect_err("it fails").to_string(), "get: h:5000");
    assert_eq!(said(config.remove(&name("h:5000")).await), "erase: h:5000");
    assert_eq!(
        said(config.put(&name("docker.io"), &Credential::password("u:v", "p\"w")).await),
        r#"store: {"ServerURL":"https://index.docker.io/v1/","Username":"u:v","Secret":"p\"w"}"#
    );
    assert_eq!(
        said(config.put(&name("h"), &Credential::identity_token("t")).await),
        r#"store: {"ServerURL":"h","Username":"<token>","Secret":"t"}"#
    );
    let text = fs::read_to_string(directory.path().join("config.json")).expect("there");
    assert_eq!(text, r#"{"credsStore":"echo"}"#, "nothing is kept in the file instead");
    let (config, _directory) = written(r#"{"credsStore":"done"}"#);
    config.put(&name("h"), &Credential::password("u", "p")).await.expect("kept");
    config.remove(&name("h")).await.expect("removed");
}

#[tokio::test]
async fn a_broken_helper_is_an_error_that_names_it_and_tells_no_secret() {
    for (helper, why) in [
        ("missing", "exec: \"docker-credential-missing\": executable file not found in $PATH"),
        (
            "garbage",
            "credential helper docker-credential-garbage: its answer is not the JSON of a credential",
        ),
        ("other", "credential helper docker-credential-other: it answered for another server"),
        ("loud", "credential helper docker-credential-loud: it prints more than 1 MiB"),
        ("silent", "credential helper docker-credential-silent: exit status: 3"),
        ("../x", "credential helper docker-credential-../x: its name has a slash"),
    ] {
        let (config, _directory) = written(&format!(r#"{{"credsStore":"{helper}"}}"#));
        let error = config.get(&name("h")).await.expect_err(helper);
        assert_eq!(chain(&error), why);
    }
    let (config, _directory) = written(r#"{"credsStore":"wordy"}"#);
    let words = config.get(&name("h")).await.expect_err("it fails").to_string();
    assert_eq!(words.chars().count(), 512, "{words}");
    let (config, _directory) = written(r#"{"credsStore":"deaf"}"#);
    assert_eq!(config.get(&name("h")).await.expect("asked"), Some(Credential::password("u", "s")));
}

#[tokio::test(start_paused = true)]
async fn a_helper_that_hangs_is_ended() {
    let (config, _directory) = written(r#"{"credsStore":"hangs"}"#);
    let error = config.get(&name("h")).await.expect_err("no answer");
    assert_eq!(
        error.to_string(),
        "credential helper docker-credential-hangs: no answer within 30 s"
    );
}
