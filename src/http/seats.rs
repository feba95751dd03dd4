//! A bounded number of clients that take part in something, and of each address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Seats for clients, so many in all and so many for one address.
#[derive(Clone)]
pub struct Seats(Arc<Inner>);

struct Inner {
    total: usize,
    per_address: usize,
    taken: Mutex<HashMap<IpAddr, usize>>,
}

/// A seat, free again when it is dropped.
pub struct Seat {
    seats: Seats,
    address: IpAddr,
}

impl Seats {
    /// All of them free.
    #[must_use]
    pub fn new(total: usize, per_address: usize) -> Self {
        Self(Arc::new(Inner { total, per_address, taken: Mutex::default() }))
    }

    /// A seat for a client; `None` when all are taken, or all that its address may take.
    #[must_use]
    pub fn take(&self, address: IpAddr) -> Option<Seat> {
        let mut taken = self.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.get(&address).copied().unwrap_or(0);
        if own >= self.0.per_address || taken.values().sum::<usize>() >= self.0.total {
            return None;
        }
        taken.insert(address, own + 1);
        Some(Seat { seats: self.clone(), address })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.get_mut(&self.address) {
            Some(own) if *own > 1 => *own -= 1,
            _ => drop(taken.remove(&self.address)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_bounded_in_all_and_for_each_address_and_come_free_again() {
        let (seats, address) = (Seats::new(3, 2), |n: u8| IpAddr::from([10, 0, 0, n]));
        let first = seats.take(address(1)).expect("free");
        let _second = seats.take(address(1)).expect("free");
        assert!(seats.take(address(1)).is_none(), "two for each address");
        let _third = seats.take(address(2)).expect("free");
        assert!(seats.take(address(3)).is_none(), "three in all");
        drop(first);
        assert!(seats.take(address(3)).is_some());
    }
}
