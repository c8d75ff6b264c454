//! What all commands have in common: flags, counts of arguments, unknown commands, groups.

use crate::sandbox::Sandbox;

#[test]
fn an_unknown_command_is_refused_with_what_may_have_been_meant() {
    let sandbox = Sandbox::new();
    assert_eq!(
        sandbox.oras("resolv x").fails(),
        "Error: unknown command \"resolv\" for \"oras\"\n\nDid you mean this?\n\tresolve\n\n\
         Run 'oras --help' for usage.\n"
    );
    assert_eq!(
        sandbox.oras("bogus").fails(),
        "Error: unknown command \"bogus\" for \"oras\"\nRun 'oras --help' for usage.\n"
    );
    // What stands behind a flag that nobody knows is taken for its value.
    assert_eq!(sandbox.oras("-d push x").fails(), sandbox.oras("x").fails());
}

#[test]
fn a_group_shows_its_help_whatever_it_is_given() {
    let sandbox = Sandbox::new();
    let page = sandbox.oras("manifest").succeeds();
    assert!(page.contains("\nAvailable Commands:\n"), "{page}");
    assert_eq!(sandbox.oras("manifest bogus").succeeds(), page);
    assert_eq!(sandbox.oras("manifest --help").succeeds(), page);
    assert_eq!(sandbox.oras("help manifest").succeeds(), page);
    assert_eq!(sandbox.oras("repository x").succeeds(), sandbox.oras("repo").succeeds());
    assert_eq!(sandbox.oras("manifest --bogus").fails(), "Error: unknown flag: --bogus\n");
    assert_eq!(sandbox.oras("").succeeds(), sandbox.oras("--help").succeeds());
}

#[test]
fn help_on_what_is_not_there_is_no_failure() {
    let sandbox = Sandbox::new();
    let outcome = sandbox.oras("help bogus more");
    assert_eq!((outcome.code, outcome.stdout.as_str()), (0, ""));
    let start = "Unknown help topic [`bogus` `more`]\nUsage:\n  oras [command]\n";
    assert!(outcome.stderr.starts_with(start), "{}", outcome.stderr);
}

#[test]
fn flags_are_read_as_pflag_reads_them() {
    let sandbox = Sandbox::new();
    for (line, message) in [
        ("resolve --x", "unknown flag: --x"),
        ("resolve -x", "unknown shorthand flag: 'x' in -x"),
        ("resolve --oci-lay", "unknown flag: --oci-lay"),
        ("manifest fetch --output", "flag needs an argument: --output"),
        ("manifest fetch -o", "flag needs an argument: 'o' in -o"),
        (
            "tag --concurrency x",
            "invalid argument \"x\" for \"--concurrency\" flag: \
             strconv.ParseInt: parsing \"x\": invalid syntax",
        ),
        (
            "resolve -v=maybe",
            "invalid argument \"maybe\" for \"-v, --verbose\" flag: \
             strconv.ParseBool: parsing \"maybe\": invalid syntax",
        ),
        ("--version", "unknown flag: --version"),
        ("-v", "unknown shorthand flag: 'v' in -v"),
        ("logout -v", "unknown shorthand flag: 'v' in -v"),
    ] {
        assert_eq!(sandbox.oras(line).fails(), format!("Error: {message}\n"), "{line}");
    }
}

#[test]
fn help_wins_over_wrong_arguments_but_not_over_wrong_flags() {
    let sandbox = Sandbox::new();
    let page = sandbox.oras("resolve --help").succeeds();
    assert_eq!(sandbox.oras("resolve a b c -h").succeeds(), page);
    assert_eq!(sandbox.oras("help resolve").succeeds(), page);
    assert_eq!(sandbox.oras("digest -h").succeeds(), page);
    assert_eq!(sandbox.oras("resolve -h --x").fails(), "Error: unknown flag: --x\n");
    assert_eq!(sandbox.oras("resolve -h=false").fails(), sandbox.oras("resolve").fails());
}

#[test]
fn the_verbose_flag_is_accepted_with_a_notice() {
    let sandbox = Sandbox::new();
    let digest = sandbox.seed("a", "v1", "").digest;
    let notice = "Flag --verbose has been deprecated, and will be removed in a future release.\n";
    for spelling in ["-v", "--verbose=false"] {
        let outcome = sandbox.oras(&format!("resolve {spelling} HOST/a:v1"));
        assert_eq!((outcome.code, outcome.stdout), (0, format!("{digest}\n")));
        assert_eq!(outcome.stderr, notice);
    }
}

/// Commands, how many arguments they take, how they are used, and what the arguments are.
const COUNTS: &[(&str, &str, &str, &str)] = &[
    (
        "resolve",
        "exactly 1",
        "resolve [flags] <name>{:<tag>|@<digest>}",
        "the target artifact reference to resolve",
    ),
    (
        "tag",
        "at least 1",
        "tag [flags] <name>{:<tag>|@<digest>} <new_tag> [...]",
        "the artifact to be retagged and the tags to be added",
    ),
    (
        "manifest fetch",
        "exactly 1",
        "manifest fetch [flags] <name>{:<tag>|@<digest>}",
        "the manifest to fetch",
    ),
    (
        "blob delete",
        "exactly 1",
        "blob delete [flags] <name>@<digest>",
        "the target blob to delete",
    ),
    (
        "blob fetch",
        "exactly 1",
        "blob fetch [flags] {--output <file> | --descriptor} <name>@<digest>",
        "the target blob to fetch",
    ),
    (
        "blob push",
        "exactly 2",
        "blob push [flags] <name>[@digest] <file>",
        "the destination to push to and the file to read blob content from",
    ),
    (
        "manifest delete",
        "exactly 1",
        "manifest delete [flags] <name>{:<tag>|@<digest>}",
        "the manifest to delete",
    ),
    (
        "manifest fetch-config",
        "exactly 1",
        "manifest fetch-config [flags] <name>{:<tag>|@<digest>}",
        "the manifest config to fetch",
    ),
    (
        "manifest push",
        "exactly 2",
        "manifest push [flags] <name>[:<tag>[,<tag>][...]|@<digest>] <file>",
        "the destination to push to and the file to read manifest content from",
    ),
    (
        "repo ls",
        "exactly 1",
        "repo ls [flags] <registry>",
        "the target registry to list repositories from",
    ),
    (
        "repo tags",
        "exactly 1",
        "repo tags [flags] <name>",
        "the target repository to list tags from",
    ),
    ("login", "exactly 1", "login [flags] <registry>", "the registry to log in to"),
    ("logout", "exactly 1", "logout [flags] <registry>", "the registry you want to log out"),
    (
        "pull",
        "exactly 1",
        "pull [flags] <name>{:<tag>|@<digest>}",
        "the artifact reference you want to pull",
    ),
    (
        "push",
        "at least 1",
        "push [flags] <name>[:<tag>[,<tag>][...]] <file>[:<type>] [...]",
        "the destination for pushing",
    ),
];

#[test]
fn the_number_of_arguments_is_checked() {
    let sandbox = Sandbox::new();
    for (command, wanted, synopsis, noun) in COUNTS {
        let complaint = |found| {
            format!(
                "Error: \"oras {command}\" requires {wanted} argument but got {found}\n\
                 Usage: oras {synopsis}\n\
                 Please specify {wanted} argument as {noun}. \
                 Run \"oras {command} -h\" for more options and examples\n"
            )
        };
        assert_eq!(sandbox.oras(command).fails(), complaint(0));
        if wanted.starts_with("exactly") {
            assert_eq!(sandbox.oras(&format!("{command} a b c")).fails(), complaint(3));
        }
    }
}

#[test]
fn version_says_what_scripts_look_for_and_warns_of_arguments() {
    let sandbox = Sandbox::new();
    let text = sandbox.oras("version").succeeds();
    let labels: Vec<&str> = text.lines().filter_map(|line| Some(line.split_once(':')?.0)).collect();
    assert_eq!(labels[..3], ["Version", "Rust version", "OS/Arch"]);
    let columns = text
        .lines()
        .map(|line| line.len() - line.split_once(": ").expect("a label").1.trim_start().len());
    assert_eq!(columns.collect::<std::collections::BTreeSet<_>>().len(), 1, "values align: {text}");
    if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        assert!(text.contains(" linux/amd64\n"), "{text}");
    }
    let outcome = sandbox.oras("version foo bar");
    assert_eq!((outcome.code, outcome.stdout), (0, text));
    assert_eq!(
        outcome.stderr,
        "warning: `oras version` requires no argument, \"foo,bar\" will be ignored\n"
    );
}

#[test]
fn an_argument_that_is_no_text_is_refused() {
    use std::os::unix::ffi::OsStringExt as _;

    let streams = oras_cli::Streams {
        input: Box::new(std::io::empty()),
        output: Box::new(std::io::sink()),
        errors: Box::new(std::io::sink()),
        input_is_terminal: false,
        output_is_terminal: false,
        terminal: None,
    };
    let argument = std::ffi::OsString::from_vec(vec![b'a', 0xff]);
    let sandbox = Sandbox::new();
    assert_eq!(oras_cli::run(["resolve".into(), argument], sandbox.environment(), streams), 1);
}
