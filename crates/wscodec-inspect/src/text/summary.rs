//! Lines about whole conversations: summaries, findings, figures.

use std::fmt::Write;

use super::words::{addresses, side};
use crate::event::{Closed, Direction, Ending, Totals};
use crate::lint::Finding;
use crate::safe::safe;
use crate::stats::TrafficStats;
use crate::summary::Summary;

/// A conversation as a line.
pub fn summary(summary: &Summary) -> String {
    let conversation = &summary.conversation;
    let id = conversation.id.to_string();
    let mut line = format!("#{id:<3} {}", addresses(conversation));
    if let Some(target) = &summary.target {
        let host = summary.host.as_deref().unwrap_or_default();
        let _ = write!(
            line,
            "  {}{}",
            safe(host.as_bytes()),
            safe(target.as_bytes())
        );
        match summary.status {
            Some(status) => {
                let _ = write!(line, "  {status}");
            }
            None => line.push_str("  no answer"),
        }
    }
    for (name, value) in [
        ("subprotocol", &summary.protocol),
        ("extensions", &summary.extensions),
    ] {
        if let Some(value) = value {
            let _ = write!(line, "  {name} {}", safe(value.as_bytes()));
        }
    }
    if let Some(duration) = summary.duration() {
        let millis = duration / 1_000_000;
        let (seconds, rest) = (millis / 1000, millis.unsigned_abs() % 1000);
        let _ = write!(line, "  {seconds}.{rest:03} s");
    }
    let ending = ending(
        summary.ending.unwrap_or(Ending::Open),
        summary.closed.as_ref(),
        &summary.totals,
    );
    let _ = write!(line, "  {ending}");
    line
}

/// How a conversation ended and what was sent, in words.
pub(crate) fn ending(ending: Ending, closed: Option<&Closed>, totals: &[Totals; 2]) -> String {
    let mut line = match ending.by() {
        Some(by) => format!("ended by {} of {}", ending.name(), side(by)),
        None => match ending {
            Ending::Dropped => "dropped".to_owned(),
            _ => "still open".to_owned(),
        },
    };
    if let Some(closed) = closed {
        let _ = write!(line, "; {} closed", side(closed.by));
        if let Some(code) = closed.code {
            let _ = write!(line, " with {code}");
        }
    }
    for (name, totals) in ["c2s", "s2c"].into_iter().zip(totals) {
        let Totals {
            text,
            binary,
            bytes,
            violations,
            missing,
            ..
        } = totals;
        let messages = text + binary;
        let _ = write!(line, "; {name} {messages} messages, {bytes} bytes");
        if *violations > 0 {
            let _ = write!(line, ", {violations} violations");
        }
        if *missing > 0 {
            let _ = write!(line, ", {missing} bytes missing");
        }
    }
    line
}

/// A finding as a line.
pub fn finding(finding: &Finding) -> String {
    let dir = finding.direction.map_or("   ", Direction::name);
    let mut line = format!(
        "{:<6}  #{:<3} {dir} {}: {}",
        finding.severity.name(),
        finding.conversation.to_string(),
        finding.code,
        finding.message
    );
    if !finding.expected.is_empty() {
        let (found, expected) = (&finding.found, &finding.expected);
        let (found, expected) = (safe(found.as_bytes()), safe(expected.as_bytes()));
        let _ = write!(line, "; found {found}; expected {expected}");
    }
    if finding.count > 1 {
        let _ = write!(line, "; {} times", finding.count);
    }
    if finding.packet.number > 0 {
        let first = if finding.count > 1 { "first " } else { "" };
        let _ = write!(line, "; {first}in packet {}", finding.packet.number);
    }
    let _ = write!(line, " ({})", finding.section);
    line
}

/// The figures of all conversations as lines.
pub fn stats(stats: &TrafficStats) -> String {
    let duration = stats.duration();
    let mut text = format!(
        "stats {} conversations in {} s\n",
        stats.conversations,
        seconds(duration)
    );
    for (direction, it) in Direction::BOTH.into_iter().zip(&stats.directions) {
        let sizes = &it.sizes;
        let _ = write!(text, "stats {} {} messages", direction.name(), sizes.count);
        if duration > 0 {
            let rate = u128::from(sizes.count) * 10_000_000_000 / u128::from(duration);
            let _ = write!(text, ", {}.{} a second", rate / 10, rate % 10);
        }
        if sizes.count > 0 {
            let _ = write!(
                text,
                ", {} bytes: {} to {}, {} on average, {} at p95",
                sizes.sum,
                sizes.min,
                sizes.max,
                sizes.mean(),
                sizes.percentile(95)
            );
        }
        if it.compressed > 0 {
            let percent = it.wire * 100 / it.inflated.max(1);
            let _ = write!(text, "; {} compressed to {percent} %", it.compressed);
        }
        text.push('\n');
    }
    for (name, it) in [
        ("from ping to pong", &stats.pongs),
        ("from request to answer", &stats.answers),
        ("between messages", &stats.gaps),
    ] {
        if it.count > 0 {
            let _ = writeln!(
                text,
                "stats {name} {} to {} s, {} on average, {} at p95, {} times",
                seconds(it.min),
                seconds(it.max),
                seconds(it.mean()),
                seconds(it.percentile(95)),
                it.count
            );
        }
    }
    text
}

/// Nanoseconds as seconds with microseconds.
fn seconds(nanoseconds: u64) -> String {
    let micros = nanoseconds / 1000;
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}
