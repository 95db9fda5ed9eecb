//! How many connections each address has, and the limits for that.
//!
//! Problem: a limit for the whole server lets one client take all of it, for example with
//! connections that never send a request.
//!
//! Choice: one table for the server, under a lock that is taken when a connection is accepted, when
//! it opens and when it ends, and for no message. A client of IPv6 has a whole network of 64 bits
//! (RFC 6177), so the network counts as one address. Clients of Unix sockets have no address and no
//! limit. Connections that are past a limit, and few, wait for their rejection; more are closed at
//! once.
//!
//! Invariant: an address is in the table exactly while it has connections, so the table is not larger
//! than the number of connections.

use core::net::IpAddr;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::address::Address;
use super::options::ServerOptions;

/// Connections of one address past its limit that may wait for their rejection.
const SURPLUS: usize = 8;

/// The addresses with connections.
#[derive(Debug)]
pub(super) struct Addresses {
    most: usize,
    most_opening: usize,
    counts: Mutex<HashMap<u128, Count>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    all: usize,
    /// Those whose request is not accepted yet, or was rejected.
    opening: usize,
}

/// Whether one more connection of an address is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// It is. It is counted.
    Granted,
    /// Its request is to be rejected. It is counted.
    Surplus,
    /// It is to be closed. It is not counted.
    Refused,
}

impl Addresses {
    pub(super) fn new(options: &ServerOptions<'_>) -> Self {
        Self {
            most: options.max_connections_per_address.unwrap_or(usize::MAX),
            most_opening: options.max_opening_per_address.unwrap_or(usize::MAX),
            counts: Mutex::default(),
        }
    }

    /// The table's key for an address, if there is a limit for it.
    fn key(&self, address: Address) -> Option<u128> {
        const NETWORK: u128 = !0 << 64;
        if self.most == usize::MAX && self.most_opening == usize::MAX {
            return None;
        }
        Some(match address.ip()?.to_canonical() {
            IpAddr::V4(it) => it.to_ipv6_mapped().to_bits(),
            IpAddr::V6(it) => it.to_bits() & NETWORK,
        })
    }

    /// A connection was accepted.
    pub(super) fn enter(&self, address: Address) -> Entry {
        let Some(key) = self.key(address) else {
            return Entry::Granted;
        };
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.try_reserve(1).is_err() {
            return Entry::Refused;
        }
        let count = counts.entry(key).or_default();
        let over = |n: usize, most: usize| n >= most.saturating_add(SURPLUS);
        if over(count.all, self.most) || over(count.opening, self.most_opening) {
            return Entry::Refused;
        }
        let surplus = count.all >= self.most || count.opening >= self.most_opening;
        count.all += 1;
        count.opening += 1;
        match surplus {
            true => Entry::Surplus,
            false => Entry::Granted,
        }
    }

    /// A connection's request was accepted.
    pub(super) fn opened(&self, address: Address) {
        self.change(address, |count| count.opening -= 1);
    }

    /// A connection that was counted has ended; `opening` says that its request was never accepted.
    pub(super) fn leave(&self, address: Address, opening: bool) {
        self.change(address, |count| {
            count.all -= 1;
            count.opening -= usize::from(opening);
        });
    }

    fn change(&self, address: Address, change: impl FnOnce(&mut Count)) {
        let Some(key) = self.key(address) else {
            return;
        };
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&key) {
            change(count);
            if count.all == 0 {
                counts.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(all: usize, opening: usize) -> Addresses {
        let options = ServerOptions {
            max_connections_per_address: Some(all),
            max_opening_per_address: Some(opening),
            ..ServerOptions::default()
        };
        Addresses::new(&options)
    }

    fn tcp(ip: &str) -> Address {
        Address::Tcp((ip.parse::<IpAddr>().unwrap(), 1).into())
    }

    #[test]
    fn open_and_opening_connections_have_limits_of_their_own() {
        let addresses = addresses(5, 3);
        let a = tcp("192.0.2.1");
        let enter = |n| (0..n).map(|_| addresses.enter(a)).collect::<Vec<_>>();
        assert_eq!(enter(3), [Entry::Granted; 3]);
        assert_eq!(enter(SURPLUS), [Entry::Surplus; SURPLUS]);
        assert_eq!(enter(1), [Entry::Refused]);
        assert_eq!(addresses.enter(tcp("192.0.2.2")), Entry::Granted);
        for _ in 0..SURPLUS {
            addresses.leave(a, true);
        }
        for _ in 0..3 {
            addresses.opened(a);
        }
        assert_eq!(enter(3), [Entry::Granted, Entry::Granted, Entry::Surplus]);
        addresses.leave(a, true);
        addresses.leave(a, false);
        assert_eq!(enter(1), [Entry::Granted]);
        for opening in [true, true, true, false, false] {
            addresses.leave(a, opening);
        }
        addresses.leave(tcp("192.0.2.2"), true);
        assert!(addresses.counts.lock().unwrap().is_empty());
    }

    #[test]
    fn a_network_of_ipv6_is_one_address_and_unix_sockets_have_no_limit() {
        let addresses = addresses(1, 1);
        for (first, second, same) in [
            ("2001:db8::1", "2001:db8::ffff:0:0:1", true),
            ("2001:db8:0:1::1", "2001:db8:0:2::1", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
        ] {
            assert_eq!(addresses.enter(tcp(first)), Entry::Granted);
            let expected = if same { Entry::Surplus } else { Entry::Granted };
            assert_eq!(addresses.enter(tcp(second)), expected, "{first} {second}");
            addresses.leave(tcp(first), true);
            addresses.leave(tcp(second), true);
        }
        for _ in 0..100 {
            assert_eq!(addresses.enter(Address::Unix), Entry::Granted);
        }
        assert!(addresses.counts.lock().unwrap().is_empty());
    }
}
