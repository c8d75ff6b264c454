//! Where artifacts are: a repository in a registry, or an OCI layout on disk.

use oras_spec::{Digest, Quoted, Reference, RegistryName, Tag, TagOrDigest};

use super::file_reference;
use super::remote::{self, Remote, Side};
use crate::command::Invocation;
use crate::context::Context;
use crate::error::{CliError, Result};
use crate::flag::Flag;

/// One end of a command, as the user named it.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The argument that names it, as typed.
    pub(crate) raw: String,
    /// What that means.
    pub(crate) place: Place,
    /// The tag or digest, if there is one.
    pub(crate) reference: Option<TagOrDigest>,
    /// How to reach it, if it is in a registry.
    pub(crate) remote: Remote,
}

/// Where a target is.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// In a registry.
    Registry(Reference),
    /// In a layout: the path as typed, and whether it was named by `--oci-layout-path`.
    Layout {
        /// The path, as typed.
        path: String,
        /// Whether a flag of its own names it.
        by_flag: bool,
    },
}

const FORM: &str =
    "Please make sure the provided reference is in the form of <registry>/<repo>[:tag|@digest]";

/// Declares the group.
pub(crate) fn flags(side: Side) -> Vec<Flag> {
    let mut flags = remote::flags(side);
    flags.push(Flag::switch(side.flag("oci-layout"), "set target as an OCI image layout"));
    flags.push(Flag::text(
        side.flag("oci-layout-path"),
        "[Experimental] set the path for the OCI image layout target",
    ));
    flags
}

impl Target {
    /// Reads the group, for the target that `raw` names. May read standard input.
    ///
    /// # Errors
    ///
    /// If `raw` names nothing, or as [`Remote::read`]. A reference without tag and digest is fine.
    pub(crate) async fn read(
        invocation: &Invocation,
        side: Side,
        raw: &str,
        context: &Context,
    ) -> Result<Self> {
        let parsed = &invocation.parsed;
        let (path_flag, layout_flag) = (side.flag("oci-layout-path"), side.flag("oci-layout"));
        invocation.exclude(&[&path_flag, &layout_flag])?;
        let layout = |path: String, by_flag, reference: &str| Self {
            raw: raw.to_owned(),
            place: Place::Layout { path, by_flag },
            reference: in_layout(reference),
            remote: Remote::default(),
        };
        if let Some(path) = parsed.some_text(&path_flag) {
            return Ok(layout(path.to_owned(), true, raw));
        }
        if parsed.switch(&layout_flag) {
            if !parsed.list(&side.flag("header")).is_empty() {
                let message = "custom header flags cannot be used on an OCI image layout target";
                return Err(CliError::new(message));
            }
            let (path, reference) = split_layout(raw)?;
            return Ok(layout(path, false, &reference));
        }
        let reference: Reference = raw.parse().map_err(|error| {
            let error = CliError::new(format!("{}: {error}", Quoted(raw)));
            error.with_recommendation(FORM).about_reference()
        })?;
        Ok(Self {
            raw: raw.to_owned(),
            reference: reference.tag_or_digest().cloned(),
            place: Place::Registry(reference),
            remote: Remote::read(invocation, side, context).await?,
        })
    }

    /// Returns the tag or digest.
    ///
    /// # Errors
    ///
    /// If there is none, with the usage line and what to write instead.
    pub(crate) fn required_reference(&self, invocation: &Invocation) -> Result<&TagOrDigest> {
        let forms = "\"<name>:<tag>\" or \"<name>@<digest>\"";
        self.reference.as_ref().ok_or_else(|| self.lacks(invocation, "tag or digest", forms))
    }

    /// Returns the tag or digest, for commands to which a tag says nothing: that is for whoever
    /// resolves it to refuse.
    ///
    /// # Errors
    ///
    /// As [`Target::required_reference`], without a word about tags.
    pub(crate) fn required_digest(&self, invocation: &Invocation) -> Result<&TagOrDigest> {
        let lacks = || self.lacks(invocation, "digest", "\"<name>@<digest>\"");
        self.reference.as_ref().ok_or_else(lacks)
    }

    fn lacks(&self, invocation: &Invocation, what: &str, forms: &str) -> CliError {
        CliError::new(format!("{}: no {what} specified", Quoted(&self.raw)))
            .with_usage(invocation.usage())
            .with_recommendation(format!(
                "Please specify a reference in the form of {forms}. \
                 Run \"{} -h\" for more options and examples",
                invocation.path()
            ))
    }

    /// Reads a tag or digest of the same place. In a registry, the same repository may stand
    /// before it.
    ///
    /// # Errors
    ///
    /// Why it is none.
    pub(crate) fn reference_within(&self, text: &str) -> Result<TagOrDigest, String> {
        let missing = || "invalid reference: missing reference".to_owned();
        let Place::Registry(reference) = &self.place else {
            return in_layout(text).ok_or_else(missing);
        };
        if !text.contains('/') {
            return TagOrDigest::parse(text).map_err(|error| error.to_string());
        }
        let other: Reference = text.parse().map_err(|error| format!("{error}"))?;
        let (found, wanted) = (other.path(), reference.path());
        if found != wanted {
            return Err(format!(
                "invalid reference: mismatch between received \"{found}\" and expected \"{wanted}\""
            ));
        }
        other.tag_or_digest().cloned().ok_or_else(missing)
    }

    /// Returns the registry, if it is in one.
    pub(crate) fn registry(&self) -> Option<&RegistryName> {
        match &self.place {
            Place::Registry(reference) => Some(reference.registry()),
            Place::Layout { .. } => None,
        }
    }

    /// Returns `registry/repository`, or the path of the layout as typed.
    pub(crate) fn path(&self) -> String {
        match &self.place {
            Place::Registry(reference) => reference.path(),
            Place::Layout { path, .. } => path.clone(),
        }
    }

    /// Returns the path with a digest behind it.
    pub(crate) fn with_digest(&self, digest: &Digest) -> String {
        format!("{}@{digest}", self.path())
    }

    /// Returns what kind of place it is and its name as typed.
    pub(crate) fn shown(&self) -> String {
        self.labeled(&self.raw)
    }

    /// Returns what kind of place it is and `name`.
    pub(crate) fn labeled(&self, name: &str) -> String {
        match self.place {
            Place::Registry(_) => format!("[registry] {name}"),
            Place::Layout { .. } => format!("[oci-layout] {name}"),
        }
    }
}

/// Splits `<path>[:<tag>|@<digest>]`.
fn split_layout(raw: &str) -> Result<(String, String)> {
    if let Some((path, reference)) = raw.rsplit_once('@')
        && !path.is_empty()
    {
        return Ok((path.to_owned(), reference.to_owned()));
    }
    match file_reference::split(raw, cfg!(windows)) {
        Ok((path, reference)) => Ok((path.to_owned(), reference.unwrap_or_default().to_owned())),
        Err(error) => Err(error.with_line("invalid reference")),
    }
}

/// Reads a tag or digest of a layout, where any text is a tag.
fn in_layout(text: &str) -> Option<TagOrDigest> {
    match text.parse::<Digest>() {
        Ok(digest) => Some(TagOrDigest::Digest(digest)),
        Err(_) => Tag::free_form(text).ok().map(TagOrDigest::Tag),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

    #[test]
    fn layout_references_split_at_the_last_sign() {
        for (raw, path, reference) in [
            ("lay:v1", "lay", "v1"),
            ("lay", "lay", ""),
            ("a/b", "a/b", ""),
            ("lay:v1@sha256:x", "lay:v1", "sha256:x"),
            ("a@b@c", "a@b", "c"),
            ("lay:", "lay", ""),
        ] {
            let found = split_layout(raw).expect("good");
            assert_eq!(found, (path.to_owned(), reference.to_owned()), "{raw}");
        }
        assert_eq!(
            split_layout(":j1").expect_err("bad").to_string(),
            "Error: found empty file path in \":j1\"\ninvalid reference"
        );
    }

    #[test]
    fn anything_is_a_tag_in_a_layout() {
        assert_eq!(in_layout(""), None);
        assert!(matches!(in_layout(DIGEST), Some(TagOrDigest::Digest(_))));
        assert_eq!(in_layout("weird+tag:x").expect("a tag").as_str(), "weird+tag:x");
    }
}
