//! Extensions as values that can be made, changed, kept and written (RFC 6455 §9.1).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::error::MisuseError;
use crate::head::{Extension, is_token, is_value};

/// An extension with bytes of its own: a name and parameters. The
/// [lent](crate::head::Extension) one is what a head has; `OwnedExtension::from` copies it.
///
/// Its text is the form that `Sec-WebSocket-Extensions` asks for: a value that is no token is quoted.
/// RFC 6455 §9.1 allows no such value, other headers of this form do (RFC 9110 §5.6.6).
///
/// Two are equal if they have the same name and the same parameters in any order.
///
/// ```
/// use wscodec::handshake::OwnedExtension;
/// use wscodec::head::Extensions;
///
/// let mut offer = OwnedExtension::new("x-checksum")?;
/// offer.set("size", Some("32"))?.set("strict", None)?;
/// assert_eq!(offer.to_string(), "x-checksum; size=32; strict");
///
/// let lines = [&b"x-checksum;strict;size=32"[..]];
/// let read = Extensions::new(lines.into_iter()).next().unwrap().unwrap();
/// let mut chosen = OwnedExtension::from(read);
/// assert_eq!(chosen, offer);
/// assert_eq!(chosen.get("size"), Some(Some("32")));
/// chosen.remove("strict");
/// let list = wscodec::handshake::extension_list(&[chosen, OwnedExtension::new("x-none")?]);
/// assert_eq!(list, "x-checksum; size=32, x-none");
/// # Ok::<(), wscodec::MisuseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct OwnedExtension {
    name: String,
    params: Vec<(String, Option<String>)>,
}

impl OwnedExtension {
    /// An extension without parameters.
    ///
    /// # Errors
    /// [`MisuseError::InvalidHeader`] if the name is no token.
    pub fn new(name: impl Into<String>) -> Result<Self, MisuseError> {
        Ok(Self {
            name: token(name.into())?,
            params: Vec::new(),
        })
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The parameters, in their order: a name, and a value if there is one.
    pub fn params(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        let params = self.params.iter();
        params.map(|(name, value)| (&**name, value.as_deref()))
    }

    /// The value of the first parameter of that name: `None` if there is no such parameter, and
    /// `Some(None)` if it has no value.
    pub fn get(&self, name: &str) -> Option<Option<&str>> {
        self.params().find(|(it, _)| *it == name).map(|(_, it)| it)
    }

    /// Sets a parameter: in the place of the first one of that name, or behind all others.
    ///
    /// # Errors
    /// [`MisuseError::InvalidHeader`] if the name is no token, or the value has a character that no
    /// header can have. Nothing changes then.
    pub fn set(&mut self, name: &str, value: Option<&str>) -> Result<&mut Self, MisuseError> {
        let Some(at) = self.params.iter().position(|(it, _)| it == name) else {
            return self.add(name, value);
        };
        self.params[at].1 = value.map(checked).transpose()?;
        Ok(self)
    }

    /// Adds a parameter behind all others, even if there is one of that name.
    ///
    /// # Errors
    /// The errors of [`set`](Self::set).
    pub fn add(&mut self, name: &str, value: Option<&str>) -> Result<&mut Self, MisuseError> {
        let param = (token(name.into())?, value.map(checked).transpose()?);
        self.params.push(param);
        Ok(self)
    }

    /// Removes all parameters of that name.
    pub fn remove(&mut self, name: &str) -> &mut Self {
        self.params.retain(|(it, _)| it != name);
        self
    }
}

fn token(name: String) -> Result<String, MisuseError> {
    match is_token(name.as_bytes()) {
        true => Ok(name),
        false => Err(MisuseError::InvalidHeader),
    }
}

fn checked(value: &str) -> Result<String, MisuseError> {
    match is_value(value.as_bytes()) {
        true => Ok(value.into()),
        false => Err(MisuseError::InvalidHeader),
    }
}

/// A copy. Bytes of a value that are not UTF-8, which no extension has, are replaced.
impl From<Extension<'_>> for OwnedExtension {
    fn from(extension: Extension<'_>) -> Self {
        let params = extension.params().map(|param| {
            let value = param.value.map(|value| {
                let bytes: Vec<u8> = value.bytes().collect();
                String::from_utf8_lossy(&bytes).into_owned()
            });
            (param.name.into(), value)
        });
        Self {
            name: extension.name().into(),
            params: params.collect(),
        }
    }
}

impl PartialEq for OwnedExtension {
    fn eq(&self, other: &Self) -> bool {
        fn sorted(params: &[(String, Option<String>)]) -> Vec<&(String, Option<String>)> {
            let mut params: Vec<_> = params.iter().collect();
            params.sort();
            params
        }
        self.name == other.name && sorted(&self.params) == sorted(&other.params)
    }
}

impl Eq for OwnedExtension {}

impl fmt::Display for OwnedExtension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        for (name, value) in self.params() {
            write!(f, "; {name}")?;
            let Some(value) = value else { continue };
            if is_token(value.as_bytes()) {
                write!(f, "={value}")?;
                continue;
            }
            f.write_str("=\"")?;
            for part in value.split_inclusive(['"', '\\']) {
                match part.strip_suffix(['"', '\\']) {
                    Some(front) => write!(f, "{front}\\{}", &part[front.len()..])?,
                    None => f.write_str(part)?,
                }
            }
            f.write_str("\"")?;
        }
        Ok(())
    }
}

/// A list of extensions as the value of a header: for [`Accept::extensions`](super::Accept::extensions)
/// and [`ClientRequest::extensions`](super::ClientRequest::extensions). Empty if the list is.
pub fn extension_list(extensions: &[OwnedExtension]) -> String {
    let mut list = String::new();
    for extension in extensions {
        if !list.is_empty() {
            list.push_str(", ");
        }
        // Writing to a string can't fail.
        let _ = fmt::Write::write_fmt(&mut list, format_args!("{extension}"));
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::Extensions;
    use std::string::ToString;

    #[test]
    fn the_text_is_read_back_as_the_same_value() {
        let mut extension = OwnedExtension::new("a").unwrap();
        for value in ["b", "", "1, 2; c", "\"", "\\\"\\", "d\"e\\f", "é"] {
            extension.add("v", Some(value)).unwrap();
        }
        extension.add("w", None).unwrap();
        let text = extension.to_string();
        let mut list = Extensions::with_any_value([text.as_bytes()].into_iter());
        let read = OwnedExtension::from(list.next().unwrap().unwrap());
        assert_eq!(read, extension, "{text}");
        assert_eq!(read.to_string(), text);
    }

    #[test]
    fn no_text_can_break_out_of_its_header() {
        for bad in ["", "a b", "a\r\n", "a;b", "\u{e9}"] {
            assert!(OwnedExtension::new(bad).is_err(), "{bad:?}");
            let mut extension = OwnedExtension::new("a").unwrap();
            assert!(extension.set(bad, None).is_err(), "{bad:?}");
            assert_eq!(extension.to_string(), "a");
        }
        let mut extension = OwnedExtension::new("a").unwrap();
        extension.set("b", Some("1")).unwrap();
        for bad in ["\r\nX: y", "\0", "\x7f"] {
            assert!(extension.set("b", Some(bad)).is_err(), "{bad:?}");
            assert!(extension.add("b", Some(bad)).is_err(), "{bad:?}");
        }
        assert_eq!(extension.to_string(), "a; b=1");
    }

    #[test]
    fn the_order_of_parameters_is_none_of_equality() {
        let read = |text: &'static str| {
            let mut list = Extensions::new([text.as_bytes()].into_iter());
            OwnedExtension::from(list.next().unwrap().unwrap())
        };
        assert_eq!(read("a;b;c=1"), read("a;c=\"1\";b"));
        assert_ne!(read("a;b;b"), read("a;b"));
        assert_ne!(read("a;b"), read("c;b"));
    }
}
