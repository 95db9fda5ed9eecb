//! A host of the codec as a component, in Rust: `component-host COMPONENT`.
//!
//! It encodes and decodes through the component, checks the result, and prints the time for each message.

use std::hint::black_box;
use std::time::{Duration, Instant};

use wasmtime::component::{Component, Linker, ResourceAny};
use wasmtime::{Engine, Store};

wasmtime::component::bindgen!({
    path: "../../crates/wscodec-component/wit",
    world: "codec",
});

use exports::wscodec::codec::messages::{DecoderOptions, EncoderOptions, InboundExtension};
use exports::wscodec::codec::types;

type Failure = Box<dyn std::error::Error>;

/// An instance of the component.
struct Host {
    store: Store<()>,
    codec: Codec,
}

impl Host {
    fn new(path: &str) -> wasmtime::Result<Self> {
        let engine = Engine::default();
        let component = Component::from_file(&engine, path)?;
        let mut store = Store::new(&engine, ());
        // The component imports nothing.
        let codec = Codec::instantiate(&mut store, &component, &Linker::new(&engine))?;
        Ok(Self { store, codec })
    }

    /// A message decoder of a server.
    fn decoder(&mut self) -> wasmtime::Result<ResourceAny> {
        let limits = self
            .codec
            .wscodec_codec_types()
            .call_default_limits(&mut self.store)?;
        let options = DecoderOptions {
            role: types::Role::Server,
            limits,
            extension: InboundExtension::None,
            pieces: false,
            offset: 0,
            dangerously_accept_unmasked: false,
        };
        self.codec
            .wscodec_codec_messages()
            .message_decoder()
            .call_create(&mut self.store, options)?
            .map_err(|error| wasmtime::Error::msg(error.message))
    }

    fn decode(&mut self, decoder: ResourceAny, bytes: &[u8]) -> wasmtime::Result<types::Batch> {
        self.codec
            .wscodec_codec_messages()
            .message_decoder()
            .call_decode(&mut self.store, decoder, bytes)
    }
}

/// Masked messages of that length, as a client sends them.
fn wire(host: &mut Host, len: usize, count: usize) -> wasmtime::Result<Vec<u8>> {
    let Host { store, codec } = host;
    let encoders = codec.wscodec_codec_messages().message_encoder();
    let keys = vec![(0x37, 0xfa, 0x21, 0x3d)];
    let options = EncoderOptions {
        mask: types::MaskSource::DangerouslyRepeated(keys),
        deflate: None,
    };
    let failed = |error: types::Error| wasmtime::Error::msg(error.message);
    let encoder = encoders
        .call_create(&mut *store, &options)?
        .map_err(failed)?;
    for _ in 0..count {
        let text = "x".repeat(len);
        encoders
            .call_text(&mut *store, encoder, &text)?
            .map_err(failed)?;
    }
    let bytes = encoders.call_take_output(&mut *store, encoder)?;
    encoder.resource_drop(store)?;
    Ok(bytes)
}

fn lengths(batch: &types::Batch) -> usize {
    let (rows, _) = batch.events.as_chunks::<3>();
    rows.iter()
        .map(|&[_, start, len]| {
            let (start, len) = (start as usize, len as usize);
            black_box(batch.payloads[start..start + len].to_vec()).len()
        })
        .sum()
}

fn check(host: &mut Host) -> Result<(), Failure> {
    // RFC 6455 §5.7: "Hello", and then a frame that is not masked.
    let mut bytes = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58".to_vec();
    bytes.extend(b"\x81\x00");
    let decoder = host.decoder()?;
    let batch = host.decode(decoder, &bytes)?;
    let [head, start, len] = batch.events[..] else {
        return Err("one event was expected".into());
    };
    let payload = &batch.payloads[start as usize..(start + len) as usize];
    let error = batch.error.ok_or("an error was expected")?;
    if (head & 15, payload) != (1, b"Hello") {
        return Err(format!("a text was expected: {head:x} {payload:?}").into());
    }
    let told = (&error.code[..], error.close_code, error.offset);
    if told != ("UNMASKED_FRAME", Some(1002), Some(11)) {
        return Err(format!("another error was expected: {told:?}").into());
    }
    decoder.resource_drop(&mut host.store)?;
    Ok(())
}

fn measure(host: &mut Host, len: usize) -> Result<(), Failure> {
    const ROUNDS: usize = 15;
    const CHUNK: usize = 64 << 10;
    let count = CHUNK / (len + 8);
    let wire = wire(host, len, count)?;
    let repeats = 50;
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let decoder = host.decoder()?;
        times.push(timed(repeats, || {
            let batch = host.decode(decoder, &wire).expect("a batch");
            assert_eq!(lengths(&batch), len * count);
        }));
        decoder.resource_drop(&mut host.store)?;
    }
    times.sort();
    let each = times[ROUNDS / 2].as_nanos() as f64 / (repeats * count) as f64;
    println!("text of {len} bytes: {each:.0} ns a message");
    Ok(())
}

fn timed(repeats: usize, mut run: impl FnMut()) -> Duration {
    let start = Instant::now();
    for _ in 0..repeats {
        run();
    }
    start.elapsed()
}

fn main() -> Result<(), Failure> {
    let path = std::env::args().nth(1).ok_or("component-host COMPONENT")?;
    let mut host = Host::new(&path)?;
    check(&mut host)?;
    for len in [64, 1024] {
        measure(&mut host, len)?;
    }
    println!("ok");
    Ok(())
}
