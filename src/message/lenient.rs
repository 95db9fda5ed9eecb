//! The rules that a decoder or an encoder skips on request.

use super::{MaskSource, MessageDecoder, MessageEncoder, OutboundExtension};

impl<E> MessageDecoder<E> {
    /// Accepts frames without a mask at a server; see
    /// [`Rules::dangerously_accept_unmasked`](crate::frame::Rules::dangerously_accept_unmasked).
    #[must_use]
    pub fn dangerously_accept_unmasked(mut self, unmasked: bool) -> Self {
        let (rules, _) = self.rules_mut();
        *rules = rules.dangerously_accept_unmasked(unmasked);
        self
    }

    /// Accepts texts that are not valid UTF-8, against RFC 6455 §8.1, for relays that leave the check
    /// to the next endpoint. Such a text is lent like any other, and
    /// [`MessageRef::text`](super::MessageRef::text) returns `None` for it. Long payloads are not
    /// examined. The reason of a close frame is still checked.
    ///
    /// ```
    /// use wscodec::{Limits, frame::Role, message::{Event, MessageDecoder}};
    ///
    /// let decoder = MessageDecoder::new(Role::Client, &Limits::default());
    /// let mut decoder = decoder.dangerously_accept_invalid_utf8(true);
    /// let mut bytes = *b"\x81\x01\xff";
    /// let Some(Event::Message(message)) = decoder.receive(&mut &mut bytes[..])? else { panic!() };
    /// assert_eq!((message.payload, message.text()), (&b"\xff"[..], None));
    /// # Ok::<(), wscodec::Fault>(())
    /// ```
    #[must_use]
    pub fn dangerously_accept_invalid_utf8(mut self, accept: bool) -> Self {
        self.rules_mut().1.utf8 = !accept;
        self
    }
}

impl<M: MaskSource, X: OutboundExtension> MessageEncoder<M, X> {
    /// Sends texts that are not valid UTF-8, against RFC 6455 §5.6, for relays that
    /// [accept](super::MessageDecoder::dangerously_accept_invalid_utf8) such texts.
    ///
    /// ```
    /// use wscodec::message::{Kind, MessageEncoder};
    ///
    /// let mut out = Vec::new();
    /// let mut encoder = MessageEncoder::server().dangerously_send_invalid_utf8(true);
    /// encoder.send(Kind::Text, b"\xff", &mut out)?;
    /// assert_eq!(out, b"\x81\x01\xff");
    /// # Ok::<(), wscodec::ErrorKind>(())
    /// ```
    #[must_use]
    pub fn dangerously_send_invalid_utf8(mut self, send: bool) -> Self {
        *self.utf8_mut() = !send;
        self
    }
}
