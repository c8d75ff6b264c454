//! The policy file: TOML, where a key that nobody knows is an error.

use std::collections::{HashMap, HashSet};

use oras_spec::Quoted;
use serde::Deserialize;

use crate::auth::{Issuer, IssuerError, IssuerTable};
use crate::webhook::{WebhookError, WebhookTable};

use super::{
    Grant, Immutable, Pattern, PatternError, Permissions, PermissionsError, Policy, Quota, Who,
};

/// Why a policy cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The file is not TOML, or has a key no policy has; the text says where.
    #[error("{0}")]
    Toml(String),
    /// A grant is not `user:permissions:pattern`.
    #[error("{} is not USER:PERMISSIONS:PATTERN", Quoted(.0))]
    Grant(String),
    /// A pattern is none.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// A permission is none.
    #[error(transparent)]
    Permissions(#[from] PermissionsError),
    /// A grant is for a group that the file does not have.
    #[error("no group is called {}", Quoted(.0))]
    Group(String),
    /// An issuer cannot be trusted.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// Two issuers have the same name or address, or both are where clients get their tokens.
    #[error("the issuer {} has its name, address or realm in common with another", Quoted(.0))]
    Issuers(String),
    /// A webhook is none.
    #[error(transparent)]
    Webhook(#[from] WebhookError),
    /// A number of bytes is none.
    #[error("{} is no number of bytes, such as 5000000 or \"10 GiB\"", Quoted(.0))]
    Bytes(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    grant: Vec<GrantTable>,
    #[serde(default)]
    groups: HashMap<String, HashSet<String>>,
    #[serde(default)]
    immutable: Vec<ImmutableTable>,
    #[serde(default)]
    quota: Vec<QuotaTable>,
    #[serde(default)]
    issuer: Vec<IssuerTable>,
    #[serde(default)]
    webhook: Vec<WebhookTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GrantTable {
    users: Vec<String>,
    permissions: Vec<String>,
    repositories: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ImmutableTable {
    repositories: Vec<String>,
    tags: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QuotaTable {
    repositories: Vec<String>,
    bytes: Amount,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Amount {
    Number(u64),
    Text(String),
}

impl Policy {
    /// Reads a policy file.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] for the first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let document: Document =
            toml::from_str(text).map_err(|error| PolicyError::Toml(error.to_string()))?;
        let mut policy = Self { groups: document.groups, ..Self::default() };
        policy.issuers = issuers(&document.issuer)?;
        for group in policy.issuers.iter().flat_map(Issuer::groups) {
            policy.groups.entry(group.to_owned()).or_default();
        }
        for table in &document.webhook {
            policy.webhooks.push(table.read()?);
        }
        for table in &document.grant {
            policy.grants.extend(grants(table, &policy.groups)?);
        }
        for table in &document.immutable {
            let repositories = patterns(&table.repositories)?;
            policy.immutable.push(Immutable { repositories, tags: patterns(&table.tags)? });
        }
        for table in &document.quota {
            let repositories = patterns(&table.repositories)?;
            policy.quotas.push(Quota { repositories, bytes: table.bytes.bytes()? });
        }
        Ok(policy)
    }
}

fn grants(
    table: &GrantTable,
    groups: &HashMap<String, HashSet<String>>,
) -> Result<Vec<Grant>, PolicyError> {
    let permissions: Permissions = table.permissions.join(",").parse()?;
    let patterns = patterns(&table.repositories)?;
    let mut grants = Vec::new();
    for user in &table.users {
        let who = Who::from(user.as_str());
        if let Who::Group(name) = &who
            && !groups.contains_key(name)
        {
            return Err(PolicyError::Group(name.clone()));
        }
        for repositories in &patterns {
            let (who, repositories) = (who.clone(), repositories.clone());
            grants.push(Grant { who, permissions, repositories });
        }
    }
    Ok(grants)
}

fn issuers(tables: &[IssuerTable]) -> Result<Vec<Issuer>, PolicyError> {
    let mut issuers: Vec<Issuer> = Vec::new();
    for table in tables {
        let issuer = table.read()?;
        let clashes = |other: &Issuer| {
            other.name() == issuer.name()
                || other.url() == issuer.url()
                || other.has_realm() && issuer.has_realm()
        };
        if issuers.iter().any(clashes) {
            return Err(PolicyError::Issuers(issuer.name().to_owned()));
        }
        issuers.push(issuer);
    }
    Ok(issuers)
}

fn patterns(texts: &[String]) -> Result<Vec<Pattern>, PolicyError> {
    texts.iter().map(|text| Ok(text.parse()?)).collect()
}

impl Amount {
    fn bytes(&self) -> Result<u64, PolicyError> {
        let text = match self {
            Self::Number(bytes) => return Ok(*bytes),
            Self::Text(text) => text,
        };
        let split = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(split);
        let unit: Option<u64> = match unit.trim() {
            "" | "B" => Some(1),
            "kB" => Some(1_000),
            "KiB" => Some(1 << 10),
            "MB" => Some(1_000_000),
            "MiB" => Some(1 << 20),
            "GB" => Some(1_000_000_000),
            "GiB" => Some(1 << 30),
            "TB" => Some(1_000_000_000_000),
            "TiB" => Some(1 << 40),
            _ => None,
        };
        let bytes = number.parse::<u64>().ok().zip(unit);
        let bytes = bytes.and_then(|(number, unit)| number.checked_mul(unit));
        bytes.ok_or_else(|| PolicyError::Bytes(text.clone()))
    }
}
