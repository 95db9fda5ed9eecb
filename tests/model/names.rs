//! The actions and the transitions of the model, with a list of all of each.

macro_rules! names {
    ($(#[doc = $of:literal])* $type:ident; $($(#[doc = $doc:literal])* $name:ident,)*) => {
        $(#[doc = $of])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum $type { $($(#[doc = $doc])* $name,)* }

        impl $type {
            pub(crate) const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}

names! {
    /// An action of the peer, the caller or the clock.
    Action;
    PeerText,
    PeerBegin,
    PeerMore,
    PeerFinish,
    PeerPing,
    PeerPong,
    PeerClose,
    PeerCloseEmpty,
    PeerBadText,
    PeerReserved,
    PeerWrongMask,
    PeerEof,
    Text,
    Begin,
    More,
    Finish,
    Ping,
    Pong,
    Close,
    CloseEmpty,
    CloseReserved,
    Fail,
    Pause,
    Resume,
    Wait,
    Flush,
}

names! {
    /// A transition of the model.
    Rule;
    /// §5.4: a message of one frame.
    ReceiveMessage,
    /// §5.4: a message begins.
    ReceiveBegin,
    /// §5.4: a fragment that is not the last.
    ReceiveMore,
    /// §5.4: the last fragment completes the message.
    ReceiveFinish,
    /// §5.4: a message must not begin inside another.
    RefuseNested,
    /// §5.4: a continuation needs a begun message.
    RefuseContinuation,
    /// §8.1: a text is UTF-8.
    RefuseText,
    /// §5.2: reserved opcodes.
    RefuseOpcode,
    /// §5.1: a client masks, a server does not.
    RefuseMask,
    /// §5.5.2: a ping is answered.
    AnswerPing,
    /// §5.5.3: the pong waits for room, and only the newest ping is answered.
    KeepPing,
    /// A pong that waited is sent when there is room.
    SendKeptPong,
    /// A pong that waited is sent before our close frame, which is the last frame.
    SendKeptPongBeforeClose,
    /// A ping is the caller's to answer, because `auto_pong` is off.
    ShowPing,
    /// §5.5.1: no frame follows a close frame, so a ping that comes later has no answer.
    PingWhileClosing,
    /// §5.5.3: a pong that nobody asked for is no error.
    ReceivePong,
    /// §5.5.1: a close frame is answered with its code.
    AnswerClose,
    /// §5.5.1: the caller answers, because `auto_close` is off.
    ShowClose,
    /// §7.1.4: the answer to our close frame ends the session clean.
    CloseAnswered,
    /// §5.5.1: bytes behind the peer's close frame are dropped.
    DropAfterClose,
    /// A failed session returns the same error for ever.
    SameFault,
    /// §7.1.5: the transport ended without a close frame: 1006.
    EofWhileOpen,
    /// The same after our close frame.
    EofWhileClosing,
    /// The transport ended after the peer's close frame.
    EofAfterClose,
    Send,
    SendBegin,
    SendMore,
    SendFinish,
    SendPing,
    SendPong,
    /// §5.4: a message must not begin inside another.
    MisuseNested,
    /// §5.4: a continuation needs a begun message.
    MisuseContinuation,
    /// §5.5.1: nothing is sent after a close frame.
    MisuseClosing,
    /// §7.4.1: 1005, 1006 and 1015 are never sent.
    MisuseCloseCode,
    /// §7.1.2: the caller begins the close.
    BeginClose,
    /// The caller answers the peer's close frame.
    AnswerCloseByHand,
    /// §7.1.7: the caller fails the connection.
    FailOpen,
    /// The same, after a close frame was sent: no second one.
    FailClosing,
    /// The first cause of an end stays.
    FailClosed,
    Pausing,
    Resuming,
    Flushing,
    /// Nothing is due.
    Waiting,
    /// The heartbeat's ping.
    Heartbeat,
    /// §5.5.2: the ping has left and nothing came.
    NoPong,
    /// The ping could not leave.
    PingStalled,
    /// 1001: no message came for too long.
    IdleClose,
    /// Our close frame has left and the peer does not answer.
    NoClose,
    /// Our close frame could not leave.
    CloseStalled,
}
