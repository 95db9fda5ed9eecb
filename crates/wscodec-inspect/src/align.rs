//! Finds frames in the middle of a stream by trial.
//!
//! Behind a hole, and where a capture begins within a connection, the place of the next header is not
//! known. Two bytes of random data look like a header too often: about one place in forty passes
//! (a valid opcode, no reserved bits, the right mask bit). But a header says where the next one is, so
//! a run of headers that fit together is good evidence. Each header of a run counts so many bits as
//! its look is improbable for random bytes; a payload of text that is UTF-8 counts as well, and so
//! does a frame that begins or ends where a packet does, because most senders write whole frames.
//! A run counts up to the end of the bytes. A run with a header that breaks a rule counts nothing.
//!
//! The rest of a payload in front of the first whole frame may have a place that looks like a header
//! whose frame ends where a real one begins. It then shares the evidence of the real run. For random
//! bytes this happens in about one case of fifty, and one frame too many is shown. To believe the
//! first frame of a run only with evidence of its own would hide a real one more often.
//!
//! The evidence of a place is the evidence of its own header and that of the place behind its frame,
//! which is computed before it, from the last byte backwards. So the work is linear in the number of
//! bytes, whatever they are.

use wscodec::frame::{RawHeader, Role, Rsv, Rules, mask};
use wscodec::utf8::Validator;

use crate::held::Held;

/// Evidence that a direction whose place was lost goes on at a place, in bits.
const ENOUGH: i16 = 26;

/// The same at the end of the stream, where no more evidence will come.
const ENOUGH_AT_END: i16 = 15;

/// Evidence that a direction of an unknown connection has frames at all: there are many more places
/// and connections at which random bytes may pass.
pub(crate) const ENOUGH_FOR_UNKNOWN: i16 = 34;

/// The same at the end of the capture. Packets that begin and end with frames, or frames in both
/// directions, come to this sum with two or three headers.
pub(crate) const ENOUGH_FOR_LAST: i16 = 24;

/// A valid opcode (6 of 16), three reserved bits, the mask bit.
const HEADER: i16 = 5;

/// A frame begins where a packet does.
const EDGE: i16 = 5;

/// The run leads to exactly the end of a packet.
const LANDING: i16 = 4;

/// Text of which so many bytes are looked at.
const TEXT: usize = 64;

/// No run begins here.
const NONE: i16 = -1;

/// A longer frame is not believed where its place is a guess.
const MAX_LEN: u64 = 64 << 20;

/// The index at which the next frame begins, if there is enough evidence for one. `last` says that
/// no more bytes will come.
pub(crate) fn find(held: &Held, rules: Rules, last: bool) -> Option<usize> {
    let enough = if last { ENOUGH_AT_END } else { ENOUGH };
    best(held, rules, enough).0.map(|(at, _)| at)
}

/// How much evidence there is for the place that has the most; 0 if no run begins anywhere.
pub(crate) fn strongest(held: &Held, rules: Rules) -> i16 {
    best(held, rules, i16::MAX).1
}

/// The first index with enough evidence and how much it is, and the most evidence of any index.
fn best(held: &Held, rules: Rules, enough: i16) -> (Option<(usize, i16)>, i16) {
    let bytes = held.bytes();
    let mut edge = vec![false; bytes.len() + 1];
    for at in held.edges() {
        edge[at] = true;
    }
    edge[bytes.len()] = true;
    // The evidence of the run from each place on. At the end there is none, but nothing is wrong.
    let mut runs = vec![NONE; bytes.len() + 1];
    runs[bytes.len()] = 0;
    let (mut found, mut most) = (None, 0);
    for at in (0..bytes.len()).rev() {
        let Some((bits, len)) = evidence(&bytes[at..], rules) else {
            continue;
        };
        let next = usize::try_from(len)
            .ok()
            .and_then(|len| at.checked_add(len));
        let (rest, landing) = match next {
            Some(next) if next <= bytes.len() => (runs[next], if edge[next] { LANDING } else { 0 }),
            _ => (0, 0),
        };
        if rest == NONE {
            continue;
        }
        let run = rest
            .saturating_add(bits)
            .saturating_add(landing)
            .min(1 << 12);
        runs[at] = run;
        let own = run + if edge[at] { EDGE } else { 0 };
        most = most.max(own);
        if own >= enough {
            found = Some((at, own));
        }
    }
    (found, most)
}

/// How improbable these bytes would be as random ones, and how long the frame is; `None` if no
/// frame begins here.
fn evidence(bytes: &[u8], rules: Rules) -> Option<(i16, u64)> {
    let &[first, second, ..] = bytes else {
        return Some((0, u64::MAX));
    };
    // A quick look, before anything is computed.
    let masked = second & 0x80 != 0;
    if masked != (rules.role() == Role::Server) || !matches!(first & 15, 0..=2 | 8..=10) {
        return None;
    }
    let Ok(header) = RawHeader::parse(bytes) else {
        return Some((0, u64::MAX));
    };
    // A continuation may go on with a message whose beginning is lost.
    let violations = header.faults(&rules, header.opcode == 0);
    if !violations.is_empty() || header.len > MAX_LEN {
        return None;
    }
    let mut bits = HEADER;
    if header.rsv == Rsv::RSV1 {
        bits -= 1;
    }
    if header.opcode >= 8 {
        bits += 1;
    }
    let payload = &bytes[usize::from(header.header_len)..];
    let have = payload
        .len()
        .min(usize::try_from(header.len).unwrap_or(usize::MAX));
    if header.opcode == 1 && header.rsv.is_empty() && have > 0 {
        let mut text = [0; TEXT];
        let len = have.min(TEXT);
        match header.mask {
            Some(key) => mask::copy(key, 0, &payload[..len], &mut text[..len]),
            None => text[..len].copy_from_slice(&payload[..len]),
        }
        let text = &text[..len];
        Validator::new().push(text).ok()?;
        // Control characters are rare in text.
        if !text.iter().any(|&byte| byte < 9) {
            // Without a mask this may lie within other text.
            let each = if header.mask.is_some() { 1 } else { 0 };
            bits += (len as i16 * each).min(16) + (len as i16 / 8).min(4);
        }
    }
    if header.opcode == 8 && header.len == 1 {
        return None;
    }
    Some((bits, header.len + u64::from(header.header_len)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::PacketInfo;
    use wscodec::frame::{FrameHeader, OpCode, encode};

    fn packet(packet: u64) -> PacketInfo {
        PacketInfo {
            number: packet,
            time: None,
        }
    }

    /// Numbers without a pattern (xorshift).
    fn noise(len: usize, mut seed: u64) -> Vec<u8> {
        let mut next = || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed as u8
        };
        (0..len).map(|_| next()).collect()
    }

    fn frame(payload: &[u8], key: Option<[u8; 4]>) -> Vec<u8> {
        let header = FrameHeader {
            mask: key,
            ..FrameHeader::new(OpCode::Binary, payload.len() as u64)
        };
        let mut out = vec![0; payload.len() + 14];
        let len = encode(header, payload, &mut out).unwrap();
        out.truncate(len);
        out
    }

    #[test]
    fn frames_are_found_behind_the_rest_of_another_one() {
        for (role, key) in [(Role::Server, Some([7, 1, 200, 9])), (Role::Client, None)] {
            for rest in [0, 1, 100, 1000] {
                let mut right = 0;
                for seed in 0..100 {
                    let mut held = Held::default();
                    held.push(&noise(rest, 1 + seed), packet(1));
                    for i in 0..10 {
                        let payload = noise(30 + i, 1000 * seed + 5 + i as u64);
                        held.push(&frame(&payload, key), packet(2));
                    }
                    let found = find(&held, Rules::new(role), false);
                    right += u32::from(found == Some(rest));
                    assert!(found.is_some_and(|at| at <= rest), "{role:?} {rest} {seed}");
                }
                assert!(
                    right >= if rest < 2 { 100 } else { 90 },
                    "{role:?} {rest}: {right}"
                );
            }
        }
    }

    #[test]
    fn noise_has_no_frames() {
        for seed in 1..200 {
            let mut held = Held::default();
            held.push(&noise(1448, seed), packet(1));
            held.push(&noise(1448, seed + 1000), packet(2));
            for role in [Role::Server, Role::Client] {
                let rules = Rules::new(role).with_rsv(Rsv::RSV1);
                assert_eq!(find(&held, rules, false), None, "{seed}");
            }
        }
    }
}
