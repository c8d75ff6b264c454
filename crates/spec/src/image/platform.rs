//! Platforms: reading them from flags, and matching what is offered against what is asked.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::descriptor::null_as_default;
use crate::Quoted;

/// What content runs on, in Go's words (`linux`, `amd64`).
///
/// See [platform](https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md#image-index-property-descriptions).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Platform {
    /// The CPU architecture.
    #[serde(default, deserialize_with = "null_as_default")]
    pub architecture: String,
    /// The operating system.
    #[serde(default, deserialize_with = "null_as_default")]
    pub os: String,
    /// The version of the operating system; empty if not stated.
    #[serde(
        default,
        rename = "os.version",
        skip_serializing_if = "String::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub os_version: String,
    /// What the operating system must offer.
    #[serde(
        default,
        rename = "os.features",
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub os_features: Vec<String>,
    /// The variant of the CPU; empty if not stated.
    #[serde(
        default,
        skip_serializing_if = "String::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub variant: String,
}

impl Platform {
    /// Makes a platform of a system and an architecture.
    pub fn new(os: &str, architecture: &str) -> Self {
        Self { os: os.into(), architecture: architecture.into(), ..Self::default() }
    }

    /// Reads `os[/arch][/variant][:os_version]`; without an architecture, `default_architecture` is taken.
    ///
    /// # Errors
    ///
    /// If there are more than three parts, or the system or the architecture is empty.
    pub fn parse(text: &str, default_architecture: &str) -> Result<Self, PlatformError> {
        let (parts, os_version) = text.split_once(':').unwrap_or((text, ""));
        let parts: Vec<&str> = parts.split('/').collect();
        let (os, architecture, variant) = match parts[..] {
            [os] => (os, default_architecture, ""),
            [os, architecture] => (os, architecture, ""),
            [os, architecture, variant] => (os, architecture, variant),
            _ => return Err(PlatformError::Form(text.into())),
        };
        if os.is_empty() {
            return Err(PlatformError::EmptySystem);
        }
        if architecture.is_empty() {
            return Err(PlatformError::EmptyArchitecture);
        }
        Ok(Self {
            os_version: os_version.into(),
            variant: variant.into(),
            ..Self::new(os, architecture)
        })
    }

    /// Tells whether content for this platform serves who asked for `wanted`.
    ///
    /// System and architecture must be equal; variant and version only if `wanted` states them;
    /// the features `wanted` states must all be here.
    pub fn satisfies(&self, wanted: &Self) -> bool {
        let stated = |wanted: &str, ours: &str| wanted.is_empty() || wanted == ours;
        self.os == wanted.os
            && self.architecture == wanted.architecture
            && stated(&wanted.variant, &self.variant)
            && stated(&wanted.os_version, &self.os_version)
            && wanted.os_features.iter().all(|feature| self.os_features.contains(feature))
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        if !self.variant.is_empty() {
            write!(f, "/{}", self.variant)?;
        }
        if !self.os_version.is_empty() {
            write!(f, ":{}", self.os_version)?;
        }
        Ok(())
    }
}

/// Why a text is not a platform.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlatformError {
    /// More than three parts.
    #[error("failed to parse platform {}: expected format os[/arch[/variant]]", Quoted(.0))]
    Form(String),
    /// Nothing before the first slash.
    #[error("invalid platform: OS cannot be empty")]
    EmptySystem,
    /// Nothing between the slashes.
    #[error("invalid platform: Architecture cannot be empty")]
    EmptyArchitecture,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form() {
        for (text, printed) in [
            ("linux", "linux/riscv64"),
            ("linux/amd64", "linux/amd64"),
            ("linux/arm/v7", "linux/arm/v7"),
            ("windows/amd64:10.0.17763", "windows/amd64:10.0.17763"),
        ] {
            assert_eq!(Platform::parse(text, "riscv64").expect(text).to_string(), printed);
        }
        for (text, error) in [
            (
                "a/b/c/d",
                "failed to parse platform \"a/b/c/d\": expected format os[/arch[/variant]]",
            ),
            ("", "invalid platform: OS cannot be empty"),
            ("linux/", "invalid platform: Architecture cannot be empty"),
        ] {
            assert_eq!(Platform::parse(text, "x").expect_err(text).to_string(), error);
        }
    }

    #[test]
    fn matches_only_what_is_asked() {
        let offered = Platform {
            variant: "v8".into(),
            os_features: vec!["a".into(), "b".into()],
            ..Platform::new("linux", "arm64")
        };
        assert!(offered.satisfies(&Platform::new("linux", "arm64")));
        assert!(!offered.satisfies(&Platform::new("linux", "amd64")));
        assert!(
            !offered
                .satisfies(&Platform { variant: "v7".into(), ..Platform::new("linux", "arm64") })
        );
        assert!(offered.satisfies(&Platform {
            os_features: vec!["b".into()],
            ..Platform::new("linux", "arm64")
        }));
        assert!(!offered.satisfies(&Platform {
            os_features: vec!["c".into()],
            ..Platform::new("linux", "arm64")
        }));
    }
}
