//! Accepting connections when the machine is short of everything.

use std::io;
use std::time::Duration;

use tokio::time::sleep;

/// Accepts one connection, however often that fails for a while.
///
/// Out of file descriptors or memory, it pauses, longer each time up to a second, and goes on:
/// connections that end give back what is missing. `paused` hears of the first failure in a row.
///
/// # Errors
///
/// Only if the listener itself is not, or no longer, one that accepts.
pub(super) async fn accept<T, F>(
    mut attempt: impl FnMut() -> F,
    paused: impl Fn(io::Error),
) -> io::Result<T>
where
    F: Future<Output = io::Result<T>>,
{
    let mut pause = Duration::ZERO;
    loop {
        let error = match attempt().await {
            Ok(accepted) => return Ok(accepted),
            Err(error) => error,
        };
        match error.kind() {
            io::ErrorKind::InvalidInput => return Err(error),
            kind if befell_one_connection(kind) => {}
            _ if pause.is_zero() => {
                paused(error);
                pause = FIRST_PAUSE;
            }
            _ => pause = (pause * 2).min(LAST_PAUSE),
        }
        sleep(pause).await;
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// Tells whether an error is about the connection that was to be accepted; the next may be fine.
fn befell_one_connection(kind: io::ErrorKind) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        kind,
        Kind::ConnectionAborted
            | Kind::ConnectionReset
            | Kind::HostUnreachable
            | Kind::Interrupted
            | Kind::NetworkDown
            | Kind::NetworkUnreachable
            | Kind::TimedOut
    )
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::future::ready;

    use tokio::time::Instant;

    use super::*;

    const TOO_MANY_OPEN_FILES: i32 = 24;

    #[tokio::test(start_paused = true)]
    async fn pauses_while_out_of_file_descriptors() {
        let start = Instant::now();
        let attempts = Cell::new(0);
        let reports = RefCell::new(Vec::new());
        let attempt = || {
            attempts.set(attempts.get() + 1);
            let recovered = start.elapsed() >= Duration::from_mins(1);
            let none_left = io::Error::from_raw_os_error(TOO_MANY_OPEN_FILES);
            ready(if recovered { Ok("a connection") } else { Err(none_left) })
        };
        let accepted = accept(attempt, |error| reports.borrow_mut().push(error.raw_os_error()));
        assert_eq!(accepted.await.expect("it recovers"), "a connection");
        assert!(attempts.get() < 80, "a busy loop: {} attempts in a minute", attempts.get());
        assert!(start.elapsed() <= Duration::from_secs(61), "recovers within a second");
        assert_eq!(*reports.borrow(), [Some(TOO_MANY_OPEN_FILES)], "told once");
    }

    #[tokio::test(start_paused = true)]
    async fn goes_on_at_once_after_a_connection_that_broke() {
        let start = Instant::now();
        let mut broken = 3;
        let attempt = || {
            broken -= 1;
            ready(if broken == 0 { Ok(()) } else { Err(io::ErrorKind::ConnectionAborted.into()) })
        };
        let accepted = accept(attempt, |_| panic!("nothing to report"));
        accepted.await.expect("the third is fine");
        assert!(start.elapsed() < Duration::from_millis(10));
    }

    #[tokio::test]
    async fn gives_up_a_listener_that_is_none() {
        let attempt = || ready(Err::<(), _>(io::ErrorKind::InvalidInput.into()));
        assert!(accept(attempt, |_| ()).await.is_err());
    }
}
