//! Findings: rules that were broken, with their sections, and practice that is allowed but unwise.
//!
//! A [`Lint`] reads the events of an inspection and sums up what it finds: one [`Finding`] for each
//! rule, conversation and direction, with the first packet and a count. [`RULES`] lists the rules that
//! are not errors of the protocol core; violations have the code of their
//! [`ErrorKind`](wscodec::ErrorKind).
//!
//! The options of the inspector must ask for frames.
//!
//! ```
//! use wscodec_inspect::event::{Conversation, ConversationId, Direction, Ending, PacketInfo};
//! use wscodec_inspect::lint::Lint;
//! use wscodec_inspect::{ConversationInspector, ConversationStart, InspectOptions};
//!
//! let mut lint = Lint::default();
//! let conversation = Conversation::new(ConversationId::new(0));
//! let start = ConversationStart::Frames(None);
//! let mut inspector = ConversationInspector::new(conversation, start, InspectOptions::default());
//! // A pong that answers no ping.
//! let packet = PacketInfo { number: 1, time: None };
//! let bytes = b"\x8a\x00";
//! inspector.push(Direction::ServerToClient, bytes, packet, &mut |event| lint.event(&event));
//! inspector.finish(Ending::Open, &mut |event| lint.event(&event));
//! let findings = lint.findings();
//! assert_eq!(findings[0].code, "PONG_UNASKED");
//! assert_eq!(findings[0].section, "RFC 6455 §5.5.3");
//! ```

use std::collections::{BTreeMap, VecDeque};

use crate::event::{
    CapturedFrame, CapturedHandshake, ConversationEnd, ConversationId, Direction, Ending,
    InspectEvent, PacketInfo, Violation,
};

/// Pings that are remembered until a pong answers them.
const MAX_PINGS: usize = 64;

/// Findings that are remembered.
const MAX_FINDINGS: usize = 1 << 16;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Against a rule of an RFC.
    Error,
    /// Allowed, but unwise.
    Advice,
}

impl Severity {
    /// `error` or `advice`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Advice => "advice",
        }
    }
}

/// A rule that is not an error of the protocol core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LintRule {
    /// A stable name.
    pub code: &'static str,
    /// How bad it is to break it.
    pub severity: Severity,
    /// A sentence that says what was found.
    pub message: &'static str,
    /// The section of an RFC that it is about.
    pub section: &'static str,
}

macro_rules! rules {
    ($($name:ident $severity:ident $section:literal $message:literal)*) => {
        $(
            const $name: LintRule = LintRule {
                code: stringify!($name),
                severity: Severity::$severity,
                message: $message,
                section: $section,
            };
        )*
        /// All rules that are not errors of the protocol core.
        pub const RULES: &[LintRule] = &[$($name),*];
    };
}

rules! {
    FRAME_AFTER_CLOSE Error "RFC 6455 §5.5.1" "a frame was sent after a close frame"
    CLOSE_UNANSWERED Error "RFC 6455 §5.5.1" "a close frame has no answer"
    PING_UNANSWERED Error "RFC 6455 §5.5.2" "a ping has no answer"
    EXTENSION_UNAGREED Error "RFC 6455 §9.1" "RSV1 is set, although permessage-deflate was not agreed on"
    MASK_KEY_CONSTANT Error "RFC 6455 §5.3" "all frames have the same mask key"
    MASK_KEY_ZERO Error "RFC 6455 §5.3" "the mask key is zero, so the payload is not masked"
    SCHEME_MISMATCH Error "RFC 8441 §5" "the scheme is neither http nor https"
    NO_CLOSE Advice "RFC 6455 §7.1.5" "the connection ended without a close frame"
    CLOSE_ENDED_BY_CLIENT Advice "RFC 6455 §7.1.1" "the client ended the TCP connection first"
    PONG_UNASKED Advice "RFC 6455 §5.5.3" "a pong answers no ping"
    TINY_FRAGMENT Advice "RFC 6455 §5.4" "a fragment has at most one byte"
    EMPTY_FRAGMENT Advice "RFC 6455 §5.4" "a fragment that is not the last one is empty"
    COMPRESSED_LARGER Advice "RFC 7692 §7.2.1" "compression made a message larger"
    NO_CONTEXT_TAKEOVER Advice "RFC 7692 §7.1.1" "context takeover is switched off, so small messages compress badly"
    COMPRESSION_UNUSED Advice "RFC 7692 §6" "permessage-deflate was agreed on and no message is compressed"
}

/// The findings for one rule in one direction of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The conversation.
    pub conversation: ConversationId,
    /// The direction whose sender is at fault, if it is one of them.
    pub direction: Option<Direction>,
    /// The name of the rule: that of a [`LintRule`] or of an [`ErrorKind`](wscodec::ErrorKind).
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// A sentence.
    pub message: &'static str,
    /// The section of an RFC that has the rule.
    pub section: &'static str,
    /// How often it was found.
    pub count: u64,
    /// Where it was found first.
    pub packet: PacketInfo,
    /// The value that was found first, and the one that was expected; empty if the rule has none.
    pub found: String,
    /// The value that the rule expects.
    pub expected: String,
}

/// Reads events and collects findings.
#[derive(Debug, Default)]
pub struct Lint {
    findings: BTreeMap<(ConversationId, Option<Direction>, &'static str), Finding>,
    open: BTreeMap<ConversationId, Open>,
}

/// An open conversation.
#[derive(Debug, Default)]
struct Open {
    sides: [Side; 2],
    /// Whether a handshake was seen, and whether it agreed on permessage-deflate.
    handshake: bool,
    deflate: bool,
}

/// One direction of it.
#[derive(Debug, Default)]
struct Side {
    /// The last mask key, and frames in a row that had it.
    key: Option<([u8; 4], u64)>,
    keys_differ: bool,
    pings: VecDeque<(PacketInfo, Vec<u8>)>,
    closed: Option<PacketInfo>,
    /// Bytes of the open compressed message, on the wire and inflated.
    compressed: (u64, u64),
    data_frames: u64,
    compressed_frames: u64,
}

impl Lint {
    /// Takes the next event of the inspection.
    pub fn event(&mut self, event: &InspectEvent<'_>) {
        match event {
            InspectEvent::Handshake(handshake) => self.handshake(handshake),
            InspectEvent::Frame(frame) => self.frame(frame),
            InspectEvent::Violation(location, violation) => {
                let at = (location.conversation, Some(location.direction));
                self.violation(at, location.packet, violation);
            }
            InspectEvent::End(end) => self.end(end),
            _ => {}
        }
    }

    /// The findings so far, by conversation, direction and code.
    pub fn findings(&self) -> Vec<&Finding> {
        self.findings.values().collect()
    }

    fn add(
        &mut self,
        at: (ConversationId, Option<Direction>),
        rule: LintRule,
        packet: PacketInfo,
    ) -> Option<&mut Finding> {
        let key = (at.0, at.1, rule.code);
        if self.findings.len() >= MAX_FINDINGS && !self.findings.contains_key(&key) {
            return None;
        }
        let finding = self.findings.entry(key).or_insert_with(|| Finding {
            conversation: at.0,
            direction: at.1,
            code: rule.code,
            severity: rule.severity,
            message: rule.message,
            section: rule.section,
            count: 0,
            packet,
            found: String::new(),
            expected: String::new(),
        });
        finding.count += 1;
        Some(finding)
    }

    fn violation(
        &mut self,
        at: (ConversationId, Option<Direction>),
        packet: PacketInfo,
        violation: &Violation,
    ) {
        let rule = LintRule {
            code: violation.error.code(),
            severity: Severity::Error,
            message: violation.error.message(),
            section: violation.section(),
        };
        if let Some(finding) = self.add(at, rule, packet)
            && finding.count == 1
        {
            finding.found = violation.found.clone().into_owned();
            finding.expected = violation.expected.clone().into_owned();
        }
    }

    fn handshake(&mut self, handshake: &CapturedHandshake<'_>) {
        let id = handshake.conversation;
        let packets = handshake
            .heads()
            .map(|head| head.map(|head| head.location.packet).unwrap_or_default());
        for (direction, violation) in handshake.violations {
            self.violation(
                (id, Some(*direction)),
                packets[direction.index()],
                violation,
            );
        }
        let scheme = handshake
            .request
            .and_then(|head| head.named(":scheme").next());
        if scheme.is_some_and(|it| it != b"http" && it != b"https") {
            self.add(
                (id, Some(Direction::ClientToServer)),
                SCHEME_MISMATCH,
                packets[0],
            );
        }
        if !handshake.accepted {
            return;
        }
        let open = self.open.entry(id).or_default();
        open.handshake = true;
        open.deflate = handshake.deflate.is_some();
        if let Some(agreed) = handshake.deflate {
            for (direction, takeover) in Direction::BOTH
                .into_iter()
                .zip([agreed.receive.takeover, agreed.send.takeover])
            {
                if !takeover {
                    self.add((id, Some(direction)), NO_CONTEXT_TAKEOVER, packets[1]);
                }
            }
        }
    }

    fn frame(&mut self, frame: &CapturedFrame<'_>) {
        let (id, direction) = (frame.location.conversation, frame.location.direction);
        let at = (id, Some(direction));
        let packet = frame.end;
        for violation in frame.violations {
            self.violation(at, packet, violation);
        }
        if frame.after_close {
            self.add(at, FRAME_AFTER_CLOSE, packet);
        }
        let header = &frame.header;
        let data = header.opcode <= 2;
        if data && !header.fin && header.len == 0 {
            self.add(at, EMPTY_FRAGMENT, packet);
        } else if data && !header.fin && header.len == 1 {
            self.add(at, TINY_FRAGMENT, packet);
        }
        let open = self.open.entry(id).or_default();
        let rsv1 = header.rsv.contains(wscodec::frame::Rsv::RSV1);
        let unagreed = open.handshake && !open.deflate && rsv1;
        let [one, two] = &mut open.sides;
        let (side, other) = match direction {
            Direction::ClientToServer => (one, two),
            Direction::ServerToClient => (two, one),
        };
        if data {
            side.data_frames += 1;
            side.compressed_frames += u64::from(frame.inflated.is_some());
        }
        let mut found = Vec::new();
        if let Some(key) = header.mask {
            match &mut side.key {
                Some((last, count)) if *last == key => *count += 1,
                Some(_) => side.keys_differ = true,
                none => *none = Some((key, 1)),
            }
            if key == [0; 4] && header.len > 0 {
                found.push(MASK_KEY_ZERO);
            }
        }
        match header.opcode {
            9 => {
                if side.pings.len() >= MAX_PINGS {
                    side.pings.pop_front();
                }
                side.pings.push_back((packet, frame.payload.to_vec()));
            }
            10 => {
                // A pong for a later ping answers the earlier ones as well (§5.5.3).
                let answered = other.pings.iter().position(|ping| ping.1 == frame.payload);
                match answered {
                    Some(i) => drop(other.pings.drain(..=i)),
                    None => found.push(PONG_UNASKED),
                }
            }
            8 => {
                side.closed.get_or_insert(packet);
            }
            _ => {
                if let Some(inflated) = frame.inflated {
                    side.compressed.0 += header.len;
                    side.compressed.1 += inflated;
                    if header.fin {
                        let (wire, plain) = core::mem::take(&mut side.compressed);
                        if wire > plain && plain > 0 {
                            found.push(COMPRESSED_LARGER);
                        }
                    }
                }
            }
        }
        if unagreed {
            found.push(EXTENSION_UNAGREED);
        }
        for rule in found {
            self.add(at, rule, packet);
        }
    }

    fn end(&mut self, end: &ConversationEnd) {
        let id = end.conversation.id;
        let Some(open) = self.open.remove(&id) else {
            return;
        };
        let over = matches!(end.ending, Ending::Fin(_) | Ending::Reset(_));
        let sides = &open.sides;
        for direction in Direction::BOTH {
            let (side, other) = (&sides[direction.index()], &sides[direction.other().index()]);
            let at = (id, Some(direction));
            if let Some((key, count @ 3..)) = side.key
                && !side.keys_differ
                && key != [0; 4]
                && let Some(finding) = self.add(at, MASK_KEY_CONSTANT, end.packet)
            {
                finding.count = count;
            }
            if open.deflate && side.data_frames > 0 && side.compressed_frames == 0 {
                self.add(at, COMPRESSION_UNUSED, end.packet);
            }
            if !over {
                continue;
            }
            // A ping just before the end may have its answer on the way.
            if let Some((packet, _)) = side.pings.front()
                && other
                    .closed
                    .is_none_or(|closed| closed.number > packet.number)
            {
                self.add((id, Some(direction.other())), PING_UNANSWERED, *packet);
            }
            if let (Some(packet), None) = (side.closed, other.closed) {
                self.add((id, Some(direction.other())), CLOSE_UNANSWERED, packet);
            }
        }
        let closed = sides.iter().filter(|side| side.closed.is_some()).count();
        if over && closed == 0 {
            self.add((id, end.ending.by()), NO_CLOSE, end.packet);
        }
        if closed == 2 && end.ending == Ending::Fin(Direction::ClientToServer) {
            let at = (id, Some(Direction::ClientToServer));
            self.add(at, CLOSE_ENDED_BY_CLIENT, end.packet);
        }
    }
}
