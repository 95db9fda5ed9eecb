//! Panics of the application's handler are caught here.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::string::String;

/// Calls the application; `None` if it panicked. The panic hook has reported the panic then.
///
/// The handler may be called again afterwards: [`Handler`](super::Handler) demands that it is
/// usable after a panic. What else the closure borrows belongs to the connection, which is ended.
#[inline]
pub(super) fn guard<R>(call: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(call)).ok()
}

/// Runs an event loop; the error is the text of the panic that ended it.
pub(super) fn whole<R>(call: impl FnOnce() -> R) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(|it| &it[..]));
        text.unwrap_or("no text").into()
    })
}
