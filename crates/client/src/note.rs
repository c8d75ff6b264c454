//! Short notes that outlive the process: how far something came that another process may go on with.

use std::fmt;

/// Keeps notes, each under a name.
pub trait Notebook: fmt::Debug + Send + Sync {
    /// Opens a note for this process alone; nothing if another has it open, or notes cannot be kept.
    /// One that is not there yet is empty.
    fn open(&self, name: &str) -> Option<Box<dyn Note>>;
}

/// A note that is open. A hint: what cannot be read or written is not there.
pub trait Note: Send + Sync {
    /// Reads what was written last; nothing if that is nothing.
    fn read(&self) -> Option<String>;

    /// Writes in place of what was there.
    fn write(&mut self, text: &str);

    /// Removes the note.
    fn remove(&mut self);
}
