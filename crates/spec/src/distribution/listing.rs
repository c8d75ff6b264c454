//! The bodies of lists.

use serde::{Deserialize, Deserializer, Serialize};

/// The answer to [`ListTags`](super::Operation::ListTags).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagList {
    /// The repository.
    #[serde(default, deserialize_with = "null_as_empty")]
    pub name: String,
    /// The tags, as the registry spells them.
    #[serde(default, deserialize_with = "texts")]
    pub tags: Vec<String>,
}

/// The answer to [`ListRepositories`](super::Operation::ListRepositories).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryList {
    /// The repositories, as the registry spells them.
    #[serde(default, deserialize_with = "texts")]
    pub repositories: Vec<String>,
}

fn null_as_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Reads a list in which registries put `null` for the list or for an entry; both are nothing.
fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let texts: Option<Vec<Option<String>>> = Option::deserialize(deserializer)?;
    Ok(texts.unwrap_or_default().into_iter().flatten().filter(|text| !text.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_nulls_for_nothing() {
        let list = |text| serde_json::from_str::<TagList>(text).expect(text).tags;
        assert_eq!(list(r#"{"name":"a","tags":["v1",null,"","v2"]}"#), ["v1", "v2"]);
        assert!(list(r#"{"name":null,"tags":null}"#).is_empty());
        assert!(list(r#"{"name":"a","child":[],"manifest":{}}"#).is_empty());
    }
}
