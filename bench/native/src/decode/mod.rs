//! Decoding what a client sends: unmasked, whole, its text checked.

mod embedded;
mod floor;
mod ours;
mod sans_io;
mod tokio_peers;
mod tungstenite;

use crate::feed::Feed;
use crate::measure::{Plan, Row, Table};
use crate::sum::{Sink, Sum, Tally};
use crate::workload::Workload;

pub use tokio_peers::runtime;

/// One way to decode.
trait Decode {
    const NAME: &'static str;

    /// Whether it can do this workload.
    fn can(_: &Feed) -> bool {
        true
    }

    fn new(feed: &Feed) -> Self;

    /// Decodes the whole stream.
    fn decode<S: Sink>(&mut self, feed: &Feed, sink: &mut S);
}

/// Adds a row, after it found what is in the stream.
fn add<'f, D: Decode + 'f>(rows: &mut Vec<Row<'f>>, feed: &'f Feed<'f>) {
    if !D::can(feed) {
        return;
    }
    let mut decoder = D::new(feed);
    let expected = feed.workload.sum();
    let mut sum = Sum::default();
    decoder.decode(feed, &mut sum);
    assert_eq!(sum, expected, "{}, {}", D::NAME, feed.workload.name);
    let pass = move || {
        let mut tally = Tally::default();
        decoder.decode(feed, &mut tally);
        assert_eq!(tally, expected.tally, "{}", D::NAME);
    };
    rows.push(Row::new(D::NAME, feed.workload.messages.len(), pass));
}

fn column(table: &mut Table, feed: &Feed, plan: Plan) {
    let mut rows = Vec::new();
    add::<floor::Floor>(&mut rows, feed);
    add::<ours::Whole>(&mut rows, feed);
    add::<ours::Fill>(&mut rows, feed);
    add::<embedded::Embedded>(&mut rows, feed);
    add::<sans_io::SansIo>(&mut rows, feed);
    add::<tungstenite::Tungstenite>(&mut rows, feed);
    add::<tungstenite::SmallBuffer>(&mut rows, feed);
    add::<tokio_peers::FastWebsockets>(&mut rows, feed);
    add::<tokio_peers::TokioWebsockets>(&mut rows, feed);
    add::<tokio_peers::Sockudo>(&mut rows, feed);
    add::<tokio_peers::Yawc>(&mut rows, feed);
    table.column(feed.workload.name, rows, plan);
}

/// The tables of decoding.
pub fn tables(workloads: &[Workload], plan: Plan) -> [Table; 2] {
    let mut full = Table::new("decode, 64 KiB a read");
    for workload in workloads {
        column(&mut full, &Feed::full(workload), plan);
    }
    let mut single = Table::new("decode, one frame a read");
    for workload in &workloads[..4] {
        column(&mut single, &Feed::single(workload), plan);
    }
    [full, single]
}
