//! Memory that runs out: every growth fails with `OUT_OF_MEMORY` for one connection, and everything
//! else stays usable. An allocator with a budget shows each point at which an allocation can fail.

#![cfg(feature = "deflate")]

#[path = "common/engines.rs"]
mod engines;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use bytes::BytesMut;
use engines::{DeflatePool, PooledDeflate, PooledInflate};
use wscodec::deflate::{self, AgreedDeflate, Compressor, Decompressor, DeflateOptions, WindowBits};
use wscodec::frame::Role;
use wscodec::message::{
    BatchBuffer, Event, Kind, MaskSource, MessageDecoder, MessageEncoder, OutboundExtension, Piece,
    Prepared, Unmasked,
};
use wscodec::session::{self, Session};
use wscodec::{CloseCode, ErrorKind, LimitError, Limits, MisuseError};

const NO_MEMORY: ErrorKind = ErrorKind::Limit(LimitError::OutOfMemory);

struct Budgeted;

// Of this thread: the other tests run beside it.
thread_local! {
    /// Counted from a place far above zero, because a thread may free memory of another.
    static LIVE: Cell<usize> = const { Cell::new(1 << 40) };
    static MOST: Cell<usize> = const { Cell::new(usize::MAX) };
}

// SAFETY: the system's allocator does the work. Where the budget is used up no memory is handed out.
unsafe impl GlobalAlloc for Budgeted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.get().wrapping_add(layout.size());
        if live > MOST.get() {
            return core::ptr::null_mut();
        }
        LIVE.set(live);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.set(LIVE.get().wrapping_sub(layout.size()));
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Budgeted = Budgeted;

/// Runs with no more memory than is held now and `budget` bytes.
fn within<T>(budget: usize, run: impl FnOnce() -> T) -> T {
    MOST.set(LIVE.get().saturating_add(budget));
    let result = run();
    MOST.set(usize::MAX);
    result
}

/// Budgets from nothing on: all small ones, then by steps.
fn budgets() -> impl Iterator<Item = usize> {
    (0..64)
        .chain((64..4096).step_by(61))
        .chain((4096..2 << 20).step_by(4093))
}

#[test]
fn the_allocator_has_a_budget() {
    let reserve = |len| Vec::<u8>::new().try_reserve_exact(len);
    assert!(within(1000, || reserve(1000)).is_ok());
    assert!(within(999, || reserve(1000)).is_err());
}

/// Text that compresses to about a fifth, different for each number.
fn text(number: usize, len: usize) -> String {
    let words = (0..).map(|i: usize| format!("{} ", i * i * (number + 7) % 1000));
    let mut text = String::new();
    words
        .take_while(|word| {
            text.push_str(word);
            text.len() < len
        })
        .for_each(drop);
    text
}

fn agreed(bits: u8, takeover: bool) -> AgreedDeflate {
    let mut agreed = AgreedDeflate::default();
    agreed.send.window = WindowBits::new(bits).unwrap();
    agreed.send.takeover = takeover;
    agreed.receive = agreed.send;
    agreed
}

/// All messages of these bytes.
fn receive(receiver: &mut MessageDecoder<Decompressor>, wire: &mut [u8]) -> Vec<Vec<u8>> {
    let mut input = wire;
    let mut messages = Vec::new();
    while let Some(event) = receiver.receive(&mut input).unwrap() {
        if let Event::Message(message) = event {
            messages.push(message.payload.to_vec());
        }
    }
    messages
}

type PooledSender = MessageEncoder<Unmasked, Compressor<PooledDeflate>>;

/// Something to send, into this buffer.
type Step<'a> = dyn FnMut(&mut PooledSender, &mut Vec<u8>) -> Result<(), ErrorKind> + 'a;

/// Two connections of one pool. One of them sends with ever more memory, until it succeeds; after
/// each failure both send. The peers must get what was sent, and nothing else.
fn sends(
    agreed: &AgreedDeflate,
    pool: &DeflatePool,
    mut send: impl FnMut(&mut PooledSender, &mut Vec<u8>, &str) -> Result<(), ErrorKind>,
) {
    let config = DeflateOptions::default();
    let connect = || {
        let sender = MessageEncoder::new(Unmasked, pool.compressor(agreed, &config));
        let inflate = Decompressor::new(agreed, &Limits::default());
        let receiver = MessageDecoder::with_extension(Role::Client, &Limits::default(), inflate);
        (sender, receiver)
    };
    let (mut first, mut second) = (connect(), connect());
    let mut failures = 0;
    for (round, budget) in budgets().enumerate() {
        // As after a quiet time, so that engines and histories have to be made again.
        pool.release();
        first.0.shrink();
        let long = text(round, 3000);
        let mut out = Vec::from(*b"waits");
        let sent = within(budget, || send(&mut first.0, &mut out, &long));
        let mut expected = Vec::new();
        match sent {
            Ok(()) => expected.push(long.clone().into_bytes()),
            Err(error) => {
                assert_eq!((error, &out[..]), (NO_MEMORY, &b"waits"[..]), "{budget}");
                failures += 1;
            }
        }
        out.drain(..5);
        assert_eq!(receive(&mut first.1, &mut out), expected, "{budget}");
        for turn in 0..3 {
            let (sender, receiver) = if turn == 1 { &mut second } else { &mut first };
            out.clear();
            sender.text(&long, &mut out).unwrap();
            assert_eq!(receive(receiver, &mut out), [long.as_bytes()], "{budget}");
        }
        if sent.is_ok() && budget > 4096 {
            assert!(failures > 10);
            return;
        }
    }
    panic!("no budget was enough");
}

#[test]
fn a_send_that_fails_changes_nothing() {
    for (bits, takeover) in [(15, true), (15, false), (10, true), (10, false)] {
        for pool in [
            DeflatePool::with_engines(),
            DeflatePool::with_engines().dedicated(),
        ] {
            sends(&agreed(bits, takeover), &pool, |sender, out, text| {
                sender.text(text, out)
            });
        }
    }
}

/// With an engine of its own that has to be made for each message.
#[test]
fn an_engine_that_can_not_be_made_fails_one_send() {
    let pool = DeflatePool::with_engines().dedicated();
    for bits in [15, 9] {
        sends(&agreed(bits, true), &pool, |sender, out, text| {
            sender.extension_mut().release();
            sender.text(text, out)
        });
    }
}

/// A fragment that failed can be sent again.
#[test]
fn a_fragment_that_fails_changes_nothing() {
    for (bits, takeover) in [(15, true), (9, false)] {
        for pool in [
            DeflatePool::with_engines(),
            DeflatePool::with_engines().dedicated(),
        ] {
            let agreed = agreed(bits, takeover);
            let mut sender = MessageEncoder::new(
                Unmasked,
                pool.compressor(&agreed, &DeflateOptions::default()),
            );
            let inflate = Decompressor::new(&agreed, &Limits::default());
            let limits = Limits::default();
            let mut receiver = MessageDecoder::with_extension(Role::Client, &limits, inflate);
            let mut out = Vec::new();
            let parts: Vec<_> = (0..6).map(|i| text(i, 2000)).collect();
            let mut again = |step: &mut Step<'_>| {
                out.shrink_to_fit();
                pool.release();
                for budget in budgets() {
                    let len = out.len();
                    match within(budget, || step(&mut sender, &mut out)) {
                        Ok(()) => return,
                        Err(error) => assert_eq!((error, out.len()), (NO_MEMORY, len)),
                    }
                }
                panic!("no budget was enough");
            };
            again(&mut |sender, out| sender.begin(Kind::Text, parts[0].as_bytes(), out));
            for part in &parts[1..5] {
                again(&mut |sender, out| sender.more(part.as_bytes(), out));
                again(&mut |sender, out| sender.ping(b"between", out));
            }
            again(&mut |sender, out| sender.finish(parts[5].as_bytes(), out));
            again(&mut |sender, out| sender.text(&parts[0], out));
            let expected = [parts.concat().into_bytes(), parts[0].clone().into_bytes()];
            assert_eq!(receive(&mut receiver, &mut out), expected);
        }
    }
}

#[test]
fn a_prepared_message_that_fails_changes_nothing() {
    let prepared = deflate::prepare_text(&text(3, 3000), &DeflateOptions::default()).unwrap();
    let payload = prepared.payload().to_vec();
    let agreed = agreed(15, true);
    let pool = DeflatePool::with_engines();
    let mut sender = MessageEncoder::new(
        Unmasked,
        pool.compressor(&agreed, &DeflateOptions::default()),
    );
    let inflate = Decompressor::new(&agreed, &Limits::default());
    let mut receiver = MessageDecoder::with_extension(Role::Client, &Limits::default(), inflate);
    let mut sent = 0;
    for budget in budgets().take(200) {
        let (mut out, before) = (Vec::new(), text(budget, 500));
        sender.text(&before, &mut out).unwrap();
        out.shrink_to_fit();
        let mut expected = vec![before.into_bytes()];
        if within(budget, || sender.prepared(&prepared, &mut out)).is_ok() {
            expected.push(payload.clone());
            sent += 1;
        }
        sender.text("what was there before", &mut out).unwrap();
        expected.push(b"what was there before".to_vec());
        assert_eq!(receive(&mut receiver, &mut out), expected);
    }
    assert!((10..200).contains(&sent));

    let config = DeflateOptions::default();
    let made: Vec<bool> = budgets()
        .map(|budget| within(budget, || deflate::prepare_binary(&payload, &config)))
        .map(|made| match made {
            Ok(made) => made.payload() == payload,
            Err(error) => {
                assert_eq!(error, NO_MEMORY);
                false
            }
        })
        .collect();
    assert!(made.contains(&false) && made.last() == Some(&true));
    assert_eq!(within(2, || Prepared::text("text")), Err(NO_MEMORY));
}

#[test]
fn control_frames_and_plain_messages_fail_whole() {
    fn each<M: MaskSource>(mut sender: MessageEncoder<M>) {
        let long = vec![7; 70_000];
        let mut out = Vec::new();
        assert_eq!(within(3, || sender.ping(b"?", &mut out)), Err(NO_MEMORY));
        assert_eq!(within(3, || sender.pong(b"!", &mut out)), Err(NO_MEMORY));
        assert_eq!(
            within(3, || sender.close(CloseCode::NORMAL, "done", &mut out)),
            Err(NO_MEMORY)
        );
        for budget in [0, 69_999] {
            let sent = within(budget, || sender.binary(&long, &mut out));
            assert_eq!((sent, out.capacity()), (Err(NO_MEMORY), 0));
        }
        sender.binary(&long, &mut out).unwrap();
        let mut bytes = BytesMut::new();
        assert_eq!(
            within(69_999, || sender.binary(&long, &mut bytes)),
            Err(NO_MEMORY)
        );
        assert!(bytes.is_empty());
        sender.binary(&long, &mut bytes).unwrap();
        assert_eq!(bytes.len(), out.len());
    }
    each(MessageEncoder::server());
    each(MessageEncoder::client(|| [1, 2, 3, 4]));

    // A slice can't grow.
    let mut room = [0; 5];
    let mut out = &mut room[..];
    let small = Err(MisuseError::BufferTooSmall.into());
    assert_eq!(MessageEncoder::server().text("four", &mut out), small);
    MessageEncoder::server().text("two", &mut out).unwrap();
    assert_eq!((out.len(), &room), (0, b"\x81\x03two"));
}

#[test]
fn one_message_by_itself() {
    let plain = text(1, 5000).into_bytes();
    let whole = deflate::compress(&plain, 6).unwrap();
    let (mut packed, mut unpacked) = (0, 0);
    for budget in budgets() {
        match within(budget, || deflate::compress(&plain, 6)) {
            Ok(coded) => {
                packed += 1;
                assert_eq!(coded, whole);
            }
            Err(error) => assert_eq!(error, NO_MEMORY),
        }
        match within(budget, || deflate::decompress(&whole, &Limits::default())) {
            Ok(out) => {
                unpacked += 1;
                assert_eq!(out, plain);
            }
            Err(error) => assert_eq!(error, NO_MEMORY),
        }
    }
    let all = budgets().count();
    assert!(0 < packed && packed < unpacked && unpacked < all);

    let mut compressor = Compressor::new(&AgreedDeflate::default(), &DeflateOptions::default());
    let mut inflate = Decompressor::new(&AgreedDeflate::default(), &Limits::default());
    for budget in budgets() {
        let (mut coded, mut out) = (vec![1, 2, 3], Vec::new());
        if within(budget, || compressor.message(&plain, &mut coded)).is_err() {
            assert_eq!(coded, [1, 2, 3]);
            continue;
        }
        inflate.message(&coded[3..], &mut out).unwrap();
        assert_eq!(out, plain);
    }
}

/// A client's stream: fragments, compressed messages, control frames.
fn wire() -> Vec<u8> {
    let mut sender = MessageEncoder::client(|| [9, 8, 7, 6]);
    let mut wire = Vec::new();
    let long = text(1, 9000);
    sender
        .begin(Kind::Text, long.as_bytes(), &mut wire)
        .unwrap();
    sender.ping(b"between", &mut wire).unwrap();
    sender.finish(long.as_bytes(), &mut wire).unwrap();
    sender.binary(&[1; 20_000], &mut wire).unwrap();
    let deflate = Compressor::new(&AgreedDeflate::default(), &DeflateOptions::default());
    let mut sender = MessageEncoder::new(|| [1, 2, 3, 4], deflate);
    sender.text(&text(2, 40_000), &mut wire).unwrap();
    sender.begin(Kind::Binary, &[0; 30_000], &mut wire).unwrap();
    sender.finish(text(3, 4000).as_bytes(), &mut wire).unwrap();
    wire
}

type PooledReceiver = MessageDecoder<Decompressor<PooledInflate>>;

/// Receives `wire`, cut into reads of `size`. The lengths of the messages go to `lens`, which has
/// room for them.
fn whole(
    receiver: &mut PooledReceiver,
    wire: &mut [u8],
    size: usize,
    lens: &mut Vec<usize>,
) -> Result<(), ErrorKind> {
    for mut read in wire.chunks_mut(size) {
        while let Some(event) = receiver.receive(&mut read)? {
            if let Event::Message(message) = event {
                lens.push(message.payload.len());
            }
        }
    }
    Ok(())
}

fn pieces(
    receiver: &mut PooledReceiver,
    wire: &mut [u8],
    size: usize,
    lens: &mut Vec<usize>,
) -> Result<(), ErrorKind> {
    let mut len = 0;
    for mut read in wire.chunks_mut(size) {
        while let Some(piece) = receiver.receive_piece(&mut read)? {
            match piece {
                Piece::Data(data) => len += data.len(),
                Piece::End => lens.push(core::mem::take(&mut len)),
                _ => {}
            }
        }
    }
    Ok(())
}

#[test]
fn a_receiver_without_memory_fails_by_itself() {
    let wire = wire();
    let pool = DeflatePool::with_engines();
    let connect = || {
        let inflate = pool.decompressor(&AgreedDeflate::default(), &Limits::default());
        MessageDecoder::with_extension(Role::Server, &Limits::default(), inflate)
    };
    let mut all = Vec::new();
    whole(&mut connect(), &mut wire.clone(), usize::MAX, &mut all).unwrap();
    assert_eq!(all.len(), 4);
    for how in [whole, pieces] {
        for size in [usize::MAX, 1000, 7] {
            let mut failures = 0;
            for budget in budgets() {
                pool.release();
                let (mut receiver, mut bytes) = (connect(), wire.clone());
                let mut lens = Vec::with_capacity(8);
                let result = within(budget, || how(&mut receiver, &mut bytes, size, &mut lens));
                assert!(all.starts_with(&lens));
                if result.is_ok() {
                    assert_eq!(lens, all);
                    break;
                }
                failures += 1;
                assert_eq!(result, Err(NO_MEMORY));
                // It stays so, also when there is memory again.
                assert_eq!(receiver.end().unwrap_err().error, NO_MEMORY);
                let mut rest = wire.clone();
                assert_eq!(
                    receiver.receive(&mut &mut rest[..]).unwrap_err().error,
                    NO_MEMORY
                );
                if failures % 16 == 0 {
                    // Another connection of the same pool is not concerned.
                    lens.clear();
                    how(&mut connect(), &mut wire.clone(), size, &mut lens).unwrap();
                    assert_eq!(lens, all);
                }
            }
            assert!((10..budgets().count()).contains(&failures), "{failures}");
        }
    }
}

#[test]
fn reading_into_place_without_memory() {
    let mut receiver = MessageDecoder::new(Role::Client, &Limits::default());
    let mut bytes = *b"\x82\x7f\0\0\0\0\0\x01\0\0abc";
    assert_eq!(receiver.receive(&mut &mut bytes[..]).unwrap(), None);
    assert!(within(50, || receiver.space(1000).is_none()));
    assert_eq!(receiver.space(1000).map(|space| space.len()), Some(1000));
    let mut more = [0; 3000];
    let failed = within(50, || receiver.receive(&mut &mut more[..]).unwrap_err());
    assert_eq!(failed.error, NO_MEMORY);
}

/// Many messages that are read after the call, in a buffer that receivers share.
#[test]
fn batches_without_memory() {
    let mut sender = MessageEncoder::client(|| [9, 8, 7, 6]);
    let mut wire = Vec::new();
    let long = vec![b'x'; 9000];
    for _ in 0..3 {
        sender.begin(Kind::Binary, &long, &mut wire).unwrap();
        sender.finish(&long[..100], &mut wire).unwrap();
    }
    let cut = wire.len() - 7000;
    let mut shared = BatchBuffer::default();
    let mut failures = 0;
    let receiver = || MessageDecoder::new(Role::Server, &Limits::default());
    fn batch(
        receiver: &mut MessageDecoder,
        shared: &mut BatchBuffer,
        input: &mut [u8],
    ) -> Result<usize, ErrorKind> {
        receiver.release(shared);
        receiver.begin_batch(shared, input.len())?;
        let (mut at, mut messages, before) = (0, 0, receiver.held().as_ptr());
        let result = loop {
            match receiver.find_any(input, &mut at) {
                Ok(Some(_)) => messages += 1,
                Ok(None) => break Ok(messages),
                Err(fault) => break Err(fault.error),
            }
        };
        if result.is_ok() {
            assert_eq!(receiver.held().as_ptr(), before, "moved within a batch");
        }
        receiver.end_batch(shared);
        result
    }
    for budget in budgets() {
        let (mut one, mut other, mut bytes) = (receiver(), receiver(), wire.clone());
        let (front, back) = bytes.split_at_mut(cut);
        shared = BatchBuffer::default();
        let result: Result<usize, ErrorKind> = within(budget, || {
            let first = batch(&mut one, &mut shared, front)?;
            Ok(first + batch(&mut one, &mut shared, back)?)
        });
        let mut bytes = wire.clone();
        assert_eq!(batch(&mut other, &mut shared, &mut bytes), Ok(3));
        match result {
            Ok(messages) => assert_eq!(messages, 3),
            Err(error) => {
                assert_eq!(error, NO_MEMORY);
                failures += 1;
            }
        }
    }
    assert!((10..budgets().count()).contains(&failures));
    drop(shared);
}

/// A pong for which there is no memory is sent later, and a close frame that was not sent is not
/// said to be.
#[test]
fn a_session_without_memory_for_its_answers() {
    let mut session = Session::server(&session::SessionOptions::default());
    let mut out = Vec::new();
    let mut ping = *b"\x89\x81\0\0\0\0?";
    let mut input = &mut ping[..];
    within(1, || assert!(session.receive(&mut input, &mut out).is_ok()));
    assert!(session.has_pending_pong() && out.is_empty());
    let mut close = *b"\x88\x80\0\0\0\0";
    let mut input = &mut close[..];
    assert!(session.receive(&mut input, &mut out).is_ok());
    assert_eq!(out, b"\x8a\x01?\x88\x00");
    assert!(session.outcome().unwrap().clean);

    let mut session = Session::server(&session::SessionOptions::default());
    let mut out = Vec::new();
    let mut input = &mut close[..];
    within(1, || assert!(session.receive(&mut input, &mut out).is_ok()));
    let outcome = session.outcome().unwrap();
    assert_eq!((outcome.sent, outcome.clean), (None, false));
}

/// The memory that compressors and pools report is right after failures too.
#[test]
fn memory_is_told_after_failures() {
    let before = LIVE.get();
    {
        let pool = DeflatePool::with_engines();
        let mut compressor = pool.compressor(&AgreedDeflate::default(), &DeflateOptions::default());
        let plain = text(5, 3000).into_bytes();
        let held = LIVE.get();
        for budget in budgets() {
            pool.release();
            let mut out = Vec::new();
            let _ = within(budget, || compressor.message(&plain, &mut out));
            drop(out);
            assert_eq!(pool.memory() + compressor.memory(), LIVE.get() - held);
            compressor.discard(false);
        }
    }
    assert_eq!(LIVE.get(), before);
}
