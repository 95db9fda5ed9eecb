//! A server that asks a slow service about each client before it accepts, while the others chat. The
//! decisions run in threads of their own, so that the event loops never wait.
//!
//! ```sh
//! cargo run --package wscodec-server --example authenticate -- 127.0.0.1:9001
//! cargo run -- connect -H 'Authorization: Bearer ada' ws://127.0.0.1:9001/
//! ```

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

use wscodec::handshake::UpgradeRequest;
use wscodec::message::{MessageRef, Prepared};
use wscodec_server::{
    AcceptOptions, DeferredAccept, Handler, NotAccepted, Peer, Response, Server, ServerOptions,
};

/// Decisions at a time. 64 that take 300 ms each are 213 clients in a second.
const THREADS: usize = 64;
/// Requests that wait for a thread. The next ones are told to come back later.
const WAITING: usize = 1000;

/// A request that waits for its decision, and its token.
type Question = (String, DeferredAccept);
/// The decision: the name of the user, or nothing.
type Answer = Option<String>;

struct Door(SyncSender<Question>);

impl Handler for Door {
    type State = String;

    fn accept(
        &mut self,
        request: &UpgradeRequest<'_>,
        options: &mut AcceptOptions<'_>,
    ) -> Result<String, NotAccepted> {
        let unauthorized = || Response::new(401).header("WWW-Authenticate", "Bearer");
        if let Some(event) = options.event() {
            // The second call: the decision is there.
            let answer = event.downcast::<Answer>().ok().and_then(|answer| *answer);
            return answer.ok_or_else(|| unauthorized().into());
        }
        let token = request.header("authorization");
        let token = token.and_then(|it| it.strip_prefix(b"Bearer "));
        let token = token.and_then(|it| std::str::from_utf8(it).ok());
        let token = token.ok_or_else(unauthorized)?;
        match self.0.try_send((token.to_owned(), options.defer())) {
            Ok(()) => Err(NotAccepted::Deferred),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                Err(Response::new(503).header("Retry-After", 5).into())
            }
        }
    }

    fn message(&mut self, peer: &mut Peer<'_, String>, message: MessageRef<'_>) {
        if let Some(text) = message.text()
            && let Ok(line) = Prepared::text(&format!("{}: {text}", peer.state))
        {
            // It fails if the server holds as much memory as it may.
            let _ = peer.broadcast(&line);
        }
    }
}

fn decide(questions: &Mutex<Receiver<Question>>, ask: &impl Fn(&str) -> Answer) {
    loop {
        let next = questions.lock().map(|it| it.recv());
        let Ok(Ok((token, deferred))) = next else {
            return; // The server has stopped.
        };
        deferred.resume(ask(&token));
    }
}

/// `ask` is the slow service. Each client may wait for it as long as the handshake timeout says.
pub(crate) fn serve(
    options: ServerOptions<'_>,
    ask: impl Fn(&str) -> Answer + Send + Sync,
    started: impl FnOnce(&Server<'_>),
) -> std::io::Result<()> {
    let server = Server::bind(options)?;
    started(&server);
    let (sender, questions) = sync_channel(WAITING);
    let questions = Mutex::new(questions);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| decide(&questions, &ask));
        }
        let result = server.run(|_| Door(sender.clone()));
        // The threads end, because no sender is left.
        drop(sender);
        result
    })
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listen = std::env::args().nth(1);
    let listen = listen.as_deref().unwrap_or("127.0.0.1:9001").parse()?;
    let ask = |token: &str| {
        thread::sleep(Duration::from_millis(300));
        (token != "eve").then(|| token.to_owned())
    };
    serve(ServerOptions::new(listen), ask, |server| {
        println!("listening on ws://{}", server.addresses()[0]);
    })?;
    Ok(())
}
