//! Uses the library beside every feature of wscodec.

use additive_library::Endpoint;
use wscodec::CloseCode;

/// Closes an endpoint of the library.
///
/// # Errors
/// If it is closed already.
pub fn close(endpoint: &mut Endpoint, out: &mut Vec<u8>) -> Result<(), wscodec::ErrorKind> {
    endpoint.outbox(out).close(CloseCode::NORMAL, "")
}
