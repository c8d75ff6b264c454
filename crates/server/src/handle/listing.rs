//! Lists of tags and of repositories, page by page, in the order of their bytes.

use bytes::Bytes;
use oras_spec::RepositoryName;
use oras_spec::distribution::{Operation, Page, RepositoryList, TagList};

use super::{Answer, Asked, insert_next, json};
use crate::error::ApiError;
use crate::policy::may_pull;

/// [end-8](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-tags)
pub(super) async fn tags(asked: &Asked<'_>, repository: RepositoryName, page: Page) -> Answer {
    if !asked.storage.repository_exists(&repository).await? {
        return Err(ApiError::name_unknown(repository.as_str()));
    }
    let limit = limit(asked, &page);
    let tags =
        asked.storage.tags(&repository, page.last.as_deref(), limit.saturating_add(1)).await?;
    let (tags, next) = cut(tags, limit);
    let list = TagList { name: repository.as_str().to_owned(), tags };
    let mut response = json(Bytes::from(oras_spec::json::to_vec(&list)));
    let next = next.map(|page| Operation::ListTags { repository, page });
    insert_next(&mut response, next.as_ref());
    Ok(response)
}

/// [Docker's catalog](https://distribution.github.io/distribution/spec/api/#listing-repositories)
pub(super) async fn repositories(asked: &Asked<'_>, page: Page) -> Answer {
    let limit = limit(asked, &page);
    let names = visible(asked, page.last, limit.saturating_add(1)).await?;
    let (repositories, next) = cut(names, limit);
    let list = RepositoryList { repositories };
    let mut response = json(Bytes::from(oras_spec::json::to_vec(&list)));
    let next = next.map(|page| Operation::ListRepositories { page });
    insert_next(&mut response, next.as_ref());
    Ok(response)
}

/// Returns at most `limit` names of repositories behind `after` that may be seen by who asks.
async fn visible(
    asked: &Asked<'_>,
    mut after: Option<String>,
    limit: usize,
) -> Result<Vec<String>, ApiError> {
    let may_see = |name: &String| {
        let may = |name: RepositoryName| may_pull(asked.policy.as_deref(), &asked.identity, &name);
        name.parse().is_ok_and(may)
    };
    let mut found = Vec::new();
    while found.len() < limit {
        let names = asked.storage.repositories(after.as_deref(), limit).await?;
        let is_all = names.len() < limit;
        after = names.last().cloned();
        found.extend(names.into_iter().filter(may_see));
        if is_all {
            break;
        }
    }
    found.truncate(limit);
    Ok(found)
}

/// How many entries the page gets.
pub(super) fn limit(asked: &Asked<'_>, page: &Page) -> usize {
    let most = asked.config.limits.page_size;
    let wanted = page.limit.map_or(most, |limit| usize::try_from(limit).unwrap_or(most));
    wanted.min(most)
}

/// Cuts a list that was read one further than the page, and says which page is next, if one is.
///
/// A page of no entries has no next one: it would be the same again.
pub(super) fn cut(mut names: Vec<String>, limit: usize) -> (Vec<String>, Option<Page>) {
    let is_more = names.len() > limit;
    names.truncate(limit);
    let last = names.last().filter(|_| is_more).cloned();
    let next = last.map(|last| Page { limit: Some(limit as u64), last: Some(last) });
    (names, next)
}
