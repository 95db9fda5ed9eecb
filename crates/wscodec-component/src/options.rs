//! The options of all resources, checked and in the types of the core.

use core::time::Duration;

use core_codec::Limits;
use core_codec::deflate::{AgreedDeflate, DeflateDirection, DeflateOptions, WindowBits};
use core_codec::error::MisuseError;
use core_codec::frame::{Role, Rsv};
use core_codec::message::Kind;

use crate::errors;
use crate::wit::deflate as wit_deflate;
use crate::wit::types;
use crate::wit::types::Error;

pub(crate) fn role(role: types::Role) -> Role {
    match role {
        types::Role::Client => Role::Client,
        types::Role::Server => Role::Server,
    }
}

pub(crate) fn kind(kind: types::Kind) -> Kind {
    match kind {
        types::Kind::Text => Kind::Text,
        types::Kind::Binary => Kind::Binary,
    }
}

pub(crate) fn limits(limits: &types::Limits) -> Limits {
    Limits {
        frame: limits.frame,
        message: limits.message,
        fragments: limits.fragments,
        inflation: limits.inflation,
        head: limits.head as usize,
        headers: limits.headers as usize,
    }
}

/// Reserved bits out of a number; the message names the option.
pub(crate) fn rsv(bits: u8, message: &'static str) -> Result<Rsv, Error> {
    match bits {
        0..=7 => Ok(Rsv::new(bits)),
        _ => Err(errors::option(message)),
    }
}

pub(crate) fn direction(
    direction: wit_deflate::DeflateDirection,
) -> Result<DeflateDirection, Error> {
    match WindowBits::new(direction.window) {
        Some(window) => Ok(DeflateDirection {
            window,
            takeover: direction.takeover,
        }),
        None => Err(errors::misuse(MisuseError::WindowBits)),
    }
}

pub(crate) fn agreed(agreed: &wit_deflate::AgreedDeflate) -> Result<AgreedDeflate, Error> {
    Ok(AgreedDeflate {
        send: direction(agreed.send)?,
        receive: direction(agreed.receive)?,
    })
}

pub(crate) fn deflate(options: &wit_deflate::DeflateOptions) -> Result<DeflateOptions, Error> {
    let mut checked = DeflateOptions::DEFAULT;
    checked.send = direction(options.send)?;
    checked.receive = direction(options.receive)?;
    checked.level = options.level;
    checked.threshold = options.threshold as usize;
    Ok(checked)
}

/// The other way round.
pub(crate) fn wit_direction(direction: DeflateDirection) -> wit_deflate::DeflateDirection {
    wit_deflate::DeflateDirection {
        window: direction.window.bits(),
        takeover: direction.takeover,
    }
}

pub(crate) fn wit_agreed(agreed: &AgreedDeflate) -> wit_deflate::AgreedDeflate {
    wit_deflate::AgreedDeflate {
        send: wit_direction(agreed.send),
        receive: wit_direction(agreed.receive),
    }
}

pub(crate) fn wit_limits(limits: &Limits) -> types::Limits {
    types::Limits {
        frame: limits.frame,
        message: limits.message,
        fragments: limits.fragments,
        inflation: limits.inflation,
        head: limits.head as u32,
        headers: limits.headers as u32,
    }
}

/// A time in milliseconds.
pub(crate) fn time(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Milliseconds of a time; a time that is too long for them is never reached.
pub(crate) fn milliseconds(time: Duration) -> Option<u64> {
    u64::try_from(time.as_millis()).ok()
}
