//! Extension lists: `name; key; key=value; key="value", name` (RFC 6455 §9.1, RFC 9110 §5.6.6).
//!
//! This is the only reader of parameters in the project. A comma or a semicolon within a quoted
//! string separates nothing, so a list must not be split at its separators first: readers that did,
//! or that looked for the closing quote by a regular expression, disagreed with their peers or took
//! quadratic time for a string that is not closed (CVE-2020-7662, CVE-2020-7663). So the reader
//! takes one thing at a time off the front of the bytes, and never goes back: the work is linear.
//!
//! A quoted value is not copied. It stays where it lies, with its escapes, and comparisons undo
//! them on the way; most values have none. Each extension is checked whole before it is handed out,
//! and its parameters are read a second time by whoever asks for them. Invariant: the bytes in
//! `Extension::params` have passed `split_extension`, so the second reading cannot fail.

use super::list::{Malformed, Members};
use super::token::{is_token_byte, is_value_byte, skip_space, split_token, text};

/// The extensions of a list that may be spread over several header lines, in their order.
///
/// Each one is checked whole before it is handed out: names and values are tokens, a quoted value
/// too once its escapes are undone. What is not so is [`Malformed`], and ends the list. White
/// space is allowed around `,`, `;` and `=`.
///
/// ```
/// use wscodec::head::Extensions;
///
/// let lines = [&b"permessage-deflate; server_max_window_bits=\"10\"; client_max_window_bits"[..]];
/// let offer = Extensions::new(lines.into_iter()).next().unwrap().unwrap();
/// assert_eq!(offer.name(), "permessage-deflate");
///
/// let mut params = offer.params();
/// let bits = params.next().unwrap();
/// assert_eq!(bits.name, "server_max_window_bits");
/// assert_eq!(bits.value.unwrap(), "10");
/// assert_eq!(params.next().unwrap().value, None);
/// assert!(params.next().is_none());
/// ```
#[derive(Clone, Debug)]
pub struct Extensions<'a, I> {
    list: Members<'a, I>,
    values: Values,
}

/// Which quoted strings may be values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Values {
    /// "The value after quoted-string unescaping MUST conform to the 'token' ABNF"
    /// (RFC 6455 §9.1).
    Tokens,
    /// All of them, as elsewhere in HTTP (RFC 9110 §5.6.6).
    Any,
}

impl<'a, I: Iterator<Item = &'a [u8]>> Extensions<'a, I> {
    /// The list in these header values.
    pub fn new(lines: I) -> Self {
        Self {
            list: Members::new(lines),
            values: Values::Tokens,
        }
    }

    /// The same for onlookers, who show a list whether or not it is right: a quoted value may have
    /// any character that a quoted string may have (RFC 9110 §5.6.6).
    ///
    /// ```
    /// use wscodec::head::Extensions;
    ///
    /// let lines = [&br#"a; b="1, 2""#[..]];
    /// let extension = Extensions::with_any_value(lines.into_iter()).next().unwrap()?;
    /// assert_eq!(extension.params().next().unwrap().value.unwrap(), "1, 2");
    /// assert!(Extensions::new(lines.into_iter()).next().unwrap().is_err());
    /// # Ok::<(), wscodec::head::Malformed>(())
    /// ```
    pub fn with_any_value(lines: I) -> Self {
        Self {
            list: Members::new(lines),
            values: Values::Any,
        }
    }
}

impl<'a, I: Iterator<Item = &'a [u8]>> Iterator for Extensions<'a, I> {
    type Item = Result<Extension<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let values = self.values;
        self.list.next_with(|rest| split_extension(rest, values))
    }
}

/// One extension of a list, with its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension<'a> {
    name: &'a [u8],
    params: &'a [u8],
}

impl<'a> Extension<'a> {
    /// The extension's name, a token.
    pub fn name(&self) -> &'a str {
        text(self.name)
    }

    /// Its parameters, in their order; doubled ones are not left out.
    pub fn params(&self) -> Params<'a> {
        Params { rest: self.params }
    }
}

/// The parameters of an [`Extension`].
#[derive(Clone, Debug)]
pub struct Params<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Params<'a> {
    type Item = Param<'a>;

    fn next(&mut self) -> Option<Param<'a>> {
        // Checked when the extension was split off: `None` is the end, never a fault.
        let (name, value) = split_param(&mut self.rest).ok()??;
        Some(Param {
            name: text(name),
            value: value.map(|(Value::Token(raw) | Value::Quoted(raw))| ParamValue { raw }),
        })
    }
}

/// One parameter of an [`Extension`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param<'a> {
    /// The parameter's name, a token.
    pub name: &'a str,
    /// The value behind the `=`, if there is one.
    pub value: Option<ParamValue<'a>>,
}

/// The value of a [`Param`]: a token, or a quoted string that represents one.
///
/// Compare it with a `&str`: escapes are undone on the way, in place.
///
/// ```
/// use wscodec::head::Extensions;
///
/// let mut list = Extensions::new([&br#"a; b="1\0""#[..]].into_iter());
/// let value = list.next().unwrap().unwrap().params().next().unwrap().value.unwrap();
/// assert_eq!(value, "10");
/// assert_eq!(value.as_str(), None, "there is no such slice in the header");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ParamValue<'a> {
    raw: &'a [u8],
}

impl<'a> ParamValue<'a> {
    /// The value where it lies in the header; `None` if it has escapes, or bytes that are not
    /// ASCII.
    pub fn as_str(&self) -> Option<&'a str> {
        let plain = !self.raw.contains(&b'\\') && self.raw.is_ascii();
        plain.then(|| text(self.raw))
    }

    /// The bytes of the value, escapes undone. Of a list that was made by [`Extensions::new`], this
    /// is at least one byte, and each is of a token.
    pub fn bytes(&self) -> impl Iterator<Item = u8> + 'a {
        let mut raw = self.raw.iter();
        core::iter::from_fn(move || match *raw.next()? {
            b'\\' => raw.next().copied(),
            byte => Some(byte),
        })
    }
}

impl PartialEq for ParamValue<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes().eq(other.bytes())
    }
}

impl Eq for ParamValue<'_> {}

impl PartialEq<str> for ParamValue<'_> {
    fn eq(&self, other: &str) -> bool {
        self.bytes().eq(other.bytes())
    }
}

impl PartialEq<&str> for ParamValue<'_> {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

/// Splits a quoted string (RFC 9110 §5.6.4) off the front: what lies between the quotes, escapes
/// still in it, and what follows the closing one. `None` if there is none or it is not closed.
///
/// ```
/// use wscodec::head::split_quoted;
///
/// assert_eq!(split_quoted(br#""a\"b"; c"#), Some((&br#"a\"b"#[..], &b"; c"[..])));
/// assert_eq!(split_quoted(br#""a\""#), None);
/// ```
pub fn split_quoted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let [b'"', text @ ..] = bytes else {
        return None;
    };
    let mut at = 0;
    loop {
        match *text.get(at)? {
            b'"' => return Some((&text[..at], &text[at + 1..])),
            b'\\' => {
                if !is_value_byte(*text.get(at + 1)?) {
                    return None;
                }
                at += 2;
            }
            b if is_value_byte(b) => at += 1,
            _ => return None,
        }
    }
}

/// How many extensions a header line has. What [`Extensions`] says of all lines, line by line.
pub(crate) fn count_extensions(line: &[u8]) -> Result<usize, Malformed> {
    Extensions::new([line].into_iter())
        .try_fold(0, |count, extension| Ok(count + extension.map(|_| 1)?))
}

fn split_extension<'a>(rest: &mut &'a [u8], values: Values) -> Option<Extension<'a>> {
    let name = split_token(rest)?;
    let params = *rest;
    while let Some((_, value)) = split_param(rest).ok()? {
        let is_right = match value {
            Some(Value::Quoted(value)) => values == Values::Any || unescapes_to_token(value),
            _ => true,
        };
        if !is_right {
            return None;
        }
    }
    let params = &params[..params.len() - rest.len()];
    Some(Extension { name, params })
}

/// A parameter's value: a token, or what lies between the quotes.
enum Value<'a> {
    Token(&'a [u8]),
    Quoted(&'a [u8]),
}

/// A parameter's name, and its value if it has one.
type RawParam<'a> = (&'a [u8], Option<Value<'a>>);

/// Takes `; name` or `; name=value` off the front; `None` where no `;` follows.
fn split_param<'a>(rest: &mut &'a [u8]) -> Result<Option<RawParam<'a>>, Malformed> {
    let [b';', after @ ..] = skip_space(rest) else {
        return Ok(None);
    };
    *rest = skip_space(after);
    let name = split_token(rest).ok_or(Malformed)?;
    let [b'=', after @ ..] = skip_space(rest) else {
        return Ok(Some((name, None)));
    };
    *rest = skip_space(after);
    let value = match rest {
        [b'"', ..] => {
            let (value, after) = split_quoted(rest).ok_or(Malformed)?;
            *rest = after;
            Value::Quoted(value)
        }
        _ => Value::Token(split_token(rest).ok_or(Malformed)?),
    };
    Ok(Some((name, Some(value))))
}

/// "When using the quoted-string syntax variant, the value after quoted-string unescaping MUST
/// conform to the 'token' ABNF" (RFC 6455 §9.1).
fn unescapes_to_token(value: &[u8]) -> bool {
    let mut escaped = false;
    let mut len = 0;
    for &byte in value {
        match byte {
            b'\\' if !escaped => escaped = true,
            byte if is_token_byte(byte) => {
                escaped = false;
                len += 1;
            }
            _ => return false,
        }
    }
    len != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::{String, ToString};
    use std::vec::Vec;

    /// The list written out again in one form.
    fn read(lines: &[&str]) -> Result<String, Malformed> {
        let mut out = Vec::new();
        for extension in Extensions::new(lines.iter().map(|line| line.as_bytes())) {
            let extension = extension?;
            let mut text = extension.name().to_string();
            for param in extension.params() {
                text += ";";
                text += param.name;
                if let Some(value) = param.value {
                    text += "=";
                    text.extend(value.bytes().map(char::from));
                }
            }
            out.push(text);
        }
        Ok(out.join(","))
    }

    #[test]
    fn reads_names_params_and_quoted_values() {
        for (value, expected) in [
            ("a", "a"),
            ("a;b;c=1", "a;b;c=1"),
            (" a ; b = 1 ;\tc=\"2\" , d ", "a;b=1;c=2,d"),
            ("a; b=\"\\1\\0\"", "a;b=10"),
            (", a,, b;c ,", "a,b;c"),
            ("a;b=1;b=2", "a;b=1;b=2"),
            (
                "constructor; __proto__=toString",
                "constructor;__proto__=toString",
            ),
        ] {
            assert_eq!(read(&[value]).as_deref(), Ok(expected), "{value:?}");
        }
    }

    #[test]
    fn several_lines_are_one_list() {
        assert_eq!(
            read(&["a; b", "", "c, d; e=1"]).as_deref(),
            Ok("a;b,c,d;e=1")
        );
    }

    #[test]
    fn refuses_what_the_grammar_does_not_know() {
        for value in [
            "a;",
            "a;;b",
            ";a",
            "a; b=",
            "a; =1",
            "a b",
            "a; b c",
            "a; b=1 2",
            "a=1",
            "\"a\"",
            "a; b=\"\"",
            "a; b=\"1 2\"",
            "a; b=\"1",
            "a; b=\"1\\",
            "a; b=\"1\\\"",
            "a; b=\"1\"2",
            "a; b=\"\\\\\"",
            "a; b=\"\\\"\"",
            "a; b='1 '",
            "é",
            "a; é",
            "a; b=é",
            "a; b=\"é\"",
            "a\0",
        ] {
            assert_eq!(read(&[value]), Err(Malformed), "{value:?}");
        }
    }

    #[test]
    fn a_quoted_value_does_not_go_on_in_the_next_line() {
        assert_eq!(read(&["a; b=\"1", "2\""]), Err(Malformed));
    }

    #[test]
    fn unclosed_escapes_and_thousands_of_offers_are_linear() {
        let mut value = String::from("a; b=\"");
        value += &"\\c".repeat(1 << 20);
        assert_eq!(read(&[&value]), Err(Malformed));
        assert_eq!(read(&[&(value + "\"")]).unwrap().len(), (1 << 20) + 4);
        let offers = "x; y=1, ".repeat(100_000);
        assert_eq!(
            Extensions::new([offers.as_bytes()].into_iter())
                .flatten()
                .count(),
            100_000
        );
    }

    #[test]
    fn values_compare_without_their_escapes() {
        let lines = [&br#"a; b="1\0"; c=10; d=1"#[..]];
        let extension = Extensions::new(lines.into_iter()).next().unwrap().unwrap();
        let values: Vec<_> = extension.params().map(|p| p.value.unwrap()).collect();
        assert_eq!(values[0], values[1]);
        assert!(values[0] != values[2] && values[0] != "1" && values[0] != "100");
        assert_eq!(values[1].as_str(), Some("10"));
    }
}
