//! Messages in pieces, as their bytes arrive.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use wscodec::frame::OpCode;
use wscodec::message::Piece as PieceRef;

use crate::connection::{Fed, Step};
use crate::input::copied;
use crate::message::CloseFrame;
use crate::names::{Error, Kind};
use crate::shared::Shared;

/// A piece of a message, or a control frame between pieces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A message begins.
    Begin(Kind),
    /// The next bytes of the message, at most as many as were read at once. A text may be cut within a
    /// character; all of it is checked to be UTF-8.
    Data(Bytes),
    /// The message is at its end.
    End,
    /// A ping. The connection answers it.
    Ping(Bytes),
    /// A pong.
    Pong(Bytes),
    /// A close frame. The connection answers it.
    Close(Option<CloseFrame>),
}

pub(crate) fn poll_piece<S: AsyncRead + AsyncWrite + Unpin>(
    shared: &Arc<Shared<S>>,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Piece, Error>>> {
    shared.poll_read(cx, false, |session, fed, out| {
        let Fed::Bytes(input) = fed else {
            return Ok(Step::Other);
        };
        let Some((piece, _)) = session.receive_piece(input, out)? else {
            return Ok(Step::Nothing);
        };
        let copy = Bytes::copy_from_slice;
        Ok(match piece {
            PieceRef::Frame(header) => match header.opcode {
                OpCode::Text => Step::Found(Piece::Begin(Kind::Text), false),
                OpCode::Binary => Step::Found(Piece::Begin(Kind::Binary), false),
                _ => Step::Other,
            },
            PieceRef::Data(data) => Step::Found(Piece::Data(copied(data)), false),
            PieceRef::End => Step::Found(Piece::End, false),
            PieceRef::Ping(payload) => Step::Found(Piece::Ping(copy(payload)), true),
            PieceRef::Pong(payload) => Step::Found(Piece::Pong(copy(payload)), false),
            PieceRef::Close(close) => Step::Found(Piece::Close(close.map(CloseFrame::from)), true),
        })
    })
}
