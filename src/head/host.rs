//! `uri-host [ ":" port ]`: the value of `Host` and the authority of a target (RFC 9110 §7.2,
//! RFC 9112 §3.2, RFC 3986 §3.2.2).
//!
//! The grammar is checked whole, because the host takes part in a decision: the same-host origin
//! policy compares it with `Origin`, and the application may choose a site by it. A reader that
//! accepts more than the grammar (`[::1`, `a:b:c`, `:80`) sees another host than the proxy in front
//! of it, or than the application behind it. Two rules are stricter than RFC 3986: the name must
//! not be empty (RFC 9110 §4.2.1 forbids that in `http` and `https`), and a port is a number up to
//! 65535. An empty port (`example.com:`) is allowed and means the default port.
//!
//! Nearly every host is a plain name with or without a port. Such a value costs one search for the
//! last colon and one pass over a table; brackets and percent signs leave that path. IPv6 addresses
//! are checked here, because the parser of `core::net` adds 2.7 KB to the wasm module; a test
//! compares the two.

use super::token::{all_reg_name, is_reg_name_byte};

/// Takes a host and its port apart: `("example.com", None)`, `("[::1]", Some(8080))`. The brackets
/// of an IPv6 address stay. `None` if this is not `uri-host [ ":" port ]`.
///
/// ```
/// use wscodec::head::split_host;
///
/// assert_eq!(split_host("example.com:8080"), Some(("example.com", Some(8080))));
/// assert_eq!(split_host("[::1]"), Some(("[::1]", None)));
/// assert_eq!(split_host("example.com:"), Some(("example.com", None)));
/// for malformed in ["", ":80", "[::1", "a:b:c", "user@a", "a:65536"] {
///     assert_eq!(split_host(malformed), None);
/// }
/// ```
pub fn split_host(value: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = split(value.as_bytes())?;
    // Both were ASCII, so the cut is at a character's boundary.
    Some((value.get(..host.len())?, port))
}

/// [`split_host`] for bytes.
#[inline]
pub(crate) fn split(value: &[u8]) -> Option<(&[u8], Option<u16>)> {
    let (host, port) = match value.iter().rposition(|&b| b == b':' || b == b']') {
        Some(at) if value[at] == b':' => (&value[..at], port(&value[at + 1..])?),
        _ => (value, None),
    };
    let is_host = match host {
        [] => false,
        [b'[', literal @ .., b']'] => is_ip_literal(literal),
        _ => is_reg_name(host),
    };
    is_host.then_some((host, port))
}

/// Whether this is `uri-host [ ":" port ]` with a host.
#[inline]
pub(crate) fn is_host(value: &[u8]) -> bool {
    split(value).is_some()
}

/// The digits behind a colon; none mean the default port.
fn port(digits: &[u8]) -> Option<Option<u16>> {
    let mut port = 0u16;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        port = port.checked_mul(10)?.checked_add((digit - b'0').into())?;
    }
    Some((!digits.is_empty()).then_some(port))
}

/// `reg-name`, which IPv4 addresses are too: unreserved characters, sub-delimiters, and `%` with
/// two hexadecimal digits.
#[inline]
fn is_reg_name(name: &[u8]) -> bool {
    all_reg_name(name) || (name.contains(&b'%') && is_escaped_reg_name(name))
}

#[cold]
fn is_escaped_reg_name(mut name: &[u8]) -> bool {
    loop {
        name = match name {
            [] => return true,
            [b'%', a, b, rest @ ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => rest,
            [byte, rest @ ..] if is_reg_name_byte(*byte) => rest,
            _ => return false,
        }
    }
}

/// The bytes within the brackets: an IPv6 address (without a zone, which never leaves a machine),
/// or `"v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" )`.
#[cold]
fn is_ip_literal(literal: &[u8]) -> bool {
    match literal {
        [b'v' | b'V', future @ ..] => {
            let digits = future.iter().take_while(|b| b.is_ascii_hexdigit()).count();
            match future.split_at(digits) {
                ([_, ..], [b'.', address @ ..]) if !address.is_empty() => {
                    address.iter().all(|&b| b == b':' || is_reg_name_byte(b))
                }
                _ => false,
            }
        }
        _ => is_ipv6(literal),
    }
}

/// Whether this is an IPv6 address: eight groups, or fewer with one `::` in place of the others;
/// the last two may be written as an IPv4 address.
fn is_ipv6(address: &[u8]) -> bool {
    let (mut rest, mut elided) = match address {
        [b':', b':'] => return true,
        [b':', b':', rest @ ..] => (rest, true),
        _ => (address, false),
    };
    let mut groups = 0;
    loop {
        let end = rest.iter().position(|&b| b == b':').unwrap_or(rest.len());
        let (group, after) = rest.split_at(end);
        match group {
            [_] | [_, _] | [_, _, _] | [_, _, _, _] if group.iter().all(u8::is_ascii_hexdigit) => {
                groups += 1;
            }
            _ if after.is_empty() && is_ipv4(group) => groups += 2,
            _ => return false,
        }
        rest = match after {
            [] => break,
            [b':', b':'] if !elided => {
                elided = true;
                break;
            }
            [b':', b':', rest @ ..] if !elided => {
                elided = true;
                rest
            }
            [_, rest @ ..] => rest,
        };
    }
    match elided {
        true => groups <= 7,
        false => groups == 8,
    }
}

/// Whether these are four numbers up to 255, without leading zeros.
fn is_ipv4(address: &[u8]) -> bool {
    let mut octets = address.split(|&b| b == b'.');
    let is_octet = |octet: &[u8]| {
        let number = |digits: &[u8]| {
            digits.iter().try_fold(0, |n: u32, b| {
                b.is_ascii_digit().then(|| n * 10 + u32::from(b - b'0'))
            })
        };
        match octet {
            [b'0', _, ..] | [] | [_, _, _, _, ..] => false,
            _ => number(octet).is_some_and(|number| number <= 255),
        }
    };
    octets.clone().count() == 4 && octets.all(is_octet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for (value, host, port) in [
            ("example.com", "example.com", None),
            ("example.com:8080", "example.com", Some(8080)),
            ("example.com:", "example.com", None),
            ("example.com:0", "example.com", Some(0)),
            ("example.com:00080", "example.com", Some(80)),
            ("example.com.:65535", "example.com.", Some(65535)),
            ("192.0.2.1:1", "192.0.2.1", Some(1)),
            ("a_b.c", "a_b.c", None),
            ("xn--bcher-kva.ch", "xn--bcher-kva.ch", None),
            ("b%C3%BCcher.ch:1", "b%C3%BCcher.ch", Some(1)),
            ("a!$&'()*+,;=~b", "a!$&'()*+,;=~b", None),
            ("[::1]", "[::1]", None),
            ("[::1]:", "[::1]", None),
            ("[2001:DB8::1]:80", "[2001:DB8::1]", Some(80)),
            ("[::ffff:192.0.2.1]", "[::ffff:192.0.2.1]", None),
            ("[v1.a:b]:1", "[v1.a:b]", Some(1)),
        ] {
            assert_eq!(split_host(value), Some((host, port)), "{value}");
        }
        for value in [
            "",
            ":",
            ":80",
            "[",
            "]",
            "[]",
            "[]:80",
            "[::1",
            "::1",
            "::1]",
            "[::1]]",
            "[[::1]]",
            "[::1]80",
            "[::1]:80:80",
            "[::1]:a",
            "[::1%eth0]",
            "[::1%25eth0]",
            "[1.2.3.4]",
            "[:::1]",
            "[::g]",
            "[1:2:3:4:5:6:7]",
            "[v.a]",
            "[v1.]",
            "[v1]",
            "[vg.a]",
            "[v1.a@]",
            "[a]",
            "a[::1]",
            "a:b",
            "a:b:c",
            "a:1:2",
            "a:65536",
            "a:99999999999999999999",
            "a:+1",
            "a:-1",
            "a: 1",
            "a:1 ",
            "a b",
            "a/b",
            "a@b",
            "a\\b",
            "a?b",
            "a#b",
            "a\tb",
            "\u{e9}",
            "a\"b",
            "a<b",
            "a^b",
            "a`b",
            "a|b",
            "a{b}",
            "%",
            "a%",
            "a%4",
            "a%zz",
            "a%4g",
            "a\0",
        ] {
            assert_eq!(split_host(value), None, "{value}");
        }
    }

    #[test]
    fn every_byte_by_the_grammar() {
        for byte in 0..=255u8 {
            let allowed = byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte);
            assert_eq!(is_host(&[b'a', byte, b'a']), allowed, "{byte:#x}");
        }
    }

    #[test]
    fn ipv6_addresses_are_those_of_the_standard_library() {
        let seeds = [
            "::",
            "::1",
            "1::",
            "1:2:3:4:5:6:7:8",
            "1:2:3::6:7:8",
            "::ffff:192.0.2.1",
            "1:2:3:4:5:6:127.0.0.1",
            "fe80::1234:5678:9abc:def0",
            "1::3:4:5:6:7:8",
        ];
        let others = b":.%0129afg";
        let check = |bytes: &[u8]| {
            let text = core::str::from_utf8(bytes).unwrap();
            let expected = text.parse::<core::net::Ipv6Addr>().is_ok();
            assert_eq!(is_ipv6(bytes), expected, "{text}");
        };
        for seed in seeds.map(str::as_bytes) {
            check(seed);
            for at in 0..seed.len() {
                let mut less = seed.to_vec();
                less.remove(at);
                check(&less);
                for &other in others {
                    let mut changed = seed.to_vec();
                    changed[at] = other;
                    check(&changed);
                    for at in 0..=changed.len() {
                        for &other in others {
                            let mut more = changed.clone();
                            more.insert(at, other);
                            check(&more);
                        }
                    }
                }
            }
        }
    }
}
