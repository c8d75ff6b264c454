//! `--format` and `--template`: in which form a command says what it did.

use oras_spec::Quoted;

use crate::command::Invocation;
use crate::context::Context;
use crate::error::{CliError, Result};
use crate::flag::Flag;
use crate::template::Template;

/// The form of a command's output.
#[derive(Debug)]
pub(crate) enum Format {
    /// Lines for people.
    Text,
    /// JSON, indented.
    Json,
    /// Whatever a template makes of the JSON.
    Template(Template),
}

impl Format {
    /// Tells whether the output is for people, who are also told what happens on the way.
    pub(crate) fn is_text(&self) -> bool {
        matches!(self, Self::Text)
    }
}

/// The names that `--format` takes, the default last.
const NAMES: [&str; 3] = ["json", "go-template", "text"];
const SHORTHAND: &str = "use `--format go-template=TEMPLATE` to specify the template";

const HELP: &str = "[Experimental] format output using a custom template:
'json':        Print in JSON format
'go-template': Print output using the given Go template
'text':        Print in text format";

/// Declares both flags, for a command that prints text unless told otherwise.
pub(crate) fn flags() -> [Flag; 2] {
    [Flag::text("format", HELP).default("text"), template()]
}

/// Declares `--template`.
pub(crate) fn template() -> Flag {
    Flag::text("template", "[Experimental] template string used to format output")
}

/// Reads both flags. A template is parsed here, so that one with a mistake stops the command
/// before it has begun.
///
/// # Errors
///
/// If there is no such format, a template is missing or not asked for, or it does not parse.
pub(crate) fn read(invocation: &Invocation, context: &Context) -> Result<Format> {
    Ok(match read_among(invocation, context, "format", &NAMES)? {
        (_, Some(template)) => Format::Template(template),
        ("json", None) => Format::Json,
        _ => Format::Text,
    })
}

/// As [`read`], for a command with formats of its own: returns which of `names` the flag says, and
/// the template. `text` passes, too, though it may be none of them, as in `oras`.
///
/// # Errors
///
/// As [`read`].
pub(crate) fn read_among<'a>(
    invocation: &'a Invocation,
    context: &Context,
    flag: &str,
    names: &[&str],
) -> Result<(&'a str, Option<Template>)> {
    let parsed = &invocation.parsed;
    let (name, mut template) = (parsed.text(flag), parsed.text("template"));
    let name = match name.strip_prefix("go-template=") {
        Some(shorthand) => {
            template = shorthand;
            "go-template"
        }
        None => name,
    };
    match name {
        "go-template" if template.is_empty() => {
            let message = "\"go-template\" format specified but no template given";
            Err(CliError::new(message).with_recommendation(SHORTHAND))
        }
        "go-template" => Ok((name, Some(Template::parse(template, &context.environment)?))),
        _ if !names.contains(&name) && name != "text" => {
            Err(CliError::new(format!("invalid format type: {}", Quoted(name)))
                .with_recommendation(format!("supported types: {}", names.join(", "))))
        }
        _ if !template.is_empty() => {
            Err(CliError::new("--template must be used with --format go-template"))
        }
        _ => Ok((name, None)),
    }
}
