//! The reference that the program writes of itself.

use std::path::Path;

use crate::sandbox::Sandbox;

#[test]
fn the_page_in_the_documentation_is_what_the_program_writes() {
    let written = Sandbox::new().oras("__docs markdown").succeeds();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli.md");
    let kept = std::fs::read_to_string(&file).expect("the page");
    let differs = kept.lines().zip(written.lines()).find(|(kept, written)| kept != written);
    assert!(kept == written, "`cargo xtask docs` writes docs/cli.md anew: {differs:?}");
}

#[test]
fn every_command_has_a_manual_page() {
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.path("man")).expect("make a directory");
    assert_eq!(sandbox.oras("__docs man man").succeeds(), "");
    for name in ["oras", "oras-push", "oras-manifest-fetch-config", "oras-completion-zsh"] {
        let page = sandbox.read(&format!("man/{name}.1"));
        let title = name.to_uppercase().replace('-', "\\-");
        assert!(page.starts_with(&format!(".TH {title} 1 ")), "{page}");
        for part in [".SH NAME\n", ".SH SYNOPSIS\n", ".SH DESCRIPTION\n", ".SH OPTIONS\n"] {
            assert!(page.contains(part), "{name} lacks {part}");
        }
    }
    let push = sandbox.read("man/oras-push.1");
    assert!(push.contains("\n.TP\n\\fB\\-\\-concurrency\\fR \\fIint\\fR\nconcurrency"), "{push}");
    assert!(push.contains("\n.SH EXAMPLES\n"), "{push}");
    assert!(!push.contains("verbose"), "deprecated flags are left out");
}

#[test]
fn another_form_of_the_reference_is_refused() {
    let complaint = Sandbox::new().oras("__docs html").fails();
    assert!(complaint.starts_with("Error: no such form of the reference\n"), "{complaint}");
}
