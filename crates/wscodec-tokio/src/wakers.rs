//! One waker for all tasks that wait for the same stream.
//!
//! A stream remembers one waker for writing. Both halves of a connection may wait for writing: the
//! reader to send a pong, the writer to send a message. If each used its own waker, the last one to
//! ask would replace the other. So the stream is given this waker, which wakes all tasks that have
//! registered; each of them looks again.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

#[derive(Debug, Default)]
pub(crate) struct Wakers {
    waiting: Mutex<Vec<Waker>>,
}

impl Wakers {
    fn register(&self, waker: &Waker) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if !waiting.iter().any(|other| other.will_wake(waker)) {
            waiting.push(waker.clone());
        }
    }

    fn take(&self) -> Vec<Waker> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *waiting)
    }
}

impl Wake for Wakers {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        for waker in self.take() {
            waker.wake();
        }
    }
}

/// Polls by the waker of all tasks, if there are several.
///
/// The task registers only after a first poll that was not ready, and polls again: a wake between the
/// two would be lost otherwise. So an operation that is ready at once costs no lock.
pub(crate) fn poll_shared<R>(
    wakers: Option<&Arc<Wakers>>,
    cx: &mut Context<'_>,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<R>,
) -> Poll<R> {
    let Some(wakers) = wakers else {
        return poll(cx);
    };
    let waker = Waker::from(Arc::clone(wakers));
    let mut all = Context::from_waker(&waker);
    if let Poll::Ready(result) = poll(&mut all) {
        return Poll::Ready(result);
    }
    wakers.register(cx.waker());
    poll(&mut all)
}
