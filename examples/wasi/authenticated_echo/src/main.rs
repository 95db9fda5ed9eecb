//! An echo server for clients that have a token. The environment variable `TOKENS` has a token for each
//! user, as in `ada=0123456789abcdef,grace=fedcba9876543210`.
//!
//! ```sh
//! cargo build --release --package wasi-authenticated-echo --target wasm32-wasip2
//! export TOKENS=ada=0123456789abcdef
//! wasmtime run -S inherit-network --env TOKENS \
//!     target/wasm32-wasip2/release/wasi-authenticated-echo.wasm 127.0.0.1:9001
//! ```
//!
//! A program sends `Authorization: Bearer TOKEN`. A page in a browser cannot set this header, so it
//! offers two subprotocols, `["echo", "bearer.TOKEN"]`. The server answers with `echo` and does not
//! repeat the token.

use std::error::Error;
use std::io::{Write, stderr};
use std::time::Duration;
use std::{env, fmt};

use wscodec::handshake::UpgradeRequest;
use wscodec::message::MessageRef;
use wscodec::session::Outcome;
use wscodec_server::{
    AcceptOptions, Handler, Id, NotAccepted, Peer, Response, Server, ServerOptions,
};

const PROTOCOL: &str = "echo";
/// Characters of the shortest token: 64 bits, if each is a hexadecimal digit.
const SHORTEST: usize = 16;

struct User {
    name: String,
    token: String,
}

struct Echo<'a>(&'a [User]);

/// Kept for each connection.
struct Client {
    name: String,
    messages: u64,
}

impl Echo<'_> {
    /// The user with this token. It compares with every token in full, so that the time tells nothing
    /// about them but their lengths.
    fn user(&self, token: &str) -> Option<&User> {
        let equals = |user: &User| {
            let (a, b) = (user.token.as_bytes(), token.as_bytes());
            let differences = a.iter().zip(b).fold(0, |sum, (a, b)| sum | (a ^ b));
            a.len() == b.len() && differences == 0
        };
        self.0.iter().fold(None, |found, user| match equals(user) {
            true => Some(user),
            false => found,
        })
    }
}

/// The token of a request: in the header of programs, or among the subprotocols of browsers.
fn token<'r>(request: &'r UpgradeRequest<'_>) -> Option<&'r str> {
    let header = request.header("authorization");
    let header = header.and_then(|it| std::str::from_utf8(it).ok());
    let bearer = header.and_then(|it| it.strip_prefix("Bearer "));
    bearer.or_else(|| {
        request
            .protocols()
            .find_map(|it| it.strip_prefix("bearer."))
    })
}

impl Handler for Echo<'_> {
    type State = Client;

    fn accept(
        &mut self,
        request: &UpgradeRequest<'_>,
        options: &mut AcceptOptions<'_>,
    ) -> Result<Client, NotAccepted> {
        match token(request).and_then(|token| self.user(token)) {
            Some(user) => Ok(Client {
                name: user.name.clone(),
                messages: 0,
            }),
            None => {
                log(format_args!("{}: no valid token", options.address()));
                Err(Response::new(401)
                    .header("WWW-Authenticate", "Bearer")
                    .into())
            }
        }
    }

    fn message(&mut self, peer: &mut Peer<'_, Client>, message: MessageRef<'_>) {
        peer.state.messages += 1;
        // It fails only if the connection is closing, or if there is no memory. Then the event loop
        // closes it.
        let _ = peer.outbox.forward(message);
    }

    fn close(&mut self, id: Id, client: Client, outcome: &Outcome<'_>) {
        let Client { name, messages } = client;
        let code = outcome.code.value();
        log(format_args!("{id} {name}: {messages} messages, {code}"));
    }
}

/// Writes a line for the operator. `println!` and `eprintln!` panic if nobody reads the stream any more,
/// and a panic ends the component.
fn log(line: fmt::Arguments<'_>) {
    let _ = writeln!(stderr(), "{line}");
}

/// Reads `name=token,name=token`.
fn users(text: &str) -> Result<Vec<User>, String> {
    let user = |part: &str| match part.split_once('=') {
        Some((name, token)) if !name.is_empty() && token.len() >= SHORTEST => Ok(User {
            name: name.to_owned(),
            token: token.to_owned(),
        }),
        // The error does not repeat the token.
        _ => Err(format!(
            "TOKENS is name=token,name=token, and a token has at least {SHORTEST} characters"
        )),
    };
    text.split(',').map(user).collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    let listen = env::args().nth(1);
    let listen = listen.as_deref().unwrap_or("127.0.0.1:9001").parse()?;
    let tokens =
        env::var("TOKENS").map_err(|_| "set TOKENS, and give `--env TOKENS` to wasmtime")?;
    let users = users(&tokens)?;
    let mut options = ServerOptions::new(listen);
    options.stop_on_eof = true;
    options.policy.protocols = &[PROTOCOL];
    options.session.limits.message = 1 << 20;
    options.session.heartbeat = Some(Duration::from_secs(30));
    let server = Server::bind(options)?;
    println!("listening on ws://{}", server.addresses()[0]);
    server.run(|_| Echo(&users))?;
    Ok(())
}
