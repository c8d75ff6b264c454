//! How far the server has got in stopping, as every connection sees it.

use tokio::sync::watch;

/// How far the server has got in stopping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Serving,
    /// Requests in flight are finished, idle connections closed.
    Finishing,
    /// Everything is dropped.
    Dropping,
}

/// Where a connection learns of the stop.
#[derive(Clone, Debug)]
pub(super) struct Stop(watch::Receiver<Stage>);

impl Stop {
    /// Makes a stop that has not begun, and what moves it on.
    ///
    /// When the latter is dropped, everything else is dropped, too.
    pub(super) fn new() -> (watch::Sender<Stage>, Self) {
        let (sender, receiver) = watch::channel(Stage::Serving);
        (sender, Self(receiver))
    }

    /// Waits until the server has got as far as `stage`.
    pub(super) async fn reached(mut self, stage: Stage) {
        // An error means that the server is gone, which is further than any stage.
        drop(self.0.wait_for(|current| *current >= stage).await);
    }
}
