//! What login --explain says.

use serde::Serialize;

/// Where the credential for a registry comes from.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CredentialReport {
    pub(crate) registry: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) repository: Option<String>,
    /// What files and helpers are asked for.
    pub(crate) server: String,
    /// `none`, `password`, `identity token` or `registry token`.
    pub(crate) kind: &'static str,
    pub(crate) username: String,
    /// `flags`, `auths`, `credHelpers`, `credsStore`; empty if there is none.
    pub(crate) from: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) helper: Option<String>,
    pub(crate) files: Vec<LookupReport>,
}

/// One file that was looked into.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LookupReport {
    pub(crate) file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) helper: Option<String>,
    /// Whether others than the owner may read it.
    pub(crate) exposed: bool,
    /// `found`, `no credential`, `no such file` or `failed`.
    pub(crate) result: &'static str,
}
