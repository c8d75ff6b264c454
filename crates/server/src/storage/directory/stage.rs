//! Objects in the making: files without a final name that grow at their end.

use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use oras_spec::{Algorithm, Digest, Hasher};

use super::blocking;
use super::disk::{Disk, absent_as_none};
use crate::storage::{Result, Stage, StoreError};

/// A file that bytes are added to.
pub(super) struct FileStage {
    disk: Arc<Disk>,
    /// Nothing while a thread has it, and for good after an error.
    file: Option<File>,
    /// The file's entry in its directory is not durable yet.
    is_new: bool,
}

impl FileStage {
    /// Opens the file to add behind its first `offset` bytes; blocks.
    pub(super) fn open(disk: &Arc<Disk>, path: &Path, offset: u64) -> Result<Self> {
        disk.check()?;
        let mut options = OpenOptions::new();
        options.write(true).create(offset == 0);
        let file = absent_as_none(options.open(path))?.ok_or(StoreError::StageLost)?;
        let size = file.metadata()?.len();
        if size < offset {
            return Err(StoreError::StageLost);
        }
        if size > offset {
            file.set_len(offset)?;
        }
        (&file).seek(SeekFrom::Start(offset))?;
        Ok(Self { disk: Arc::clone(disk), file: Some(file), is_new: offset == 0 })
    }

    async fn with_file<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&Disk, &mut File) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let mut file = self.file.take().ok_or(StoreError::StageLost)?;
        let disk = Arc::clone(&self.disk);
        let (file, value) = blocking(move || {
            let value = work(&disk, &mut file)?;
            Ok((file, value))
        })
        .await?;
        self.file = Some(file);
        Ok(value)
    }
}

#[async_trait::async_trait]
impl Stage for FileStage {
    async fn append(
        &mut self,
        pieces: Vec<Bytes>,
        mut hasher: Option<Hasher>,
    ) -> Result<Option<Hasher>> {
        self.with_file(move |_, file| {
            if let Some(hasher) = &mut hasher {
                for piece in &pieces {
                    hasher.update(piece);
                }
            }
            write_all(file, &pieces)?;
            Ok(hasher)
        })
        .await
    }

    async fn sync(&mut self) -> Result<()> {
        let is_new = std::mem::take(&mut self.is_new);
        self.with_file(move |disk, file| {
            disk.sync(file)?;
            if is_new { disk.sync_staging() } else { Ok(()) }
        })
        .await
    }
}

fn write_all(file: &mut File, pieces: &[Bytes]) -> io::Result<()> {
    let mut slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
    let mut slices = slices.as_mut_slice();
    IoSlice::advance_slices(&mut slices, 0);
    while !slices.is_empty() {
        match file.write_vectored(slices) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => IoSlice::advance_slices(&mut slices, count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Hashes a file from its beginning; nothing if there is none. Blocks.
pub(super) fn digest(path: &Path, algorithm: Algorithm) -> Result<Option<Digest>> {
    let Some(mut file) = absent_as_none(File::open(path))? else { return Ok(None) };
    let mut hasher = algorithm.hasher();
    let mut buffer = vec![0; 256 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(Some(hasher.finish())),
            count => hasher.update(&buffer[..count]),
        }
    }
}
