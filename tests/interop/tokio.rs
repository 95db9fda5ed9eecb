//! `wscodec serve` and `wscodec connect` as far as `cargo xtask interop` uses them, on `wscodec-tokio`: the same
//! arguments, and the same lines on standard output and standard error.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, BufReader, ReadBuf, stdin};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use wscodec::CloseCode;
use wscodec::deflate::{DeflateOptions, WindowBits};
use wscodec_tokio::{Acceptor, Connector, Error, Message, SessionState, WebSocket};

/// Bytes that came and went over all connections.
#[derive(Default)]
struct Counts {
    read: AtomicU64,
    written: AtomicU64,
}

/// A stream whose bytes are counted.
struct Counted(TcpStream, Arc<Counts>);

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.0).poll_read(cx, buf);
        let len = buf.filled().len() - before;
        self.1.read.fetch_add(len as u64, Ordering::Relaxed);
        polled
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.0).poll_write(cx, bytes);
        if let Poll::Ready(Ok(len)) = polled {
            self.1.written.fetch_add(len as u64, Ordering::Relaxed);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// The options that the scripts give.
struct Arguments {
    deflate: DeflateOptions,
    ping: Option<Duration>,
    last: String,
}

fn arguments(words: impl Iterator<Item = String>) -> Arguments {
    let mut arguments = Arguments {
        deflate: DeflateOptions::default(),
        ping: None,
        last: String::new(),
    };
    let mut words = words.peekable();
    while let Some(word) = words.next() {
        let mut value = || words.next().expect("the option has a value");
        match &*word {
            "--threshold" => arguments.deflate.threshold = value().parse().expect("a number"),
            "--window" => {
                let bits = value().parse().expect("a number of bits");
                let bits = WindowBits::new(bits).expect("8 to 15 bits");
                arguments.deflate.send.window = bits;
                arguments.deflate.receive.window = bits;
            }
            "--no-takeover" => {
                arguments.deflate.send.takeover = false;
                arguments.deflate.receive.takeover = false;
            }
            "--ping" => {
                let seconds = value().parse().expect("seconds");
                arguments.ping = Some(Duration::from_secs_f64(seconds));
            }
            "--listen" | "--protocol" | "--log" | "--stats" => arguments.last = value(),
            "-v" => {}
            _ => arguments.last = word,
        }
    }
    arguments
}

async fn serve(deflate: DeflateOptions) -> Result<(), Error> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    let counts = Arc::new(Counts::default());
    let (stop, stopped) = watch::channel(());
    let mut acceptor = Acceptor::default();
    acceptor.policy.protocols = &["chat"];
    acceptor.policy.deflate = Some(deflate);
    let mut term = signal(SignalKind::terminate())?;
    let mut stats = tokio::time::interval(Duration::from_millis(100));
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let stream = Counted(accepted?.0, Arc::clone(&counts));
                let stopped = stopped.clone();
                tokio::spawn(async move {
                    if let Err(error) = echo(acceptor, stream, stopped).await {
                        eprintln!("error {error}");
                    }
                });
            }
            _ = stats.tick() => {
                let [read, written] = [&counts.read, &counts.written].map(|it| it.load(Ordering::Relaxed));
                eprintln!("stats bytes_in={read} bytes_out={written}");
            }
            _ = term.recv() => break,
        }
    }
    drop(stopped);
    let _ = stop.send(());
    // Until the last connection has closed.
    stop.closed().await;
    Ok(())
}

async fn echo(
    acceptor: Acceptor<'static>,
    stream: Counted,
    mut stopped: watch::Receiver<()>,
) -> Result<(), Error> {
    let incoming = acceptor.read_request(stream).await?;
    let path = incoming.request().path_and_query().into_owned();
    let mut ws = incoming.accept().await?;
    let deflate = if ws.deflate().is_some() {
        " permessage-deflate"
    } else {
        ""
    };
    eprintln!("open {path} {}{deflate}", ws.protocol().unwrap_or("-"));
    loop {
        tokio::select! {
            message = ws.recv() => match message.transpose()? {
                Some(message) if message.is_text() || message.is_binary() => ws.send(message).await?,
                Some(_) => {}
                None => break,
            },
            _ = stopped.changed() => {
                ws.close(CloseCode::GOING_AWAY, "the server stops").await?;
                break;
            }
        }
    }
    if let Some(outcome) = ws.outcome() {
        eprintln!(
            "{path} closed {} \"{}\"",
            u16::from(outcome.code),
            outcome.reason
        );
    }
    Ok(())
}

/// Sends lines and prints texts; whether the connection was closed with 1000.
async fn connect(arguments: Arguments) -> Result<bool, Error> {
    let connector = Connector::new()
        .protocol("chat")
        .deflate(Some(arguments.deflate));
    let mut ws = connector.connect(&arguments.last).await?;
    let mut lines = BufReader::new(stdin()).lines();
    let mut ping = tokio::time::interval(arguments.ping.unwrap_or(Duration::from_secs(3600)));
    let mut open = true;
    loop {
        tokio::select! {
            message = ws.recv() => match message.transpose()? {
                Some(message) => show(&message),
                None => break,
            },
            line = lines.next_line(), if open => match line? {
                Some(line) => ws.send(line).await?,
                None => {
                    open = false;
                    ws.send(close()).await?;
                }
            },
            // A tick may be due after the server's close frame, when nothing can be sent any more.
            _ = ping.tick(), if open && ws.state() == SessionState::Open && arguments.ping.is_some() => {
                ws.ping("ping").await?;
            }
        }
    }
    ended(&ws)
}

fn close() -> Message {
    Message::Close(Some(wscodec_tokio::CloseFrame::new(CloseCode::NORMAL, "")))
}

fn show(message: &Message) {
    match message {
        Message::Text(text) => println!("{text}"),
        Message::Ping(payload) => eprintln!("ping, {} bytes", payload.len()),
        Message::Pong(payload) => eprintln!("pong, {} bytes", payload.len()),
        Message::Binary(_) | Message::Close(_) => {}
    }
}

fn ended<S>(ws: &WebSocket<S>) -> Result<bool, Error> {
    let eof = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let outcome = ws.outcome().ok_or_else(eof)?;
    eprintln!(
        "closed with {} \"{}\"",
        u16::from(outcome.code),
        outcome.reason
    );
    Ok(outcome.code == CloseCode::NORMAL)
}

async fn run() -> Result<bool, Error> {
    let mut words = std::env::args().skip(1);
    let command = words.next();
    let arguments = arguments(words);
    match command.as_deref() {
        Some("serve") => serve(arguments.deflate).await.map(|()| true),
        Some("connect") => connect(arguments).await,
        _ => Err(io::Error::other("usage: serve | connect, as wscodec").into()),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let status = match run().await {
        Ok(fine) => i32::from(!fine),
        Err(error) => {
            eprintln!("{error}");
            1
        }
    };
    // A thread of the runtime blocks in reading standard input, so the runtime can't shut down.
    std::process::exit(status)
}
