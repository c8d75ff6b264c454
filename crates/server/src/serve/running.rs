//! A server on a task of its own.

use std::net::SocketAddr;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{HttpService, ServeError, Server};

/// A server that runs by itself, until it is told to stop or dropped.
///
/// Dropped, it cuts everything at once.
#[derive(Debug)]
#[must_use = "it stops when dropped"]
pub struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: Task,
}

/// Ends the task when dropped.
#[derive(Debug)]
struct Task(JoinHandle<Result<(), ServeError>>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<S: HttpService> Server<S> {
    /// Serves on a task of its own; must be called inside a tokio runtime. As [`run`](Self::run).
    pub fn start(self) -> Running {
        let address = self.local_addr();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = self.run(async { drop(stopped.await) });
        Running { address, stop, task: Task(tokio::spawn(serving)) }
    }
}

impl Running {
    /// Returns the address listened on.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Stops gently, as [`Server::run`] does.
    ///
    /// # Errors
    ///
    /// If the server had ended by itself before.
    pub async fn stop(self) -> Result<(), ServeError> {
        let Self { stop, mut task, .. } = self;
        // One that has ended no longer listens, and tells below how it ended.
        stop.send(()).unwrap_or_default();
        match (&mut task.0).await {
            Ok(ended) => ended,
            Err(error) => Err(ServeError::Accept(std::io::Error::other(error))),
        }
    }
}
