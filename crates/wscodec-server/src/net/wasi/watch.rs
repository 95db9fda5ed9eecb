//! The pollables of all streams and listeners, and the call that polls them.
//!
//! A pollable is made once for each stream and kept, because making one costs more than polling it.
//! A pollable for writing exists only while bytes are queued. `net/tiers.rs` decides which streams a
//! poll is about; [`Watch::poll`] makes the list for the host and translates the answer.
//!
//! Invariant: `asked` has one entry for each pollable of the list, in its order. Streams that were
//! reported in this turn are not asked again before the turn is over.

use core::mem;
use std::sync::{Arc, Weak};
use std::vec::Vec;

use wasi::clocks::monotonic_clock;
use wasi::io::poll::{Pollable, poll};
use wasi::io::streams::InputStream;

use super::super::contract::Source;
use super::super::tiers::{Tiers, Whom};
use super::pause::pause;
use super::socket::{Listener, Listening, Stream};

/// How long a stream stays hot after it was ready, in nanoseconds.
const HOT: u64 = 20_000_000;

/// Everything that a poll can wait for.
#[derive(Default)]
pub(super) struct Watch {
    pub(super) input: Option<Input>,
    /// The listeners are not polled: a poll reports each that has a connection, again and again.
    pub(super) rests: bool,
    listeners: Vec<(u32, Weak<Listening>)>,
    /// By the indices of the streams.
    places: Vec<Place>,
    /// Indices of those that were ready lately; some may be gone.
    hot: Vec<u32>,
    open: usize,
    /// When streams that are not hot any more are sorted out.
    cool_at: u64,
    tiers: Tiers,
    closing: Vec<Closing>,
    /// A timer that has not expired, to be used again.
    timer: Option<(u64, Pollable)>,
    /// A timer that has expired, and was of some length.
    over: Option<Pollable>,
    /// The source of each pollable of the list, in its order.
    asked: Vec<Asked>,
}

/// Standard input. The pollable is dropped before the stream.
pub(super) struct Input {
    pollable: Pollable,
    pub(super) stream: InputStream,
}

impl Input {
    pub(super) fn new(stream: InputStream) -> Self {
        Self {
            pollable: stream.subscribe(),
            stream,
        }
    }
}

#[derive(Default)]
struct Place {
    read: Option<Pollable>,
    wants_read: bool,
    /// Only while it is of interest: an idle connection has none.
    write: Option<Pollable>,
    /// Whether it is in the list of the hot ones.
    hot: bool,
    /// When it was ready.
    seen: u64,
    /// The turn in which it was reported.
    turn: u64,
}

/// A stream that was removed while its last bytes had not left. The pollable is dropped before the
/// stream.
struct Closing {
    writable: Pollable,
    stream: Stream,
}

#[derive(Clone, Copy)]
enum Asked {
    Clock,
    Input,
    Listener(u32),
    Closing(usize),
    Stream(u32),
}

impl Watch {
    pub(super) fn listen(&mut self, listener: &Listener, index: u32) {
        self.listeners.push((index, Arc::downgrade(&listener.0)));
    }

    pub(super) fn add(&mut self, stream: &Stream, index: u32, now: u64) {
        let at = index as usize;
        if self.places.len() <= at {
            self.places.resize_with(at + 1, Place::default);
        }
        let place = &mut self.places[at];
        place.read = Some(stream.input.subscribe());
        place.wants_read = true;
        place.turn = self.tiers.turn().wrapping_sub(1);
        place.seen = now;
        if !mem::replace(&mut place.hot, true) {
            self.hot.push(index);
        }
        self.open += 1;
    }

    pub(super) fn interest(&mut self, stream: &Stream, index: u32, read: bool, write: bool) {
        let Some(place) = self.places.get_mut(index as usize) else {
            return;
        };
        place.wants_read = read;
        if !write {
            place.write = None;
        } else if place.write.is_none() {
            place.write = Some(stream.output.subscribe());
        }
    }

    pub(super) fn remove(&mut self, stream: Stream, index: u32) {
        if let Some(place) = self.places.get_mut(index as usize) {
            (place.read, place.write) = (None, None);
            self.open -= 1;
        }
        if matches!(stream.room(), Ok(0)) {
            self.closing.push(Closing {
                writable: stream.output.subscribe(),
                stream,
            });
        }
    }

    pub(super) fn closing(&self) -> usize {
        self.closing.len()
    }

    /// Waits, and appends the sources that are ready. `now` may be the time at which this round began.
    pub(super) fn wait(&mut self, now: u64, until: Option<u64>, ready: &mut Vec<Source>) {
        let now = match self.tiers.is_due(now) {
            true => monotonic_clock::now(),
            false => now,
        };
        if now >= self.cool_at {
            self.cool_at = now + HOT / 2;
            self.cool(now);
        }
        let few = (self.hot.len(), self.open);
        let plan = self.tiers.plan(now, until, few, self.places.len());
        let indices = self.poll(&plan.whom, now, plan.until);
        let now = match self.tiers.measures() {
            true => monotonic_clock::now(),
            false => now,
        };
        let (before, mut cold) = (ready.len(), 0);
        let mut over = Vec::new();
        for index in indices {
            match self.asked[index as usize] {
                Asked::Clock => {}
                Asked::Input => ready.push(Source::Mailbox),
                Asked::Listener(index) => ready.push(Source::Listener(index)),
                Asked::Closing(at) => over.push(at),
                Asked::Stream(index) => {
                    let place = &mut self.places[index as usize];
                    place.seen = now;
                    if place.turn == self.tiers.turn() {
                        continue; // Ready for both.
                    }
                    place.turn = self.tiers.turn();
                    if !mem::replace(&mut place.hot, true) {
                        self.hot.push(index);
                        cold += 1;
                    }
                    ready.push(Source::Stream(index, false));
                }
            }
        }
        let streams = ready.len() - before;
        self.tiers.polled(streams, cold, self.places.len(), now);
        // From the last one on, so that those before it stay where they are.
        over.sort_unstable();
        for at in over.into_iter().rev() {
            if !matches!(self.closing[at].stream.room(), Ok(0)) {
                self.closing.swap_remove(at);
            }
        }
    }

    /// Takes those out of the hot ones that were not ready for a while: in time, and in turns,
    /// because a crowd may have its turn for longer.
    fn cool(&mut self, now: u64) {
        let places = &mut self.places;
        let turn = self.tiers.turn();
        self.hot.retain(|index| {
            let place = &mut places[*index as usize];
            let lately = now < place.seen + HOT || turn.wrapping_sub(place.turn) < 2;
            place.hot = place.read.is_some() && lately;
            place.hot
        });
    }

    /// Polls; returns indices of `asked`.
    fn poll(&mut self, whom: &Whom, now: u64, until: Option<u64>) -> Vec<u32> {
        let Self {
            places,
            hot,
            asked,
            timer,
            over,
            ..
        } = self;
        let listeners: Vec<_> = self
            .listeners
            .iter()
            .filter(|_| !self.rests)
            .map(|(i, it)| (*i, it.upgrade()))
            .collect();
        let streams = match whom {
            Whom::All => places.len(),
            Whom::Hot => hot.len(),
            Whom::HotAnd(cold) => hot.len() + cold.len(),
        };
        let mut list = Vec::with_capacity(streams + self.closing.len() + listeners.len() + 2);
        asked.clear();
        match until {
            // The list must not be empty, so the timer is there even without a stream.
            Some(at) if at <= now => {
                // When wasmtime's budget of operations is used up it reports nothing as ready, and a
                // poll that does not wait does not yield. wasmtime 36 yields for an expired timer
                // only if it has to look at the clock, which it does not for a length of zero.
                pause();
                let over = over.get_or_insert_with(|| monotonic_clock::subscribe_duration(1));
                over.block();
                list.push(&*over);
                asked.push(Asked::Clock);
            }
            Some(at) => {
                // A timer that expires early wakes the loop once for nothing, which costs less than a
                // new timer.
                let kept = timer.take().filter(|(kept, _)| now < *kept && *kept <= at);
                let kept = kept.unwrap_or_else(|| (at, monotonic_clock::subscribe_instant(at)));
                list.push(&timer.insert(kept).1);
                asked.push(Asked::Clock);
            }
            None => {}
        }
        if let Some(input) = &self.input {
            list.push(&input.pollable);
            asked.push(Asked::Input);
        }
        for (index, listener) in &listeners {
            if let Some(listener) = listener {
                list.push(&listener.pollable);
                asked.push(Asked::Listener(*index));
            }
        }
        let turn = self.tiers.turn();
        let mut add = |index: u32| {
            let place = &places[index as usize];
            if place.turn == turn {
                return;
            }
            let read = place.read.as_ref().filter(|_| place.wants_read);
            for pollable in read.into_iter().chain(&place.write) {
                list.push(pollable);
                asked.push(Asked::Stream(index));
            }
        };
        let closing = match whom {
            Whom::All => {
                (0..places.len() as u32).for_each(add);
                true
            }
            Whom::Hot => {
                hot.iter().for_each(|index| add(*index));
                false
            }
            Whom::HotAnd(cold) => {
                hot.iter().for_each(|index| add(*index));
                let those = cold.clone();
                let those = those.filter(|index| !places[*index as usize].hot);
                those.for_each(add);
                cold.start == 0
            }
        };
        if closing {
            for (at, closing) in self.closing.iter().enumerate() {
                list.push(&closing.writable);
                asked.push(Asked::Closing(at));
            }
        }
        match list.is_empty() {
            true => Vec::new(),
            false => poll(&list),
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // To drop them would wait for peers that don't read. The host closes them at the end.
        self.closing.drain(..).for_each(mem::forget);
    }
}
