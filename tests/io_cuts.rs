//! Streams that read and write as little as they like, and fail in between as streams may.
#![cfg(feature = "io")]

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use wscodec::CloseCode;
use wscodec::io::{Acceptor, Connection, Connector, Error, ReadHalf, Transport};
use wscodec::message::Kind;

/// One direction.
#[derive(Default)]
struct Pipe {
    state: Mutex<(VecDeque<u8>, bool)>,
    changed: Condvar,
}

impl Pipe {
    fn close(&self) {
        self.state.lock().unwrap().1 = true;
        self.changed.notify_all();
    }
}

/// Pseudo-random numbers (xorshift), the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }

    /// A failure that means nothing, every now and then.
    fn hiccup(&mut self) -> io::Result<()> {
        match self.below(8) {
            0 => Err(ErrorKind::Interrupted.into()),
            1 => Err(ErrorKind::WouldBlock.into()),
            2 => Err(ErrorKind::TimedOut.into()),
            _ => Ok(()),
        }
    }
}

struct Reading(Arc<Pipe>, Dice);
struct Writing(Arc<Pipe>, Dice);

impl Read for Reading {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.1.hiccup()?;
        let mut state = self.0.state.lock().unwrap();
        while state.0.is_empty() && !state.1 {
            state = self.0.changed.wait(state).unwrap();
        }
        let most = buf.len().min(1 + self.1.below(3000));
        state.0.read(&mut buf[..most])
    }
}

impl Write for Writing {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.1.hiccup()?;
        let most = buf.len().min(1 + self.1.below(3000));
        self.0.state.lock().unwrap().0.extend(&buf[..most]);
        self.0.changed.notify_all();
        Ok(most)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.1.hiccup()
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Either side is there; of a half, only one.
struct Duplex(Option<Reading>, Option<Writing>);

impl Read for Duplex {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.as_mut().unwrap().read(buf)
    }
}

impl Write for Duplex {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.1.as_mut().unwrap().write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.1.as_mut().unwrap().flush()
    }
}

fn duplex(seed: u64) -> (Duplex, Duplex) {
    let (there, back) = (Arc::<Pipe>::default(), Arc::<Pipe>::default());
    let dice = |n| Dice(seed * 8 + n + 1);
    (
        Duplex(
            Some(Reading(back.clone(), dice(0))),
            Some(Writing(there.clone(), dice(1))),
        ),
        Duplex(Some(Reading(there, dice(2))), Some(Writing(back, dice(3)))),
    )
}

/// Repeats what only ran out of time.
fn again<T>(mut f: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
    loop {
        match f() {
            Err(error) if error.is_timeout() => {}
            result => return result,
        }
    }
}

/// A stream that has no hiccups while hands are shaken: a handshake is not taken up again.
struct Patient<S>(S, bool);

impl<S: Read> Read for Patient<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(buf) {
                Err(_) if self.1 => {}
                result => return result,
            }
        }
    }
}

impl<S: Write> Write for Patient<S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        loop {
            match self.0.write(buf) {
                Err(_) if self.1 => {}
                result => return result,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        loop {
            match self.0.flush() {
                Err(_) if self.1 => {}
                result => return result,
            }
        }
    }
}

type Ends = (Connection<Patient<Duplex>>, Connection<Patient<Duplex>>);

fn ends(seed: u64) -> Ends {
    let (ours, theirs) = duplex(seed);
    let mut acceptor = Acceptor::default();
    acceptor.options.fragment = 700;
    let server = thread::spawn(move || {
        acceptor.accept_over(Patient(theirs, true), Transport::plain(), |_, _| Ok(()))
    });
    let mut connector = Connector::DEFAULT;
    connector.options.fragment = 700;
    let client = connector.connect_over(Patient(ours, true), Transport::plain(), "ws://localhost/");
    let (mut client, mut server) = (client.unwrap(), server.join().unwrap().unwrap());
    client.stream_mut().1 = false;
    server.stream_mut().1 = false;
    (client, server)
}

fn payload(dice: &mut Dice) -> Vec<u8> {
    let len = [3, 200, 5000, 70_000][dice.below(4)];
    let len = dice.below(len);
    (0..len).map(|_| b'a' + dice.below(20) as u8).collect()
}

#[test]
fn every_message_comes_back_however_the_streams_behave() {
    for seed in 0..30 {
        let (mut client, mut server) = ends(seed);
        let thread = thread::spawn(move || {
            loop {
                // To keep the message over a time-out of its echo, it is copied.
                let Some((kind, message)) =
                    again(|| Ok(server.read()?.map(|(it, _)| (it.kind, it.payload.to_vec()))))?
                else {
                    return again(|| server.flush());
                };
                again_send(&mut server, kind, &message)?;
            }
        });
        let mut dice = Dice(seed + 1000);
        for round in 0..20 {
            let message = payload(&mut dice);
            match round % 3 {
                0 => again_send(&mut client, Kind::Text, &message).unwrap(),
                1 => again_send(&mut client, Kind::Binary, &message).unwrap(),
                _ => {
                    let mut outbox = client.queue();
                    let (first, last) = message.split_at(message.len() / 2);
                    let _ = outbox.ping(b"between");
                    let _ = outbox.begin(Kind::Binary, first);
                    let _ = outbox.ping(b"within");
                    let _ = outbox.finish(last);
                    again(|| client.flush()).unwrap();
                }
            }
            let mut back = None;
            again(|| {
                back = client.read()?.map(|(message, _)| message.payload.to_vec());
                Ok(())
            })
            .unwrap();
            assert!(back.unwrap() == message, "seed {seed}, round {round}");
        }
        let _ = client.queue().close(CloseCode::NORMAL, "bye");
        again(|| Ok(client.read()?.is_some())).unwrap();
        assert!(client.outcome().unwrap().clean);
        thread.join().unwrap().unwrap();
    }
}

/// A message is queued before anything is written: what fails is only the writing.
fn again_send(
    ws: &mut Connection<Patient<Duplex>>,
    kind: Kind,
    payload: &[u8],
) -> Result<(), Error> {
    match ws.outbox().send(kind, payload) {
        Err(error) if error.is_timeout() => again(|| ws.flush()),
        result => result,
    }
}

#[test]
fn halves_answer_pings_without_mixing_frames() {
    for seed in 0..10 {
        let (client, server) = ends(seed);
        let halves = |ws: Connection<Patient<Duplex>>| {
            ws.split_with(
                Transport::plain(),
                |Patient(Duplex(reading, writing), _)| {
                    let half =
                        |reading, writing, patient| Patient(Duplex(reading, writing), patient);
                    Ok((half(reading, None, false), half(None, writing, true)))
                },
            )
            .unwrap()
        };
        let count = |mut reader: ReadHalf<Patient<Duplex>>| {
            let mut messages = 0;
            while again(|| {
                Ok(match reader.read()? {
                    Some(message) => {
                        assert!(message.payload.iter().all(|b| *b == message.payload[0]));
                        true
                    }
                    None => false,
                })
            })
            .unwrap()
            {
                messages += 1;
            }
            assert!(reader.outcome().unwrap().clean);
            messages
        };
        let (client_reader, mut client_writer) = halves(client);
        let (server_reader, server_writer) = halves(server);
        let readers = [client_reader, server_reader].map(|half| thread::spawn(move || count(half)));
        let writers = [1, 2].map(|number| {
            let mut writer = server_writer.clone();
            thread::spawn(move || {
                for len in 1..200 {
                    writer.binary(&vec![number; len * 13]).unwrap();
                    writer.ping(&[number]).unwrap();
                }
            })
        });
        for len in 1..200 {
            client_writer.binary(&vec![3; len * 7]).unwrap();
            client_writer.ping(b"?").unwrap();
        }
        for writer in writers {
            writer.join().unwrap();
        }
        client_writer.close(CloseCode::NORMAL, "").unwrap();
        drop((client_writer, server_writer));
        let [client, server] = readers.map(|reader| reader.join().unwrap());
        assert_eq!((client, server), (2 * 199, 199));
    }
}
