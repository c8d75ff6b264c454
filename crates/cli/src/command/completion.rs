//! `oras completion`: scripts that have a shell ask the program what can come next.

use super::{Arguments, Body, Command, Invocation};
use crate::context::Context;
use crate::error::Result;
use crate::flag::Flag;

/// The group.
pub(crate) static COMMAND: Command = Command {
    name: "completion",
    aliases: &[],
    synopsis: "completion [command]",
    summary: "Generate the autocompletion script for the specified shell",
    description: "Generate the autocompletion script for oras for the specified shell.
See each sub-command's help for details on how to use the generated script.",
    flags: Vec::new,
    arguments: Arguments::Any,
    body: Body::Group(&[&BASH, &FISH, &POWERSHELL, &ZSH]),
};

static BASH: Command = Command {
    name: "bash",
    aliases: &[],
    synopsis: "bash",
    summary: "Generate the autocompletion script for bash",
    description: "Generate the autocompletion script for the bash shell.

To load completions in your current shell session:

	source <(oras completion bash)

To load completions for every new session, execute once:

	oras completion bash > ~/.local/share/bash-completion/completions/oras

You will need to start a new shell for this setup to take effect.",
    flags,
    arguments: Arguments::None,
    body: Body::Quick(|invocation, context| print(invocation, context, BASH_SCRIPT)),
};

static FISH: Command = Command {
    name: "fish",
    aliases: &[],
    synopsis: "fish",
    summary: "Generate the autocompletion script for fish",
    description: "Generate the autocompletion script for the fish shell.

To load completions in your current shell session:

	oras completion fish | source

To load completions for every new session, execute once:

	oras completion fish > ~/.config/fish/completions/oras.fish

You will need to start a new shell for this setup to take effect.",
    flags,
    arguments: Arguments::None,
    body: Body::Quick(|invocation, context| print(invocation, context, FISH_SCRIPT)),
};

static POWERSHELL: Command = Command {
    name: "powershell",
    aliases: &[],
    synopsis: "powershell",
    summary: "Generate the autocompletion script for powershell",
    description: "Generate the autocompletion script for powershell.

To load completions in your current shell session:

	oras completion powershell | Out-String | Invoke-Expression

To load completions for every new session, add the output of the above command
to your powershell profile.",
    flags,
    arguments: Arguments::None,
    body: Body::Quick(|invocation, context| print(invocation, context, POWERSHELL_SCRIPT)),
};

static ZSH: Command = Command {
    name: "zsh",
    aliases: &[],
    synopsis: "zsh",
    summary: "Generate the autocompletion script for zsh",
    description: "Generate the autocompletion script for the zsh shell.

If shell completion is not already enabled in your environment you will need
to enable it.  You can execute the following once:

	echo \"autoload -U compinit; compinit\" >> ~/.zshrc

To load completions in your current shell session:

	source <(oras completion zsh)

To load completions for every new session, execute once:

	oras completion zsh > \"${fpath[1]}/_oras\"

You will need to start a new shell for this setup to take effect.",
    flags,
    arguments: Arguments::None,
    body: Body::Quick(|invocation, context| print(invocation, context, ZSH_SCRIPT)),
};

const BASH_SCRIPT: &str = include_str!("completion/oras.bash");
const FISH_SCRIPT: &str = include_str!("completion/oras.fish");
const POWERSHELL_SCRIPT: &str = include_str!("completion/oras.ps1");
const ZSH_SCRIPT: &str = include_str!("completion/oras.zsh");

/// The words by which scripts ask the program, with and without descriptions.
pub(crate) const QUESTIONS: [&str; 2] = ["__complete", "__completeNoDesc"];

fn flags() -> Vec<Flag> {
    vec![Flag::switch("no-descriptions", "disable completion descriptions")]
}

fn print(invocation: &Invocation, context: &Context, script: &str) -> Result<()> {
    let [with, without] = QUESTIONS;
    if invocation.parsed.switch("no-descriptions") {
        return context.printer.bytes(script.replace(with, without).as_bytes());
    }
    context.printer.bytes(script.as_bytes())
}
