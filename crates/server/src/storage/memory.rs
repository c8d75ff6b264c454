//! A store in memory, for tests and for registries that live no longer than their process.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::stream;
use oras_spec::distribution::UploadId;
use oras_spec::{Algorithm, Digest, Hasher};

use super::{
    Collection, Condition, Durability, Identity, Key, OpenObject, Pieces, Result, Stage, Store,
    StoreError,
};

/// A store that is as durable as the process.
#[derive(Debug, Default)]
pub(crate) struct Memory(Arc<Mutex<Contents>>);

#[derive(Debug, Default)]
struct Contents {
    values: BTreeMap<Collection, BTreeMap<String, Bytes>>,
    staged: HashMap<UploadId, Vec<u8>>,
}

impl Contents {
    fn value(&self, key: &Key) -> Option<&Bytes> {
        self.values.get(key.collection())?.get(key.name())
    }

    fn insert(&mut self, key: &Key, value: Bytes) {
        let collection = self.values.entry(key.collection().clone()).or_default();
        collection.insert(key.name().to_owned(), value);
    }
}

fn lock(contents: &Mutex<Contents>) -> MutexGuard<'_, Contents> {
    contents.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait::async_trait]
impl Store for Memory {
    async fn get(&self, key: &Key) -> Result<Option<Bytes>> {
        Ok(lock(&self.0).value(key).cloned())
    }

    async fn size(&self, key: &Key) -> Result<Option<u64>> {
        Ok(lock(&self.0).value(key).map(|value| value.len() as u64))
    }

    async fn open(
        &self,
        key: &Key,
        size: u64,
        offset: u64,
        length: u64,
    ) -> Result<Option<OpenObject>> {
        let Some(value) = lock(&self.0).value(key).cloned() else { return Ok(None) };
        let range = usize::try_from(offset).ok().zip(usize::try_from(length).ok());
        let range = range.and_then(|(offset, length)| Some(offset..offset.checked_add(length)?));
        let Some(range) =
            range.filter(|range| value.len() as u64 == size && range.end <= value.len())
        else {
            return Ok(None);
        };
        let pieces: Pieces = Box::pin(stream::iter([Ok(value.slice(range))]));
        Ok(Some(OpenObject { pieces, identity: Identity::Fixed }))
    }

    async fn put(
        &self,
        key: &Key,
        value: Bytes,
        condition: Condition,
        _: Durability,
    ) -> Result<bool> {
        let mut contents = lock(&self.0);
        let holds = match condition {
            Condition::Any => true,
            Condition::Absent => contents.value(key).is_none(),
        };
        if holds {
            contents.insert(key, value);
        }
        Ok(holds)
    }

    async fn delete(&self, key: &Key, expected: Option<Bytes>, _: Durability) -> Result<bool> {
        let mut contents = lock(&self.0);
        if expected.is_some() && contents.value(key) != expected.as_ref() {
            return Ok(false);
        }
        let Some(collection) = contents.values.get_mut(key.collection()) else { return Ok(false) };
        let removed = collection.remove(key.name()).is_some();
        if collection.is_empty() {
            contents.values.remove(key.collection());
        }
        Ok(removed)
    }

    async fn list(
        &self,
        collection: &Collection,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>> {
        let contents = lock(&self.0);
        let Some(collection) = contents.values.get(collection) else { return Ok(Vec::new()) };
        let lower = after.map_or(Bound::Unbounded, Bound::Excluded);
        let names = collection.range::<str, _>((lower, Bound::Unbounded));
        Ok(names.take(limit).map(|(name, _)| name.clone()).collect())
    }

    async fn stage(&self, id: &UploadId, offset: u64) -> Result<Box<dyn Stage>> {
        let mut contents = lock(&self.0);
        if offset == 0 {
            contents.staged.insert(id.clone(), Vec::new());
        }
        let staged = contents.staged.get_mut(id).ok_or(StoreError::StageLost)?;
        let offset = usize::try_from(offset).ok().filter(|&offset| offset <= staged.len());
        staged.truncate(offset.ok_or(StoreError::StageLost)?);
        Ok(Box::new(MemoryStage { contents: Arc::clone(&self.0), id: id.clone() }))
    }

    async fn staged_size(&self, id: &UploadId) -> Result<Option<u64>> {
        Ok(lock(&self.0).staged.get(id).map(|staged| staged.len() as u64))
    }

    async fn read_staged(&self, id: &UploadId, offset: u64, length: u64) -> Result<Option<Bytes>> {
        let contents = lock(&self.0);
        let Some(staged) = contents.staged.get(id) else { return Ok(None) };
        let bounds = (usize::try_from(offset), usize::try_from(offset.saturating_add(length)));
        let (Ok(from), Ok(to)) = bounds else { return Err(StoreError::StageLost) };
        let piece = staged.get(from..to).ok_or(StoreError::StageLost)?;
        Ok(Some(Bytes::copy_from_slice(piece)))
    }

    async fn staged_digest(&self, id: &UploadId, algorithm: Algorithm) -> Result<Option<Digest>> {
        Ok(lock(&self.0).staged.get(id).map(|staged| algorithm.digest(staged)))
    }

    async fn commit(&self, id: &UploadId, key: &Key) -> Result<()> {
        let mut contents = lock(&self.0);
        let staged = contents.staged.remove(id).ok_or(StoreError::StageLost)?;
        contents.insert(key, Bytes::from(staged));
        Ok(())
    }

    async fn discard(&self, id: &UploadId) -> Result<()> {
        lock(&self.0).staged.remove(id);
        Ok(())
    }
}

struct MemoryStage {
    contents: Arc<Mutex<Contents>>,
    id: UploadId,
}

#[async_trait::async_trait]
impl Stage for MemoryStage {
    async fn append(
        &mut self,
        pieces: Vec<Bytes>,
        mut hasher: Option<Hasher>,
    ) -> Result<Option<Hasher>> {
        if let Some(hasher) = &mut hasher {
            for piece in &pieces {
                hasher.update(piece);
            }
        }
        let mut contents = lock(&self.contents);
        let staged = contents.staged.get_mut(&self.id).ok_or(StoreError::StageLost)?;
        for piece in &pieces {
            staged.extend_from_slice(piece);
        }
        Ok(hasher)
    }

    async fn sync(&mut self) -> Result<()> {
        Ok(())
    }
}
