//! The errors, grouped by who is at fault.
//!
//! All errors are `Copy`, hold no text of the peer's, and have a [`code`](ErrorKind::code) that is the
//! same in Rust, in JavaScript and in these docs. Errors of a running connection map to the
//! [close code](ErrorKind::close_code) that RFC 6455 asks for, errors of the opening handshake to an
//! [HTTP status](HandshakeError::status).
//!
//! ```
//! use wscodec::{CloseCode, ErrorKind, PeerError};
//!
//! let error = ErrorKind::from(PeerError::UnmaskedFrame);
//! assert_eq!(error.code(), "UNMASKED_FRAME");
//! assert_eq!(error.close_code(), Some(CloseCode::PROTOCOL_ERROR));
//! ```

mod close_code;
mod groups;

use core::fmt;

pub use close_code::CloseCode;
pub use groups::{HandshakeError, LimitError, MisuseError, PeerError};

/// Everything that can go wrong, grouped by who is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The peer broke the WebSocket protocol.
    Peer(PeerError),
    /// The opening handshake is not acceptable.
    Handshake(HandshakeError),
    /// The peer went past a limit.
    Limit(LimitError),
    /// The caller misused the API.
    Misuse(MisuseError),
}

impl ErrorKind {
    /// The place of the error in the tables of all groups together ([`PeerError::TABLE`],
    /// [`HandshakeError::TABLE`], [`LimitError::TABLE`], [`MisuseError::TABLE`]), counted from 1:
    /// for faces that pass errors as numbers. It may change with a version of the crate;
    /// [`code`](Self::code) does not.
    #[cold]
    pub const fn number(self) -> u32 {
        const HANDSHAKE: usize = PeerError::ALL.len();
        const LIMIT: usize = HANDSHAKE + HandshakeError::ALL.len();
        const MISUSE: usize = LIMIT + LimitError::ALL.len();
        let index = match self {
            Self::Peer(error) => error as usize,
            Self::Handshake(error) => HANDSHAKE + error as usize,
            Self::Limit(error) => LIMIT + error as usize,
            Self::Misuse(error) => MISUSE + error as usize,
        };
        index as u32 + 1
    }

    /// The stable name, the same in Rust, in JavaScript and in the docs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Peer(e) => e.code(),
            Self::Handshake(e) => e.code(),
            Self::Limit(e) => e.code(),
            Self::Misuse(e) => e.code(),
        }
    }

    /// The code with which the connection is to be closed, or 1006 where none can be sent
    /// (RFC 6455 §7.4.1). `None` for errors of the opening handshake and misuse by the caller.
    pub const fn close_code(self) -> Option<CloseCode> {
        match self {
            Self::Peer(e) => Some(CloseCode::new(e.close_number())),
            Self::Limit(e) => match e.number() {
                code @ 1000.. => Some(CloseCode::new(code)),
                _ => None,
            },
            Self::Misuse(e) => match e.number() {
                code @ 1000.. => Some(CloseCode::new(code)),
                _ => None,
            },
            Self::Handshake(_) => None,
        }
    }

    /// The HTTP status with which a server refuses the upgrade; `None` for errors that have no
    /// place in a server's answer.
    pub const fn status(self) -> Option<u16> {
        match self {
            Self::Handshake(e) => e.status(),
            Self::Limit(e) => match e.number() {
                status @ 1..1000 => Some(status),
                _ => None,
            },
            Self::Peer(_) | Self::Misuse(_) => None,
        }
    }

    /// The error in one sentence.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Peer(e) => e.message(),
            Self::Handshake(e) => e.message(),
            Self::Limit(e) => e.message(),
            Self::Misuse(e) => e.message(),
        }
    }

    /// The error with a place in the stream.
    pub const fn at(self, offset: u64) -> Fault {
        Fault {
            error: self,
            offset,
        }
    }
}

impl PeerError {
    /// The code with which the connection is to be closed (RFC 6455 §7.4.1).
    pub const fn close_code(self) -> CloseCode {
        CloseCode::new(self.close_number())
    }
}

impl HandshakeError {
    /// The HTTP status with which a server refuses the upgrade; `None` for what only a client
    /// finds in an answer.
    pub const fn status(self) -> Option<u16> {
        match self.status_number() {
            0 => None,
            status => Some(status),
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl core::error::Error for ErrorKind {}

/// An error and where in the incoming stream it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fault {
    /// The error.
    pub error: ErrorKind,
    /// Where, in bytes from the first one fed to the decoder: a header at fault by its first
    /// byte, text by the first byte that can't be, a payload that an extension decodes by its
    /// frame's first byte, an early end by the number of bytes that came.
    pub offset: u64,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {})", self.error.message(), self.offset)
    }
}

/// Its text has the text of the error, so that is no [`source`](core::error::Error::source): a chain
/// that is printed would have it twice.
impl core::error::Error for Fault {}

impl From<Fault> for ErrorKind {
    fn from(fault: Fault) -> Self {
        fault.error
    }
}

impl From<PeerError> for ErrorKind {
    fn from(error: PeerError) -> Self {
        Self::Peer(error)
    }
}

impl From<HandshakeError> for ErrorKind {
    fn from(error: HandshakeError) -> Self {
        Self::Handshake(error)
    }
}

impl From<LimitError> for ErrorKind {
    fn from(error: LimitError) -> Self {
        Self::Limit(error)
    }
}

impl From<MisuseError> for ErrorKind {
    fn from(error: MisuseError) -> Self {
        Self::Misuse(error)
    }
}

/// Compares `docs/errors.md` with the tables of errors.
#[cfg(test)]
mod tests {
    use std::format;
    use std::fs;
    use std::path::Path;
    use std::string::String;

    use super::{HandshakeError, LimitError, MisuseError, PeerError};

    type Row = (&'static str, u16, &'static str, &'static str, &'static str);

    /// The rows stand between these lines; the rest of the page is written by hand.
    const BEGIN: &str = "<!-- rows of the crate: begin -->\n";
    const END: &str = "<!-- rows of the crate: end -->\n";

    /// The description without the targets of links.
    fn plain(description: &str) -> String {
        let mut text = String::new();
        for (index, part) in description.trim().split("](").enumerate() {
            let part = match index {
                0 => part,
                _ => part.split_once(')').map_or("", |(_, rest)| rest),
            };
            text.push_str(&part.replace("[`", "`"));
        }
        text
    }

    /// A sentence that begins with a capital letter, as in a cell of a table.
    fn sentence(text: &str) -> String {
        let mut letters = text.chars();
        let first = letters.next().into_iter().flat_map(char::to_uppercase);
        first.chain(letters).collect()
    }

    fn section(title: &str, number: &str, rows: &[Row]) -> String {
        let mut text = format!("## {title}\n\n");
        text += &format!(
            "| code | {number} | description | usual cause | advice |\n|---|--:|---|---|---|\n"
        );
        for (code, value, description, cause, advice) in rows {
            let value = match value {
                0 => String::new(),
                _ => format!("{value}"),
            };
            let (description, cause, advice) =
                (plain(description), sentence(cause), sentence(advice));
            text += &format!("| `{code}` | {value} | {description} | {cause} | {advice} |\n");
        }
        text + "\n"
    }

    /// With the environment variable `WSCODEC_UPDATE_DOCS` the test writes the rows anew.
    #[test]
    fn the_page_has_the_rows_of_the_tables() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/errors.md");
        let page = fs::read_to_string(&path).unwrap();
        let (before, rest) = page.split_once(BEGIN).unwrap();
        let (_, after) = rest.split_once(END).unwrap();
        let rows = [
            section("The peer", "close code", PeerError::ROWS),
            section("The opening handshake", "status", HandshakeError::ROWS),
            section("Limits", "close code or status", LimitError::ROWS),
            section("The caller", "close code", MisuseError::ROWS),
        ]
        .concat();
        let wanted = format!("{before}{BEGIN}\n{rows}{END}{after}");
        if std::env::var_os("WSCODEC_UPDATE_DOCS").is_some() {
            fs::write(&path, &wanted).unwrap();
        }
        let page = fs::read_to_string(&path).unwrap();
        assert!(
            page == wanted,
            "docs/errors.md is not current: run this test with WSCODEC_UPDATE_DOCS=1"
        );
    }

    #[test]
    fn the_tables_have_the_codes_and_the_messages() {
        macro_rules! check {
            ($($group:ident),*) => {$({
                let lines = $group::TABLE.lines().skip(1);
                assert_eq!(lines.clone().count(), $group::ALL.len());
                for (line, error) in lines.zip($group::ALL) {
                    let (front, message) = line.rsplit_once('\t').unwrap();
                    assert_eq!(message, error.message());
                    assert_eq!(front.split('\t').next(), Some(error.code()));
                }
            })*};
        }
        check!(PeerError, HandshakeError, LimitError, MisuseError);
        assert!(LimitError::OutOfMemory.message().contains("memory"));
    }

    /// JavaScript has a few codes of its own; the page explains each code of both languages.
    #[test]
    fn the_page_explains_the_codes_of_javascript() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let page = fs::read_to_string(root.join("docs/errors.md")).unwrap();
        // The package on the registry does not contain the folder `js`.
        let Ok(codes) = fs::read_to_string(root.join("js/src/error/codes.ts")) else {
            return;
        };
        let codes = codes
            .lines()
            .filter_map(|line| line.trim().strip_prefix("| \""));
        let mut count = 0;
        for code in codes.filter_map(|rest| rest.split('"').next()) {
            assert!(page.contains(&format!("| `{code}` |")), "{code}");
            count += 1;
        }
        assert!(count > 60);
    }
}
