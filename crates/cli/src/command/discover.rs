//! `oras discover`: what is about a manifest.

mod tree;

use std::fmt::Write as _;

use oras_client::discover::{DiscoverOptions, Discovered, discover};
use oras_spec::image::Descriptor;
use oras_spec::json;

use self::tree::Style;
use super::{Arguments, Body, Command, Invocation};
use crate::args::format::Format;
use crate::args::remote::Side;
use crate::args::target::{self, Target};
use crate::args::{self, cache, distribution, format, platform};
use crate::connect::Access;
use crate::context::Context;
use crate::error::{CliError, Result};
use crate::flag::Flag;
use crate::output::render;
use crate::report::DiscoverReport;
use crate::visible::visible;

/// Shows referrers.
pub(crate) static COMMAND: Command = Command {
    name: "discover",
    aliases: &[],
    synopsis: "discover [flags] <name>{:<tag>|@<digest>}",
    summary: "[Preview] Discover referrers of a manifest in a registry or an OCI image layout",
    description: "[Preview] Discover referrers of a manifest in a registry or an OCI image layout

** This command is in preview and under development. **

Example - Discover all referrers of manifest 'hello:v1' in registry 'localhost:5000', displayed in a tree view:
  oras discover localhost:5000/hello:v1

Example - Discover direct referrers of manifest 'hello:v1' in registry 'localhost:5000':
  oras discover --depth 1 localhost:5000/hello:v1

Example - Discover referrers via referrers API:
  oras discover --distribution-spec v1.1-referrers-api localhost:5000/hello:v1

Example - Discover referrers via tag scheme:
  oras discover --distribution-spec v1.1-referrers-tag localhost:5000/hello:v1

Example - Discover referrers and display in a JSON view:
  oras discover localhost:5000/hello:v1 --format json

Example - Discover all the referrers of manifest with annotations, displayed through a Go template:
  oras discover localhost:5000/hello:v1 --format go-template --template \"{{.referrers}}\"

Example - Discover referrers with type 'test-artifact' of manifest 'hello:v1' in registry 'localhost:5000':
  oras discover --artifact-type test-artifact localhost:5000/hello:v1

Example - Discover referrers of the manifest for one platform of an index:
  oras discover --platform linux/amd64 localhost:5000/hello:v1

Example - Discover referrers of the manifest tagged 'v1' in an OCI image layout folder 'layout-dir':
  oras discover --oci-layout layout-dir:v1",
    flags,
    arguments: Arguments::Exactly(1, "the target artifact to discover referrers from"),
    body: Body::Waiting(|invocation, context| Box::pin(run(invocation, context))),
};

/// The formats, the default last.
const FORMATS: [&str; 4] = ["table", "json", "go-template", "tree"];
const FORMAT_HELP: &str = "[Experimental] format output using a custom template:
'table':       [Deprecated] Get direct referrers and output in table format
'json':        Get referrers recursively and output in JSON format
'go-template': Print output using the given Go template
'tree':        Get referrers recursively and print in tree format";

/// How many lists of referrers are asked for at the same time.
const LOOKUPS: usize = 8;

fn flags() -> Vec<Flag> {
    let mut flags = target::flags(Side::Only);
    flags.extend([
        args::debug(),
        args::verbose("true"),
        distribution::flag(Side::Only),
        platform::platform("request platform"),
        format::template(),
        Flag::text("format", FORMAT_HELP).default("tree"),
        Flag::switch("no-tty", "[Preview] disable colors"),
        Flag::text("artifact-type", "artifact type"),
        Flag::number(
            "depth",
            "",
            "[Experimental] level of referrers to display, if unused shows referrers of all levels",
        ),
        Flag::text(
            "output",
            "[Deprecated] format in which to display referrers (table, json, or tree). \
             tree format will also show indirect referrers",
        )
        .short('o')
        .default("tree"),
    ]);
    flags.extend(cache::flags());
    flags
}

/// The form of the output.
enum Form {
    Tree,
    Table,
    Data(Format),
    /// `text`, which is no form here.
    Text,
}

async fn run(invocation: &Invocation, context: &Context) -> Result<()> {
    let parsed = &invocation.parsed;
    invocation.exclude(&["format", "output"])?;
    if parsed.given("depth") && parsed.number("depth") < 1 {
        return Err(CliError::new("depth value should be at least 1"));
    }
    let platform = platform::read(invocation, "platform")?;
    let target = Target::read(invocation, Side::Only, invocation.argument(0), context).await?;
    let form = form(invocation, context)?;

    let opened = target.open(invocation, Access::Read, context).await?;
    let reference = target.required_reference(invocation)?;
    let explain = |error: oras_client::Error| opened.explain(&error);
    let root = opened.resolve(reference, platform.as_ref()).await.map_err(explain)?;
    if matches!(form, Form::Text) {
        return Err(CliError::new("unsupported format type: text"));
    }
    let options = DiscoverOptions {
        artifact_type: parsed.some_text("artifact-type").map(Into::into),
        depth: depth(invocation, &form),
        concurrency: LOOKUPS,
    };
    let found = discover(opened.source(), std::slice::from_ref(&root), &options).await;
    let found = found.map_err(explain)?;
    let verbose = parsed.switch("verbose");
    let text = match form {
        Form::Data(format) => {
            let report = DiscoverReport::new(&target.path(), &found);
            return render::render(&context.printer, &format, &report, || Ok(()));
        }
        Form::Table | Form::Text => table(&target.raw, &root, &found, verbose),
        Form::Tree => {
            let style = Style { colors: colors(invocation, context), annotations: verbose };
            tree::draw(&target.with_digest(&root.digest), &found, style)
        }
    };
    context.printer.bytes(text.as_bytes())
}

/// Reads the form from whichever of the two flags for it was given.
fn form(invocation: &Invocation, context: &Context) -> Result<Form> {
    let is_old_flag = invocation.parsed.given("output");
    let flag = if is_old_flag { "output" } else { "format" };
    let (name, template) = format::read_among(invocation, context, flag, &FORMATS)?;
    if name == "table" {
        let note = "Format \"table\" is deprecated and will be removed in a future release.";
        context.printer.note(note);
    }
    if is_old_flag {
        if !matches!(name, "tree" | "table" | "json") {
            return Err(CliError::new("output type can only be tree, table or json"));
        }
        context
            .printer
            .note(&format!("[DEPRECATED] --output is deprecated, try `--format {name}` instead"));
    }
    Ok(match (name, template) {
        (_, Some(template)) => Form::Data(Format::Template(template)),
        ("json", None) => Form::Data(Format::Json),
        ("table", None) => Form::Table,
        ("tree", None) => Form::Tree,
        _ => Form::Text,
    })
}

fn depth(invocation: &Invocation, form: &Form) -> usize {
    if matches!(form, Form::Table) {
        return 1;
    }
    if !invocation.parsed.given("depth") {
        return usize::MAX;
    }
    usize::try_from(invocation.parsed.number("depth")).unwrap_or(usize::MAX)
}

fn colors(invocation: &Invocation, context: &Context) -> bool {
    let parsed = &invocation.parsed;
    context.output_is_terminal
        && !parsed.switch("no-tty")
        && !parsed.switch("debug")
        && context.environment.variable("NO_COLOR").is_none()
}

/// Draws up what is directly about `root`.
fn table(raw: &str, root: &Descriptor, found: &Discovered, verbose: bool) -> String {
    const TYPE: &str = "Artifact Type";
    let referrers: Vec<&Descriptor> =
        found.nodes().iter().skip(1).map(|node| &node.descriptor).collect();
    let count = referrers.len();
    let noun = if count == 1 { "artifact" } else { "artifacts" };
    let mut text = format!(
        "Discovered {count} {noun} referencing {}\nDigest: {}\n",
        visible(raw),
        root.digest
    );
    if referrers.is_empty() {
        return text;
    }
    let kinds = referrers.iter().map(|referrer| visible(referrer.artifact_type.as_str()));
    let width = kinds.clone().map(|kind| kind.len()).max().unwrap_or(0).max(TYPE.len());
    let line = |left: &str, right: &str| format!("{left:width$}   {right}\n");
    text.push('\n');
    text.push_str(&line(TYPE, "Digest"));
    for (kind, referrer) in kinds.zip(&referrers) {
        text.push_str(&line(&kind, referrer.digest.as_str()));
        if verbose {
            let json = json::to_vec_pretty(referrer);
            writeln!(text, "{}", String::from_utf8_lossy(&json)).expect("a string takes all");
        }
    }
    text
}
