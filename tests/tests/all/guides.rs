//! The commands in the guides to registries, run as they stand against emulations of those.

use std::os::unix::fs::PermissionsExt as _;

use oras_tests::sandbox::binary;
use oras_tests::{Emulated, Sandbox};

use crate::readme::{in_workspace, shell_lines};

/// Runs every command of a guide; a program called `oras` adds nothing but where the registry is.
fn follow(guide: &str, profile: &str, variables: &[(&str, &str)]) {
    let sandbox = Sandbox::new();
    let registry = Emulated::start(&sandbox, profile);
    sandbox.write("build/config.json", "{}");
    sandbox.write("build/foo.txt", "hello, world\n");
    let account = registry.account();
    let flags: Vec<String> = registry.flags("").iter().map(|flag| format!("'{flag}'")).collect();
    let program = |name: &str, text: &str| {
        let path = sandbox.write(&format!("bin/{name}"), text);
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(path, mode).expect("make it a program");
    };
    program(
        "oras",
        &format!("#!/bin/sh\nexec '{}' \"$@\" {}\n", binary().display(), flags.join(" ")),
    );
    let password = account.password();
    program(
        "aws",
        &format!("#!/bin/sh\ncase \"$2\" in get-login-password) echo '{password}';; esac\n"),
    );
    let path = std::env::var("PATH").expect("a search path");
    let path = format!("{}:{path}", sandbox.path("bin").display());

    let text = in_workspace(&format!("docs/registries/{guide}"));
    let mut ran = Vec::new();
    for line in shell_lines(&text) {
        let mut shell = sandbox.command("sh");
        shell.args(["-ec", line]).env("PATH", &path);
        for (name, value) in variables {
            shell.env(name, if *value == "PASSWORD" { password.as_str() } else { value });
        }
        sandbox.run(&mut shell).succeeds();
        ran.push(line);
    }
    assert_eq!(sandbox.text("copy/build/foo.txt"), "hello, world\n");
    for word in ["login", "push", "repo tags", "manifest fetch", "pull"] {
        let shows = |line: &&&str| line.contains(&format!("oras {word} "));
        assert!(ran.iter().any(|line| shows(&line)), "{guide} does not show {word}");
    }
}

#[test]
fn every_command_of_the_guide_to_docker_hub_works() {
    let variables = [("DOCKER_USER", "oras"), ("DOCKER_TOKEN", "PASSWORD")];
    follow("docker-hub.md", "docker-hub", &variables);
}

#[test]
fn every_command_of_the_guide_to_ecr_works() {
    follow("ecr.md", "ecr", &[]);
}

#[test]
fn every_command_of_the_guide_to_quay_works() {
    follow("quay.md", "quay", &[("QUAY_USER", "oras"), ("QUAY_PASSWORD", "PASSWORD")]);
}
