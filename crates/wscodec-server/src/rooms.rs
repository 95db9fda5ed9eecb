//! Rooms: named groups of connections that receive the same messages.
//!
//! Problem: a message to a room must cost as much as it has members, and a connection that ends must
//! leave its rooms without a search through all of them.
//!
//! Choice: each event loop knows the members that it serves, by room, and each connection the names
//! of its rooms. All changes come by the mailbox, those of a handler too, so that they keep their
//! order with the messages to the room.
//!
//! Invariant: a key is a member of a room exactly if the room's name is in its connection's list.

use std::boxed::Box;
use std::collections::{HashMap, HashSet, TryReserveError};
use std::sync::Arc;
use std::vec::Vec;

use super::handler::Peer;
use super::mailbox::Membership;
use super::table::Key;

/// The rooms of one event loop.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    members: HashMap<Arc<str>, HashSet<Key>>,
}

/// The names of a connection's rooms. Most connections have none, and hold one pointer.
pub(super) type Joined = Option<Box<Vec<Arc<str>>>>;

impl Rooms {
    /// Changes the membership of a connection, whose rooms are in `joined`.
    ///
    /// # Errors
    /// If there is no memory for a new member. Nothing changes then.
    pub(super) fn change(
        &mut self,
        key: Key,
        joined: &mut Joined,
        room: Arc<str>,
        membership: Membership,
    ) -> Result<(), TryReserveError> {
        match membership {
            Membership::Begins => self.join(key, joined, room),
            Membership::Ends => {
                self.part(key, joined, &room);
                Ok(())
            }
        }
    }

    fn join(
        &mut self,
        key: Key,
        joined: &mut Joined,
        room: Arc<str>,
    ) -> Result<(), TryReserveError> {
        let names = joined.get_or_insert_default();
        names.try_reserve(1)?;
        if !self.members.contains_key(&room) {
            self.members.try_reserve(1)?;
            self.members.insert(room.clone(), HashSet::new());
        }
        // One name for all members.
        let name = match self.members.get_key_value(&room) {
            Some((name, _)) => name.clone(),
            None => room,
        };
        if let Some(members) = self.members.get_mut(&name) {
            members.try_reserve(1)?;
            if members.insert(key) {
                names.push(name);
            }
        }
        Ok(())
    }

    fn part(&mut self, key: Key, joined: &mut Joined, room: &Arc<str>) {
        self.forget(key, room);
        if let Some(names) = joined {
            names.retain(|name| name != room);
            if names.is_empty() {
                *joined = None;
            }
        }
    }

    /// A connection has ended.
    pub(super) fn leave(&mut self, key: Key, joined: Joined) {
        for room in joined.into_iter().flat_map(|names| *names) {
            self.forget(key, &room);
        }
    }

    fn forget(&mut self, key: Key, room: &str) {
        if let Some(members) = self.members.get_mut(room) {
            members.remove(&key);
            if members.is_empty() {
                self.members.remove(room);
            }
        }
    }

    /// The members of a room.
    pub(super) fn members(&self, room: &str) -> impl Iterator<Item = Key> {
        self.members.get(room).into_iter().flatten().copied()
    }
}

impl<S> Peer<'_, S> {
    /// Makes this connection a member of a room: see
    /// [`ServerHandle::subscribe`](super::ServerHandle::subscribe). It becomes one when the handler has
    /// returned, before what the handler publishes then.
    pub fn subscribe(&self, room: impl Into<Arc<str>>) {
        self.handle().subscribe(self.id(), room);
    }

    /// Ends the membership of this connection in a room.
    pub fn unsubscribe(&self, room: impl Into<Arc<str>>) {
        self.handle().unsubscribe(self.id(), room);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(index: u32) -> Key {
        Key { index, turn: 7 }
    }

    fn members(rooms: &Rooms, room: &str) -> Vec<u32> {
        let mut members: Vec<_> = rooms.members(room).map(|key| key.index).collect();
        members.sort_unstable();
        members
    }

    #[test]
    fn members_come_and_go_and_empty_rooms_vanish() {
        let mut rooms = Rooms::default();
        let mut joined: [Joined; 3] = [const { None }; 3];
        for index in 0..3 {
            for room in ["a", "b", "a"] {
                let joined = &mut joined[index as usize];
                let change = rooms.change(key(index), joined, room.into(), Membership::Begins);
                change.unwrap();
            }
        }
        assert_eq!(
            (members(&rooms, "a"), members(&rooms, "b")),
            (vec![0, 1, 2], vec![0, 1, 2])
        );
        assert_eq!(joined[0].as_ref().unwrap().len(), 2, "joined once each");
        for room in ["a", "never"] {
            let change = rooms.change(key(1), &mut joined[1], room.into(), Membership::Ends);
            change.unwrap();
        }
        assert_eq!(
            (members(&rooms, "a"), members(&rooms, "b")),
            (vec![0, 2], vec![0, 1, 2])
        );
        for (index, joined) in joined.into_iter().enumerate() {
            rooms.leave(key(index as u32), joined);
        }
        assert!(rooms.members.is_empty());
    }
}
