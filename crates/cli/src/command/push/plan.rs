//! What kind of manifest push makes: which version, which config, which artifact type.

use oras_client::pack::ImageSpec;
use oras_spec::image::{MediaType, Platform};

use crate::args::file_reference::FileReference;
use crate::command::Invocation;
use crate::command::packing::Plan;
use crate::error::{CliError, Result};
use crate::flag::{Choice, Flag};

/// The versions of the image specification.
const IMAGE_SPEC: Choice = Choice { noun: "image specification", words: &["v1.1", "v1.0"] };

/// Declares `--image-spec`.
pub(super) fn image_spec() -> Flag {
    Flag::choice(
        "image-spec",
        &IMAGE_SPEC,
        "[Preview] specify manifest type for building artifact. Options: v1.1, v1.0 (default v1.1)",
    )
}

impl Plan {
    /// Reads the flags.
    ///
    /// # Errors
    ///
    /// For those that contradict each other.
    pub(in crate::command) fn read(
        invocation: &Invocation,
        platform: Option<Platform>,
    ) -> Result<Self> {
        invocation.exclude(&["config", "artifact-platform"])?;
        let parsed = &invocation.parsed;
        let config = parsed.some_text("config").map(FileReference::parse).transpose()?;
        let plan = Self {
            image_spec: if parsed.text("image-spec") == "v1.0" {
                ImageSpec::V1_0
            } else {
                ImageSpec::V1_1
            },
            artifact_type: parsed.text("artifact-type").into(),
            config,
            platform,
            subject: None,
        };
        plan.settled(parsed.given("image-spec"))
    }

    /// Decides what was left open, by the table that users of `oras` know.
    fn settled(mut self, stated_version: bool) -> Result<Self> {
        let has_type = !self.artifact_type.is_empty();
        match (self.image_spec, &self.config, has_type) {
            (ImageSpec::V1_0, Some(_), true) => Err(CliError::new(
                "--artifact-type and --config cannot both be provided for 1.0 OCI image",
            )),
            (ImageSpec::V1_0, None, true) if self.platform.is_some() => Err(CliError::new(
                "artifact type cannot be customized for OCI image-spec v1.0 when platform is specified",
            )
            .with_recommendation("consider using image spec v1.1 or remove --artifact-type")),
            (ImageSpec::V1_0, ..) | (ImageSpec::V1_1, _, true) => Ok(self),
            (ImageSpec::V1_1, None, false) => {
                self.artifact_type = MediaType::UNKNOWN_ARTIFACT;
                Ok(self)
            }
            (ImageSpec::V1_1, Some(_), false) if stated_version => {
                Err(CliError::new("missing artifact type for OCI image-spec v1.1 artifacts")
                    .with_recommendation(
                        "set an artifact type via `--artifact-type` or consider image spec v1.0",
                    ))
            }
            (ImageSpec::V1_1, Some(_), false) => {
                self.image_spec = ImageSpec::V1_0;
                Ok(self)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(
        spec: Option<ImageSpec>,
        config: bool,
        artifact_type: &str,
        platform: bool,
    ) -> Result<(ImageSpec, String)> {
        let config = config.then(|| FileReference { path: "c".to_owned(), media_type: None });
        let platform = platform.then(|| Platform::new("linux", "amd64"));
        let image_spec = spec.unwrap_or_default();
        let artifact_type = artifact_type.into();
        let plan = Plan { image_spec, artifact_type, config, platform, subject: None };
        plan.settled(spec.is_some()).map(|plan| (plan.image_spec, plan.artifact_type.to_string()))
    }

    #[test]
    fn follows_the_table() {
        use ImageSpec::{V1_0, V1_1};
        let unknown = MediaType::UNKNOWN_ARTIFACT.to_string();
        let good = |spec, text: &str| Some((spec, text.to_owned()));
        for (spec, config, artifact_type, platform, expected) in [
            (None, false, "", false, good(V1_1, &unknown)),
            (Some(V1_1), false, "", false, good(V1_1, &unknown)),
            (None, false, "a/b", false, good(V1_1, "a/b")),
            (None, true, "", false, good(V1_0, "")),
            (Some(V1_1), true, "", false, None),
            (None, true, "a/b", false, good(V1_1, "a/b")),
            (Some(V1_0), false, "", false, good(V1_0, "")),
            (Some(V1_0), false, "a/b", false, good(V1_0, "a/b")),
            (Some(V1_0), true, "", false, good(V1_0, "")),
            (Some(V1_0), true, "a/b", false, None),
            (None, false, "", true, good(V1_1, &unknown)),
            (None, false, "a/b", true, good(V1_1, "a/b")),
            (Some(V1_0), false, "", true, good(V1_0, "")),
            (Some(V1_0), false, "a/b", true, None),
        ] {
            let found = settled(spec, config, artifact_type, platform).ok();
            assert_eq!(found, expected, "{spec:?} {config} {artifact_type} {platform}");
        }
    }
}
