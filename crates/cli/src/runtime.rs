//! Runs what waits, until it is done or a signal says to stop.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};

use crate::context::Context;
use crate::error::{CliError, Result};
use crate::signals;

/// How long what cannot be interrupted, such as a write to a slow disk, may go on after a signal.
const GRACE: Duration = Duration::from_millis(500);

/// Waits for `work` on a new runtime. An interrupt or a request to terminate drops the work, which
/// removes what it has not finished.
///
/// # Errors
///
/// What the work fails with, or that it was canceled.
pub(crate) fn wait(work: impl Future<Output = Result<()>>, context: &Context) -> Result<()> {
    if !context.environment.obeys_signals() {
        return last(work);
    }
    let mut listener = signals::listen(Arc::clone(&context.printer));
    last(async {
        match select(pin!(listener.stopped()), pin!(work)).await {
            Either::Left((stop, _)) => Err(stop.error()),
            Either::Right((done, _)) => done,
        }
    })
}

/// Waits for `work` on a new runtime, whatever signals there are.
///
/// # Errors
///
/// What the work fails with.
pub(crate) fn last(work: impl Future<Output = Result<()>>) -> Result<()> {
    let workers = std::thread::available_parallelism().map_or(2, |count| count.get().max(2));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .map_err(|error| CliError::new(format!("start the runtime: {error}")))?;
    keep_freed_memory();
    let done = runtime.block_on(work);
    runtime.shutdown_timeout(GRACE);
    done
}

/// Has the allocator of the GNU C library keep some of what is freed. It gives back all but half a
/// megabyte at once, and every buffer of a transfer would be memory that is touched for the first
/// time; that it keeps twice as much as the largest block that was ever freed. The block is not
/// touched, so it costs nothing.
fn keep_freed_memory() {
    const BLOCK: usize = 8 * 1024 * 1024;
    drop(std::hint::black_box(Vec::<u8>::with_capacity(BLOCK)));
}

/// Waits for an interrupt or a request to terminate; forever if none can be heard.
#[cfg(unix)]
pub(crate) async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};

    let Ok(mut interrupt) = signal(SignalKind::interrupt()) else {
        return std::future::pending().await;
    };
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    select(pin!(interrupt.recv()), pin!(terminate.recv())).await;
}

/// Waits for an interrupt; forever if none can be heard.
#[cfg(not(unix))]
pub(crate) async fn signal() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
