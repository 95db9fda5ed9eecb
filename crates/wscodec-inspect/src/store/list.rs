//! The rows that pass a filter.

use super::events::{EventStore, NEVER};
use crate::event::{Direction, InspectEvent};
use crate::filter::Filter;
use crate::show::Show;

/// Rows in a row that are looked at for the time of the frame before.
const MAX_BACK: usize = 64;

/// The numbers of the rows of a store that have a line among frames or messages and pass a filter, in the
/// order of the capture. It can be narrowed to a range of time.
#[derive(Debug, Default)]
pub struct RowList {
    show: Show,
    filter: Filter,
    /// Rows of the store that were looked at.
    scanned: usize,
    rows: Vec<u32>,
    /// The range of time in nanoseconds since the start, and the rows in it.
    range: Option<(i64, i64)>,
    within: Vec<u32>,
}

/// Rows by time: how many there are in each of some intervals of the same length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    /// The beginning of the first interval, in seconds since the start.
    pub from: f64,
    /// The end of the last one.
    pub to: f64,
    /// Frames or messages of the client, of the server, and rows that break a rule.
    pub counts: Vec<[u32; 3]>,
}

impl RowList {
    /// An empty list.
    pub fn new(show: Show, filter: Filter) -> Self {
        Self {
            show,
            filter,
            ..Self::default()
        }
    }

    /// Looks at up to so many rows more of the store. Returns whether no row is left.
    pub fn extend(&mut self, store: &EventStore, most: usize) -> bool {
        let end = store.len().min(self.scanned.saturating_add(most));
        let narrow = self.filter.is_narrow();
        let all = self.filter == Filter::default();
        for number in self.scanned..end {
            let Some((row, _)) = store.find(number, &[]) else {
                break;
            };
            let shown = match self.show {
                Show::Frames => row.frames,
                Show::Messages => row.messages,
                Show::Connections => false,
            };
            if !shown || !(all || self.passes(store, number, row.conversation, narrow)) {
                continue;
            }
            self.rows.push(number as u32);
            if let Some((from, to)) = self.range
                && row.time >= from
                && row.time <= to
            {
                self.within.push(number as u32);
            }
        }
        self.scanned = end;
        end == store.len()
    }

    fn passes(&self, store: &EventStore, row: usize, conversation: u32, narrow: bool) -> bool {
        let summary = Some(&store.conversations()[conversation as usize].summary);
        if !self.filter.passes_conversation(summary) {
            return false;
        }
        if !narrow {
            return true;
        }
        let mut passes = false;
        store.with(row, &mut |event: &InspectEvent<'_>| {
            passes = self.filter.passes(event, summary, store.start());
        });
        passes
    }

    /// Narrows the list to a range of time in seconds since the start, or widens it to all rows that pass
    /// the filter. A row without a time lies in no range.
    pub fn set_range(&mut self, store: &EventStore, range: Option<(f64, f64)>) {
        self.range = range.map(|(from, to)| (nanoseconds(from).max(NEVER + 1), nanoseconds(to)));
        self.within.clear();
        let Some((from, to)) = self.range else {
            return;
        };
        let time = |row: u32| store.find(row as usize, &[]).map_or(NEVER, |it| it.0.time);
        let rows = self.rows.iter().copied();
        self.within
            .extend(rows.filter(|&row| (from..=to).contains(&time(row))));
    }

    fn shown(&self) -> &[u32] {
        match self.range {
            None => &self.rows,
            Some(_) => &self.within,
        }
    }

    /// Rows of the list so far.
    pub fn len(&self) -> usize {
        self.shown().len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.shown().is_empty()
    }

    /// Rows of the store that were looked at.
    pub const fn scanned(&self) -> usize {
        self.scanned
    }

    /// The number in the store of the row at this place.
    pub fn row(&self, index: usize) -> Option<usize> {
        self.shown().get(index).map(|&row| row as usize)
    }

    /// The place of the row with this number, or of the next one behind it.
    pub fn position(&self, row: usize) -> usize {
        self.shown().partition_point(|&it| (it as usize) < row)
    }

    /// Seconds from the frame or message before to the one at this place.
    pub fn gap(&self, store: &EventStore, index: usize) -> Option<f64> {
        let time = |index: usize| {
            let (row, _) = store.find(self.row(index)?, &[])?;
            let is_data = row.direction.is_some() && row.time != NEVER;
            is_data.then_some(row.time)
        };
        let now = time(index)?;
        let before = (index.saturating_sub(MAX_BACK)..index)
            .rev()
            .find_map(time)?;
        Some((now - before) as f64 / 1e9)
    }

    /// The rows that pass the filter, by time, in `count` intervals of the range, or of all times.
    pub fn histogram(
        &self,
        store: &EventStore,
        count: usize,
        range: Option<(f64, f64)>,
    ) -> Histogram {
        let rows = || {
            let rows = self.rows.iter();
            rows.filter_map(|&row| store.find(row as usize, &[]))
                .map(|(row, _)| row)
                .filter(|row| row.time != NEVER)
        };
        let (from, to) = match range {
            Some((from, to)) => (nanoseconds(from), nanoseconds(to)),
            None => rows().fold((i64::MAX, i64::MIN), |(from, to), row| {
                (from.min(row.time), to.max(row.time))
            }),
        };
        if from > to || count == 0 {
            return Histogram::default();
        }
        let span = (to as f64 - from as f64).max(1.0);
        let mut counts = vec![[0; 3]; count];
        for row in rows().filter(|row| (from..=to).contains(&row.time)) {
            let part = (row.time as f64 - from as f64) / span;
            let at = ((part * count as f64) as usize).min(count - 1);
            match row.direction {
                Some(Direction::ClientToServer) => counts[at][0] += 1,
                Some(Direction::ServerToClient) => counts[at][1] += 1,
                None => {}
            }
            counts[at][2] += u32::from(row.faulty);
        }
        Histogram {
            from: from as f64 / 1e9,
            to: to as f64 / 1e9,
            counts,
        }
    }
}

fn nanoseconds(seconds: f64) -> i64 {
    (seconds * 1e9).round() as i64
}
