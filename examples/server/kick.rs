//! An echo server with an administrator, who lists connections and closes them from another thread.
//!
//! ```sh
//! cargo run --package wscodec-server --example kick -- 127.0.0.1:9001
//! ```
//!
//! It reads commands from standard input: `list`, `kick ID CODE REASON`, `all CODE REASON`, `stop`.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::sync::{Arc, Mutex};

use wscodec::CloseCode;
use wscodec::handshake::UpgradeRequest;
use wscodec::message::MessageRef;
use wscodec::session::Outcome;
use wscodec_server::{
    AcceptOptions, Address, Handler, Id, NotAccepted, Peer, Recipients, Server, ServerHandle,
    ServerOptions,
};

/// The open connections, as the administrator sees them.
type Register = Arc<Mutex<BTreeMap<Id, Address>>>;

struct Echo(Register);

impl Handler for Echo {
    type State = ();

    fn accept(
        &mut self,
        _: &UpgradeRequest<'_>,
        _: &mut AcceptOptions<'_>,
    ) -> Result<(), NotAccepted> {
        Ok(())
    }

    fn open(&mut self, peer: &mut Peer<'_, ()>) {
        self.0.lock().unwrap().insert(peer.id(), peer.address());
    }

    fn message(&mut self, peer: &mut Peer<'_, ()>, message: MessageRef<'_>) {
        let _ = peer.outbox.forward(message);
    }

    fn close(&mut self, id: Id, (): (), _: &Outcome<'_>) {
        self.0.lock().unwrap().remove(&id);
    }
}

/// Runs one command. The answer is for the administrator.
fn command(line: &str, register: &Register, handle: &ServerHandle) -> Result<String, String> {
    let mut words = line.splitn(2, ' ');
    let (verb, rest) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let close = |recipients: Recipients, code: &str, reason: &str| {
        let code = code.parse().map_err(|_| "CODE is a number".to_owned())?;
        let closed = handle.close(recipients, CloseCode::new(code), reason);
        closed.map_err(|error| error.to_string())?;
        Ok("done\n".to_owned())
    };
    match verb {
        "list" => {
            let register = register.lock().unwrap();
            let lines = register
                .iter()
                .map(|(id, address)| format!("{id} {address}\n"));
            Ok(lines.collect())
        }
        "kick" => {
            let mut words = rest.splitn(3, ' ');
            let mut word = || words.next().unwrap_or("");
            let id = word().parse::<Id>().map_err(|error| error.to_string())?;
            close(Recipients::One(id), word(), word())
        }
        "all" => {
            let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
            close(Recipients::All, code, reason)
        }
        "stop" => {
            handle.stop();
            Ok("stopping\n".to_owned())
        }
        _ => Err("list, kick ID CODE REASON, all CODE REASON, stop".to_owned()),
    }
}

pub(crate) fn serve(
    options: ServerOptions<'_>,
    commands: impl BufRead + Send + 'static,
    mut answers: impl Write + Send + 'static,
    started: impl FnOnce(&Server<'_>),
) -> std::io::Result<()> {
    let server = Server::bind(options)?;
    started(&server);
    let (register, handle) = (Register::default(), server.handle());
    let shared = Arc::clone(&register);
    std::thread::spawn(move || {
        for line in commands.lines().map_while(Result::ok) {
            let answer = command(&line, &shared, &handle).unwrap_or_else(|it| it + "\n");
            let _ = answers.write_all(answer.as_bytes());
        }
    });
    server.run(|_| Echo(Arc::clone(&register)))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listen = std::env::args().nth(1);
    let listen = listen.as_deref().unwrap_or("127.0.0.1:9001").parse()?;
    let commands = std::io::BufReader::new(std::io::stdin());
    serve(
        ServerOptions::new(listen),
        commands,
        std::io::stdout(),
        |server| {
            println!("listening on ws://{}", server.addresses()[0]);
        },
    )?;
    Ok(())
}
