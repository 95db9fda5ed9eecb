//! Keeps the events of an inspection compactly, and gives back any of them at any time.
//!
//! A viewer that scrolls needs rows by their number. An [`EventStore`] has one row for each event that is
//! not the beginning of a conversation. A frame takes about 40 bytes and its payload. A [`RowList`] has the
//! numbers of the rows that pass a [`Filter`](crate::filter::Filter), and is extended while events arrive.
//!
//! Frames and messages are kept as they were reported, so a filter sees the same values as during the
//! inspection. A message of one frame shares the frame's payload. The other events are kept as their
//! [JSON line](crate::json).
//!
//! Memory is limited by [`StoreLimits`]. A row whose payload does not fit keeps the beginning of it.
//!
//! ```
//! use wscodec_inspect::filter::Filter;
//! use wscodec_inspect::show::Show;
//! use wscodec_inspect::store::{EventStore, RowList, StoreLimits};
//! use wscodec_inspect::{InspectOptions, Inspector};
//!
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/pcap/two-connections.pcap");
//! let mut store = EventStore::new(StoreLimits::default());
//! let mut inspector = Inspector::new(InspectOptions::default());
//! inspector.push(&std::fs::read(path)?, &mut |event| store.event(&event))?;
//! inspector.finish(&mut |event| store.event(&event))?;
//!
//! let filter = Filter::parse("dir == s2c and type == text")?;
//! let mut list = RowList::new(Show::Frames, filter);
//! while !list.extend(&store, 1000) {}
//! assert_eq!(list.len(), 15);
//! let mut line = Vec::new();
//! store.json(list.row(0).unwrap(), 256, &mut line);
//! assert!(String::from_utf8(line)?.contains("\"dir\":\"s2c\""));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | file | has |
//! |---|---|
//! | `events` | the store: rows, conversations |
//! | `limits` | how much memory it takes |
//! | `kind` | the kinds of rows |
//! | `record` | an event as bytes |
//! | `words` | the record of an event that is no frame and no message |
//! | `row` | the members that a list shows of a row |
//! | `list` | the rows that pass a filter |

mod events;
mod kind;
mod limits;
mod list;
mod record;
mod row;
mod words;

pub use events::{EventStore, StoredConversation};
pub use kind::RowKind;
pub use limits::StoreLimits;
pub use list::{Histogram, RowList};

#[cfg(test)]
mod tests;
