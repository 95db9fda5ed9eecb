//! The message decoder.

use core::cell::RefCell;

use alloc::vec::Vec;

use core_codec::deflate::{AgreedDeflate, Decompressor};
use core_codec::message::{InboundExtension as _, MessageDecoder as Decoder, Opaque};
use core_codec::session::In;

use crate::Codec;
use crate::encoder::Encoder;
use crate::errors;
use crate::events;
use crate::intake::{Decoded, Intake};
use crate::memory::Inside;
use crate::options;
use crate::wit::messages::{
    DecoderOptions, Guest, GuestMessageDecoder, InboundExtension, MessageDecoder,
};
use crate::wit::types::{Batch, Error, Events, Limits};

impl Guest for Codec {
    type MessageDecoder = Messages;
    type MessageEncoder = Encoder;
}

impl crate::wit::types::Guest for Codec {
    fn error_table() -> Vec<Error> {
        let _inside = Inside::enter();
        errors::table()
    }

    fn default_limits() -> Limits {
        options::wit_limits(&core_codec::Limits::DEFAULT)
    }
}

/// A message decoder. A call of the canonical ABI has a shared borrow only.
pub(crate) struct Messages {
    state: RefCell<State>,
    pieces: bool,
}

struct State {
    decoder: Decoder<In>,
    intake: Intake,
}

impl Messages {
    fn decoded(&self, bytes: Vec<u8>) -> Decoded {
        let State { decoder, intake } = &mut *self.state.borrow_mut();
        intake.decode(decoder, bytes)
    }
}

impl GuestMessageDecoder for Messages {
    fn create(options: DecoderOptions) -> Result<MessageDecoder, Error> {
        let _inside = Inside::enter();
        errors::room(1, size_of::<Self>()).map_err(errors::misuse)?;
        let limits = options::limits(&options.limits);
        let mut opaque = false;
        let extension = match options.extension {
            InboundExtension::None => In::default(),
            InboundExtension::Deflate(agreed) => {
                let agreed: AgreedDeflate = options::agreed(&agreed)?;
                Decompressor::new(&agreed, &limits).into()
            }
            InboundExtension::Opaque(bits) => {
                let message = "the bits of an opaque extension must be a number from 1 to 7";
                let rsv = options::rsv(bits, message)?;
                if rsv.is_empty() {
                    return Err(errors::option(message));
                }
                opaque = true;
                In::custom(Opaque(rsv))
            }
        };
        let decoder = Decoder::with_extension(options::role(options.role), &limits, extension)
            .dangerously_accept_unmasked(options.dangerously_accept_unmasked)
            .with_offset(options.offset);
        let state = State {
            decoder,
            intake: Intake::new(options.pieces, opaque, false),
        };
        Ok(MessageDecoder::new(Self {
            state: RefCell::new(state),
            pieces: options.pieces,
        }))
    }

    fn decode(&self, bytes: Vec<u8>) -> Batch {
        let _inside = Inside::enter();
        events::batch(self.decoded(bytes))
    }

    fn decode_events(&self, bytes: Vec<u8>) -> Events {
        let _inside = Inside::enter();
        let decoded = self.decoded(bytes);
        events::events(decoded, self.pieces, self.state.borrow().decoder.offset())
    }

    fn end(&self) -> Result<(), Error> {
        let _inside = Inside::enter();
        self.state.borrow_mut().decoder.end().map_err(errors::fault)
    }

    fn offset(&self) -> u64 {
        self.state.borrow().decoder.offset()
    }

    fn frame_offset(&self) -> u64 {
        self.state.borrow().decoder.frame_offset()
    }

    fn in_message(&self) -> bool {
        self.state.borrow().decoder.in_message()
    }

    fn memory(&self) -> u64 {
        let State { decoder, intake } = &*self.state.borrow();
        let held = decoder.buffered() + decoder.extension().memory() + intake.memory();
        (size_of::<Self>() + held) as u64
    }

    fn release(&self) {
        let decoder = &mut self.state.borrow_mut().decoder;
        decoder.shrink();
        decoder.extension_mut().release();
    }
}
