//! Gives the same streams of frames to wscodec and to other implementations, and compares the events
//! and the ends.
//!
//! A difference belongs to a class: the peer, the result of wscodec and the result of the peer. Every
//! class must be in the table of docs/differences.md, which says who is right. A class that is not
//! there fails the run.
//!
//! Arguments: the page, the number of seconds, the seed, and the command of each peer as
//! `NAME=PROGRAM ARGUMENT…`, separated by tabs.

#![forbid(unsafe_code)]

mod cases;
mod local;
mod peer;

#[path = "../../common/rng.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod rng;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use cases::Case;
use peer::Peer;
use rng::Rng;

/// The result of an endpoint for a stream.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    /// Messages, pings, pongs and the close frame: `text 6869`, `close 1000 …`.
    events: Vec<String>,
    /// `ok`, or the error: of wscodec its code, of others the close code.
    end: String,
}

/// The wasm module in Node: the same code, so its errors must be equal.
const OURS: &str = "node";

/// Cases that are sent to the peers at once.
const BATCH: usize = 500;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().expect("an argument");
    let page = next();
    let seconds = next().parse().expect("a number of seconds");
    let seed = next().parse().expect("a seed");
    let mut peers: Vec<Peer> = arguments.map(|line| Peer::start(&line)).collect();
    let known = known(&fs::read_to_string(page).expect("the page"));
    let mut rng = Rng(seed);
    let started = Instant::now();
    let (mut count, mut found) = (0, BTreeMap::<String, (usize, Case)>::new());
    while count == 0 || started.elapsed() < Duration::from_secs(seconds) {
        let cases: Vec<Case> = (0..BATCH).map(|_| Case::random(&mut rng)).collect();
        let ours: Vec<Seen> = cases.iter().map(local::wscodec).collect();
        let mut note = |name: &str, i: usize, theirs: &Seen| {
            let expected = match name {
                OURS => ours[i].end.clone(),
                _ => local::close_code(&ours[i].end),
            };
            if let Some(class) = class(&ours[i], &expected, theirs) {
                // An endpoint may reject a frame at its header, or when the frame is complete.
                let early = theirs.end == "ok" && cases[i].is_incomplete();
                let class = match early {
                    true => "an error in an incomplete frame / ok".to_owned(),
                    false => class,
                };
                let entry = found.entry(format!("{name}: {class}"));
                entry.or_insert_with(|| (0, cases[i].clone())).0 += 1;
            }
        };
        for (i, case) in cases.iter().enumerate() {
            note("tungstenite", i, &local::tungstenite(case));
        }
        for peer in &mut peers {
            let name = peer.name.clone();
            for (i, theirs) in peer.ask(&cases).iter().enumerate() {
                note(&name, i, theirs);
            }
        }
        count += cases.len();
    }
    let mut unknown = 0;
    for (class, (times, case)) in &found {
        // A row for any peer is not for the wasm module.
        let general = match class.split_once(": ") {
            Some((name, rest)) if name != OURS => format!("any: {rest}"),
            _ => String::new(),
        };
        let is_known = known.contains(class) || known.contains(&general);
        let mark = if is_known { "known" } else { "UNKNOWN" };
        println!("{mark} | {class} | {times} times, such as {}", case.line());
        unknown += usize::from(!is_known);
    }
    println!(
        "{count} cases, {} implementations, {} classes of differences, {unknown} unknown",
        peers.len() + 1,
        found.len()
    );
    ExitCode::from(u8::from(unknown > 0))
}

/// The class of a difference; `None` if there is none.
fn class(ours: &Seen, expected: &str, theirs: &Seen) -> Option<String> {
    if expected != theirs.end {
        if ours.end == "LENGTH_NOT_MINIMAL" {
            return Some(format!("{} / no error there", ours.end));
        }
        let both = ours.end != "ok" && theirs.end != "ok";
        if both {
            let ours = local::close_code(&ours.end);
            return Some(format!("{ours} / {}", theirs.end));
        }
        return Some(format!("{} / {}", ours.end, theirs.end));
    }
    // Before an error, one may have reported more than the other.
    let same = ours.events == theirs.events;
    (!same).then(|| format!("{} / other events", ours.end))
}

/// The classes of the page's table: the first cells of its rows.
fn known(page: &str) -> BTreeSet<String> {
    let row = |line: &str| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned());
    page.lines().filter_map(row).collect()
}
