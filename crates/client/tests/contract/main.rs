//! Every target keeps the promises of its trait.

mod promises;

use std::future::Future;
use std::path::Path;
use std::pin::Pin;

use oras_client::Target;
use oras_client::store::{Files, FilesOptions, Layout, Memory};

/// A promise, to be kept by any empty target.
type Promise = for<'a> fn(&'a dyn Target) -> Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Makes an empty target in an empty directory.
type Make = for<'a> fn(&'a Path) -> Pin<Box<dyn Future<Output = Box<dyn Target>> + 'a>>;

/// Holds a kind of target to every promise, each with a new one.
async fn keeps_every_promise(make: Make) {
    for promise in promises::ALL {
        let directory = tempfile::tempdir().expect("a directory");
        let target = make(directory.path()).await;
        promise(&*target).await;
    }
}

#[tokio::test]
async fn memory_keeps_every_promise() {
    keeps_every_promise(|_| Box::pin(async { Box::new(Memory::new()) as Box<dyn Target> })).await;
}

#[tokio::test]
async fn files_keep_every_promise() {
    keeps_every_promise(|path| {
        Box::pin(async move {
            let files = Files::new(path, FilesOptions::default());
            Box::new(files) as Box<dyn Target>
        })
    })
    .await;
}

#[tokio::test]
async fn a_layout_keeps_every_promise() {
    keeps_every_promise(|path| {
        Box::pin(async move {
            let layout = Layout::open(&path.join("layout")).await.expect("made");
            Box::new(layout) as Box<dyn Target>
        })
    })
    .await;
}
