//! An echo server that does all by hand: the handshake's bytes, each frame's header, its mask, and
//! what control frames ask for.
//!
//! ```sh
//! cargo run --example io_echo_frames -- 127.0.0.1:9001
//! ```

use std::env;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use wscodec::frame::{CloseFrame, FrameHeader, OpCode, Role, Rules, mask};
use wscodec::handshake::{Rejection, UpgradeRequestReader};
use wscodec::io::{Error, read_header, write_frame};
use wscodec::{CloseCode, LimitError, Limits, PeerError};

const MAX_FRAME: u64 = 1 << 20;

pub(crate) fn serve(mut stream: TcpStream) -> Result<(), Error> {
    let rest = shake_hands(&mut stream)?;
    let mut reader = rest.chain(stream.try_clone()?);
    let rules = Rules::new(Role::Server);
    let mut in_message = false;
    let mut payload = Vec::new();
    loop {
        let header = read_header(&mut reader)?;
        rules.check(&header, in_message)?;
        if header.len > MAX_FRAME {
            return Err(wscodec::ErrorKind::from(LimitError::FrameTooLarge).into());
        }
        payload.resize(header.len as usize, 0);
        reader.read_exact(&mut payload)?;
        if let Some(key) = header.mask {
            mask::apply(key, 0, &mut payload);
        }
        // A server's frames are not masked.
        let answer = FrameHeader {
            mask: None,
            ..header
        };
        match header.opcode {
            OpCode::Close => return close(&mut stream, &payload),
            OpCode::Ping => {
                let opcode = OpCode::Pong;
                write_frame(&mut stream, FrameHeader { opcode, ..answer }, &payload)?;
            }
            OpCode::Pong => {}
            OpCode::Text | OpCode::Binary | OpCode::Continuation => {
                in_message = !header.fin;
                write_frame(&mut stream, answer, &payload)?;
            }
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

/// Answers the request; gives back what came behind it.
fn shake_hands(stream: &mut TcpStream) -> Result<std::io::Cursor<Vec<u8>>, Error> {
    let mut reader = UpgradeRequestReader::new(&Limits::DEFAULT);
    let (mut came, mut buffer, mut out) = (Vec::new(), [0; 1024], Vec::new());
    let head_len = loop {
        let n = stream.read(&mut buffer)?;
        if n == 0 {
            return Err(wscodec::ErrorKind::from(PeerError::UnexpectedEof).into());
        }
        came.extend_from_slice(&buffer[..n]);
        match reader.read(&came) {
            Ok(Some(request)) => {
                request.accept().write(&mut out)?;
                break request.head_len();
            }
            Ok(None) => {}
            Err(fault) => {
                if let Some(rejection) = Rejection::of(fault) {
                    rejection.write(&mut out)?;
                }
                stream.write_all(&out)?;
                return Err(fault.into());
            }
        }
    };
    stream.write_all(&out)?;
    came.drain(..head_len);
    Ok(std::io::Cursor::new(came))
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
