//! The two directions of a connection, in turns that the input chooses: HTTP/1.1, HTTP/2, TLS, frames
//! from the start and from the middle. Nothing panics, every lint, figure and export copes with the
//! events, and each conversation that was reported ends once.
#![no_main]

use std::collections::HashMap;

use libfuzzer_sys::fuzz_target;
use wscodec::deflate::AgreedDeflate;
use wscodec_fuzz::Choices;
use wscodec_inspect::event::{Conversation, ConversationId, Direction, Ending, PacketInfo};
use wscodec_inspect::har::HarWriter;
use wscodec_inspect::lint::Lint;
use wscodec_inspect::pretty::pretty;
use wscodec_inspect::redact::Redactor;
use wscodec_inspect::stats::TrafficStats;
use wscodec_inspect::{ConversationInspector, ConversationStart, InspectEvent, InspectOptions};

fuzz_target!(|bytes: &[u8]| {
    let mut choices = Choices::new(bytes);
    let start = match choices.byte() % 4 {
        0 => ConversationStart::Handshake,
        1 => ConversationStart::Frames(None),
        2 => ConversationStart::Frames(Some(AgreedDeflate::default())),
        _ => ConversationStart::Middle,
    };
    let (mut lint, mut stats) = (Lint::default(), TrafficStats::default());
    let (mut har, mut file) = (HarWriter::default(), Vec::new());
    let mut open: HashMap<ConversationId, bool> = HashMap::new();
    let mut sink = |event: InspectEvent<'_>| {
        let id = event.conversation();
        match event {
            InspectEvent::Conversation(_) => assert!(open.insert(id, true).is_none()),
            InspectEvent::End(_) => assert_eq!(open.insert(id, false), Some(true)),
            _ => assert_eq!(open.get(&id), Some(&true)),
        }
        lint.event(&event);
        stats.event(&event);
        Redactor.event(&event, &mut |event| {
            har.event(event, &mut file);
            if let InspectEvent::Message(message) = event {
                let _ = pretty(message.payload);
            }
        });
    };
    let conversation = Conversation::new(ConversationId::new(7));
    let mut inspector = ConversationInspector::new(conversation, start, InspectOptions::default());
    let mut packet = PacketInfo::default();
    while !choices.is_empty() {
        let choice = choices.byte();
        let direction = Direction::BOTH[usize::from(choice & 1)];
        packet.number += 1;
        match choice >> 1 & 7 {
            0 => inspector.skip(direction, u64::from(choices.byte()), packet, &mut sink),
            1 => inspector.end(direction, packet, &mut sink),
            _ => {
                let len = usize::from(choices.byte());
                inspector.push(direction, choices.take(len), packet, &mut sink);
            }
        }
    }
    inspector.finish(Ending::Open, &mut sink);
    assert!(open.values().all(|open| !open));
    har.finish(&mut file);
    let _ = lint.findings();
});
