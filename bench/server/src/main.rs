//! Loads echo servers in turns and tells what a message costs them. `cargo xtask bench server`
//! runs it.
//!
//! - `compare ROUNDS MILLISECONDS NAME COMMAND [NAME COMMAND]...`: the words of a command
//!   have tabs between them, and `{port}` is where to listen. A name that begins with `raw` is sent frames and returns the same bytes.
//! - `raw|tungstenite|fastwebsockets PORT`: the peers that are in here
//!
//! Results are JSON on standard output; what is being measured is said on standard error.

mod compare;
mod load;
mod peers;
mod process;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words[..] {
        ["compare", rounds, time, ref servers @ ..] if !servers.is_empty() => {
            compare::run(rounds, time, servers)
        }
        ["raw", port] => peers::raw(port),
        ["tungstenite", port] => peers::tungstenite(port),
        ["fastwebsockets", port] => peers::fastwebsockets(port),
        _ => {
            eprintln!(
                "usage: compare ROUNDS MS NAME COMMAND... | raw|tungstenite|fastwebsockets PORT"
            );
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
