//! The interface to the application: what happens to requests and messages.

use core::any::Any;
use core::fmt::Display;
use std::string::{String, ToString};
use std::vec::Vec;

use super::address::Address;
use super::handle::{DeferredAccept, ServerHandle};
use super::mailbox::UserEvent;
use super::output::PeerOutput;
use super::plain::{PlainRequest, Response};
use super::recipients::{Id, Recipients};
use wscodec::error::LimitError;
use wscodec::frame::CloseFrame;
use wscodec::handshake::UpgradeRequest;
use wscodec::message::{MessageRef, Prepared};
use wscodec::session::{Outbox, Outcome, Piece, Upgrade};

/// The application. Each event loop has a handler of its own, so that no handler waits for another
/// thread. If the loops have to share something, the handlers share it by their own means.
///
/// The event loop calls all methods: while one runs, the other connections of that loop wait.
///
/// # Panics
/// A panic in a method ends the connection that the method was called for: a request that was not
/// answered yet gets status 500, an open connection is closed with 1011, and its
/// [outcome](Outcome::fault) says [`HandlerFailed`](wscodec::MisuseError::HandlerFailed). The panic is
/// logged, and counted in [`Stats::panics`](super::Stats::panics); before that, the panic hook runs,
/// and the standard hook writes to standard error, which may block. The event loop and the handler go
/// on: the handler must be usable after a panic of its own. Where a panic aborts the process
/// (`panic = "abort"`, and always on WASI), a panic ends the server.
///
/// ```no_run
/// use wscodec::handshake::UpgradeRequest;
/// use wscodec::message::MessageRef;
/// use wscodec_server::{AcceptOptions, Handler, NotAccepted, Peer, Response, Server, ServerOptions};
///
/// /// Answers each message with its number and its length.
/// struct Count;
///
/// impl Handler for Count {
///     type State = u64;
///
///     fn accept(&mut self, request: &UpgradeRequest<'_>, _: &mut AcceptOptions<'_>) -> Result<u64, NotAccepted> {
///         match request.path() {
///             "/count" => Ok(0),
///             _ => Err(Response::new(404).into()),
///         }
///     }
///
///     fn message(&mut self, peer: &mut Peer<'_, u64>, message: MessageRef<'_>) {
///         *peer.state += 1;
///         let text = format!("{}: {} bytes", peer.state, message.payload.len());
///         let _ = peer.outbox.text(&text);
///     }
/// }
///
/// let server = Server::bind(ServerOptions::new("127.0.0.1:9001".parse()?))?;
/// server.run(|_| Count)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Handler {
    /// The application's data for one connection.
    type State;

    /// A request that the [policy](super::ServerOptions::policy) grants: its connection's state, or
    /// why it is not accepted. A decision that takes time is [deferred](AcceptOptions::defer).
    ///
    /// # Errors
    /// The response to send instead; the connection is closed then. Or
    /// [`Deferred`](NotAccepted::Deferred).
    fn accept(
        &mut self,
        request: &UpgradeRequest<'_>,
        options: &mut AcceptOptions<'_>,
    ) -> Result<Self::State, NotAccepted>;

    /// A request that is no upgrade, such as a load balancer's for `/healthz`. `None`, which is the
    /// default, rejects it with 400 or 405. The limits and the timeout of requests hold for it, and
    /// the connection is closed behind the response. The policy does not concern it: whoever can
    /// reach the server gets this response, pages in a browser by DNS rebinding among them.
    ///
    /// ```
    /// use wscodec_server::{PlainRequest, Response};
    ///
    /// fn request(request: &PlainRequest<'_>) -> Option<Response> {
    ///     match (request.method(), request.path()) {
    ///         ("GET" | "HEAD", "/healthz") => Some(Response::new(200).text("well\n")),
    ///         _ => None,
    ///     }
    /// }
    /// ```
    fn request(&mut self, request: &PlainRequest<'_>, handle: &ServerHandle) -> Option<Response> {
        let _ = (request, handle);
        None
    }

    /// The connection is open.
    fn open(&mut self, peer: &mut Peer<'_, Self::State>) {
        let _ = peer;
    }

    /// A message arrived. Its payload is borrowed from the place where it was decoded.
    fn message(&mut self, peer: &mut Peer<'_, Self::State>, message: MessageRef<'_>);

    /// A piece of a message arrived, if [`ServerOptions::pieces`](super::ServerOptions::pieces) is on:
    /// the header of its frame ([`Piece::Frame`], whose first one tells the type), the next bytes of
    /// its payload ([`Piece::Data`], checked if they are text) or its end ([`Piece::End`]). Headers of
    /// control frames come here too, and their payloads come to the methods for them.
    fn piece(&mut self, peer: &mut Peer<'_, Self::State>, piece: Piece<'_>) {
        let _ = (peer, piece);
    }

    /// A ping arrived. It is answered already, unless [`auto_pong`](wscodec::session::SessionOptions::auto_pong)
    /// is off: then the handler answers it with a pong.
    fn ping(&mut self, peer: &mut Peer<'_, Self::State>, payload: &[u8]) {
        let _ = (peer, payload);
    }

    /// A close frame arrived, and [`auto_close`](wscodec::session::SessionOptions::auto_close) is off. The
    /// handler may still send messages, and may close with a code of its own. If it does not, the
    /// event loop answers with the peer's code when this method returns.
    ///
    /// A handler that needs more time than this call [answers later](Peer::answer_close_later).
    ///
    /// With `auto_close` on, which is the default, the close frame was answered at once and this
    /// method is not called.
    fn peer_closes(&mut self, peer: &mut Peer<'_, Self::State>, close: Option<CloseFrame<'_>>) {
        let _ = (peer, close);
    }

    /// A pong arrived.
    fn pong(&mut self, peer: &mut Peer<'_, Self::State>, payload: &[u8]) {
        let _ = (peer, payload);
    }

    /// An event of the program arrived, by [`ServerHandle::send_event`]. The type of its value is the
    /// program's: `event.downcast_ref::<Answer>()`.
    fn user_event(&mut self, peer: &mut Peer<'_, Self::State>, event: &(dyn Any + Send + Sync)) {
        let _ = (peer, event);
    }

    /// The queue of a connection has emptied, after it held
    /// [`high_water`](super::ServerOptions::high_water) bytes or more. A handler that has much to send
    /// sends until [`Peer::is_full`], and goes on here.
    fn drain(&mut self, peer: &mut Peer<'_, Self::State>) {
        let _ = peer;
    }

    /// An open connection ended. Called once for each.
    fn close(&mut self, id: Id, state: Self::State, outcome: &Outcome<'_>) {
        let _ = (id, state, outcome);
    }

    /// Called each time that [`ServerOptions::tick`](super::ServerOptions::tick) has passed, for work that is done
    /// regularly where there may be no threads. Late if the loop is busy, and never twice for that.
    fn tick(&mut self, handle: &ServerHandle) {
        let _ = handle;
    }
}

/// Why a request is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotAccepted {
    /// It is rejected with this response.
    Rejected(Response),
    /// It is not decided yet: see [`AcceptOptions::defer`].
    Deferred,
}

impl From<Response> for NotAccepted {
    fn from(response: Response) -> Self {
        Self::Rejected(response)
    }
}

/// The answer to a request that is granted, before it is sent.
#[derive(Debug)]
pub struct AcceptOptions<'r> {
    /// The agreed subprotocol and compression. The handler may choose another subprotocol.
    pub upgrade: Upgrade<'r>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) address: Address,
    pub(super) id: Id,
    pub(super) handle: &'r ServerHandle,
    pub(super) event: Option<UserEvent>,
    pub(super) certificate: Option<&'r [u8]>,
}

impl AcceptOptions<'_> {
    /// Adds a header to the answer, such as `Set-Cookie`.
    pub fn header(&mut self, name: impl Into<String>, value: impl Display) {
        self.headers.push((name.into(), value.to_string()));
    }

    /// Where the client connects from.
    pub fn address(&self) -> Address {
        self.address
    }

    /// The certificate by which the client has shown who it is, in DER, over TLS with
    /// `client_authorities` in the options of TLS. It was checked already.
    pub fn client_certificate(&self) -> Option<&[u8]> {
        self.certificate
    }

    /// The name that the connection will have.
    pub fn id(&self) -> Id {
        self.id
    }

    /// The server's handle.
    pub fn handle(&self) -> &ServerHandle {
        self.handle
    }

    /// Defers the decision on this request: the handler returns [`NotAccepted::Deferred`] then, and
    /// the event loop serves other connections. When the decision is there,
    /// [`resume`](DeferredAccept::resume) has [`accept`](Handler::accept) called once more for the same
    /// request, with the decision as [`event`](Self::event).
    ///
    /// The time until the decision counts against
    /// [`handshake_timeout`](super::ServerOptions::handshake_timeout); after it the request is
    /// rejected with 503. A [`DeferredAccept`] that is dropped rejects it with 500.
    ///
    /// ```
    /// use std::thread;
    /// use wscodec::handshake::UpgradeRequest;
    /// use wscodec_server::{AcceptOptions, NotAccepted, Response};
    ///
    /// /// An answer of the user database.
    /// struct User(Option<String>);
    ///
    /// fn accept(
    ///     request: &UpgradeRequest<'_>,
    ///     options: &mut AcceptOptions<'_>,
    /// ) -> Result<String, NotAccepted> {
    ///     let Some(answer) = options.event() else {
    ///         let token = request.header("authorization").map(<[u8]>::to_vec);
    ///         let deferred = options.defer();
    ///         // A real server has a pool of threads, or a runtime, and a limit.
    ///         thread::spawn(move || deferred.resume(User(token.map(|_| "ada".to_owned()))));
    ///         return Err(NotAccepted::Deferred);
    ///     };
    ///     match answer.downcast::<User>().ok().and_then(|user| user.0) {
    ///         Some(name) => Ok(name),
    ///         None => Err(Response::new(401).header("WWW-Authenticate", "Bearer").into()),
    ///     }
    /// }
    /// ```
    pub fn defer(&self) -> DeferredAccept {
        DeferredAccept::new(self.handle.clone(), self.id)
    }

    /// The event with which a [deferred](Self::defer) decision was resumed. `None` at the first call
    /// of [`accept`](Handler::accept), and after it was taken.
    pub fn event(&mut self) -> Option<UserEvent> {
        self.event.take()
    }
}

/// One open connection, as a handler sees it.
///
/// A message for which there is no memory fails with
/// [`LimitError::OutOfMemory`](wscodec::LimitError::OutOfMemory). The event loop then closes the
/// connection with 1013 when the handler returns.
#[derive(Debug)]
pub struct Peer<'p, S> {
    /// The application's data for this connection.
    pub state: &'p mut S,
    pub(super) address: &'p Address,
    /// Sends to this connection: text, binary, fragments, pings, the close frame. What is sent leaves
    /// when the handler returns.
    pub outbox: Outbox<PeerOutput<'p>>,
    /// Bytes at the front of the output that have left already.
    pub(super) left: usize,
}

impl<S> Peer<'_, S> {
    /// The connection's name: no other has it while the server runs.
    pub fn id(&self) -> Id {
        let output = self.outbox.output();
        Id {
            event_loop: output.reach.event_loop,
            key: output.key,
        }
    }

    /// Where the client connects from.
    pub fn address(&self) -> Address {
        *self.address
    }

    /// The server's handle, to send to other connections.
    pub fn handle(&self) -> &ServerHandle {
        &self.outbox.output().reach.handle
    }

    /// Bytes that are queued for this connection: the measure of back-pressure.
    pub fn buffered(&self) -> usize {
        self.outbox.output().out.len() - self.left
    }

    /// Whether [`high_water`](super::ServerOptions::high_water) bytes or more are queued for this
    /// connection. [`Handler::drain`] is called when all of them have left.
    pub fn is_full(&self) -> bool {
        self.buffered() >= self.handle().shared.high_water
    }

    /// Stops reading from this connection until [`resume_reading`](Self::resume_reading), for handlers
    /// that hand messages on to something slower. The peer's bytes then wait in the socket, and the peer
    /// notices. The handler is not called for another message or piece after it returns, except
    /// for pieces that are already decompressed. Pings are not answered meanwhile, the end of the stream
    /// is not noticed, and the time for a pong and the idle time begin anew when reading resumes.
    ///
    /// ```
    /// use wscodec_server::{Handler, Peer};
    /// # use wscodec::handshake::UpgradeRequest;
    /// # use wscodec::message::MessageRef;
    /// # use wscodec_server::{AcceptOptions, NotAccepted};
    /// use std::any::Any;
    /// use std::sync::mpsc::SyncSender;
    ///
    /// /// Hands jobs to a pool of workers, which has a queue of bounded length.
    /// struct Jobs(SyncSender<Vec<u8>>);
    ///
    /// impl Handler for Jobs {
    ///     /// The job for which there was no room.
    ///     type State = Option<Vec<u8>>;
    ///
    ///     fn message(&mut self, peer: &mut Peer<'_, Self::State>, message: MessageRef<'_>) {
    ///         if self.0.try_send(message.payload.to_vec()).is_err() {
    ///             *peer.state = Some(message.payload.to_vec());
    ///             peer.pause_reading();
    ///         }
    ///     }
    ///
    ///     /// A worker has sent an event: there may be room.
    ///     fn user_event(&mut self, peer: &mut Peer<'_, Self::State>, _: &(dyn Any + Send + Sync)) {
    ///         match peer.state.take().map(|job| self.0.try_send(job)) {
    ///             Some(Err(error)) => *peer.state = Some(match error {
    ///                 std::sync::mpsc::TrySendError::Full(job) => job,
    ///                 std::sync::mpsc::TrySendError::Disconnected(job) => job,
    ///             }),
    ///             _ => peer.resume_reading(),
    ///         }
    ///     }
    /// #     fn accept(&mut self, _: &UpgradeRequest<'_>, _: &mut AcceptOptions<'_>) -> Result<Self::State, NotAccepted> {
    /// #         Ok(None)
    /// #     }
    /// }
    /// ```
    pub fn pause_reading(&mut self) {
        self.outbox.output_mut().reach.pauses = Some(true);
    }

    /// Reads from this connection again, after [`pause_reading`](Self::pause_reading).
    pub fn resume_reading(&mut self) {
        self.outbox.output_mut().reach.pauses = Some(false);
    }

    /// In [`Handler::peer_closes`]: has the event loop not answer the close frame when the method
    /// returns. The handler may go on sending, as far as the peer still reads, and must answer by
    /// closing; no timer of the connection does it.
    pub fn answer_close_later(&mut self) {
        self.outbox.output_mut().reach.answers_close = false;
    }

    /// Sends a message that was framed once to all open connections, this one too. It leaves when
    /// the handler returns.
    ///
    /// # Errors
    /// As for [`ServerHandle::send`].
    pub fn broadcast(&mut self, message: &Prepared) -> Result<(), LimitError> {
        self.handle().send(Recipients::All, message)
    }
}
