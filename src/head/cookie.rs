//! The cookies of a request (RFC 6265 §4.1.1, §4.2.1).
//!
//! A `Cookie` header is not a comma list: pairs are separated by semicolons, a comma may be part of a
//! value, and a quoted string hides no semicolon. So it has a reader of its own. Each byte is looked at
//! a bounded number of times, and nothing is copied.

use super::list::Malformed;
use super::token::{is_token, skip_space, trim};

/// One cookie, where it lies in the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cookie<'a> {
    /// The name, a token unless [`CookieRules::any_name`] is set. Its case means something.
    pub name: &'a [u8],
    /// The value, without the quotes around it if it has them. Nothing is decoded.
    pub value: &'a [u8],
}

/// The rules by which [`Cookies`] are read. The default reads the cookies that clients send in practice.
///
/// ```
/// use wscodec::head::{Cookies, CookieRules};
///
/// let strict = CookieRules { strict: true, ..CookieRules::default() };
/// let values = [&b"a=1;b=2"[..]];
/// assert_eq!(Cookies::new(values.into_iter()).flatten().count(), 2);
/// let mut cookies = Cookies::with_rules(values.into_iter(), strict);
/// assert!(cookies.next().unwrap().is_ok());
/// assert!(cookies.next().unwrap().is_err(), "there is no space behind the semicolon");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CookieRules {
    /// Hold the header to the letter of RFC 6265 §4.2.1: a semicolon and one space between two pairs,
    /// an `=` in each pair, neither space nor comma in a value. Otherwise white space around a pair
    /// and around the name and the value is dropped, empty pairs are passed over, a pair without `=`
    /// is a name with an empty value, and a value may have spaces and commas.
    pub strict: bool,
    /// Take names that are no tokens.
    pub any_name: bool,
    /// Take values with any bytes (but for semicolons, which always separate).
    pub any_value: bool,
}

/// The cookies in the values of one or several `Cookie` headers, in their order.
///
/// A pair that breaks the [rules](CookieRules) is [`Malformed`], and the pairs behind it are read all
/// the same: a caller that ignores such pairs [flattens](Iterator::flatten), one that rejects them stops
/// at the first. Two cookies of one name are both given; the first one is the one with the longer path
/// (RFC 6265 §5.4).
///
/// ```
/// use wscodec::head::{Cookie, Cookies, Malformed};
///
/// let mut cookies = Cookies::new([&b"session=\"31d4d96e\"; @=x; theme=dark"[..]].into_iter());
/// let session = Cookie { name: b"session", value: b"31d4d96e" };
/// assert_eq!(cookies.next(), Some(Ok(session)));
/// assert_eq!(cookies.next(), Some(Err(Malformed)));
/// assert_eq!(cookies.next().unwrap()?.value, b"dark");
/// assert_eq!(cookies.next(), None);
/// # Ok::<(), Malformed>(())
/// ```
#[derive(Clone, Debug)]
pub struct Cookies<'a, I> {
    values: I,
    /// The rest of the value that is being read; `None` between two values.
    rest: Option<&'a [u8]>,
    /// Whether `rest` begins behind a semicolon.
    follows: bool,
    rules: CookieRules,
}

impl<'a, I: Iterator<Item = &'a [u8]>> Cookies<'a, I> {
    /// The cookies in these header values, by the default rules.
    pub fn new(values: I) -> Self {
        Self::with_rules(values, CookieRules::default())
    }

    /// The cookies in these header values, by other rules.
    pub fn with_rules(values: I, rules: CookieRules) -> Self {
        Self {
            values,
            rest: None,
            follows: false,
            rules,
        }
    }

    /// The value of the first cookie with this name.
    ///
    /// ```
    /// use wscodec::head::Cookies;
    ///
    /// let cookies = Cookies::new([&b"a=1; b=2; a=3"[..]].into_iter());
    /// assert_eq!(cookies.value_of(b"a"), Some(&b"1"[..]));
    /// ```
    pub fn value_of(self, name: &[u8]) -> Option<&'a [u8]> {
        let mut cookies = self.flatten();
        Some(cookies.find(|cookie| cookie.name == name)?.value)
    }
}

impl<'a, I: Iterator<Item = &'a [u8]>> Iterator for Cookies<'a, I> {
    type Item = Result<Cookie<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rest = match self.rest {
                Some(rest) => rest,
                None => {
                    self.follows = false;
                    self.values.next()?
                }
            };
            let follows = self.follows;
            let end = rest.iter().position(|&b| b == b';');
            let pair = &rest[..end.unwrap_or(rest.len())];
            self.rest = end.map(|end| &rest[end + 1..]);
            self.follows = true;
            if self.rules.strict {
                return Some(self.strict(pair, follows).ok_or(Malformed));
            }
            let pair = trim(pair);
            if !pair.is_empty() {
                return Some(self.lenient(pair).ok_or(Malformed));
            }
        }
    }
}

impl<'a, I> Cookies<'a, I> {
    fn strict(&self, pair: &'a [u8], follows: bool) -> Option<Cookie<'a>> {
        let pair = match follows {
            true => pair.strip_prefix(b" ")?,
            false => pair,
        };
        let equals = pair.iter().position(|&b| b == b'=')?;
        self.checked(&pair[..equals], &pair[equals + 1..])
    }

    fn lenient(&self, pair: &'a [u8]) -> Option<Cookie<'a>> {
        match pair.iter().position(|&b| b == b'=') {
            Some(equals) => self.checked(trim(&pair[..equals]), skip_space(&pair[equals + 1..])),
            None => self.checked(pair, &[]),
        }
    }

    fn checked(&self, name: &'a [u8], value: &'a [u8]) -> Option<Cookie<'a>> {
        let value = match value {
            [b'"', value @ .., b'"'] => value,
            value => value,
        };
        let lenient = |&b: &u8| is_cookie_octet(b) || (!self.rules.strict && b" ,".contains(&b));
        let is_name = self.rules.any_name || is_token(name);
        let is_value = self.rules.any_value || value.iter().all(lenient);
        (is_name && is_value).then_some(Cookie { name, value })
    }
}

/// Visible ASCII but for quotes, commas, semicolons and backslashes (RFC 6265 §4.1.1).
fn is_cookie_octet(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\",;\\".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    fn read(values: &[&str], rules: CookieRules) -> Vec<Option<(String, String)>> {
        let values = values.iter().map(|value| value.as_bytes());
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        Cookies::with_rules(values, rules)
            .map(|cookie| Some(cookie.ok()?).map(|it| (text(it.name), text(it.value))))
            .collect()
    }

    /// The expected names and values of a row; `!` for a pair that is malformed.
    fn expect(row: &str) -> Vec<Option<(String, String)>> {
        row.split_terminator('|')
            .map(|pair| {
                let (name, value) = pair.split_once('~')?;
                Some((name.into(), value.into()))
            })
            .collect()
    }

    #[test]
    fn each_rule_has_its_cases() {
        let lenient = CookieRules::default();
        let strict = CookieRules {
            strict: true,
            ..lenient
        };
        // The value, what the default reads, what the strict rules read.
        for (value, by_default, by_letter) in [
            ("a=1", "a~1", "a~1"),
            ("a=1; b=2", "a~1|b~2", "a~1|b~2"),
            ("a=1;b=2", "a~1|b~2", "a~1|!"),
            ("a=1;  b=2", "a~1|b~2", "a~1|!"),
            (" a = 1 ; b = 2 ", "a~1|b~2", "!|!"),
            ("a=", "a~", "a~"),
            ("a", "a~", "!"),
            ("=a", "!", "!"),
            ("", "", "!"),
            ("a=1;", "a~1", "a~1|!"),
            (";;a=1", "a~1", "!|!|!"),
            ("a=b=c", "a~b=c", "a~b=c"),
            ("a=\"b\"", "a~b", "a~b"),
            ("a=\"\"", "a~", "a~"),
            ("a=\"", "!", "!"),
            ("a=\"b", "!", "!"),
            ("a=b\"c", "!", "!"),
            ("a=\"b;c\"", "!|!", "!|!"),
            ("a=b c, d", "a~b c, d", "!"),
            ("a=\\", "!", "!"),
            ("a b=1; c=2", "!|c~2", "!|c~2"),
            ("a=é", "!", "!"),
            ("a=\x01", "!", "!"),
        ] {
            assert_eq!(read(&[value], lenient), expect(by_default), "{value:?}");
            assert_eq!(read(&[value], strict), expect(by_letter), "{value:?}");
        }
        let any = CookieRules {
            any_name: true,
            any_value: true,
            ..lenient
        };
        assert_eq!(read(&["a b=\"é"], any), expect("a b~\"é"));
        assert_eq!(read(&["=1"], any), expect("~1"));
    }

    #[test]
    fn several_headers_are_read_one_by_one() {
        let found = read(&["a=1", "", "b=2; c=3"], CookieRules::default());
        assert_eq!(found, expect("a~1|b~2|c~3"));
        let strict = CookieRules {
            strict: true,
            ..CookieRules::default()
        };
        assert_eq!(read(&["a=1", "b=2"], strict), expect("a~1|b~2"));
    }

    #[test]
    fn long_values_are_linear() {
        let mut value = std::vec![b';'; 1 << 20];
        value.extend(std::vec![b' '; 1 << 20]);
        value.extend(std::vec![b'='; 1 << 20]);
        value.extend(b"; a=1");
        let found: Vec<_> = Cookies::new([&value[..]].into_iter()).collect();
        assert!(matches!(
            found[..],
            [Err(Malformed), Ok(Cookie { name: b"a", .. })]
        ));
    }
}
