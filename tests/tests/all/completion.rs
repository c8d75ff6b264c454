//! Completion in real shells other than bash, which the parity table has.

use oras_tests::{Part, Sandbox};

/// Links the program under the name that shells call it by, and returns its directory.
fn programs(sandbox: &Sandbox) -> String {
    let directory = sandbox.root().join("bin");
    std::fs::create_dir(&directory).expect("make a directory");
    let program = oras_tests::sandbox::binary();
    std::os::unix::fs::symlink(program, directory.join("oras")).expect("link the program");
    format!("{}:{}", directory.display(), std::env::var("PATH").expect("a search path"))
}

#[test]
fn fish_offers_what_can_come_next() {
    let Some(fish) = Part::Fish.find() else { return };
    let sandbox = Sandbox::new();
    let path = programs(&sandbox);
    sandbox.write("file.txt", "hi");
    for (line, offered) in [
        (
            "oras pu",
            "pull\tPull files from a registry or an OCI image layout\npush\tPush files to a registry or an OCI image layout\n",
        ),
        ("oras repository ta", "tags\tShow tags of the target repository\n"),
        ("oras pull --outp", "--output\toutput directory\n"),
        ("oras pull -o fil", "file.txt\n"),
    ] {
        let mut command = sandbox.command(&fish);
        let script = "oras completion fish | source; complete -C \"$argv[1]\"";
        command.env("PATH", &path).args(["--no-config", "-c", script, line]);
        assert_eq!(sandbox.run(&mut command).succeeds(), offered, "{line}");
    }
}

#[test]
fn zsh_offers_what_can_come_next() {
    let Some(zsh) = Part::Zsh.find() else { return };
    let sandbox = Sandbox::new();
    let path = programs(&sandbox);
    // What the completion system would provide: a registry of functions, and ways to offer words.
    let stage = r#"
        compdef() { print "compdef $*" }
        _describe() { print -l -- "${(@P)2}" }
        _files() { print files }
        source <(oras completion zsh)
        words=("$@"); CURRENT=$#words; _oras
    "#;
    for (words, offered) in [
        (
            &["oras", "pu"][..],
            "pull:Pull files from a registry or an OCI image layout\npush:Push files to a registry or an OCI image layout\n",
        ),
        (&["oras", "pull", "--outp"], "--output:output directory\n"),
        (&["oras", "pull", ""], "files\n"),
    ] {
        let mut command = sandbox.command(&zsh);
        command.env("PATH", &path).args(["-f", "-c", stage, "zsh"]).args(words);
        let printed = sandbox.run(&mut command).succeeds();
        assert_eq!(printed, format!("compdef _oras oras\n{offered}"), "{words:?}");
    }
}
