//! A pause of no length.

use wasi::clocks::monotonic_clock;

/// Yields to the host. wasmtime up to version 48 runs a component in a task
/// with a budget of 128 operations. When the budget is used up, no stream takes bytes and no
/// listener gives connections until the task has yielded, which this call does.
pub(super) fn pause() {
    monotonic_clock::subscribe_duration(0).block();
}
