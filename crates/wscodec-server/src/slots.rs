//! Where connections are kept: a place each, used again when it is free.

use std::boxed::Box;
use std::vec::Vec;

/// A place, and how often it was taken: the name of a connection that no later one gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) index: u32,
    pub(super) turn: u32,
}

#[derive(Debug)]
pub(super) struct Slots<T> {
    slots: Vec<Slot<T>>,
    /// The place that was freed last, and from there on to the others.
    free: Option<u32>,
    len: usize,
}

/// Boxed, so that a table that grows moves pointers only and a free place is small.
#[derive(Debug)]
struct Slot<T> {
    turn: u32,
    next_free: Option<u32>,
    value: Option<Box<T>>,
}

impl<T> Slots<T> {
    pub(super) const fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: None,
            len: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The key that the next [`insert`](Self::insert) gives.
    pub(super) fn next_key(&self) -> Key {
        match self.free {
            Some(index) => Key {
                index,
                turn: self.slots[index as usize].turn,
            },
            None => Key {
                index: self.slots.len() as u32,
                turn: 0,
            },
        }
    }

    pub(super) fn insert(&mut self, value: T) -> Key {
        let key = self.next_key();
        let value = Some(Box::new(value));
        match self.slots.get_mut(key.index as usize) {
            Some(slot) => {
                self.free = slot.next_free.take();
                slot.value = value;
            }
            None => self.slots.push(Slot {
                turn: 0,
                next_free: None,
                value,
            }),
        }
        self.len += 1;
        key
    }

    /// What is in a place, whoever it is.
    #[inline]
    pub(super) fn at(&mut self, index: u32) -> Option<(Key, &mut T)> {
        let slot = self.slots.get_mut(index as usize)?;
        let turn = slot.turn;
        let value = slot.value.as_deref_mut()?;
        Some((Key { index, turn }, value))
    }

    pub(super) fn get(&mut self, key: Key) -> Option<&mut T> {
        let (found, value) = self.at(key.index)?;
        (found == key).then_some(value)
    }

    pub(super) fn remove(&mut self, key: Key) -> Option<T> {
        let slot = self.slots.get_mut(key.index as usize)?;
        if slot.turn != key.turn {
            return None;
        }
        let value = slot.value.take()?;
        slot.turn = slot.turn.wrapping_add(1);
        slot.next_free = self.free.replace(key.index);
        self.len -= 1;
        Some(*value)
    }

    /// The places that may be taken: not all of them are.
    pub(super) fn indices(&self) -> core::ops::Range<u32> {
        0..self.slots.len() as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_used_again_and_names_are_not() {
        let mut slots = Slots::new();
        let (a, b) = (slots.insert('a'), slots.insert('b'));
        assert_eq!(slots.remove(a), Some('a'));
        assert_eq!(slots.remove(a), None);
        assert_eq!(slots.next_key().index, a.index);
        let c = slots.insert('c');
        assert_eq!((c.index, slots.len()), (a.index, 2));
        assert_eq!(slots.get(a), None);
        assert_eq!(slots.get(c), Some(&mut 'c'));
        assert_eq!(slots.at(b.index), Some((b, &mut 'b')));
        slots.remove(c);
        slots.remove(b);
        assert_eq!(slots.len(), 0);
        let again: Vec<_> = (0..3).map(|_| slots.insert('d').index).collect();
        assert_eq!(again, [1, 0, 2]);
    }
}
