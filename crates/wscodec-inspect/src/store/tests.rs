use super::events::NEVER;
use super::{EventStore, RowKind, RowList, StoreLimits};
use crate::event::InspectEvent;
use crate::filter::Filter;
use crate::json;
use crate::show::Show;
use crate::summary::Summaries;
use crate::{InspectOptions, Inspector};

/// Each capture of `tests/pcap`, with its name.
fn captures() -> Vec<(String, Vec<u8>)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/pcap");
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|it| it == "pcap" || it == "pcapng")
        })
        .map(|path| (path.display().to_string(), std::fs::read(path).unwrap()))
        .collect();
    found.sort();
    assert!(found.len() > 15);
    found
}

fn stored(
    capture: &[u8],
    limits: StoreLimits,
    sink: &mut dyn FnMut(&InspectEvent<'_>),
) -> EventStore {
    let mut store = EventStore::new(limits);
    let options = InspectOptions {
        payload: 1 << 20,
        compressed: 1 << 20,
        ..InspectOptions::default()
    };
    let mut inspector = Inspector::new(options);
    let mut both = |event: InspectEvent<'_>| {
        store.event(&event);
        sink(&event);
    };
    inspector.push(capture, &mut both).unwrap();
    inspector.finish(&mut both).unwrap();
    store
}

#[test]
fn every_event_is_given_back_as_it_was_reported() {
    for (name, capture) in captures() {
        let mut expected = Vec::new();
        let store = stored(&capture, StoreLimits::default(), &mut |event| {
            if !matches!(event, InspectEvent::Conversation(_)) {
                let mut line = Vec::new();
                json::write(event, usize::MAX, &mut line);
                expected.push((format!("{event:?}"), line));
            }
        });
        assert_eq!(store.len(), expected.len(), "{name}");
        for (row, (event, line)) in expected.iter().enumerate() {
            let mut found = Vec::new();
            store.json(row, usize::MAX, &mut found);
            assert_eq!(
                String::from_utf8_lossy(&found),
                String::from_utf8_lossy(line),
                "{name}, row {row}"
            );
            // The line leaves out members that a filter looks at.
            store.with(row, &mut |found| {
                assert_eq!(&format!("{found:?}"), event, "{name}")
            });
        }
        let mut rows = Vec::new();
        for row in 0..store.len() {
            rows.clear();
            store.row(row, &mut rows);
            let members: serde_json::Value = serde_json::from_slice(&rows).unwrap();
            let len = members.as_array().unwrap().len();
            let long = matches!(store.kind(row), Some(RowKind::Frame | RowKind::Message));
            assert_eq!(len, if long { 14 } else { 7 }, "{members}");
        }
    }
}

#[test]
fn a_list_has_the_rows_that_pass_its_filter() {
    let filters = [
        "",
        "dir == c2s",
        "type == text and size > 20",
        "payload contains \"id\"",
        "host contains \"127\" or violation",
        "time > 0.1 and masked",
    ];
    for (name, capture) in captures() {
        for (show, text) in filters
            .iter()
            .flat_map(|it| [(Show::Frames, it), (Show::Messages, it)])
        {
            let filter = match *text {
                "" => Filter::default(),
                text => Filter::parse(text).unwrap(),
            };
            let mut summaries = Summaries::default();
            let mut start = None;
            let mut expected = Vec::new();
            let mut row = 0;
            let store = stored(&capture, StoreLimits::default(), &mut |event| {
                if let InspectEvent::Conversation(conversation) = event {
                    start = start.or(conversation.packet.time);
                }
                let ended = summaries.event(event);
                let summary = ended
                    .as_ref()
                    .or_else(|| summaries.open(event.conversation()));
                let is_data = matches!(event, InspectEvent::Frame(_) | InspectEvent::Message(_));
                let passes =
                    filter.passes(event, summary, start) && (is_data || !filter.is_narrow());
                if passes && show.includes(event) {
                    expected.push(row);
                }
                row += usize::from(!matches!(event, InspectEvent::Conversation(_)));
            });
            let mut list = RowList::new(show, filter.clone());
            while !list.extend(&store, 3) {}
            let found: Vec<_> = (0..list.len()).map(|i| list.row(i).unwrap()).collect();
            assert_eq!(found, expected, "{name} {text}");
            for (i, row) in found.into_iter().enumerate() {
                assert_eq!(list.position(row), i);
            }
            let histogram = list.histogram(&store, 7, None);
            let sides: u32 = histogram.counts.iter().map(|it| it[0] + it[1]).sum();
            let with_side = expected.iter().filter(|&&row| {
                let row = store.find(row, &[]).unwrap().0;
                row.direction.is_some() && row.time != NEVER
            });
            assert_eq!(sides as usize, with_side.count());
        }
    }
}

#[test]
fn a_range_of_time_narrows_a_list() {
    let (_, capture) = captures().swap_remove(9);
    let store = stored(&capture, StoreLimits::default(), &mut |_| {});
    let mut list = RowList::new(Show::Frames, Filter::default());
    assert!(!list.extend(&store, 5));
    list.set_range(&store, Some((0.0, 0.05)));
    list.extend(&store, usize::MAX);
    let narrowed = list.len();
    list.set_range(&store, None);
    assert!(narrowed > 0 && narrowed < list.len());
    for i in 0..list.len() {
        let time = store.find(list.row(i).unwrap(), &[]).unwrap().0.time;
        assert_eq!(time <= 50_000_000, i < narrowed);
    }
}

#[test]
fn limits_are_kept() {
    let (_, capture) = captures().swap_remove(9);
    let limits = StoreLimits {
        payloads: 1000,
        ..StoreLimits::default()
    };
    let all = stored(&capture, StoreLimits::default(), &mut |_| {});
    let short = stored(&capture, limits, &mut |_| {});
    assert_eq!(all.len(), short.len());
    assert!(short.shortened() > 0 && short.memory() < all.memory());
    let limits = StoreLimits {
        memory: 2000,
        ..StoreLimits::default()
    };
    let few = stored(&capture, limits, &mut |_| {});
    assert!(few.len() < all.len());
    assert_eq!(few.dropped(), (all.len() - few.len()) as u64);
}
