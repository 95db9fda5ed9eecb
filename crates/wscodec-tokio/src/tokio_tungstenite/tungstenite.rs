//! The names of the crate tungstenite.

pub use bytes::{self, Bytes};
pub use http;

pub use client::ClientRequestBuilder;

pub use error::Error;

pub use crate::{Message, Utf8Bytes};

/// A result with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Requests of clients.
pub mod client {
    pub use super::super::request::{ClientRequestBuilder, IntoClientRequest};
}

/// The types of the opening handshake.
pub mod handshake {
    /// Of clients.
    pub mod client {
        pub use super::super::super::request::generate_key;
        pub use super::server::{Request, Response};
    }

    /// Of servers.
    pub mod server {
        /// A request for a WebSocket.
        pub type Request = http::Request<()>;
        /// The response that accepts it.
        pub type Response = http::Response<()>;
        /// The response that rejects it.
        pub type ErrorResponse = http::Response<Option<String>>;
    }
}

/// Errors.
pub mod error {
    pub use super::super::error::{CapacityError, Error, ProtocolError, UrlError};
}

/// Messages.
pub mod protocol {
    pub use wscodec::frame::Role;

    pub use super::super::config::WebSocketConfig;

    pub use crate::{CloseFrame, Message};

    /// Close frames.
    pub mod frame {
        pub use crate::CloseFrame;

        /// Close codes.
        pub mod coding {
            pub use crate::CloseCode;
        }
    }
}
