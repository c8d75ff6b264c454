//! How many connections each address has.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts the connections of each address. Cheap to clone; clones count together.
#[derive(Clone, Debug)]
pub(super) struct Addresses {
    limit: usize,
    counts: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// One connection that counts, until this is dropped.
#[derive(Debug)]
pub(super) struct Admission {
    counted: Option<IpAddr>,
    addresses: Addresses,
}

impl Addresses {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, counts: Arc::default() }
    }

    /// Counts one more connection from `address`, unless it has as many as it may.
    pub(super) fn admit(&self, address: IpAddr) -> Option<Admission> {
        let counted = counted_as(address);
        if let Some(address) = counted {
            let mut counts = self.counts();
            let count = counts.entry(address).or_default();
            if *count >= self.limit {
                return None;
            }
            *count += 1;
        }
        Some(Admission { counted, addresses: self.clone() })
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let Some(address) = self.counted else { return };
        if let Entry::Occupied(mut count) = self.addresses.counts().entry(address) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

/// Returns what an address counts as; nothing if it does not count.
///
/// One host has as many IPv6 addresses as it likes, all in one /64.
fn counted_as(address: IpAddr) -> Option<IpAddr> {
    let address = address.to_canonical();
    if address.is_loopback() {
        return None;
    }
    Some(match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn refuses_one_too_many_and_forgets_who_left() {
        let addresses = Addresses::new(2);
        let first = addresses.admit(address("192.0.2.1"));
        let second = addresses.admit(address("::ffff:192.0.2.1"));
        assert!(first.is_some() && second.is_some());
        assert!(addresses.admit(address("192.0.2.1")).is_none());
        assert!(addresses.admit(address("192.0.2.2")).is_some());
        drop(first);
        assert!(addresses.admit(address("192.0.2.1")).is_some());
        drop(second);
        assert!(addresses.counts().is_empty());
    }

    #[test]
    fn counts_a_network_of_version_6_as_one() {
        let addresses = Addresses::new(1);
        let _first = addresses.admit(address("2001:db8::1")).expect("admitted");
        assert!(addresses.admit(address("2001:db8::ffff:1")).is_none());
        assert!(addresses.admit(address("2001:db8:0:1::1")).is_some());
    }

    #[test]
    fn does_not_count_loopback() {
        let addresses = Addresses::new(1);
        for text in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            let both = (addresses.admit(address(text)), addresses.admit(address(text)));
            assert!(both.0.is_some() && both.1.is_some(), "{text}");
        }
    }
}
