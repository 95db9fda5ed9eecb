//! Text of a peer, made safe to show on a terminal.
//!
//! A terminal acts on control characters (escape sequences move the cursor, change the title or
//! type answers), and format characters such as U+202E turn the direction of writing, so a peer's
//! text can pretend to be a line of ours. The rule of all commands: a character of
//! the categories Cc, Cf, Co, Cn, Cs, Zl or Zp is written as JSON escapes it (`\n`, `\u001b`), and
//! a backslash is doubled. U+200C and U+200D stay, because scripts and emoji need them. Bytes that
//! are not UTF-8 are written as `\xNN`.
//!
//! The standard library has no table of categories, but `str::escape_debug` escapes these
//! categories and Zs. It is asked about the second character of a string, because it also escapes
//! a combining mark at the beginning.

use std::fmt::Write;

/// The whole text with the characters escaped that a terminal may act upon.
pub fn safe(bytes: &[u8]) -> String {
    let mut shown = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars() {
            put(char, &mut shown);
        }
        for byte in chunk.invalid() {
            let _ = write!(shown, "\\x{byte:02x}");
        }
    }
    shown
}

/// The same, where line ends are line ends: each line by itself.
pub fn safe_lines(bytes: &[u8]) -> impl Iterator<Item = String> {
    let lines = bytes.split(|&byte| byte == b'\n');
    lines.map(|line| safe(line.strip_suffix(b"\r").unwrap_or(line)))
}

/// JSON with the same characters escaped. They stand in strings only, where `\u` is understood.
pub fn safe_json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for char in json.chars() {
        match char {
            ' '..='~' => shown.push(char),
            _ if is_safe(char) => shown.push(char),
            _ => escape(char, &mut shown),
        }
    }
    shown
}

/// Appends a JSON string with these bytes as its text: the same characters are escaped, and a byte
/// that is not UTF-8 becomes U+FFFD.
pub fn put_json_string(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = bytes;
    loop {
        // Most text is plain ASCII.
        let plain = rest
            .iter()
            .take_while(|&&byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\')
            .count();
        let (front, after) = rest.split_at(plain);
        out.extend_from_slice(front);
        let run = after.iter().take_while(|&&byte| byte >= 0x80).count();
        match after {
            [] => break,
            [byte, ..] if run == 0 => {
                match byte {
                    b'"' => out.extend_from_slice(b"\\\""),
                    _ => {
                        let mut shown = String::new();
                        put(char::from(*byte), &mut shown);
                        out.extend_from_slice(shown.as_bytes());
                    }
                }
                rest = &after[1..];
            }
            _ => {
                let (run, after) = after.split_at(run);
                let mut shown = String::new();
                for char in String::from_utf8_lossy(run).chars() {
                    put(char, &mut shown);
                }
                out.extend_from_slice(shown.as_bytes());
                rest = after;
            }
        }
    }
    out.push(b'"');
}

fn put(char: char, shown: &mut String) {
    match char {
        ' '..='[' | ']'..='~' => shown.push(char),
        '\\' => shown.push_str("\\\\"),
        '\n' => shown.push_str("\\n"),
        '\r' => shown.push_str("\\r"),
        '\t' => shown.push_str("\\t"),
        '\u{8}' => shown.push_str("\\b"),
        '\u{c}' => shown.push_str("\\f"),
        _ if is_safe(char) => shown.push(char),
        _ => escape(char, shown),
    }
}

fn escape(char: char, shown: &mut String) {
    for unit in char.encode_utf16(&mut [0; 2]) {
        let _ = write!(shown, "\\u{unit:04x}");
    }
}

fn is_safe(char: char) -> bool {
    match char {
        '\u{200c}' | '\u{200d}' => true,
        '\u{2028}' | '\u{2029}' => false,
        _ if char.is_control() => false,
        _ if char.is_whitespace() => true,
        _ => {
            let mut text = String::from("a");
            text.push(char);
            text.escape_debug().nth(1) == Some(char)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_a_terminal_acts_upon_are_escaped() {
        for (text, shown) in [
            ("plain \"text\" 'it'", "plain \"text\" 'it'"),
            ("größer, 日本語, עברית", "größer, 日本語, עברית"),
            // Emoji joined by U+200D, and a combining mark.
            (
                "👨\u{200d}👩 e\u{301} \u{301}",
                "👨\u{200d}👩 e\u{301} \u{301}",
            ),
            ("no\u{a0}break", "no\u{a0}break"),
            ("a\\b", "a\\\\b"),
            ("a\nb\r\tc\u{8}\u{c}", "a\\nb\\r\\tc\\b\\f"),
            ("\u{1b}[2J\u{7f}\u{9b}", "\\u001b[2J\\u007f\\u009b"),
            (
                "\u{202e}\u{2066}\u{feff}\u{ad}",
                "\\u202e\\u2066\\ufeff\\u00ad",
            ),
            ("\u{2028}\u{2029}", "\\u2028\\u2029"),
            // A tag, private use, and no character at all.
            ("\u{e0041}", "\\udb40\\udc41"),
            ("\u{e000}", "\\ue000"),
            ("\u{378}", "\\u0378"),
        ] {
            assert_eq!(safe(text.as_bytes()), shown);
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_shown_as_numbers() {
        assert_eq!(safe(b"a\xff\xe2\x82z"), "a\\xff\\xe2\\x82z");
    }

    #[test]
    fn json_strings_are_read_as_the_same_text() {
        for text in [
            "",
            "plain",
            "a\"b\\c\n",
            "größer\u{1b}",
            "\u{202e}x\u{e0041}",
            "👨\u{200d}👩",
        ] {
            let mut out = Vec::new();
            put_json_string(text.as_bytes(), &mut out);
            let json = String::from_utf8(out).unwrap();
            assert_eq!(
                serde_json::from_str::<String>(&json).unwrap(),
                text,
                "{json}"
            );
            assert_eq!(safe_json(&json), json);
        }
        let mut out = Vec::new();
        put_json_string(b"a\xffb", &mut out);
        assert_eq!(out, "\"a\u{fffd}b\"".as_bytes());
    }

    #[test]
    fn lines_are_kept_apart() {
        let lines: Vec<_> = safe_lines(b"<p>\r\n\x1bno\n").collect();
        assert_eq!(lines, ["<p>", "\\u001bno", ""]);
    }
}
