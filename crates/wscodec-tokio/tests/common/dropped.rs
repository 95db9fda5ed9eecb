//! Futures that are dropped, for the tests of cancel safety.

#![allow(dead_code, reason = "each test uses a part")]

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use wscodec::deflate::DeflateOptions;
use wscodec::frame::Role;
use wscodec_tokio::{Acceptor, ConnectionOptions, Connector, WebSocket};

use super::narrow::Narrow;

/// More polls than any of the futures in the tests needs.
pub(crate) const ENOUGH: usize = 1_000;

/// Polls a future so many times; its result if it was ready by then.
pub(crate) async fn polls<F: Future>(future: F, most: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut polls = 0;
    poll_fn(|cx| {
        if polls == most {
            return Poll::Ready(None);
        }
        polls += 1;
        future.as_mut().poll(cx).map(Some)
    })
    .await
}

/// A role to test, and whether both sides compress.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    pub(crate) role: Role,
    pub(crate) deflate: bool,
}

impl Way {
    pub(crate) const ALL: [Self; 4] = [
        Self::new(Role::Server, false),
        Self::new(Role::Server, true),
        Self::new(Role::Client, false),
        Self::new(Role::Client, true),
    ];

    const fn new(role: Role, deflate: bool) -> Self {
        Self { role, deflate }
    }

    pub(crate) fn acceptor(self, queue: usize) -> Acceptor<'static> {
        let mut acceptor = Acceptor::default();
        acceptor.policy.deflate = self.deflate_options();
        acceptor.options = options(queue);
        acceptor
    }

    pub(crate) fn connector(self, queue: usize) -> Connector {
        Connector::new()
            .deflate(self.deflate_options())
            .options(options(queue))
    }

    fn deflate_options(self) -> Option<DeflateOptions> {
        let mut options = DeflateOptions::default();
        options.threshold = 0;
        self.deflate.then_some(options)
    }

    /// An end in the role to test, and its peer. Their stream gives and takes one byte at a time from
    /// here on, and sending waits while `queue` bytes wait.
    pub(crate) async fn pair(
        self,
        pipe: usize,
        queue: usize,
    ) -> (WebSocket<Narrow>, WebSocket<Narrow>) {
        let (mut here, mut there) = Narrow::pair(pipe);
        (here.plain, there.plain) = (true, true);
        let (acceptor, connector) = (self.acceptor(queue), self.connector(queue));
        let accepting = acceptor.accept(here);
        let connecting = connector.connect_on(there, "ws://a/");
        let (server, client) = tokio::join!(accepting, connecting);
        let (server, client) = (server.unwrap(), client.unwrap());
        assert_eq!(client.deflate().is_some(), self.deflate);
        for ws in [&server, &client] {
            ws.with_stream(|stream| stream.plain = false);
        }
        match self.role {
            Role::Server => (server, client),
            Role::Client => (client, server),
        }
    }
}

fn options(queue: usize) -> ConnectionOptions {
    let mut options = ConnectionOptions::default();
    options.queue = queue;
    options
}
