//! What commands that make a manifest of files do alike: take the files in, build the manifest,
//! export it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use oras_client::pack::{Artifact, ImageSpec, PackOptions, pack};
use oras_client::store::{FileSink, Files, FilesOptions};
use oras_client::{Ahead, Content, Source as _, Target as _};
use oras_spec::image::{Descriptor, MediaType, Platform, annotation};
use oras_spec::json;

use super::Invocation;
use super::save::as_typed;
use super::transfer::Watcher;
use crate::args::cache;
use crate::args::dating::Dating;
use crate::args::file_reference::FileReference;
use crate::args::packer::{INPUT, Packer};
use crate::context::Context;
use crate::error::{CliError, Result, chain};
use crate::output::log::timestamp_seconds;

/// The kind of manifest.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) image_spec: ImageSpec,
    pub(super) artifact_type: MediaType,
    pub(super) config: Option<FileReference>,
    pub(super) platform: Option<Platform>,
    /// The manifest that the new one is about.
    pub(super) subject: Option<Descriptor>,
}

/// Says where files that are packed or unpacked are put meanwhile, and what is known of files.
///
/// # Errors
///
/// As [`cache::read`].
pub(super) fn files_options(invocation: &Invocation, context: &Context) -> Result<FilesOptions> {
    let cache = cache::read(invocation, context)?;
    let mut options = FilesOptions { cache, ..FilesOptions::default() };
    if let Some(directory) = context.environment.variable("TMPDIR") {
        options.temporary_directory = context.environment.path(directory);
    }
    Ok(options)
}

/// Makes a store of the files that are packed, some of which `ahead` may send meanwhile.
///
/// # Errors
///
/// As [`cache::read`].
pub(super) fn packed_files(
    invocation: &Invocation,
    context: &Context,
    dating: Dating,
    ahead: Option<Arc<dyn Ahead>>,
) -> Result<Files> {
    let options = files_options(invocation, context)?;
    let options = FilesOptions { entries: dating.entries, ahead, ..options };
    Ok(Files::new(context.environment.directory(), options))
}

/// Turns files into a manifest.
pub(super) struct Packing<'a> {
    pub(super) context: &'a Context,
    pub(super) watcher: &'a Watcher,
    pub(super) files: &'a Files,
}

impl Packing<'_> {
    /// Packs the files and writes the manifest, all of it into [`files`](Self::files).
    ///
    /// # Errors
    ///
    /// If a file cannot be read, or what the manifest is to say is not allowed.
    pub(super) async fn pack(&self, mut packer: Packer, plan: Plan) -> Result<Descriptor> {
        let mut config_annotations = packer.annotations.take_config();
        let config = match (&plan.config, &plan.platform) {
            (Some(file), _) => {
                let mut config = self.config(file).await?;
                config.annotations.append(&mut config_annotations);
                Some(config)
            }
            (None, Some(platform)) => {
                let bytes = Bytes::from(json::to_vec(platform));
                let mut config = Descriptor::of(MediaType::IMAGE_CONFIG, &bytes);
                let content = Content::from_bytes(&config, bytes);
                self.files.push(&config, content).await.map_err(|error| failed(&error))?;
                config.annotations.append(&mut config_annotations);
                Some(config)
            }
            (None, None) => None,
        };
        let artifact = Artifact {
            artifact_type: plan.artifact_type,
            config,
            config_annotations,
            layers: self.layers(&packer).await?,
            subject: plan.subject,
            annotations: packer.annotations.take_manifest(),
        };
        let created = timestamp_seconds(packer.dating.created);
        let options = PackOptions { image_spec: plan.image_spec, created };
        pack(self.files, artifact, &options).await.map_err(|error| failed(&error))
    }

    async fn config(&self, file: &FileReference) -> Result<Descriptor> {
        let media_type = file.media_type.as_deref().map_or(MediaType::UNKNOWN_CONFIG, Into::into);
        let added = self.files.add(Path::new(&file.path), None, Some(media_type)).await;
        added.map_err(|error| failed(&error))
    }

    async fn layers(&self, packer: &Packer) -> Result<Vec<Descriptor>> {
        let mut layers = Vec::with_capacity(packer.files.len());
        for file in &packer.files {
            let none = BTreeMap::new();
            let annotations = packer.annotations.of_file(&file.path).unwrap_or(&none);
            // Known before packing: what is in the archive of a directory begins with its name.
            let title = match annotations.get(annotation::TITLE) {
                Some(stated) if !stated.is_empty() => Cow::Borrowed(stated.as_str()),
                _ if file.path == INPUT => Cow::Borrowed(packer.input_title.as_str()),
                _ => title(&file.path),
            };
            self.watcher.say(&format!("Preparing {}", crate::visible::visible(&title)))?;
            let media_type = file.media_type.as_deref().map(MediaType::from);
            let added = if file.path == INPUT {
                let input = self.context.input_stream();
                self.files.add_stream(input, &title, media_type).await
            } else {
                self.files.add(Path::new(&file.path), Some(&title), media_type).await
            };
            let mut layer = added.map_err(|error| failed(&error))?;
            layer.annotations.extend(annotations.clone());
            layers.push(layer);
        }
        if layers.is_empty() {
            self.watcher.say_always("Uploading empty artifact")?;
        }
        Ok(layers)
    }
}

/// Says what went wrong on this side.
fn failed(error: &oras_client::Error) -> CliError {
    CliError::new(chain(error))
}

/// Makes the name of a layer of the path of its file: without detours, with forward slashes.
fn title(path: &str) -> Cow<'_, str> {
    let mut clean = PathBuf::new();
    for component in Path::new(path).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(clean.components().next_back(), Some(Component::Normal(_))) =>
            {
                clean.pop();
            }
            Component::ParentDir if clean.has_root() => {}
            _ => clean.push(component),
        }
    }
    match clean.to_str() {
        Some("") => Cow::Borrowed("."),
        Some(clean) if cfg!(windows) => Cow::Owned(clean.replace('\\', "/")),
        Some(clean) => Cow::Owned(clean.to_owned()),
        None => Cow::Borrowed(path),
    }
}

/// Reads the manifest back.
pub(super) async fn read_document(files: &Files, manifest: &Descriptor) -> Result<Bytes> {
    let read = async { files.fetch(manifest).await?.read_all().await };
    read.await.map_err(|error| failed(&error))
}

/// Writes the manifest to the file that a flag names: all of it, or what was there stays.
pub(super) async fn export(
    invocation: &Invocation,
    context: &Context,
    bytes: &Bytes,
) -> Result<()> {
    let Some(path) = invocation.parsed.some_text("export-manifest") else { return Ok(()) };
    let sink = FileSink::new(context.environment.path(path));
    sink.write_bytes(bytes.clone()).await.map_err(|error| {
        CliError::new(format!("failed to open \"{path}\": {}", as_typed(context, path, &error)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_layers_after_their_paths_without_detours() {
        for (path, name) in [
            ("hi.txt", "hi.txt"),
            ("./a//b", "a/b"),
            ("dir/", "dir"),
            (".", "."),
            ("a/..", "."),
            ("../x", "../x"),
            ("a/../../x", "../x"),
            ("/a/./b/../c", "/a/c"),
            ("/../a", "/a"),
        ] {
            assert_eq!(title(path), name, "{path}");
        }
    }
}
