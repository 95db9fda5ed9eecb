//! Loads echo servers in turns and tells what a message costs them. `cargo xtask bench server`
//! runs it.
//!
//! - `compare ROUNDS MILLISECONDS CASES NAME COMMAND [NAME COMMAND]...`: `CASES` is `all`, or some
//!   such as `10x1x64,10x1x64+5000,10x1x100z` (`z`: compressed JSON). The words of a command have
//!   tabs between them, and `{port}` is where to listen. A command whose first word is `all-cores`
//!   is not kept on one core. A name that begins with `raw` is sent frames and returns the same
//!   bytes. What a server can't do is said, and left empty.
//! - `raw|tungstenite PORT`: the peers that are in here
//! - `tokio PEER WORKERS PORT`: those on tokio, ours among them, on so many worker threads
//!
//! Results are JSON on standard output; what is being measured is said on standard error.

mod answers;
mod compare;
mod frames;
mod load;
mod on_tokio;
mod peers;
mod process;
mod system_calls;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words[..] {
        ["compare", rounds, time, cases, ref servers @ ..] if !servers.is_empty() => {
            compare::run(rounds, time, cases, servers)
        }
        ["tokio", peer, workers, port] => on_tokio::serve(peer, workers, port),
        ["raw", port] => peers::raw(port),
        ["tungstenite", port] => peers::tungstenite(port),
        _ => {
            eprintln!("usage: compare ROUNDS MS CASES NAME COMMAND... | raw|tungstenite PORT");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
