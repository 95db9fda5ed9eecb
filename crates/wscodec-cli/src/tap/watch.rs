//! The way from the relay to those that look on: the terminal, the recording, the page.
//!
//! Problem: the relay must not wait for a terminal, and memory must stay bounded while nobody reads the
//! output. A recording with holes is of little use.
//!
//! Choice: each onlooker has a lane, a queue of at most [`LIMIT`] bytes. A lane that may lose bytes drops
//! those that find it full, and gets a note of their number before the next bytes of their direction. The
//! relay waits for a lane that may not lose any, so its peers are slowed down by TCP. Beginnings and
//! ends of connections are never dropped once the connection is in the lane, so onlookers hold no
//! connection for ever; a lane that is full when a connection begins does not get that connection.
//!
//! All lanes have one lock, and the time is read under it, so the times of a lane never go back.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use wscodec_inspect::event::Direction;
use wscodec_inspect::record::RecordedConnection;

/// Bytes that wait in one lane.
pub(super) const LIMIT: usize = 16 << 20;

/// The cost of an entry, beside its bytes.
const ENTRY: usize = 128;

/// An entry in the queue of an onlooker.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// The number of the connection.
    connection: u64,
    /// Nanoseconds since 1970.
    time: i128,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Open(SocketAddr, SocketAddr),
    Data(Direction, Arc<[u8]>),
    /// So many bytes were dropped.
    Skip(Direction, u64),
    Fin(Direction),
    Reset(Direction),
}

/// Whether a lane may lose bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    Allowed,
    Never,
}

/// All lanes.
#[derive(Debug)]
pub(super) struct Watch {
    lanes: Mutex<Lanes>,
    /// For each lane: entries have arrived, or it is closed.
    arrived: Vec<Condvar>,
    /// Entries were taken.
    room: Condvar,
    /// The time of the clock at an instant.
    began: (i128, Instant),
}

#[derive(Debug)]
struct Lanes {
    lanes: Vec<Lane>,
    /// The number of the next connection.
    next: u64,
    closed: bool,
}

#[derive(Debug)]
struct Lane {
    loss: Loss,
    entries: VecDeque<Entry>,
    bytes: usize,
    /// Whether anybody takes the entries.
    used: bool,
    lost: Lost,
}

/// The numbers of lost bytes and connections of a lane.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lost {
    pub(super) bytes: u64,
    pub(super) connections: u64,
}

impl Lane {
    fn is_full(&self) -> bool {
        self.bytes >= LIMIT
    }

    fn put(&mut self, connection: u64, time: i128, what: What) {
        let len = match &what {
            What::Data(_, bytes) => bytes.len(),
            _ => 0,
        };
        self.bytes += len + ENTRY;
        self.entries.push_back(Entry {
            connection,
            time,
            what,
        });
    }
}

impl Entry {
    /// The number of the connection.
    pub(super) fn connection(&self) -> u64 {
        self.connection
    }
}

impl Watch {
    /// Lanes of these kinds, which are numbered in this order.
    pub(super) fn new(lanes: &[Loss]) -> Self {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let lane = |&loss| Lane {
            loss,
            entries: VecDeque::new(),
            bytes: 0,
            used: true,
            lost: Lost::default(),
        };
        Self {
            lanes: Mutex::new(Lanes {
                lanes: lanes.iter().map(lane).collect(),
                next: 0,
                closed: false,
            }),
            arrived: lanes.iter().map(|_| Condvar::new()).collect(),
            room: Condvar::new(),
            began: (since.map_or(0, |it| it.as_nanos() as i128), Instant::now()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> i128 {
        self.began.0 + self.began.1.elapsed().as_nanos() as i128
    }

    /// Locks the lanes once none of those that may not lose anything is full.
    fn lock_with_room(&self) -> MutexGuard<'_, Lanes> {
        let mut lanes = self.lock();
        while lanes
            .lanes
            .iter()
            .any(|it| it.used && it.loss == Loss::Never && it.is_full())
        {
            lanes = self
                .room
                .wait(lanes)
                .unwrap_or_else(PoisonError::into_inner);
        }
        lanes
    }

    /// A connection begins.
    pub(super) fn open(self: &Arc<Self>, client: SocketAddr, server: SocketAddr) -> [Side; 2] {
        let mut lanes = self.lock_with_room();
        let (connection, time) = (lanes.next, self.now());
        lanes.next += 1;
        let mut shown = Vec::new();
        for (lane, arrived) in lanes.lanes.iter_mut().zip(&self.arrived) {
            let fits = lane.used && !lane.is_full();
            shown.push(fits);
            match fits {
                true => {
                    lane.put(connection, time, What::Open(client, server));
                    arrived.notify_one();
                }
                false => lane.lost.connections += u64::from(lane.used),
            }
        }
        drop(lanes);
        Direction::BOTH.map(|direction| Side {
            watch: self.clone(),
            connection,
            direction,
            skipped: shown.iter().map(|&it| it.then_some(0)).collect(),
        })
    }

    /// Waits for entries of a lane, and takes all of them; `None` at the end.
    pub(super) fn take(&self, lane: usize) -> Option<VecDeque<Entry>> {
        let mut lanes = self.lock();
        loop {
            let it = &mut lanes.lanes[lane];
            if !it.entries.is_empty() {
                it.bytes = 0;
                let entries = std::mem::take(&mut it.entries);
                self.room.notify_all();
                return Some(entries);
            }
            if lanes.closed {
                return None;
            }
            let waited = self.arrived[lane].wait(lanes);
            lanes = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Nobody takes entries of this lane any more.
    pub(super) fn leave(&self, lane: usize) {
        let mut lanes = self.lock();
        let it = &mut lanes.lanes[lane];
        it.used = false;
        it.entries = VecDeque::new();
        it.bytes = 0;
        self.room.notify_all();
    }

    /// No more entries are put.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        for arrived in &self.arrived {
            arrived.notify_all();
        }
    }

    pub(super) fn lost(&self, lane: usize) -> Lost {
        self.lock().lanes[lane].lost
    }
}

/// One direction of a connection, for the thread that relays it.
#[derive(Debug)]
pub(super) struct Side {
    watch: Arc<Watch>,
    connection: u64,
    direction: Direction,
    /// For each lane, the bytes that were dropped since the last ones that were not; `None` if the lane
    /// does not have the connection.
    skipped: Vec<Option<u64>>,
}

impl Side {
    /// Bytes that are relayed.
    pub(super) fn data(&mut self, bytes: &[u8]) {
        let data: Arc<[u8]> = bytes.into();
        let direction = self.direction;
        self.put(bytes.len() as u64, |_| What::Data(direction, data.clone()));
    }

    /// The end of this direction.
    pub(super) fn fin(&mut self) {
        self.put(0, What::Fin);
    }

    /// The sender of this direction has reset the connection.
    pub(super) fn reset(&mut self) {
        self.put(0, What::Reset);
    }

    /// Puts an entry that stands for so many bytes into all lanes; 0 is an end, which is not dropped.
    fn put(&mut self, len: u64, what: impl Fn(Direction) -> What) {
        let watch = self.watch.clone();
        let mut lanes = match len {
            0 => watch.lock(),
            _ => watch.lock_with_room(),
        };
        let time = watch.now();
        let all = lanes.lanes.iter_mut().zip(&watch.arrived);
        for ((lane, arrived), skipped) in all.zip(&mut self.skipped) {
            let Some(skipped) = skipped.as_mut().filter(|_| lane.used) else {
                continue;
            };
            if len > 0 && lane.is_full() {
                *skipped += len;
                lane.lost.bytes += len;
                continue;
            }
            let gap = std::mem::take(skipped);
            if gap > 0 {
                lane.put(self.connection, time, What::Skip(self.direction, gap));
            }
            lane.put(self.connection, time, what(self.direction));
            arrived.notify_one();
        }
    }
}

/// Makes the packets of a capture from entries.
#[derive(Debug, Default)]
pub(super) struct Packets(HashMap<u64, RecordedConnection>);

impl Packets {
    /// Whether this connection is open.
    pub(super) fn has(&self, connection: u64) -> bool {
        self.0.contains_key(&connection)
    }

    /// Appends the packets of an entry.
    pub(super) fn put(&mut self, entry: &Entry, out: &mut Vec<u8>) {
        let Entry {
            connection, time, ..
        } = *entry;
        if let What::Open(client, server) = entry.what {
            let opened = RecordedConnection::open(client, server, time, out);
            self.0.insert(connection, opened);
            return;
        }
        let Some(it) = self.0.get_mut(&connection) else {
            return;
        };
        match &entry.what {
            What::Open(..) => {}
            What::Data(direction, bytes) => it.data(*direction, bytes, time, out),
            What::Skip(direction, len) => it.skip(*direction, *len, time, out),
            What::Fin(direction) => it.fin(*direction, time, out),
            What::Reset(direction) => it.reset(*direction, time, out),
        }
        if it.is_over() {
            self.0.remove(&connection);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_lane_loses_bytes_and_says_how_many() {
        let watch = Arc::new(Watch::new(&[Loss::Allowed]));
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        let [mut up, mut down] = watch.open(address, address);
        let piece = vec![0; 1 << 20];
        for _ in 0..20 {
            up.data(&piece);
        }
        down.data(b"lost");
        let lost = watch.lost(0).bytes;
        assert!((4 << 20..6 << 20).contains(&lost), "{lost}");
        let [mut late, _] = watch.open(address, address);
        late.data(b"not shown");
        late.fin();
        assert_eq!(watch.lost(0).connections, 1);
        let first = watch.take(0).unwrap();
        assert!(first.len() > 15);
        up.data(b"shown");
        down.fin();
        watch.close();
        let rest = watch.take(0).unwrap();
        let rest: Vec<_> = rest.iter().map(|it| format!("{:?}", it.what)).collect();
        assert_eq!(rest.len(), 4, "{rest:?}");
        assert_eq!(rest[0], format!("Skip(ClientToServer, {})", lost - 4));
        assert_eq!(rest[2], "Skip(ServerToClient, 4)");
        assert_eq!(rest[3], "Fin(ServerToClient)");
        assert!(watch.take(0).is_none());
    }

    #[test]
    fn a_lane_that_must_not_lose_bytes_is_waited_for() {
        let watch = Arc::new(Watch::new(&[Loss::Never]));
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        let [mut up, _down] = watch.open(address, address);
        let writing = std::thread::spawn(move || {
            let piece = vec![0; 1 << 20];
            for _ in 0..40 {
                up.data(&piece);
            }
        });
        let mut bytes = 0;
        while bytes < 40 << 20 {
            for entry in watch.take(0).unwrap() {
                if let What::Data(_, data) = entry.what {
                    bytes += data.len();
                }
            }
        }
        writing.join().unwrap();
        assert_eq!(watch.lost(0).bytes, 0);
    }
}
