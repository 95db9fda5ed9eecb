//! Facts about a capture that are worth to know and are nobody's fault.

use core::net::SocketAddr;

/// Something to know that is nobody's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note<'a> {
    /// The capture has so many bytes less.
    Hole(u64),
    /// Bytes came again with other contents. The first copy counts.
    Conflict,
    /// The place of the next frame was not known. It was found behind so many bytes, by a run of
    /// headers that fit together.
    Resynchronised(u64),
    /// The next frame was not found in so many bytes.
    Lost(u64),
    /// The connection begins in the middle: there is no handshake in the capture, and frames were
    /// recognised by a run of headers that fit together.
    Midstream,
    /// The answer to the upgrade is not in the capture. The frames behind the request are shown as
    /// if the server had accepted every offer.
    AssumedUpgrade,
    /// The connection is encrypted, and there are no keys for it.
    Encrypted {
        /// The server name of the ClientHello (RFC 6066 §3).
        server_name: Option<&'a str>,
        /// The protocols that the client offers (RFC 7301), joined by commas.
        alpn: Option<&'a str>,
    },
    /// The connection is encrypted and can't be decrypted from here on, for this reason.
    Undecrypted(&'static str),
    /// A proxy said on behalf of which connection it speaks (PROXY protocol).
    Proxied {
        /// The client.
        client: Option<SocketAddr>,
        /// The address that the client connected to.
        server: Option<SocketAddr>,
    },
    /// A tunnel to this target begins (RFC 9110 §9.3.6).
    Tunnel(&'a str),
    /// Messages are inflated with a window that is not known, because earlier messages are missing
    /// or damaged. Bytes that refer to it are marked as unknown.
    UnknownWindow,
    /// Bytes of an HTTP/2 connection are missing or damaged, so the rest of the connection can't be
    /// read: the state of its header compression is not known.
    LostHttp2,
    /// The connection was not looked at any longer, to keep to the limits of memory.
    Dropped,
}

impl Note<'_> {
    /// A stable name.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Hole(_) => "HOLE",
            Self::Conflict => "CONFLICT",
            Self::Resynchronised(_) => "RESYNCHRONISED",
            Self::Lost(_) => "LOST",
            Self::Midstream => "MIDSTREAM",
            Self::AssumedUpgrade => "ASSUMED_UPGRADE",
            Self::Encrypted { .. } => "ENCRYPTED",
            Self::Undecrypted(_) => "UNDECRYPTED",
            Self::Proxied { .. } => "PROXIED",
            Self::Tunnel(_) => "TUNNEL",
            Self::UnknownWindow => "UNKNOWN_WINDOW",
            Self::LostHttp2 => "LOST_HTTP2",
            Self::Dropped => "DROPPED",
        }
    }
}

impl core::fmt::Display for Note<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Hole(len) => write!(f, "{len} bytes are missing in the capture"),
            Self::Conflict => f.write_str("bytes came again with other contents"),
            Self::Resynchronised(0) => f.write_str("frames go on here"),
            Self::Resynchronised(len) => write!(f, "frames go on behind {len} unknown bytes"),
            Self::Lost(len) => write!(f, "no frame was recognised in {len} bytes"),
            Self::Midstream => f.write_str("the capture begins within the connection"),
            Self::AssumedUpgrade => f.write_str("the answer to the upgrade is missing"),
            Self::Encrypted { server_name, alpn } => {
                f.write_str("encrypted: pass --keys")?;
                if let Some(name) = server_name {
                    write!(f, "; server name {name}")?;
                }
                match alpn {
                    Some(alpn) => write!(f, "; ALPN {alpn}"),
                    None => Ok(()),
                }
            }
            Self::Undecrypted(why) => write!(f, "not decrypted: {why}"),
            Self::Proxied { client, server } => {
                f.write_str("forwarded by a proxy")?;
                if let Some(client) = client {
                    write!(f, " for {client}")?;
                }
                match server {
                    Some(server) => write!(f, " to {server}"),
                    None => Ok(()),
                }
            }
            Self::Tunnel(target) => write!(f, "a tunnel to {target} begins"),
            Self::UnknownWindow => {
                f.write_str("earlier compressed messages are missing: unknown bytes are marked")
            }
            Self::LostHttp2 => f.write_str("the rest of the HTTP/2 connection can't be read"),
            Self::Dropped => f.write_str("not read any longer, to keep to the limit of memory"),
        }
    }
}
