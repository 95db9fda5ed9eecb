//! permessage-deflate by hand: frames are read and written one by one, and those that are
//! compressed (RSV1) go through a decompressor and a compressor of our own. For messages in one
//! frame only.
//!
//! ```sh
//! cargo run --example io_deflate_frames -- 127.0.0.1:9001
//! ```

use std::env;
use std::io::{Cursor, Read, Write};
use std::net::{TcpListener, TcpStream};

use wscodec::deflate::{AgreedDeflate, Compressor, Decompressor, DeflateOptions};
use wscodec::frame::{CloseFrame, FrameHeader, OpCode, Role, Rsv, Rules};
use wscodec::handshake::UpgradeRequestReader;
use wscodec::io::{Error, read_frame, write_frame};
use wscodec::session::Policy;
use wscodec::{CloseCode, Limits, PeerError};

const MAX_FRAME: u64 = 1 << 20;

pub(crate) fn serve(mut stream: TcpStream) -> Result<(), Error> {
    let (agreed, rest) = shake_hands(&mut stream)?;
    let mut coders = agreed.map(|agreed| {
        let decompressor = Decompressor::new(&agreed, &Limits::DEFAULT);
        (
            decompressor,
            Compressor::new(&agreed, &DeflateOptions::DEFAULT),
        )
    });
    let rsv = if coders.is_some() {
        Rsv::RSV1
    } else {
        Rsv::NONE
    };
    let rules = Rules::new(Role::Server).with_rsv(rsv);
    let mut reader = rest.chain(stream.try_clone()?);
    let (mut payload, mut plain, mut coded) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        let header = read_frame(&mut reader, &mut payload, MAX_FRAME)?;
        rules.check(&header, false)?;
        let answer = FrameHeader {
            mask: None,
            ..header
        };
        match (header.opcode, &mut coders) {
            (OpCode::Close, _) => return close(&mut stream, &payload),
            (OpCode::Text | OpCode::Binary, Some((decompressor, compressor)))
                if header.fin && header.rsv.contains(Rsv::RSV1) =>
            {
                plain.clear();
                decompressor.message(&payload, &mut plain)?;
                coded.clear();
                compressor.message(&plain, &mut coded)?;
                write_frame(&mut stream, answer, &coded)?;
            }
            (OpCode::Text | OpCode::Binary, _) if header.fin => {
                write_frame(&mut stream, answer, &payload)?;
            }
            (OpCode::Ping, _) => {
                let opcode = OpCode::Pong;
                write_frame(&mut stream, FrameHeader { opcode, ..answer }, &payload)?;
            }
            (OpCode::Pong, _) => {}
            _ => return Err(wscodec::ErrorKind::from(PeerError::UnexpectedContinuation).into()),
        }
    }
}

/// Answers a close frame with the code that came, or says what is wrong with it: a code that must not
/// be sent must not be sent back either (RFC 6455 §7.4).
fn close(stream: &mut TcpStream, payload: &[u8]) -> Result<(), Error> {
    let header = FrameHeader::new(OpCode::Close, 0);
    match CloseFrame::parse(payload) {
        Ok(_) => write_frame(stream, header, payload),
        Err(fault) => {
            let code = fault
                .error
                .close_code()
                .unwrap_or(CloseCode::PROTOCOL_ERROR);
            write_frame(stream, header, &code.value().to_be_bytes())?;
            Err(fault.into())
        }
    }
}

/// Answers the request; gives back what was agreed on, and what came behind the request.
fn shake_hands(stream: &mut TcpStream) -> Result<(Option<AgreedDeflate>, Cursor<Vec<u8>>), Error> {
    let mut reader = UpgradeRequestReader::new(&Limits::DEFAULT);
    let (mut came, mut buffer, mut out) = (Vec::new(), [0; 1024], Vec::new());
    loop {
        let n = stream.read(&mut buffer)?;
        if n == 0 {
            return Err(wscodec::ErrorKind::from(PeerError::UnexpectedEof).into());
        }
        came.extend_from_slice(&buffer[..n]);
        if let Some(request) = reader.read(&came)? {
            let upgrade = Policy::DEFAULT.judge(&request)?;
            upgrade.accept().write(&mut out)?;
            stream.write_all(&out)?;
            let (agreed, head_len) = (upgrade.deflate(), request.head_len());
            return Ok((agreed, Cursor::new(came.split_off(head_len))));
        }
    }
}

fn main() -> Result<(), Error> {
    let address = env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:9001"))?;
    for stream in listener.incoming() {
        if let Err(error) = serve(stream?) {
            eprintln!("{error} ({})", error.code());
        }
    }
    Ok(())
}
