//! The spans and events of a server, with the feature `tracing`.

#![cfg(feature = "tracing")]

mod support;

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};

use support::{Client, REQUEST, options, raw, run};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use wscodec::handshake::UpgradeRequest;
use wscodec::message::{Kind, MessageRef};
use wscodec_server::{AcceptOptions, Handler, NotAccepted, Peer, Response};

/// Writes events as lines, each with the span that it is in.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// The fields of each span so far; an id is a place plus 1.
    spans: Vec<String>,
    entered: Vec<u64>,
    lines: Vec<String>,
}

struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

impl Subscriber for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut text = span.metadata().name().to_owned();
        span.record(&mut Fields(&mut text));
        let mut state = self.0.lock().unwrap();
        state.spans.push(text);
        Id::from_u64(state.spans.len() as u64)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut state = self.0.lock().unwrap();
        let span = state
            .entered
            .last()
            .map(|&id| state.spans[id as usize - 1].clone());
        let mut line = span.unwrap_or_default();
        event.record(&mut Fields(&mut line));
        state.lines.push(line);
    }

    fn enter(&self, span: &Id) {
        self.0.lock().unwrap().entered.push(span.into_u64());
    }

    fn exit(&self, span: &Id) {
        assert_eq!(self.0.lock().unwrap().entered.pop(), Some(span.into_u64()));
    }
}

struct Traced;

impl Handler for Traced {
    type State = ();

    fn accept(
        &mut self,
        request: &UpgradeRequest<'_>,
        _: &mut AcceptOptions<'_>,
    ) -> Result<(), NotAccepted> {
        match request.path() {
            "/401" => Err(Response::new(401).into()),
            _ => Ok(()),
        }
    }

    fn message(&mut self, peer: &mut Peer<'_, ()>, message: MessageRef<'_>) {
        assert!(message.text() != Some("panic"), "a panic that is meant");
        tracing::info!(len = message.payload.len(), "the application's own");
        let _ = peer.outbox.forward(message);
    }
}

#[test]
fn a_connection_is_a_span_with_the_applications_events_in_it() {
    let lines = Lines::default();
    // The loop is in another thread.
    tracing::subscriber::set_global_default(lines.clone()).unwrap();
    let mut options = options();
    options.loops = 1;
    let server = run(options, |_| Traced);
    let unauthorized = String::from_utf8(REQUEST.to_vec())
        .unwrap()
        .replace(" / ", " /401 ");
    raw(server.address, unauthorized.as_bytes());
    let mut client = Client::new(server.address);
    let peer = client.stream.local_addr().unwrap();
    client.send(Kind::Text, b"hello");
    client.next().unwrap();
    client.send(Kind::Text, b"panic");
    assert_eq!(client.next(), Err(Some(1011)));
    drop((client, server));
    let state = lines.0.lock().unwrap();
    assert!(state.lines[0].ends_with(" message=rejected status=401 reason=\"HANDLER\""));
    let span = format!("connection peer={peer}");
    for (line, event) in state.lines[1..].iter().zip([
        " message=accepted path=\"/\" deflate=false",
        " message=the application's own len=5",
        " message=the handler panicked",
        " message=closed code=1006 reason=\"\" clean=false fault=\"HANDLER_FAILED\" messages=2",
    ]) {
        assert!(line.starts_with(&format!("{span}{event}")), "{line}");
    }
    assert_eq!(state.lines.len(), 5);
}
