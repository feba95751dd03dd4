//! The open connections of a server: how many there are, whose they are, and which of them wait for a request.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::connection::Connection;

/// The open connections of a server. A full one gives up the connection that has waited longest for a request, of the
/// address with the most: who holds connections without asking for anything keeps nobody out.
pub struct Registry {
    total: usize,
    per_address: usize,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    addresses: HashMap<IpAddr, Address>,
    open: usize,
    next: u64,
}

/// The connections of an address.
#[derive(Default)]
struct Address {
    open: usize,
    /// Those that wait for a request, the longest first.
    idle: BTreeMap<u64, Arc<Connection>>,
}

impl Registry {
    /// So many connections, and so many of one address.
    #[must_use]
    pub fn new(total: usize, per_address: usize) -> Self {
        Self { total, per_address, table: Mutex::default() }
    }

    /// Takes a new connection, maybe for another one; `None` where all that could go are busy.
    pub fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Arc<Connection>> {
        let mut table = self.lock();
        let own = table.addresses.get(&address).map_or(0, |a| a.open);
        let given_up = if own >= self.per_address {
            Some(table.give_up(address)?)
        } else if table.open >= self.total {
            let busiest = table.addresses.iter().filter(|(_, a)| !a.idle.is_empty()).max_by_key(|(_, a)| a.open);
            let busiest = *busiest?.0;
            Some(table.give_up(busiest)?)
        } else {
            None
        };
        table.open += 1;
        let connection = Arc::new(Connection::new(address, Arc::clone(self)));
        let of_address = table.addresses.entry(address).or_default();
        of_address.open += 1;
        table.rest(&connection);
        drop(table);
        if let Some(given_up) = given_up {
            given_up.cut();
        }
        Some(connection)
    }

    /// A connection waits for a request from now on.
    pub(super) fn rest(&self, connection: &Arc<Connection>) {
        self.lock().rest(connection);
    }

    /// A connection has a request.
    pub(super) fn wake(&self, connection: &Connection) {
        let mut table = self.lock();
        if let Some(of_address) = table.addresses.get_mut(&connection.address()) {
            of_address.idle.remove(&connection.place());
        }
    }

    /// A connection is closed.
    pub(super) fn leave(&self, connection: &Connection) {
        let mut table = self.lock();
        table.forget(connection);
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn rest(&mut self, connection: &Arc<Connection>) {
        if connection.is_gone() {
            return;
        }
        let place = self.next;
        self.next += 1;
        connection.set_place(place);
        if let Some(of_address) = self.addresses.get_mut(&connection.address()) {
            of_address.idle.insert(place, Arc::clone(connection));
        }
    }

    /// Takes the connection of an address that has waited longest.
    fn give_up(&mut self, address: IpAddr) -> Option<Arc<Connection>> {
        let (_, connection) = self.addresses.get_mut(&address)?.idle.pop_first()?;
        self.forget(&connection);
        Some(connection)
    }

    /// Counts a connection out, once.
    fn forget(&mut self, connection: &Connection) {
        if connection.set_gone() {
            return;
        }
        self.open -= 1;
        if let Some(of_address) = self.addresses.get_mut(&connection.address()) {
            of_address.idle.remove(&connection.place());
            of_address.open -= 1;
            if of_address.open == 0 {
                self.addresses.remove(&connection.address());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::connection::Busy;
    use super::*;

    fn address(n: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, n])
    }

    #[test]
    fn a_full_server_gives_up_the_longest_idle_connection_of_the_address_with_the_most() {
        let registry = Arc::new(Registry::new(4, 3));
        let admit = |n: u8| registry.admit(address(n));
        let hoarder = [1, 1, 1].map(|n| admit(n).expect("room"));
        let other = admit(2).expect("room");
        let newcomer = admit(3).expect("room is made");
        assert!(hoarder[0].is_cut() && !hoarder[1].is_cut() && !other.is_cut() && !newcomer.is_cut());
        admit(1).expect("room is made");
        assert!(hoarder[1].is_cut() && !other.is_cut());
    }

    #[test]
    fn busy_connections_stay_and_newcomers_are_refused() {
        let registry = Arc::new(Registry::new(2, 1));
        let first = registry.admit(address(1)).expect("room");
        let busy = Busy::begin(&first);
        assert!(registry.admit(address(1)).is_none(), "its only connection is busy");
        let second = registry.admit(address(2)).expect("room");
        let second_busy = Busy::begin(&second);
        assert!(registry.admit(address(3)).is_none());
        drop(busy);
        assert!(registry.admit(address(3)).is_some());
        assert!(first.is_cut() && !second.is_cut());
        drop(second_busy);
    }

    #[test]
    fn a_closed_connection_makes_room_once() {
        let registry = Arc::new(Registry::new(1, 1));
        let first = registry.admit(address(1)).expect("room");
        registry.leave(&first);
        registry.leave(&first);
        let second = registry.admit(address(1)).expect("room");
        assert!(!first.is_cut());
        drop(second);
        assert_eq!(registry.lock().open, 1);
    }
}
