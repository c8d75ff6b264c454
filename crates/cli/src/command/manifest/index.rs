//! `oras manifest index`: indexes made of manifests, and what both of its commands do alike.

pub(crate) mod create;
pub(crate) mod update;

use std::fmt;

use bytes::Bytes;
use oras_client::store::FileSink;
use oras_client::tag::{TagOptions, tag};
use oras_client::{Content, graph, select};
use oras_spec::image::{Descriptor, Document, Index, MediaType};
use oras_spec::{Digest, Tag, TagOrDigest, json};

use super::super::save::as_typed;
use super::super::transfer::tagged_lines;
use super::super::{Arguments, Body, Command, Invocation};
use crate::args::format::Format;
use crate::args::target::Target;
use crate::connect::{Access, Opened};
use crate::context::Context;
use crate::error::{CliError, Result};
use crate::output::render;
use crate::output::status::status_line;
use crate::visible::visible;

/// The group.
pub(crate) static COMMAND: Command = Command {
    name: "index",
    aliases: &[],
    synopsis: "index [command]",
    summary: "[Experimental] Index operations",
    description: "",
    flags: Vec::new,
    arguments: Arguments::Any,
    body: Body::Group(&[&create::COMMAND, &update::COMMAND]),
};

/// Where the index goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Output<'a> {
    /// To the target.
    Pushed,
    /// Into a file.
    File(&'a str),
    /// To standard output, with nothing else there.
    Printed,
}

impl<'a> Output<'a> {
    fn read(invocation: &'a Invocation) -> Self {
        match invocation.parsed.some_text("output") {
            None => Self::Pushed,
            Some("-") => Self::Printed,
            Some(file) => Self::File(file),
        }
    }

    /// What is going to be done to the target.
    fn access(self) -> Access {
        if self == Self::Pushed { Access::Write } else { Access::Read }
    }
}

/// An index that is being made.
struct Making<'a> {
    invocation: &'a Invocation,
    context: &'a Context,
    target: &'a Target,
    opened: &'a Opened<'a>,
    output: Output<'a>,
}

impl Making<'_> {
    /// Prints what happened to a manifest: its digest, and how it was called if not by that.
    fn say(&self, prompt: &str, digest: &Digest, name: &str) -> Result<()> {
        if name == digest.as_str() {
            self.line(&format!("{prompt} {digest}"))
        } else {
            self.line(&format!("{prompt} {digest} {}", visible(name)))
        }
    }

    fn line(&self, line: &str) -> Result<()> {
        if self.output == Output::Printed { Ok(()) } else { self.context.printer.line(line) }
    }

    /// Reads the document that `name` means in the place of the target; `kind` is what it is
    /// called if it cannot be had.
    async fn fetch(&self, name: &str, kind: &str) -> Result<(Descriptor, Document)> {
        let lost = |why: &dyn fmt::Display| format!("could not find the {kind} {name}: {why}");
        let reference =
            self.target.reference_within(name).map_err(|why| CliError::new(lost(&why)))?;
        self.line(&format!("Fetching  {}", visible(name)))?;
        let fetched = async {
            let (found, content) = self.opened.source().fetch_reference(&reference).await?;
            let is_document = found.media_type.is_document();
            let bytes = if is_document { content.read_all().await? } else { Bytes::new() };
            Ok((found, bytes))
        };
        let (found, bytes) = fetched.await.map_err(|error: oras_client::Error| {
            self.opened.explain(&error.context(format!("could not find the {kind} {name}")))
        })?;
        self.say("Fetched  ", &found.digest, name)?;
        if !found.media_type.is_document() {
            let article = if kind == "index" { "an" } else { "a" };
            return Err(CliError::new(format!("{name} is not {article} {kind}")));
        }
        let document = graph::decode(&found, bytes).map_err(|error| self.opened.explain(&error))?;
        Ok((found.plain(), document))
    }

    /// As [`Making::fetch`], for what must be an index.
    async fn fetch_index(&self, name: &str) -> Result<(Descriptor, Document)> {
        let (found, document) = self.fetch(name, "index").await?;
        if document.as_index().is_some() {
            return Ok((found, document));
        }
        Err(CliError::new(format!("{name} is not an index")))
    }

    /// Makes the entry of a manifest: with its platform and artifact type, if it states them.
    async fn entry(&self, name: &str) -> Result<Descriptor> {
        let (mut entry, document) = self.fetch(name, "manifest").await?;
        entry.platform = select::platform_of(self.opened.source(), &document)
            .await
            .map_err(|error| self.opened.explain(&error))?;
        entry.artifact_type = document.stated_artifact_type().clone();
        Ok(entry)
    }

    /// Puts the index where it is to go, and ends with its digest.
    async fn finish(&self, made: Made, tags: &[Tag]) -> Result<()> {
        match self.output {
            Output::Printed => {
                let pretty = self.invocation.parsed.switch("pretty");
                return render::document(&self.context.printer, &made.bytes, pretty);
            }
            Output::File(file) => {
                let sink = FileSink::new(self.context.environment.path(file));
                let written = sink.write_bytes(made.bytes).await;
                written.map_err(|error| CliError::new(as_typed(self.context, file, &error)))?;
            }
            Output::Pushed => self.push(&made, tags).await?,
        }
        self.line(&format!("Digest: {}", made.descriptor.digest))
    }

    async fn push(&self, made: &Made, tags: &[Tag]) -> Result<()> {
        let (place, index) = (self.opened.target(), &made.descriptor);
        let content = Content::from_bytes(index, made.bytes.clone());
        let pushed = match self.target.reference.as_ref().and_then(TagOrDigest::tag) {
            Some(tag) => place.push_tagged(index, content, tag).await,
            None => place.push(index, content).await,
        };
        pushed.map_err(|error| self.opened.explain(&error))?;
        self.line(&format!("Pushed    {}", self.target.labeled(&made.shown)))?;
        let options = TagOptions {
            observer: tagged_lines(self.context, &Format::Text),
            bytes: Some(made.bytes.clone()),
            ..TagOptions::default()
        };
        let tagged = tag(place, index, tags, &options).await;
        tagged.map_err(|error| self.opened.explain(&error))
    }
}

/// An index that is made.
struct Made {
    descriptor: Descriptor,
    bytes: Bytes,
    /// How the place it goes to is called.
    shown: String,
}

impl Made {
    fn of(index: &Index, media_type: &MediaType, shown: String) -> Self {
        let bytes = Bytes::from(json::to_vec(index));
        Self { descriptor: Descriptor::of(media_type.clone(), &bytes), bytes, shown }
    }

    /// Prints what came out, as it is called on its way.
    fn line(&self) -> String {
        status_line("Packed   ", &self.descriptor)
    }
}

/// Reads `--artifact-type`; nothing if it is not given.
fn artifact_type(invocation: &Invocation) -> Result<Option<MediaType>> {
    if !invocation.parsed.given("artifact-type") {
        return Ok(None);
    }
    let given = MediaType::from(invocation.parsed.text("artifact-type"));
    if !given.is_empty() {
        given.validate().map_err(|error| CliError::new(error.to_string()))?;
    }
    Ok(Some(given))
}
