//! The names of the core that this crate uses, in one place.

pub(crate) use wscodec::deflate::{AgreedDeflate, DeflateOptions, WindowBits};
pub(crate) use wscodec::frame::CloseFrame as LentClose;
pub(crate) use wscodec::handshake::{UpgradeRequest, UpgradeRequestReader};
pub(crate) use wscodec::io::{Error, Keys};
pub(crate) use wscodec::message::{Kind, MessageRef};
pub(crate) use wscodec::session::{Event, Sender, Session, SessionOptions, SessionState};
