//! What happens on the way, told to whoever listens.

use oras_spec::Tag;
use oras_spec::image::Descriptor;

/// A thing that happened. Borrowed: copy what you keep.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The transfer of content begins.
    Started(&'a Descriptor),
    /// So many bytes of content are there already, from an attempt that was broken off; only what
    /// is behind them moves.
    Resumed(&'a Descriptor, u64),
    /// The content is taken from a cache: what moves from here on does not come from the source.
    Cached(&'a Descriptor),
    /// So many further bytes of content have moved.
    Moved(&'a Descriptor, u64),
    /// The transfer of content is done: it is verified and in its place.
    Copied(&'a Descriptor),
    /// The target has the content already; what hangs below it was not looked at.
    Exists(&'a Descriptor),
    /// The content was left out on purpose.
    Skipped(&'a Descriptor),
    /// The registry took the content from another repository; no bytes moved.
    Mounted(&'a Descriptor),
    /// The content has the digest of content already copied, under another title.
    Restored(&'a Descriptor),
    /// The bytes of a document are asked for, to see what it points at.
    Fetching(&'a Descriptor),
    /// The bytes of a document have arrived and what it points at is about to be looked at.
    Fetched(&'a Descriptor),
    /// The transfer of content failed; the error is returned by the operation.
    Failed(&'a Descriptor),
    /// A tag points at the manifest now.
    Tagged(&'a Descriptor, &'a Tag),
}

/// Hears events, from many tasks at once. `()` hears nothing, and any `Fn(Event<'_>)` is an observer.
///
/// For one descriptor: [`Started`](Event::Started), perhaps [`Resumed`](Event::Resumed) and
/// [`Cached`](Event::Cached), any number of [`Moved`](Event::Moved), then
/// [`Copied`](Event::Copied) or [`Failed`](Event::Failed). Documents may be cached before they are
/// started. What a document points at is done
/// before the document is started.
pub trait Observer: Send + Sync {
    /// Takes notice of `event`. Called from the tasks that move bytes: be quick.
    fn event(&self, event: Event<'_>);
}

impl Observer for () {
    fn event(&self, _: Event<'_>) {}
}

impl<F: Fn(Event<'_>) + Send + Sync> Observer for F {
    fn event(&self, event: Event<'_>) {
        self(event);
    }
}
