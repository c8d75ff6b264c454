//! A notebook for tests.

use std::sync::{Arc, Mutex};

use oras_client::{Note, Notebook};

/// A notebook of one note, in memory; clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slate(Arc<Mutex<Option<String>>>);

impl Notebook for Slate {
    fn open(&self, _: &str) -> Option<Box<dyn Note>> {
        Some(Box::new(self.clone()))
    }
}

impl Note for Slate {
    fn read(&self) -> Option<String> {
        self.0.lock().expect("no panic").clone()
    }

    fn write(&mut self, text: &str) {
        *self.0.lock().expect("no panic") = Some(text.to_owned());
    }

    fn remove(&mut self) {
        *self.0.lock().expect("no panic") = None;
    }
}
