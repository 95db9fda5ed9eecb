//! A compressor and an inflater with exactly the agreed window: messages come back, whatever the
//! engine, the window and the takeover.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wscodec::Limits;
use wscodec::deflate::{
    Compressor, Decompressor, Deflate, DeflateDirection, DeflateOptions, MinizDeflate,
    MinizInflate, WindowBits, ZlibDeflate, ZlibInflate,
};
use wscodec_fuzz::Choices;

fn round_trip<D: Deflate>(direction: DeflateDirection, options: &DeflateOptions, bytes: &[u8]) {
    let mut compressor = Compressor::<D>::with_engine(direction, options);
    let mut miniz = Decompressor::<MinizInflate>::with_engine(direction, &Limits::default());
    let mut zlib = Decompressor::<ZlibInflate>::with_engine(direction, &Limits::default());
    let mut choices = Choices::new(bytes);
    while !choices.is_empty() {
        // A message is a part of the input, repeated so that it is longer than small windows.
        let (len, times) = (choices.byte(), choices.byte());
        let message = choices.take(len.into()).repeat(1 + usize::from(times) % 40);
        let mut coded = Vec::new();
        compressor
            .message(&message, &mut coded)
            .expect("memory is there");
        for plain in [
            {
                let mut plain = Vec::new();
                miniz
                    .message(&coded, &mut plain)
                    .expect("it was compressed by us");
                plain
            },
            {
                let mut plain = Vec::new();
                zlib.message(&coded, &mut plain)
                    .expect("it was compressed by us");
                plain
            },
        ] {
            assert_eq!(plain, message);
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut choices = Choices::new(bytes);
    let (bits, flags) = (choices.byte(), choices.byte());
    let direction = DeflateDirection {
        window: WindowBits::new(8 + bits % 8).unwrap(),
        takeover: flags & 1 != 0,
    };
    let mut options = DeflateOptions::default();
    options.level = (flags >> 1) % 10;
    match flags & 0x80 {
        0 => round_trip::<MinizDeflate>(direction, &options, choices.rest()),
        _ => round_trip::<ZlibDeflate>(direction, &options, choices.rest()),
    }
});
