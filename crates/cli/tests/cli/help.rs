//! Help pages, as scripts and people match them.

use crate::sandbox::Sandbox;

/// All commands that do something, with the path that calls them.
const COMMANDS: [&str; 30] = [
    "attach",
    "blob delete",
    "blob fetch",
    "blob push",
    "cache clear",
    "cache info",
    "cache ls",
    "cache prune",
    "cache verify",
    "cp",
    "discover",
    "doctor",
    "login",
    "logout",
    "manifest delete",
    "manifest fetch",
    "manifest fetch-config",
    "manifest push",
    "pull",
    "push",
    "registry fsck",
    "registry gc",
    "registry restore",
    "repo ls",
    "repo tags",
    "resolve",
    "serve",
    "tag",
    "version",
    "help",
];

#[test]
fn every_page_has_examples_usage_and_flags_but_not_verbose() {
    let sandbox = Sandbox::new();
    for command in COMMANDS {
        let page = sandbox.oras(&format!("{command} --help")).succeeds();
        if command != "help" {
            assert!(page.contains("\n\nExample - "), "{command}: {page}");
        }
        assert!(page.contains(&format!("\nUsage:\n  oras {command} [")), "{command}: {page}");
        assert!(page.contains("\nFlags:\n"), "{command}: {page}");
        assert!(!page.contains("verbose"), "{command}: {page}");
        assert!(page.ends_with('\n') && !page.ends_with("\n\n"), "{command}");
        let name = command.split(' ').next_back().expect("a word");
        assert!(page.contains(&format!("help for {name}\n")), "{command}: {page}");
    }
}

#[test]
fn the_root_lists_its_commands_by_name() {
    let page = Sandbox::new().oras("").succeeds();
    let listed: Vec<&str> = page
        .lines()
        .skip_while(|line| *line != "Available Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let mut sorted = listed.clone();
    sorted.sort_unstable();
    assert_eq!(listed, sorted);
    assert!(page.starts_with("Usage:\n  oras [command]\n"), "{page}");
    assert!(page.ends_with(
        "\nFlags:\n  -h, --help   help for oras\n\n\
         Use \"oras [command] --help\" for more information about a command.\n"
    ));
}

#[test]
fn aliases_are_shown_with_the_name_first() {
    let sandbox = Sandbox::new();
    for (command, aliases) in [
        ("blob delete", "delete, remove, rm"),
        ("blob fetch", "fetch, get"),
        ("manifest delete", "delete, remove, rm"),
        ("manifest fetch", "fetch, get, show"),
        ("manifest fetch-config", "fetch-config, get-config"),
        ("repo", "repo, repository"),
        ("repo ls", "ls, list"),
        ("repo tags", "tags, show-tags"),
        ("resolve", "resolve, digest"),
    ] {
        let page = sandbox.oras(&format!("{command} --help")).succeeds();
        assert!(page.contains(&format!("\nAliases:\n  {aliases}\n")), "{command}: {page}");
    }
}

/// Finds the line of a flag and returns what stands behind it.
fn flag<'a>(page: &'a str, shown: &str) -> &'a str {
    let line = page.lines().find_map(|line| line.trim_start().strip_prefix(shown));
    line.unwrap_or_else(|| panic!("no {shown}: {page}")).trim_start()
}

#[test]
fn flags_carry_their_words_marks_and_defaults() {
    let sandbox = Sandbox::new();
    let page = |command: &str| sandbox.oras(&format!("{command} --help")).succeeds();
    let push = page("push");
    assert!(flag(&push, "--image-spec string").starts_with("[Preview]"));
    assert!(flag(&push, "--oci-layout-path string").starts_with("[Experimental]"));
    assert!(flag(&push, "--concurrency int").ends_with("(default 5)"));
    assert!(flag(&push, "-a, --annotation stringArray").starts_with("manifest annotations"));
    assert!(flag(&push, "--artifact-platform os[/arch][/variant][:os_version]").starts_with("[E"));
    assert!(flag(&push, "--export-manifest path").starts_with("path of"));
    assert!(flag(&push, "--registry-config path").starts_with("path of"));
    assert!(flag(&push, "--resolve host:port:address[:address_port]").starts_with("customized"));
    assert!(flag(&push, "--no-tty").contains("disable progress bars"));
    let pull = page("pull");
    assert!(flag(&pull, "-o, --output string").ends_with("(default \".\")"));
    assert!(flag(&pull, "--concurrency int").ends_with("(default 3)"));
    let fetch = page("manifest fetch");
    assert!(flag(&fetch, "--pretty").contains("prettify JSON"));
    assert!(flag(&fetch, "--media-type strings").starts_with("accepted"));
    let tags = page("repo tags");
    assert!(flag(&tags, "--exclude-digest-tags").starts_with("[Preview]"));
    assert!(flag(&tags, "--last last").starts_with("start after"));
    let blob = page("blob push");
    assert!(flag(&blob, "--size int").ends_with("(default -1)"));
    assert!(
        flag(&blob, "--media-type string")
            .ends_with("(default \"application/vnd.oci.image.layer.v1.tar\")")
    );
    assert!(flag(&page("blob fetch"), "-o, --output path").starts_with("output file"));
    assert!(flag(&page("blob fetch"), "--no-tty").starts_with("[Preview]"));
    assert!(flag(&page("blob delete"), "-f, --force").starts_with("ignore nonexistent"));
    for command in ["manifest push", "manifest delete"] {
        let page = page(command);
        assert!(flag(&page, "--distribution-spec string").starts_with("[Preview]"));
        assert!(flag(&page, "--distribution-spec string").ends_with("(default \"unknown\")"));
    }
    for command in [
        "blob delete",
        "blob fetch",
        "blob push",
        "manifest delete",
        "manifest fetch-config",
        "manifest push",
    ] {
        let page = page(command);
        assert!(flag(&page, "--pretty").contains("prettify JSON"), "{command}");
        assert!(flag(&page, "--descriptor").starts_with("output the descriptor"), "{command}");
    }
    for page in [&push, &pull, &fetch, &tags] {
        let block = page.split("--format string").nth(1).expect("--format");
        let block = block.split("\n      --").next().expect("a block");
        assert!(block.contains("(default \"text\")"), "{block}");
        for name in ["'json'", "'go-template'", "'text'"] {
            assert!(block.contains(name), "{block}");
        }
    }
}

#[test]
fn resolve_says_that_it_is_a_preview_and_repo_tags_how_to_get_json() {
    let sandbox = Sandbox::new();
    assert!(sandbox.oras("resolve --help").succeeds().starts_with("[Preview]"));
    let tags = sandbox.oras("repo tags --help").succeeds();
    assert!(tags.contains("oras repo tags localhost:5000/hello --format json"));
}
