//! `oras tag`.

use crate::sandbox::Sandbox;

#[test]
fn points_all_tags_at_the_manifest() {
    let sandbox = Sandbox::new();
    let digest = sandbox.seed("a", "v1", "").digest.to_string();
    sandbox.seed("a", "v2", "other");
    let host = sandbox.host();
    let said = sandbox.oras("tag HOST/a:v1 v2 v3 --concurrency 1").succeeds();
    assert_eq!(said, format!("Tagging [registry] {host}/a@{digest}\nTagged v2\nTagged v3\n"));
    for tag in ["v1", "v2", "v3"] {
        assert_eq!(sandbox.digest("a", tag).as_deref(), Some(digest.as_str()), "{tag}");
    }
    let by_digest = format!("tag HOST/a@{digest} {host}/a:v4");
    assert!(sandbox.oras(&by_digest).succeeds().ends_with("\nTagged v4\n"));
    assert_eq!(sandbox.digest("a", "v4"), Some(digest));
}

#[test]
fn says_what_cannot_be_a_tag_and_sets_none() {
    let sandbox = Sandbox::new();
    let digest = sandbox.seed("a", "v1", "").digest;
    let host = sandbox.host();
    for (tag, complaint) in [
        ("b+d", "invalid reference: invalid tag \"b+d\"".to_owned()),
        (
            "HOST/b:v2",
            format!(
                "invalid reference: mismatch between received \"{host}/b\" and expected \"{host}/a\""
            ),
        ),
        ("HOST/a", "invalid reference: missing reference".to_owned()),
    ] {
        let outcome = sandbox.oras(&format!("tag HOST/a:v1 v2 {tag}"));
        assert_eq!(outcome.stdout, format!("Tagging [registry] {host}/a@{digest}\n"));
        assert_eq!(outcome.fails(), format!("Error: {complaint}\n"));
    }
    assert_eq!(sandbox.digest("a", "v2"), None);
}

#[test]
fn says_what_is_wrong_with_the_source() {
    let sandbox = Sandbox::new();
    let host = sandbox.host();
    assert_eq!(
        sandbox.oras("tag HOST/a:b+c v2").fails(),
        format!(
            "Error: unable to add tag for '{host}/a:b+c': \"{host}/a:b+c\": invalid reference: \
             invalid tag \"b+c\"\nPlease make sure the provided reference is in the form of \
             <registry>/<repo>[:tag|@digest]\n"
        )
    );
    assert!(sandbox.oras("tag HOST/a v2").fails().starts_with(&format!(
        "Error: \"{host}/a\": no tag or digest specified\nUsage: oras tag [flags] "
    )));
    assert_eq!(
        sandbox.oras("tag HOST/a:v1").fails(),
        "Error: dstReferences cannot be empty: missing reference\n"
    );
    assert_eq!(
        sandbox.oras("tag HOST/a:v1 v2").fails(),
        format!("Error response from registry: {host}/a:v1: not found\n")
    );
}

#[test]
fn list_is_no_command_of_tag() {
    let sandbox = Sandbox::new();
    for (line, word, place) in [
        ("tag list", "list", "a repository"),
        ("tag ls HOST/a", "ls", "a repository"),
        ("tag --oci-layout ls", "ls", "an OCI image layout"),
    ] {
        assert_eq!(
            sandbox.oras(line).fails(),
            format!(
                "Error: there is no \"{word}\" sub-command for \"oras tag\" command\n\
                 Usage: oras tag [flags] <name>{{:<tag>|@<digest>}} <new_tag> [...]\n\
                 If you want to list available tags in {place}, use \"oras repo tags\"\n"
            )
        );
    }
}

#[test]
fn a_digest_is_no_new_tag() {
    let sandbox = Sandbox::new();
    let digest = sandbox.seed("a", "v1", "").digest;
    let complaint = sandbox.oras(&format!("tag HOST/a:v1 {digest}")).fails();
    let wanted = format!("Error: invalid reference: {digest} is no tag");
    assert!(complaint.starts_with(&wanted), "{complaint}");
}
