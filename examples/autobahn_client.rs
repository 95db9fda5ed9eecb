//! The client for the Autobahn suite: asks a fuzzing server how many cases it has, echoes
//! what comes in each of them, and has the report written.
//!
//! ```sh
//! cargo run --release --example autobahn_client -- ws://127.0.0.1:9001 wscodec
//! ```

use std::env;
use std::io::ErrorKind;
use std::process::ExitCode;
use std::time::Duration;

use wscodec::io::{ConnectionOptions, Connector, Error};

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [url, agent] = &arguments[..] else {
        eprintln!("usage: autobahn_client ws://HOST:PORT AGENT");
        return ExitCode::from(2);
    };
    match run(url.trim_end_matches('/'), agent) {
        Ok(cases) => {
            println!("{cases} cases");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("autobahn_client: {error} ({})", error.code());
            ExitCode::FAILURE
        }
    }
}

fn run(url: &str, agent: &str) -> Result<u32, Error> {
    let mut connector = Connector::DEFAULT;
    // The cases of section 9 send 16 MiB, those of 12 and 13 take their time.
    let mut options = ConnectionOptions::default();
    options.session.limits.message = 64 << 20;
    options.session.close_timeout = Duration::from_secs(5);
    options.buffer = 64 << 10;
    connector.options = options;

    let mut ws = connector.connect(&format!("{url}/getCaseCount"))?;
    let count = match ws.read()? {
        Some((message, _)) => message.text().and_then(|text| text.parse().ok()),
        None => None,
    };
    let Some(count) = count else {
        return Err(std::io::Error::new(ErrorKind::InvalidData, "no number of cases").into());
    };
    while ws.read()?.is_some() {}

    for case in 1..=count {
        let url = format!("{url}/runCase?case={case}&agent={agent}");
        match echo(&connector, &url) {
            // Whether the case was meant to end so is for the suite to say.
            Ok(()) | Err(Error::Fault(_)) => {}
            Err(Error::Io(error)) if error.kind() != ErrorKind::ConnectionRefused => {
                eprintln!("case {case}: {error}");
            }
            Err(error) => return Err(error),
        }
    }

    let mut ws = connector.connect(&format!("{url}/updateReports?agent={agent}"))?;
    while ws.read()?.is_some() {}
    Ok(count)
}

fn echo(connector: &Connector<'_>, url: &str) -> Result<(), Error> {
    let mut ws = connector.connect(url)?;
    while let Some((message, mut outbox)) = ws.read()? {
        outbox.forward(message)?;
    }
    Ok(())
}
