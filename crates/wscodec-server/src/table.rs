//! The connections of an event loop, by index.
//!
//! Problem: the system reports a socket by a number that the loop chose. Numbers are used again, and a
//! report, a deadline or a command in a mailbox may name a connection that has ended in the meantime.
//! The table must not move connections when it grows, and a lack of memory must end one connection and
//! not the process.
//!
//! Choice: a slab gives each connection an index, and a counter of all connections so far makes the
//! [`Key`] unique. Each connection is in a box of its own: growing moves pointers only, and a free
//! place takes a few words instead of the size of a connection. The box is a slice of one element,
//! because `Box::new` aborts the process when there is no memory, while a vector returns an error.
//!
//! Invariants: `get` and `remove` find a connection only by the key that `insert` returned for it. `at`
//! finds whatever is in a place, and is only for reports of sockets, which are registered and removed
//! together with their place. `indices` covers every place that is in use.

use std::boxed::Box;
use std::vec::Vec;

use slab::Slab;

/// The index of a connection, and the number of connections that the loop had before it. The system
/// reports sockets by their index, which is used again. The number tells whether a connection is
/// still the one that was meant, in a mailbox or among the deadlines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) index: u32,
    pub(super) turn: u32,
}

/// A slab of boxes. Boxed, so that a table that grows moves pointers only, and a free place is small.
#[derive(Debug)]
pub(super) struct Table<T> {
    slab: Slab<(u32, Single<T>)>,
    /// Connections so far.
    turn: u32,
    /// Behind the highest index that was ever used.
    end: u32,
}

/// A box of one. `Box::new` ends the process when there is no memory for it; a vector can say so.
type Single<T> = Box<[T]>;

/// More places than this are made when they are needed.
const MOST_READY: usize = 1 << 17;

impl<T> Table<T> {
    /// With room for so many, so that no connection makes the table grow.
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self {
            slab: Slab::with_capacity(capacity.min(MOST_READY)),
            turn: 0,
            end: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slab.len()
    }

    /// The key that the next [`insert`](Self::insert) gives.
    pub(super) fn next_key(&self) -> Key {
        Key {
            index: self.slab.vacant_key() as u32,
            turn: self.turn,
        }
    }

    /// Puts a value into the table, or gives it back if there is no memory for it.
    pub(super) fn insert(&mut self, value: T) -> Result<Key, T> {
        let value = single(value)?;
        let key = self.next_key();
        self.slab.insert((key.turn, value));
        self.turn = self.turn.wrapping_add(1);
        self.end = self.end.max(key.index + 1);
        Ok(key)
    }

    /// The value in a place, whichever it is.
    #[inline]
    pub(super) fn at(&mut self, index: u32) -> Option<(Key, &mut T)> {
        let (turn, value) = self.slab.get_mut(index as usize)?;
        let turn = *turn;
        Some((Key { index, turn }, value.first_mut()?))
    }

    pub(super) fn get(&mut self, key: Key) -> Option<&mut T> {
        let (found, value) = self.at(key.index)?;
        (found == key).then_some(value)
    }

    pub(super) fn remove(&mut self, key: Key) -> Option<T> {
        self.get(key)?;
        let (_, value) = self.slab.try_remove(key.index as usize)?;
        value.into_vec().pop()
    }

    /// The places that may be taken: not all of them are.
    pub(super) fn indices(&self) -> core::ops::Range<u32> {
        0..self.end
    }
}

fn single<T>(value: T) -> Result<Single<T>, T> {
    let mut one = Vec::new();
    if one.try_reserve_exact(1).is_err() {
        return Err(value);
    }
    one.push(value);
    Ok(one.into_boxed_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_used_again_and_keys_are_not() {
        let mut table = Table::with_capacity(1);
        let (a, b) = (table.insert('a').unwrap(), table.insert('b').unwrap());
        assert_eq!(table.remove(a), Some('a'));
        assert_eq!(table.remove(a), None);
        assert_eq!(table.next_key().index, a.index);
        let c = table.insert('c').unwrap();
        assert_eq!((c.index, table.len()), (a.index, 2));
        assert_eq!(table.get(a), None);
        assert_eq!(table.get(c), Some(&mut 'c'));
        assert_eq!(table.at(b.index), Some((b, &mut 'b')));
        table.remove(c);
        table.remove(b);
        assert_eq!((table.len(), table.indices()), (0, 0..2));
    }
}
