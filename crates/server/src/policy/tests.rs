//! Tests of policies: patterns, the file, and who gets what.

use proptest::prelude::*;

use super::*;

fn pattern(text: &str) -> Pattern {
    text.parse().expect(text)
}

fn user(name: &str) -> Identity {
    Identity { name: Some(name.to_owned()), ..Identity::default() }
}

fn repository(name: &str) -> RepositoryName {
    name.parse().expect("a name")
}

#[test]
fn a_pattern_stands_for_components_and_within_them() {
    for (text, yes, no) in [
        ("team/*", &["team/a", "team/a-b"][..], &["team", "team/a/b", "teams/a"][..]),
        ("team/**", &["team", "team/a", "team/a/b"], &["teams", "a/team"]),
        ("**", &["a", "a/b/c"], &[]),
        ("**/cache", &["cache", "a/cache", "a/b/cache"], &["cache/a", "a/caches"]),
        ("a/**/z", &["a/z", "a/b/z", "a/z/z"], &["a/b", "z", "a/zz"]),
        ("v*.*", &["v1.2", "v.", "v1.2.3"], &["v1", "1.2"]),
        ("exact/name", &["exact/name"], &["exact/name/x", "exact/nam"]),
    ] {
        for name in yes {
            assert!(pattern(text).matches(name), "{text} has {name}");
        }
        for name in no {
            assert!(!pattern(text).matches(name), "{text} has not {name}");
        }
    }
}

#[test]
fn refuses_what_is_no_pattern() {
    for text in ["", "/", "a//b", "/a", "a/", "a**", "***", "a?", "a b", "ü", "[a]", "a\n"] {
        assert!(text.parse::<Pattern>().is_err(), "{text:?}");
    }
    assert!("*".repeat(513).parse::<Pattern>().is_err());
}

#[test]
fn a_pattern_made_to_be_slow_is_not() {
    let slow = pattern(&format!("{}b", "*a".repeat(200)));
    assert!(!slow.matches(&"a".repeat(255)));
    let slow = pattern(&format!("{}x", "**/".repeat(100)));
    assert!(!slow.matches(&"a/".repeat(120)));
}

proptest! {
    #[test]
    fn a_pattern_without_stars_has_itself_only(one in "[a-z]{1,3}(/[a-z]{1,3}){0,2}", other in "[a-z]{1,3}(/[a-z]{1,3}){0,2}") {
        prop_assert_eq!(pattern(&one).matches(&other), one == other);
        prop_assert!(pattern("**").matches(&one));
    }
}

#[test]
fn pushing_is_neither_overwriting_nor_deleting() {
    let push: Permissions = "push".parse().expect("a word");
    assert!(push.allow(Permissions::PULL) && push.allow(Permissions::PUSH));
    assert!(!push.allow(Permissions::OVERWRITE) && !push.allow(Permissions::DELETE));
    let all: Permissions = "all".parse().expect("a word");
    assert!(!all.allow(Permissions::ADMIN));
    assert_eq!(all.to_string(), "pull,push,overwrite,delete");
    assert!("admin".parse::<Permissions>().expect("a word").allow(all));
    let message = "pull,write".parse::<Permissions>().expect_err("no word").to_string();
    assert!(message.contains("\"write\""), "{message}");
}

#[test]
fn grants_add_up_and_whatever_is_not_granted_is_denied() {
    let policy = Policy::of([
        "ci:push:team/**".parse().expect("a grant"),
        "*:pull:team/docs".parse().expect("a grant"),
        "anonymous:pull:public/*".parse().expect("a grant"),
    ]);
    let granted = |identity: &Identity, name: &str| {
        policy.permissions(identity, &repository(name)).to_string()
    };
    assert_eq!(granted(&user("ci"), "team/app"), "pull,push");
    assert_eq!(granted(&user("ada"), "team/app"), "");
    assert_eq!(granted(&user("ada"), "team/docs"), "pull");
    assert_eq!(granted(&Identity::default(), "team/docs"), "");
    assert_eq!(granted(&Identity::default(), "public/app"), "pull");
    assert_eq!(granted(&user("ci"), "other"), "");
    assert!(policy.lets_anybody_in());
    for bad in ["", "ci", "ci:push", ":push:a", "ci:write:a", "ci:push:a b"] {
        assert!(bad.parse::<Grant>().is_err(), "{bad:?}");
    }
    let odd: Grant = "a:b:pull:**".parse().expect("the name has a colon");
    assert_eq!(odd.who, Who::User("a:b".to_owned()));
}

const FILE: &str = r#"
[groups]
team = ["ada", "bob"]

[[grant]]
users = ["@team", "ci"]
permissions = ["push", "delete"]
repositories = ["team/**", "shared"]

[[immutable]]
repositories = ["team/**"]
tags = ["v*"]

[[quota]]
repositories = ["team/**"]
bytes = "10 GiB"
"#;

#[test]
fn reads_a_file_with_groups_immutable_tags_and_quotas() {
    let policy = Policy::parse(FILE).expect("a policy");
    for name in ["ada", "ci"] {
        let granted = policy.permissions(&user(name), &repository("shared"));
        assert_eq!(granted.to_string(), "pull,push,delete");
    }
    assert_eq!(policy.permissions(&user("eve"), &repository("shared")), Permissions::NONE);
    let tag = |text: &str| text.parse::<Tag>().expect("a tag");
    assert!(policy.is_immutable(&repository("team/a"), &tag("v1")));
    assert!(!policy.is_immutable(&repository("team/a"), &tag("latest")));
    assert!(!policy.is_immutable(&repository("shared"), &tag("v1")));
    assert_eq!(policy.quotas()[0].bytes, 10 << 30);
    assert!(policy.quotas()[0].covers(&repository("team/a")));
    let mut names: Vec<_> = policy.users().collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names, ["ada", "bob", "ci"]);
}

#[test]
fn says_what_is_wrong_with_a_file() {
    for (from, to, wanted) in [
        ("[groups]", "[group]", "unknown field `group`"),
        ("\"@team\"", "\"@teams\"", "no group is called \"teams\""),
        ("\"push\"", "\"write\"", "no permission is called \"write\""),
        ("\"shared\"", "\"a b\"", "\"a b\" is no pattern"),
        ("10 GiB", "10 gigs", "\"10 gigs\" is no number of bytes"),
        ("10 GiB", "99999999999 TiB", "is no number of bytes"),
        ("[[quota]]", "[[quota]", "line 14"),
    ] {
        let text = FILE.replace(from, to);
        let message = Policy::parse(&text).expect_err(to).to_string();
        assert!(message.contains(wanted), "{message}");
    }
}

#[test]
fn a_policy_put_in_place_of_another_holds_at_once() {
    let policies = Policies::new(Policy::parse(FILE).expect("a policy"));
    let clone = policies.clone();
    policies.replace(Policy::default());
    let now = clone.current().permissions(&user("ada"), &repository("shared"));
    assert_eq!(now, Permissions::NONE);
}
