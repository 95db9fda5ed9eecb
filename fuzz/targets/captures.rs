//! Capture files: any split gives the same packets, and every packet is read without a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wscodec_fuzz::{Choices, Cuts};
use wscodec_inspect::container::{Container, ContainerError, Record};
use wscodec_inspect::packet::PacketReader;

type Run = (Vec<(u64, Option<i128>, Vec<u8>)>, Option<ContainerError>);

fn run(bytes: &[u8], seed: u8) -> Run {
    let mut bytes = bytes.to_vec();
    let mut rest = &mut bytes[..];
    let mut cuts = Cuts::new(seed);
    let (mut container, mut reader) = (Container::new(), PacketReader::new());
    let mut packets = Vec::new();
    loop {
        let piece = cuts.next(&mut rest);
        let pushed = container.push(piece, &mut |record| {
            if let Record::Packet(packet) = record {
                packets.push((packet.number, packet.time, packet.data.to_vec()));
                let _ = reader.segment(packet.link, packet.data, packet.original_len);
            }
        });
        if let Err(error) = pushed {
            return (packets, Some(error));
        }
        if rest.is_empty() {
            return (packets, container.finish().err());
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut choices = Choices::new(bytes);
    let seed = choices.byte();
    let bytes = choices.rest();
    assert_eq!(run(bytes, seed | 1), run(bytes, 0));
});
