//! The sets of actions that are searched deeply. Each concerns one part of the model.

use crate::names::Action::{
    self, Begin, Close, Fail, Finish, Flush, Pause, PeerBegin, PeerClose, PeerEof, PeerFinish,
    PeerMore, PeerPing, PeerPong, PeerText, Ping, Resume, Text, Wait,
};

/// Fragments, and the control frames between them.
pub(crate) const FRAGMENTS: &[Action] = &[
    PeerBegin, PeerMore, PeerFinish, PeerPing, PeerText, PeerClose,
];
/// Commands before, in and after the close.
pub(crate) const CLOSES: &[Action] = &[Begin, Finish, Text, Close, PeerText, PeerClose];
/// The timers, on a transport that takes everything at once.
pub(crate) const TIMERS: &[Action] = &[Wait, PeerPong, PeerText, Close, Pause, Resume];
/// Timers and pongs, on a transport that takes nothing until `Flush`.
pub(crate) const STALLS: &[Action] = &[Wait, Flush, PeerPing, Text, Close, PeerClose];
/// The rules of the timers that take the longest sequences.
pub(crate) const WAITS: &[Action] = &[Wait, Flush, Close];
/// Some actions of each part, for the interplay between parts.
pub(crate) const WIDE: &[Action] = &[
    PeerBegin, PeerFinish, PeerPing, PeerClose, PeerEof, Begin, Finish, Ping, Close, Fail, Wait,
    Flush,
];
