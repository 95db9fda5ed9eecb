//! Sessions for JavaScript: the [`Endpoint`](endpoint::Endpoint), which wraps the session of the core,
//! and one file for each direction.

mod endpoint;
mod options;
mod receive;
mod send;
