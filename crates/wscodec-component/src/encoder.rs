//! The message encoder.

use core::cell::RefCell;
use core::mem::take;

use alloc::string::String;
use alloc::vec::Vec;

use core_codec::deflate::Compressor;
use core_codec::error::{CloseCode, ErrorKind, MisuseError, PeerError};
use core_codec::message::{self, OutboundExtension as _};
use core_codec::session::Out;

use crate::errors;
use crate::events;
use crate::keys::Keys;
use crate::memory::Inside;
use crate::options;
use crate::wit::messages::{EncoderOptions, GuestMessageEncoder, MessageEncoder, OutboundDeflate};
use crate::wit::types::{CloseFrame, Error, Kind};

/// A message encoder and its output.
pub(crate) struct Encoder(RefCell<State>);

struct State {
    encoder: message::MessageEncoder<Keys, Out>,
    output: Vec<u8>,
}

/// The extension of an encoder or a session.
pub(crate) fn outbound(deflate: Option<&OutboundDeflate>) -> Result<Out, Error> {
    let Some(deflate) = deflate else {
        return Ok(Out::default());
    };
    let agreed = options::agreed(&deflate.agreed)?;
    let options = options::deflate(&deflate.options)?;
    Ok(Compressor::new(&agreed, &options).into())
}

impl Encoder {
    /// Does what `write` does, inside of a call.
    fn write(
        &self,
        write: impl FnOnce(
            &mut message::MessageEncoder<Keys, Out>,
            &mut Vec<u8>,
        ) -> Result<(), ErrorKind>,
    ) -> Result<(), Error> {
        let _inside = Inside::enter();
        let State { encoder, output } = &mut *self.0.borrow_mut();
        write(encoder, output).map_err(errors::misuse)
    }
}

impl GuestMessageEncoder for Encoder {
    fn create(options: EncoderOptions) -> Result<MessageEncoder, Error> {
        let _inside = Inside::enter();
        errors::room(1, size_of::<Self>()).map_err(errors::misuse)?;
        let extension = outbound(options.deflate.as_ref())?;
        let keys = Keys::new(options.mask)?;
        Ok(MessageEncoder::new(Self(RefCell::new(State {
            encoder: message::MessageEncoder::new(keys, extension),
            output: Vec::new(),
        }))))
    }

    fn encode(&self, payloads: Vec<u8>, events: Vec<u32>) -> Result<(), Error> {
        self.write(|encoder, output| {
            let (rows, rest) = events.as_chunks::<3>();
            if !rest.is_empty() {
                return Err(MisuseError::BufferTooSmall.into());
            }
            for &row in rows {
                let [head, _, len] = row;
                let payload = events::payload(&payloads, row);
                if payload.len() != len as usize {
                    return Err(MisuseError::BufferTooSmall.into());
                }
                match head & 15 {
                    1 => encoder.send(message::Kind::Text, payload, output)?,
                    2 => encoder.binary(payload, output)?,
                    8 => match core::str::from_utf8(payload) {
                        Ok(_) => {
                            let (code, reason) = match events::close(head, payload) {
                                Some((code, reason)) => (Some(CloseCode::new(code)), reason),
                                None => (None, ""),
                            };
                            encoder.close(code, reason, output)?;
                        }
                        Err(_) => return Err(MisuseError::TextNotUtf8.into()),
                    },
                    9 => encoder.ping(payload, output)?,
                    10 => encoder.pong(payload, output)?,
                    _ => return Err(PeerError::ReservedOpcode.into()),
                }
            }
            Ok(())
        })
    }

    fn text(&self, text: String) -> Result<(), Error> {
        self.write(|encoder, output| encoder.text(&text, output))
    }

    fn send(&self, kind: Kind, payload: Vec<u8>) -> Result<(), Error> {
        self.write(|encoder, output| encoder.send(options::kind(kind), &payload, output))
    }

    fn begin(&self, kind: Kind, part: Vec<u8>) -> Result<(), Error> {
        self.write(|encoder, output| encoder.begin(options::kind(kind), &part, output))
    }

    fn more(&self, part: Vec<u8>) -> Result<(), Error> {
        self.write(|encoder, output| encoder.more(&part, output))
    }

    fn finish(&self, part: Vec<u8>) -> Result<(), Error> {
        self.write(|encoder, output| encoder.finish(&part, output))
    }

    fn ping(&self, payload: Vec<u8>) -> Result<(), Error> {
        self.write(|encoder, output| encoder.ping(&payload, output))
    }

    fn pong(&self, payload: Vec<u8>) -> Result<(), Error> {
        self.write(|encoder, output| encoder.pong(&payload, output))
    }

    fn close(&self, frame: Option<CloseFrame>) -> Result<(), Error> {
        self.write(|encoder, output| match &frame {
            Some(frame) => encoder.close(Some(CloseCode::new(frame.code)), &frame.reason, output),
            None => encoder.close(None, "", output),
        })
    }

    fn take_output(&self) -> Vec<u8> {
        take(&mut self.0.borrow_mut().output)
    }

    fn in_message(&self) -> bool {
        self.0.borrow().encoder.in_message()
    }

    fn memory(&self) -> u64 {
        let State { encoder, output } = &*self.0.borrow();
        let held = encoder.buffered() + encoder.extension().memory() + output.capacity();
        (size_of::<Self>() + held) as u64
    }

    fn release(&self) {
        let State { encoder, output } = &mut *self.0.borrow_mut();
        encoder.shrink();
        encoder.extension_mut().release();
        output.shrink_to_fit();
    }
}
