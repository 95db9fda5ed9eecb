//! Stands between a client and its server and keeps what each of them sends.
//!
//! ```text
//! cargo run --example tap -- [--connections N] LISTEN UPSTREAM PREFIX
//! cargo run --example tap -- 127.0.0.1:9001 127.0.0.1:9000 talk
//! ```
//!
//! Every connection to `LISTEN` is passed on to `UPSTREAM`. What the client sends on
//! connection 1 is written to `PREFIX-1.c2s.bin`, what the server sends to
//! `PREFIX-1.s2c.bin`, and so on for 2, 3, …; existing files are replaced. With
//! `--connections N` the tap ends when `N` connections have come and gone; otherwise it
//! runs until it is killed. Port 0 in `LISTEN` takes any free port: the address is the
//! first line on standard output.
//!
//! The tap knows nothing of WebSocket: it copies bytes and never reads them. The files
//! are whole up to the last byte that was passed on, also when the tap is killed.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::ExitCode;
use std::thread;

use lexopt::{Arg, Parser, ValueExt};

const USAGE: &str = "usage: tap [--connections N] LISTEN UPSTREAM PREFIX";

/// Size of the buffer between the two sockets, one for each direction.
const BUFFER_BYTES: usize = 64 * 1024;

struct Options {
    /// How many connections to take before the end; `None` is no limit.
    connections: Option<usize>,
    listen: String,
    upstream: String,
    prefix: String,
}

fn main() -> ExitCode {
    let options = match parse(Parser::from_env()) {
        Ok(options) => options,
        Err(fault) => {
            eprintln!("tap: {fault}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(fault) => {
            eprintln!("tap: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn parse(mut arguments: Parser) -> Result<Options, lexopt::Error> {
    let mut connections = None;
    let mut places = Vec::new();
    while let Some(argument) = arguments.next()? {
        match argument {
            Arg::Long("connections") => {
                connections = Some(arguments.value()?.parse_with(|text| match text.parse() {
                    Ok(0) => Err("0 connections are none"),
                    Ok(number) => Ok(number),
                    Err(_) => Err("it is not a number of connections"),
                })?);
            }
            Arg::Value(place) => places.push(place.string()?),
            other => return Err(other.unexpected()),
        }
    }
    let [listen, upstream, prefix] = <[String; 3]>::try_from(places)
        .map_err(|places| format!("three arguments are needed, not {}", places.len()))?;
    Ok(Options {
        connections,
        listen,
        upstream,
        prefix,
    })
}

/// Takes connections until there were enough of them; false if one of them failed.
fn run(options: &Options) -> Result<bool, String> {
    let listener = TcpListener::bind(&options.listen)
        .map_err(|error| format!("cannot listen on {}: {error}", options.listen))?;
    let address = listener
        .local_addr()
        .map_err(|error| format!("cannot tell the own address: {error}"))?;
    println!("{address}");

    let mut all_well = true;
    thread::scope(|scope| {
        let mut running = Vec::new();
        for number in 1..=options.connections.unwrap_or(usize::MAX) {
            let (client, _) = listener
                .accept()
                .map_err(|error| format!("cannot accept a connection: {error}"))?;
            let tap = scope.spawn(move || report(number, tap(client, options, number)));
            if options.connections.is_some() {
                running.push(tap);
            }
        }
        for tap in running {
            all_well &= tap.join().unwrap_or(false);
        }
        Ok(all_well)
    })
}

fn report(number: usize, result: Result<(u64, u64), String>) -> bool {
    match result {
        Ok((up, down)) => {
            println!("connection {number}: {up} bytes from the client, {down} from the server");
            true
        }
        Err(fault) => {
            eprintln!("tap: connection {number}: {fault}");
            false
        }
    }
}

/// Carries one connection to its end; the bytes that came from the client and the server.
fn tap(client: TcpStream, options: &Options, number: usize) -> Result<(u64, u64), String> {
    let server = TcpStream::connect(&options.upstream)
        .map_err(|error| format!("cannot connect to {}: {error}", options.upstream))?;
    for socket in [&client, &server] {
        // Bytes that one peer sent at once should leave at once, so that the timing stays the same.
        socket
            .set_nodelay(true)
            .map_err(|error| format!("cannot set TCP_NODELAY: {error}"))?;
    }
    let up_file = create(&options.prefix, number, "c2s")?;
    let down_file = create(&options.prefix, number, "s2c")?;

    thread::scope(|scope| {
        let up = scope.spawn(|| carry(&client, &server, up_file));
        let down = carry(&server, &client, down_file);
        let up = up.join().map_err(|_| "the client's half panicked")?;
        Ok((up?, down?))
    })
}

fn create(prefix: &str, number: usize, direction: &str) -> Result<File, String> {
    let name = format!("{prefix}-{number}.{direction}.bin");
    File::create(&name).map_err(|error| format!("cannot create {name}: {error}"))
}

/// Copies one direction, first into the file, then to the other side; the bytes copied.
///
/// The end of one direction leaves the other open, as TCP has it. A connection that
/// breaks is the end of both, and an ordinary thing to record: only the file can fail.
fn carry(from: &TcpStream, to: &TcpStream, mut file: File) -> Result<u64, String> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut copied = 0;
    loop {
        let count = match read(from, &mut buffer) {
            Ok(0) => {
                // Fails only if the connection is gone already.
                let _ = to.shutdown(Shutdown::Write);
                return Ok(copied);
            }
            Ok(count) => count,
            Err(_) => {
                break_off(from, to);
                return Ok(copied);
            }
        };
        if let Err(error) = file.write_all(&buffer[..count]) {
            break_off(from, to);
            return Err(format!("cannot write the recording: {error}"));
        }
        copied += count as u64;
        let mut to = to;
        if to.write_all(&buffer[..count]).is_err() {
            break_off(from, to);
            return Ok(copied);
        }
    }
}

fn read(mut from: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match from.read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Ends both directions, which wakes the thread that carries the other one.
fn break_off(from: &TcpStream, to: &TcpStream) {
    for socket in [from, to] {
        let _ = socket.shutdown(Shutdown::Both);
    }
}
