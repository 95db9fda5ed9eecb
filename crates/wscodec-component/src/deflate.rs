//! permessage-deflate: its negotiation, and payloads outside of messages.

use core::cell::RefCell;

use alloc::string::String;
use alloc::vec::Vec;

use core_codec::deflate as core_deflate;
use core_codec::deflate::{AgreedDeflate, DeflateAnswer, NAME};
use core_codec::error::{ErrorKind, HandshakeError};
use core_codec::head::{Extension, Extensions};

use crate::Codec;
use crate::errors;
use crate::memory::Inside;
use crate::options;
use crate::wit::deflate::{
    AcceptedDeflate, AgreedDeflate as WitAgreed, Compressor, Decompressor, DeflateDirection,
    DeflateOptions, Guest, GuestCompressor, GuestDecompressor,
};
use crate::wit::types::{Error, Limits};

/// The extensions of a header field's value; the error if it is malformed.
fn extensions(value: &str) -> impl Iterator<Item = Result<Extension<'_>, HandshakeError>> {
    Extensions::new([value.as_bytes()].into_iter())
        .map(|extension| extension.map_err(|_| HandshakeError::ExtensionParameter))
}

/// The extensions of an answer. All of it must be well formed.
fn answers(value: &str) -> Result<Vec<Extension<'_>>, Error> {
    let mut list = Vec::new();
    for extension in extensions(value) {
        let extension = extension.map_err(errors::misuse)?;
        errors::push(&mut list, extension).map_err(errors::misuse)?;
    }
    Ok(list)
}

impl Guest for Codec {
    type Compressor = Deflater;
    type Decompressor = Inflater;

    fn default_options() -> DeflateOptions {
        let default = core_deflate::DeflateOptions::DEFAULT;
        DeflateOptions {
            send: options::wit_direction(default.send),
            receive: options::wit_direction(default.receive),
            level: default.level,
            threshold: default.threshold as u32,
        }
    }

    fn accept(offers: String, wished: DeflateOptions) -> Result<Option<AcceptedDeflate>, Error> {
        let _inside = Inside::enter();
        let options = options::deflate(&wished)?;
        let Ok(offers) = answers(&offers) else {
            return Ok(None);
        };
        let Some(accepted) = options.accept(offers) else {
            return Ok(None);
        };
        Ok(Some(AcceptedDeflate {
            agreed: options::wit_agreed(&accepted.agreed),
            extensions: errors::copied(&accepted.header()).map_err(errors::misuse)?,
        }))
    }

    fn offer(wished: DeflateOptions) -> Result<String, Error> {
        let _inside = Inside::enter();
        let header = options::deflate(&wished)?.offer().header();
        errors::copied(&header).map_err(errors::misuse)
    }

    fn check(answer: String, wished: DeflateOptions) -> Result<Option<WitAgreed>, Error> {
        let _inside = Inside::enter();
        let offer = options::deflate(&wished)?.offer();
        let agreed = offer.check(answers(&answer)?).map_err(errors::misuse)?;
        Ok(agreed.as_ref().map(options::wit_agreed))
    }

    fn observe(answer: String) -> Result<Option<WitAgreed>, Error> {
        let _inside = Inside::enter();
        let answers = answers(&answer)?;
        let mut answers = answers.iter().filter(|answer| answer.name() == NAME);
        let Some(answer) = answers.next() else {
            return Ok(None);
        };
        match (DeflateAnswer::parse(answer), answers.next()) {
            (Some(answer), None) => Ok(Some(options::wit_agreed(&answer.agreed()))),
            _ => Err(errors::misuse(HandshakeError::ExtensionParameter)),
        }
    }
}

/// Compresses the messages of one direction.
pub(crate) struct Deflater(RefCell<core_deflate::Compressor>);

impl GuestCompressor for Deflater {
    fn create(direction: DeflateDirection, level: u8) -> Result<Compressor, Error> {
        let _inside = Inside::enter();
        errors::room(1, size_of::<Self>()).map_err(errors::misuse)?;
        let mut options = core_deflate::DeflateOptions::DEFAULT;
        options.send = options::direction(direction)?;
        options.level = level;
        let agreed = AgreedDeflate {
            send: options.send,
            ..AgreedDeflate::default()
        };
        let compressor = core_deflate::Compressor::new(&agreed, &options);
        Ok(Compressor::new(Self(RefCell::new(compressor))))
    }

    fn compress(&self, payload: Vec<u8>) -> Result<Vec<u8>, Error> {
        let _inside = Inside::enter();
        let mut out = Vec::new();
        match self.0.borrow_mut().message(&payload, &mut out) {
            Ok(()) => Ok(out),
            Err(error) => Err(errors::misuse(error)),
        }
    }

    fn memory(&self) -> u64 {
        (size_of::<Self>() + self.0.borrow().memory()) as u64
    }

    fn release(&self) {
        self.0.borrow_mut().release();
    }
}

/// Inflates the messages of one direction.
pub(crate) struct Inflater(RefCell<State>);

struct State {
    decompressor: core_deflate::Decompressor,
    /// A decompressor that has failed stays so.
    error: Option<ErrorKind>,
}

impl GuestDecompressor for Inflater {
    fn create(direction: DeflateDirection, limits: Limits) -> Result<Decompressor, Error> {
        let _inside = Inside::enter();
        errors::room(1, size_of::<Self>()).map_err(errors::misuse)?;
        let agreed = AgreedDeflate {
            receive: options::direction(direction)?,
            ..AgreedDeflate::default()
        };
        let limits = options::limits(&limits);
        let decompressor = core_deflate::Decompressor::new(&agreed, &limits);
        Ok(Decompressor::new(Self(RefCell::new(State {
            decompressor,
            error: None,
        }))))
    }

    fn decompress(&self, payload: Vec<u8>) -> Result<Vec<u8>, Error> {
        let _inside = Inside::enter();
        let State {
            decompressor,
            error,
        } = &mut *self.0.borrow_mut();
        let mut out = Vec::new();
        let result = match *error {
            None => decompressor.message(&payload, &mut out),
            Some(error) => Err(error),
        };
        *error = result.err();
        match *error {
            None => Ok(out),
            Some(error) => Err(errors::fault(error.at(0))),
        }
    }

    fn memory(&self) -> u64 {
        (size_of::<Self>() + self.0.borrow().decompressor.memory()) as u64
    }

    fn release(&self) {
        self.0.borrow_mut().decompressor.release();
    }
}
