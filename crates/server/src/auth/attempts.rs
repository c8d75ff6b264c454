//! How many wrong passwords somebody may try.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Counts wrong passwords, by the address they came from and by the name they were for.
///
/// Each has a bucket of tries that refills with time. Who has none left is not listened to until
/// it has; passwords that were right before are not counted, so that nobody can lock out who is in.
/// Loopback has no bucket of its own: behind a proxy on the same machine everybody comes from there.
#[derive(Debug)]
pub(super) struct Attempts {
    draw: RandomState,
    buckets: Mutex<HashMap<u64, Bucket>>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    wrong: f64,
    at: Instant,
}

/// How many tries in a row an address has, and a name.
const BURST: f64 = 20.0;
/// How many seconds give back one.
const REFILL: f64 = 3.0;
/// How many buckets there are; beyond, those that have refilled go, then all.
const MOST: usize = 10_000;

impl Attempts {
    pub(super) fn new() -> Self {
        Self { draw: RandomState::new(), buckets: Mutex::default() }
    }

    /// Tells whether a password from this address for this name is worth a look.
    pub(super) fn are_left(&self, peer: Option<IpAddr>, name: &str, now: Instant) -> bool {
        let buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = self.keys(peer, name);
        keys.into_iter()
            .flatten()
            .all(|key| buckets.get(&key).is_none_or(|bucket| bucket.after(now) <= BURST - 1.0))
    }

    /// Counts a wrong password.
    pub(super) fn wrong(&self, peer: Option<IpAddr>, name: &str, now: Instant) {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MOST {
            buckets.retain(|_, bucket| bucket.after(now) > 0.0);
            if buckets.len() >= MOST {
                buckets.clear();
            }
        }
        for key in self.keys(peer, name).into_iter().flatten() {
            let bucket = buckets.entry(key).or_insert(Bucket { wrong: 0.0, at: now });
            *bucket = Bucket { wrong: bucket.after(now) + 1.0, at: now };
        }
    }

    fn keys(&self, peer: Option<IpAddr>, name: &str) -> [Option<u64>; 2] {
        let peer = peer.map(|peer| peer.to_canonical()).filter(|peer| !peer.is_loopback());
        let peer = peer.map(|peer| match peer {
            IpAddr::V4(_) => peer,
            // One host has as many addresses of a /64 as it likes.
            IpAddr::V6(all) => Ipv6Addr::from_bits(all.to_bits() & !u128::from(u64::MAX)).into(),
        });
        [peer.map(|peer| self.draw.hash_one(peer)), Some(self.draw.hash_one(name))]
    }
}

impl Bucket {
    fn after(self, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(self.at);
        (self.wrong - passed.as_secs_f64() / REFILL).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const PAUSE: Duration = Duration::from_secs(3);

    #[expect(clippy::unnecessary_wraps, reason = "as it is asked for")]
    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().expect("an address"))
    }

    #[test]
    fn runs_out_for_an_address_and_refills() {
        let (attempts, start) = (Attempts::new(), Instant::now());
        for index in 0..20 {
            let name = format!("user{index}");
            assert!(attempts.are_left(address("192.0.2.1"), &name, start));
            attempts.wrong(address("192.0.2.1"), &name, start);
        }
        assert!(!attempts.are_left(address("192.0.2.1"), "ada", start));
        assert!(!attempts.are_left(address("::ffff:192.0.2.1"), "ada", start));
        assert!(attempts.are_left(address("192.0.2.2"), "ada", start), "another address");
        assert!(attempts.are_left(address("192.0.2.1"), "ada", start + PAUSE));
    }

    #[test]
    fn runs_out_for_a_name_wherever_it_is_tried() {
        let (attempts, start) = (Attempts::new(), Instant::now());
        for index in 0..20 {
            attempts.wrong(address(&format!("192.0.2.{index}")), "ada", start);
        }
        assert!(!attempts.are_left(address("198.51.100.1"), "ada", start));
        assert!(attempts.are_left(address("198.51.100.1"), "bob", start));
        assert!(!attempts.are_left(address("127.0.0.1"), "ada", start));
    }

    #[test]
    fn remembers_no_more_than_it_has_room_for() {
        let (attempts, start) = (Attempts::new(), Instant::now());
        for index in 0..3 * MOST {
            attempts.wrong(None, &index.to_string(), start);
        }
        assert!(attempts.buckets.lock().expect("whole").len() <= MOST + 1);
    }
}
