//! Which tags stay.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use oras_spec::{RepositoryName, Tag};

use super::{Collector, Durability, Garbage, PAGE, Result, keys};
use crate::storage::now;

/// Which tags stay in each repository: those that any of the rules keeps, and those that the
/// registry's [policy](crate::policy::Policy) has as immutable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TagRules {
    /// Keeps so many that were set last.
    pub newest: Option<usize>,
    /// Keeps those that were set within this time.
    pub younger_than: Option<Duration>,
    /// Keeps those that match one of these patterns, in which `*` is any text.
    pub matching: Vec<String>,
}

impl TagRules {
    fn keeps(&self, tag: &Tag) -> bool {
        self.matching.iter().any(|pattern| matches(pattern, tag.as_str()))
    }
}

/// Tells whether all of `text` matches a pattern in which `*` is any text.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let mut parts = rest.split('*');
    let last = parts.next_back().unwrap_or_default();
    for part in parts {
        // The first place is as good as any later one.
        let Some(place) = text.find(part) else { return false };
        text = &text[place + part.len()..];
    }
    text.ends_with(last)
}

impl Collector<'_> {
    /// Removes the tags of a repository that the rules do not keep.
    pub(super) async fn tags(
        &mut self,
        repository: &RepositoryName,
        rules: &TagRules,
    ) -> Result<()> {
        let newest = self.newest(repository, rules).await?;
        let oldest_kept = newest.peek().map(|Reverse(oldest)| oldest.clone());
        let limit = now().saturating_sub(rules.younger_than.map_or(0, |age| age.as_secs()));
        let mut pages = self.storage.pages(keys::tags(repository), PAGE);
        while let Some(names) = pages.next().await? {
            for tag in names.iter().filter_map(|name| name.parse::<Tag>().ok()) {
                let Some((record, at)) = self.storage.tag_record(repository, &tag).await? else {
                    continue;
                };
                let is_newest =
                    oldest_kept.as_ref().is_some_and(|oldest| (at, &tag) >= (oldest.0, &oldest.1));
                let is_young = rules.younger_than.is_some() && at >= limit;
                if is_newest || is_young || rules.keeps(&tag) || (self.stays)(repository, &tag) {
                    continue;
                }
                let key = keys::tag(repository, &tag);
                // A tag that was set again meanwhile is another one.
                let is_removed = self.options.dry_run
                    || self.storage.store.delete(&key, Some(record), Durability::Durable).await?;
                if is_removed {
                    self.note(&Garbage::Tag { repository: repository.clone(), tag });
                }
            }
        }
        Ok(())
    }

    /// Finds the tags that were set last, as many as the rules keep.
    async fn newest(
        &self,
        repository: &RepositoryName,
        rules: &TagRules,
    ) -> Result<BinaryHeap<Reverse<(u64, Tag)>>> {
        let most = rules.newest.unwrap_or(0);
        let mut newest = BinaryHeap::new();
        if most == 0 {
            return Ok(newest);
        }
        let mut pages = self.storage.pages(keys::tags(repository), PAGE);
        while let Some(names) = pages.next().await? {
            for tag in names.iter().filter_map(|name| name.parse::<Tag>().ok()) {
                let Some((_, at)) = self.storage.tag_record(repository, &tag).await? else {
                    continue;
                };
                newest.push(Reverse((at, tag)));
            }
            while newest.len() > most {
                newest.pop();
            }
        }
        Ok(newest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_matches_any_text() {
        for (pattern, text) in [
            ("*", "v1"),
            ("v*", "v1"),
            ("v*", "v"),
            ("*-rc*", "v1-rc2"),
            ("v*.*.*", "v1.2.3"),
            ("latest", "latest"),
            ("a**b", "ab"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("v*", "1"),
            ("*-rc", "v1-rc2"),
            ("a*ba", "aba-"),
            ("latest", "late"),
            ("ab*ba", "aba"),
        ] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }
}
