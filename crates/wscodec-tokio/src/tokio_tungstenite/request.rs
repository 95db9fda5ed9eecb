//! Requests of clients.

use http::{HeaderName, HeaderValue, Uri};
use wscodec::MisuseError;

use super::error::Error;
use super::tungstenite::handshake::client::Request;

/// A URL, or a request with a URL and headers.
pub trait IntoClientRequest {
    /// The request, without the headers that connecting adds.
    ///
    /// # Errors
    /// [`MisuseError::Url`].
    fn into_client_request(self) -> Result<Request, Error>;
}

impl IntoClientRequest for &str {
    fn into_client_request(self) -> Result<Request, Error> {
        let request = http::Request::get(self).body(());
        request.map_err(|_| MisuseError::Url.into())
    }
}

impl IntoClientRequest for &String {
    fn into_client_request(self) -> Result<Request, Error> {
        self.as_str().into_client_request()
    }
}

impl IntoClientRequest for String {
    fn into_client_request(self) -> Result<Request, Error> {
        self.as_str().into_client_request()
    }
}

impl IntoClientRequest for &Uri {
    fn into_client_request(self) -> Result<Request, Error> {
        self.clone().into_client_request()
    }
}

impl IntoClientRequest for Uri {
    fn into_client_request(self) -> Result<Request, Error> {
        let request = http::Request::get(self).body(());
        request.map_err(|_| MisuseError::Url.into())
    }
}

impl IntoClientRequest for Request {
    fn into_client_request(self) -> Result<Request, Error> {
        Ok(self)
    }
}

/// A request with headers and subprotocols.
///
/// ```
/// use wscodec_tokio::tokio_tungstenite::tungstenite::ClientRequestBuilder;
/// use wscodec_tokio::tokio_tungstenite::tungstenite::client::IntoClientRequest;
///
/// let request = ClientRequestBuilder::new("ws://127.0.0.1/".parse()?)
///     .with_header("Authorization", "Bearer secret")
///     .with_sub_protocol("v2.chat")
///     .with_sub_protocol("v1.chat")
///     .into_client_request()?;
/// assert_eq!(request.headers()["Sec-WebSocket-Protocol"], "v2.chat, v1.chat");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientRequestBuilder {
    uri: Uri,
    headers: Vec<(String, String)>,
    protocols: Vec<String>,
}

impl ClientRequestBuilder {
    /// A request for this URL.
    pub const fn new(uri: Uri) -> Self {
        Self {
            uri,
            headers: Vec::new(),
            protocols: Vec::new(),
        }
    }

    /// Adds a header. One that is not allowed makes
    /// [`into_client_request`](IntoClientRequest::into_client_request) fail.
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Offers a subprotocol. The first is the most wanted.
    pub fn with_sub_protocol(mut self, protocol: impl Into<String>) -> Self {
        self.protocols.push(protocol.into());
        self
    }
}

impl IntoClientRequest for ClientRequestBuilder {
    fn into_client_request(self) -> Result<Request, Error> {
        let mut request = self.uri.into_client_request()?;
        let protocols = (!self.protocols.is_empty()).then(|| {
            let name = "Sec-WebSocket-Protocol".to_owned();
            (name, self.protocols.join(", "))
        });
        for (name, value) in self.headers.into_iter().chain(protocols) {
            let name = HeaderName::try_from(name).map_err(|_| MisuseError::InvalidHeader)?;
            let value = HeaderValue::try_from(value).map_err(|_| MisuseError::InvalidHeader)?;
            request.headers_mut().append(name, value);
        }
        Ok(request)
    }
}

/// A random value for `Sec-WebSocket-Key`, for requests that are written by hand. Connecting replaces it
/// by another one, as it makes all headers of the handshake by itself.
///
/// # Panics
/// If the system has no source of random numbers.
pub fn generate_key() -> String {
    let nonce = wscodec::io::nonce().expect("the system has a source of random numbers");
    String::from_utf8_lossy(&nonce.key()).into_owned()
}
