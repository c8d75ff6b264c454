//! How many requests somebody may make: a bucket for each user, and for each address of those who
//! have no name.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Counts requests, and says who has made too many.
///
/// A bucket holds as many requests as may be made at once, and refills evenly. There are at most
/// [`MOST`] of them; whoever comes when there is no room for another shares one with everybody else
/// who does, so that addresses without end fill no memory, and take nothing from those who were
/// there before.
#[derive(Debug)]
pub(crate) struct Rates {
    /// Requests a second.
    rate: f64,
    /// Requests at once.
    burst: f64,
    draw: RandomState,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    buckets: HashMap<u64, Bucket>,
    shared: Option<Bucket>,
    /// When full buckets were last looked for.
    tidied: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Requests made that have not been refilled.
    used: f64,
    at: Instant,
}

/// Who is counted.
#[derive(Clone, Copy, Debug, Hash)]
pub(crate) enum Counted<'a> {
    /// Who has this name.
    User(&'a str),
    /// Who has none and comes from here. Loopback is not counted: behind a proxy on the same
    /// machine everybody comes from there.
    Address(IpAddr),
}

/// How many buckets there are, at some 40 bytes each.
const MOST: usize = 50_000;
/// How often full buckets are looked for when there is no room.
const TIDY: Duration = Duration::from_secs(1);

impl Rates {
    /// Allows `rate` requests a second, and as many at once as `burst` seconds allow.
    pub(crate) fn new(rate: u32, burst: Duration) -> Self {
        let rate = f64::from(rate.max(1));
        let burst = (rate * burst.as_secs_f64()).max(1.0);
        Self { rate, burst, draw: RandomState::new(), table: Mutex::default() }
    }

    /// Counts a request, or says when the next one may be made.
    pub(crate) fn take(&self, who: Counted<'_>, now: Instant) -> Result<(), Duration> {
        let Some(who) = who.counted_as() else { return Ok(()) };
        let key = self.draw.hash_one(who);
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room = table.buckets.contains_key(&key) || self.make_room(&mut table, now);
        let fresh = Bucket { used: 0.0, at: now };
        let bucket = if has_room {
            table.buckets.entry(key).or_insert(fresh)
        } else {
            table.shared.get_or_insert(fresh)
        };
        let used = self.used(bucket, now);
        if used + 1.0 > self.burst {
            return Err(Duration::from_secs_f64((used + 1.0 - self.burst) / self.rate));
        }
        *bucket = Bucket { used: used + 1.0, at: now };
        Ok(())
    }

    fn make_room(&self, table: &mut Table, now: Instant) -> bool {
        if table.buckets.len() < MOST {
            return true;
        }
        let is_due = table.tidied.is_none_or(|at| now.saturating_duration_since(at) >= TIDY);
        if is_due {
            table.tidied = Some(now);
            table.buckets.retain(|_, bucket| self.used(bucket, now) > 0.0);
        }
        table.buckets.len() < MOST
    }

    fn used(&self, bucket: &Bucket, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(bucket.at).as_secs_f64();
        (bucket.used - passed * self.rate).max(0.0)
    }
}

impl Counted<'_> {
    fn counted_as(self) -> Option<Self> {
        let Self::Address(address) = self else { return Some(self) };
        let address = address.to_canonical();
        if address.is_loopback() {
            return None;
        }
        Some(Self::Address(match address {
            IpAddr::V4(_) => address,
            // One host has as many addresses of a /64 as it likes.
            IpAddr::V6(all) => Ipv6Addr::from_bits(all.to_bits() & !u128::from(u64::MAX)).into(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Counted<'static> {
        Counted::Address(text.parse().expect("an address"))
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_bucket_empties_and_refills_and_is_nobody_elses() {
        let (rates, start) = (Rates::new(10, 2 * SECOND), Instant::now());
        for _ in 0..20 {
            assert_eq!(rates.take(Counted::User("ada"), start), Ok(()));
        }
        let wait = rates.take(Counted::User("ada"), start).expect_err("too many");
        assert_eq!(wait, Duration::from_millis(100));
        assert_eq!(rates.take(Counted::User("bob"), start), Ok(()));
        assert_eq!(rates.take(Counted::User("ada"), start + SECOND / 10), Ok(()));
        assert!(rates.take(Counted::User("ada"), start + SECOND / 10).is_err());
        // It never holds more than it did.
        let later = start + 1000 * SECOND;
        let taken = (0..100).filter(|_| rates.take(Counted::User("ada"), later).is_ok()).count();
        assert_eq!(taken, 20);
    }

    #[test]
    fn counts_addresses_as_networks_and_loopback_not_at_all() {
        let (rates, now) = (Rates::new(1, SECOND), Instant::now());
        for (first, second) in
            [("192.0.2.1", "::ffff:192.0.2.1"), ("2001:db8::1", "2001:db8::ffff:1")]
        {
            assert_eq!(rates.take(address(first), now), Ok(()));
            assert!(rates.take(address(second), now).is_err(), "{second}");
        }
        assert_eq!(rates.take(address("192.0.2.2"), now), Ok(()));
        assert_eq!(rates.take(address("2001:db8:0:1::1"), now), Ok(()));
        assert_eq!(rates.take(Counted::User("192.0.2.1"), now), Ok(()));
        for _ in 0..10 {
            assert_eq!(rates.take(address("127.0.0.1"), now), Ok(()));
            assert_eq!(rates.take(address("::1"), now), Ok(()));
        }
    }

    #[test]
    fn addresses_without_end_fill_no_memory_and_take_nothing_from_others() {
        let (rates, now) = (Rates::new(1, 5 * SECOND), Instant::now());
        let ada = Counted::User("ada");
        for _ in 0..4 {
            assert_eq!(rates.take(ada, now), Ok(()));
        }
        let hostile = |index: usize| {
            let index = u32::try_from(index).expect("small");
            Counted::Address(std::net::Ipv4Addr::from_bits(0x0a00_0000 + index).into())
        };
        let let_in = (0..3 * MOST).filter(|index| rates.take(hostile(*index), now).is_ok());
        // One each as long as there is room, and then five for all together.
        assert_eq!(let_in.count(), MOST - 1 + 5);
        assert!(rates.table.lock().expect("whole").buckets.len() <= MOST);
        assert_eq!(rates.take(ada, now), Ok(()), "what was left");
        assert!(rates.take(ada, now).is_err(), "and not a new bucket");
        // Those who no longer ask make room again.
        let later = now + 100 * SECOND;
        assert_eq!(rates.take(Counted::User("bob"), later), Ok(()));
        assert!(rates.table.lock().expect("whole").buckets.len() < 10);
    }
}
