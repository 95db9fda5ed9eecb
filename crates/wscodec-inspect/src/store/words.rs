//! The record of an event that is no frame and no message: the text of its row, and its JSON lines.

use super::record;
use crate::event::{CapturedHandshake, InspectEvent};
use crate::json;
use crate::safe::safe;
use crate::text;

/// Appends the record of an event that is no frame and no message.
pub(super) fn put_text(event: &InspectEvent<'_>, out: &mut Vec<u8>) {
    let shown = match event {
        InspectEvent::Handshake(it) => handshake(it),
        InspectEvent::Violation(_, it) => text::broken(it),
        InspectEvent::Note(_, it) => safe(it.to_string().as_bytes()),
        InspectEvent::End(it) => text::ending(it.ending, it.closed.as_ref(), &it.totals),
        _ => String::new(),
    };
    let mut lines = Vec::new();
    json::write(event, usize::MAX, &mut lines);
    record::put_text(&shown, &lines, out);
}

fn handshake(handshake: &CapturedHandshake<'_>) -> String {
    let mut shown = match handshake.request {
        Some(head) => {
            let [method, target, _] = head.start_line();
            let host = handshake.host().map_or("-".into(), safe);
            format!("{} {} host {host}", safe(method), safe(target))
        }
        None => "request missing".to_owned(),
    };
    match handshake.response {
        Some(head) => {
            let [_, status, reason] = head.start_line();
            shown.push_str(&format!("; {} {}", safe(status), safe(reason)));
        }
        None => shown.push_str("; no answer"),
    }
    match handshake.accepted {
        true => shown.push_str(&text::agreed(handshake)),
        false if handshake.response.is_some() => shown.push_str(": the upgrade is rejected"),
        false => {}
    }
    shown
}
