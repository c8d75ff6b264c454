//! Going through a whole collection, page by page.

use super::{Collection, Result, Store};

/// The pages of a collection, in the order of their names. What is added or removed meanwhile is
/// met or not.
#[derive(Debug)]
pub(crate) struct Pages<'a> {
    store: &'a dyn Store,
    collection: Collection,
    size: usize,
    after: Option<String>,
}

impl<'a> Pages<'a> {
    /// Begins with the first page of at most `size` names.
    pub(crate) fn new(store: &'a dyn Store, collection: Collection, size: usize) -> Self {
        Self { store, collection, size, after: None }
    }

    /// Returns the next page; nothing if there is none.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<String>>> {
        let names = self.store.list(&self.collection, self.after.as_deref(), self.size).await?;
        match names.last() {
            Some(last) => self.after = Some(last.clone()),
            None => return Ok(None),
        }
        Ok(Some(names))
    }
}
