//! How long we wait for a peer that moves bytes slowly, or not at all.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// A credit of waiting time, which bytes buy back.
///
/// Waiting spends it, second for second; every `rate` bytes buy a second, never above `limit`. So
/// a peer faster than `rate` never runs out of it, one that stops is given up after `limit` at the
/// latest, and one that trickles from the start soon after the credit it began with.
#[derive(Clone, Debug)]
pub(super) struct Patience {
    credit: Duration,
    limit: Duration,
    rate: u32,
    waiting_since: Option<Instant>,
}

impl Patience {
    /// Begins with `credit`. With a `rate` of 0, any byte buys everything back.
    pub(super) fn new(credit: Duration, limit: Duration, rate: u32) -> Self {
        Self { credit: credit.min(limit), limit, rate, waiting_since: None }
    }

    /// Notes that from now on we wait for the peer, if we do not already.
    pub(super) fn wait(&mut self, now: Instant) {
        self.waiting_since.get_or_insert(now);
    }

    /// Notes that `bytes` moved, and that we wait no more.
    pub(super) fn moved(&mut self, now: Instant, bytes: usize) {
        if let Some(since) = self.waiting_since.take() {
            self.credit = self.credit.saturating_sub(now.saturating_duration_since(since));
        }
        self.credit = self.credit.saturating_add(self.worth(bytes)).min(self.limit);
    }

    /// Returns when the credit is spent; never, while we do not wait.
    pub(super) fn ends_at(&self) -> Option<Instant> {
        self.waiting_since.map(|since| since + self.credit)
    }

    fn worth(&self, bytes: usize) -> Duration {
        if bytes == 0 {
            return Duration::ZERO;
        }
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        Duration::from_secs(1).saturating_mul(bytes).checked_div(self.rate).unwrap_or(self.limit)
    }
}

/// A [`Patience`] with an alarm that wakes the waiting task when it ends.
#[derive(Debug)]
pub(super) struct Watch {
    patience: Patience,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Watch {
    pub(super) fn new(patience: Patience) -> Self {
        Self { patience, alarm: None }
    }

    /// Notes that `bytes` moved.
    pub(super) fn moved(&mut self, bytes: usize) {
        self.patience.moved(Instant::now(), bytes);
    }

    /// Waits; ready when the patience has ended.
    pub(super) fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let now = Instant::now();
        self.patience.wait(now);
        let end = self.patience.ends_at().unwrap_or(now);
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(end)));
        loop {
            ready!(alarm.as_mut().poll(context));
            if end <= Instant::now() {
                return Poll::Ready(());
            }
            // The end only ever moves back, so the alarm is left as it is until it rings.
            alarm.as_mut().reset(end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn patience() -> (Patience, Instant) {
        (Patience::new(30 * SECOND, 60 * SECOND, 1000), Instant::now())
    }

    /// Waits `pause`, then moves `bytes`, again and again; returns after how long it is given up.
    fn given_up_after(pause: Duration, bytes: usize) -> Option<Duration> {
        let (mut patience, start) = patience();
        let mut now = start;
        for _ in 0..10_000 {
            patience.wait(now);
            let end = patience.ends_at().expect("we wait");
            now += pause;
            if end < now {
                return Some(end - start);
            }
            patience.moved(now, bytes);
        }
        None
    }

    #[test]
    fn gives_up_a_silent_peer_after_its_credit() {
        assert_eq!(given_up_after(100 * SECOND, 0), Some(30 * SECOND));
    }

    #[test]
    fn gives_up_a_trickle_soon_after_its_credit() {
        let after = given_up_after(SECOND, 10).expect("given up");
        assert!(after > 30 * SECOND && after < 31 * SECOND, "{after:?}");
    }

    #[test]
    fn keeps_a_peer_at_the_rate() {
        assert_eq!(given_up_after(SECOND, 1000), None);
        assert_eq!(given_up_after(29 * SECOND, 29_000), None);
    }

    #[test]
    fn gives_up_a_peer_just_below_the_rate() {
        assert!(given_up_after(SECOND, 990).is_some());
    }

    #[test]
    fn speed_buys_no_more_than_the_limit() {
        let (mut patience, start) = patience();
        patience.moved(start, usize::MAX);
        patience.wait(start);
        assert_eq!(patience.ends_at(), Some(start + 60 * SECOND));
    }

    #[test]
    fn our_own_slowness_costs_the_peer_nothing() {
        let (mut patience, start) = patience();
        patience.wait(start);
        patience.moved(start + SECOND, 1000);
        patience.wait(start + 500 * SECOND);
        assert_eq!(patience.ends_at(), Some(start + 530 * SECOND));
    }

    #[test]
    fn without_a_rate_any_byte_is_enough() {
        let start = Instant::now();
        let mut patience = Patience::new(30 * SECOND, 60 * SECOND, 0);
        patience.wait(start);
        patience.moved(start + 29 * SECOND, 1);
        patience.wait(start + 29 * SECOND);
        assert_eq!(patience.ends_at(), Some(start + 89 * SECOND));
    }
}
