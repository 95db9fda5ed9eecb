//! From the text of a filter to its parts.

use core::fmt;

use super::node::{Field, FieldKind, Literal, Node, Operator};

/// Parentheses and negations in each other.
const MAX_DEPTH: usize = 64;

/// Comparisons of one expression.
const MAX_PARTS: usize = 1024;

/// Why an expression can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// The character at which the fault is, from 1.
    pub position: usize,
    /// A sentence without its end.
    pub message: String,
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at character {}: {}", self.position, self.message)
    }
}

impl core::error::Error for FilterError {}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Text(Vec<u8>),
    Bytes(Vec<u8>),
    Number(f64),
    Operator(Operator),
    Open,
    Close,
    Comma,
    And,
    Or,
    Not,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => f.write_str(&crate::safe::safe(word.as_bytes())),
            Self::Text(_) => f.write_str("a text"),
            Self::Bytes(_) => f.write_str("bytes"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Operator(_) => f.write_str("a comparison"),
            Self::Open => f.write_str("("),
            Self::Close => f.write_str(")"),
            Self::Comma => f.write_str("a comma"),
            Self::And => f.write_str("and"),
            Self::Or => f.write_str("or"),
            Self::Not => f.write_str("not"),
        }
    }
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    at: usize,
    /// The position behind the last token.
    end: usize,
    depth: usize,
    parts: usize,
}

pub(super) fn parse(text: &str) -> Result<Node, FilterError> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
        end: text.chars().count() + 1,
        depth: 0,
        parts: 0,
    };
    let node = parser.or()?;
    match parser.peek() {
        None => Ok(node),
        Some(token) => Err(parser.fail(format!("{token} does not belong here"))),
    }
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(_, token)| token)
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.at += 1;
        token
    }

    fn takes(&mut self, token: &Token) -> bool {
        let takes = self.peek() == Some(token);
        self.at += usize::from(takes);
        takes
    }

    /// A fault at the next token.
    fn fail(&self, message: impl Into<String>) -> FilterError {
        let position = self.tokens.get(self.at).map_or(self.end, |it| it.0);
        FilterError {
            position,
            message: message.into(),
        }
    }

    /// A fault at the token before.
    fn fail_before(&mut self, message: impl Into<String>) -> FilterError {
        self.at -= 1;
        self.fail(message)
    }

    fn or(&mut self) -> Result<Node, FilterError> {
        let mut node = self.and()?;
        while self.takes(&Token::Or) {
            node = Node::Or(Box::new(node), Box::new(self.and()?));
        }
        Ok(node)
    }

    fn and(&mut self) -> Result<Node, FilterError> {
        let mut node = self.not()?;
        while self.takes(&Token::And) {
            node = Node::And(Box::new(node), Box::new(self.not()?));
        }
        Ok(node)
    }

    fn not(&mut self) -> Result<Node, FilterError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.fail("the expression is nested too deeply"));
        }
        let node = if self.takes(&Token::Not) {
            Node::Not(Box::new(self.not()?))
        } else if self.takes(&Token::Open) {
            let node = self.or()?;
            if !self.takes(&Token::Close) {
                return Err(self.fail("a ) is missing"));
            }
            node
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(node)
    }

    fn comparison(&mut self) -> Result<Node, FilterError> {
        self.parts += 1;
        if self.parts > MAX_PARTS {
            return Err(self.fail("the expression has too many parts"));
        }
        let name = match self.next() {
            Some(Token::Word(name)) => name,
            Some(other) => {
                return Err(self.fail_before(format!("a field is expected, not {other}")));
            }
            None => return Err(self.fail_before("a field is expected")),
        };
        let known = Field::ALL.iter().find(|(it, _)| *it == name);
        let Some(&(_, field)) = known else {
            let name = crate::safe::safe(name.as_bytes());
            return Err(self.fail_before(format!("there is no field {name}")));
        };
        if field.kind() == FieldKind::Flag {
            return Ok(Node::Is(field));
        }
        if self.takes(&Token::Word("in".into())) {
            return self.list(field);
        }
        let Some(Token::Operator(operator)) = self.peek() else {
            return Err(self.fail(format!("{name} is to be compared with something")));
        };
        let operator = *operator;
        let fits = match field.kind() {
            FieldKind::Number => !matches!(
                operator,
                Operator::Contains | Operator::StartsWith | Operator::EndsWith
            ),
            FieldKind::Word(_) => matches!(operator, Operator::Equal | Operator::NotEqual),
            _ => true,
        };
        if !fits {
            return Err(self.fail(format!("{name} can't be compared in this way")));
        }
        self.at += 1;
        Ok(Node::Compare(field, operator, self.literal(field)?))
    }

    /// A list of values, one of which is to be equal.
    fn list(&mut self, field: Field) -> Result<Node, FilterError> {
        if !self.takes(&Token::Open) {
            return Err(self.fail("a ( is expected behind in"));
        }
        let mut node = Node::Compare(field, Operator::Equal, self.literal(field)?);
        while self.takes(&Token::Comma) {
            self.parts += 1;
            if self.parts > MAX_PARTS {
                return Err(self.fail("the expression has too many parts"));
            }
            let next = Node::Compare(field, Operator::Equal, self.literal(field)?);
            node = Node::Or(Box::new(node), Box::new(next));
        }
        match self.takes(&Token::Close) {
            true => Ok(node),
            false => Err(self.fail("a ) is missing")),
        }
    }

    /// The value that a field is compared with.
    fn literal(&mut self, field: Field) -> Result<Literal, FilterError> {
        let name = field.name();
        let token = self.next();
        match (field.kind(), token) {
            (FieldKind::Number, Some(Token::Number(number))) => Ok(Literal::Number(number)),
            (FieldKind::Word(words), Some(Token::Word(word))) if words.contains(&&*word) => {
                Ok(Literal::Bytes(word.into_bytes()))
            }
            (FieldKind::Text | FieldKind::Bytes, Some(Token::Text(mut text))) => {
                if field == Field::Host {
                    text.make_ascii_lowercase();
                }
                Ok(Literal::Bytes(text))
            }
            (FieldKind::Bytes, Some(Token::Bytes(bytes))) => Ok(Literal::Bytes(bytes)),
            (kind, token) => {
                let expected = match kind {
                    FieldKind::Number => "a number".to_owned(),
                    FieldKind::Text => "a text in quotes".to_owned(),
                    FieldKind::Bytes => "a text in quotes or bytes such as 0x00ff".to_owned(),
                    FieldKind::Word([one, two]) => format!("{one} or {two}"),
                    FieldKind::Word(words) => format!("one of {}", words.join(", ")),
                    FieldKind::Flag => "nothing".to_owned(),
                };
                let found = token.map_or("the end".to_owned(), |token| token.to_string());
                let message = format!("{name} is compared with {expected}, not with {found}");
                Err(self.fail_before(message))
            }
        }
    }
}

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, FilterError> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&char) = chars.get(at) {
        let position = at + 1;
        let fail = |message: &str| FilterError {
            position,
            message: message.to_owned(),
        };
        let next = chars.get(at + 1).copied();
        let (token, len) = match (char, next) {
            (' ' | '\t' | '\n' | '\r', _) => {
                at += 1;
                continue;
            }
            ('(', _) => (Token::Open, 1),
            (')', _) => (Token::Close, 1),
            (',', _) => (Token::Comma, 1),
            ('=', Some('=')) => (Token::Operator(Operator::Equal), 2),
            ('!', Some('=')) => (Token::Operator(Operator::NotEqual), 2),
            ('<', Some('=')) => (Token::Operator(Operator::LessOrEqual), 2),
            ('>', Some('=')) => (Token::Operator(Operator::GreaterOrEqual), 2),
            ('<', _) => (Token::Operator(Operator::Less), 1),
            ('>', _) => (Token::Operator(Operator::Greater), 1),
            ('&', Some('&')) => (Token::And, 2),
            ('|', Some('|')) => (Token::Or, 2),
            ('!', _) => (Token::Not, 1),
            ('=', _) => return Err(fail("use == to compare")),
            ('"', _) => {
                let len = string_len(&chars[at..]).ok_or_else(|| fail("the text has no end"))?;
                let json: String = chars[at..at + len].iter().collect();
                let text: String = serde_json::from_str(&json)
                    .map_err(|_| fail("the text has an escape that JSON does not know"))?;
                (Token::Text(text.into_bytes()), len)
            }
            _ if char.is_ascii_alphanumeric() || matches!(char, '.' | '-') => {
                let word: String = chars[at..]
                    .iter()
                    .take_while(|it| it.is_ascii_alphanumeric() || matches!(it, '.' | '-' | '_'))
                    .collect();
                let token = word_or_number(&word).ok_or_else(|| fail("the number is malformed"))?;
                (token, word.len())
            }
            _ => return Err(fail("this character does not belong here")),
        };
        at += len;
        tokens.push((position, token));
    }
    Ok(tokens)
}

/// How many characters a string has, with its quotes.
fn string_len(chars: &[char]) -> Option<usize> {
    let mut escaped = false;
    for (i, char) in chars.iter().enumerate().skip(1) {
        match char {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(i + 1),
            _ => {}
        }
    }
    None
}

fn word_or_number(word: &str) -> Option<Token> {
    if let Some(digits) = word.strip_prefix("0x") {
        let (pairs, []) = digits.as_bytes().as_chunks::<2>() else {
            return None;
        };
        let digit = |byte: u8| char::from(byte).to_digit(16).map(|it| it as u8);
        let bytes = pairs
            .iter()
            .map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?));
        return Some(Token::Bytes(bytes.collect::<Option<_>>()?));
    }
    if word.starts_with(|char: char| char.is_ascii_digit() || matches!(char, '.' | '-')) {
        let (digits, factor) = match word.as_bytes().last()? {
            b'k' | b'K' => (&word[..word.len() - 1], 1024.0),
            b'm' | b'M' => (&word[..word.len() - 1], 1024.0 * 1024.0),
            b'g' | b'G' => (&word[..word.len() - 1], 1024.0 * 1024.0 * 1024.0),
            _ => (word, 1.0),
        };
        let number: f64 = digits.parse().ok()?;
        return number.is_finite().then_some(Token::Number(number * factor));
    }
    let word = word.to_ascii_lowercase();
    Some(match &word[..] {
        "and" => Token::And,
        "or" => Token::Or,
        "not" => Token::Not,
        "contains" => Token::Operator(Operator::Contains),
        "startswith" => Token::Operator(Operator::StartsWith),
        "endswith" => Token::Operator(Operator::EndsWith),
        _ => Token::Word(word),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn and_binds_before_or_and_not_before_both() {
        let one = parse("fin and masked or not tls and compressed").unwrap();
        let two = parse("(fin && masked) || ((! tls) && compressed)").unwrap();
        assert_eq!(one, two);
        assert_eq!(
            parse("type in (text, binary)").unwrap(),
            parse("type == text or type == binary").unwrap()
        );
        assert_eq!(parse("SIZE >= 1k").unwrap(), parse("size>=1024").unwrap());
    }

    #[test]
    fn faults_are_told_with_their_place() {
        for (text, expected) in [
            ("", "at character 1: a field is expected"),
            ("dance == 1", "at character 1: there is no field dance"),
            ("dir = c2s", "at character 5: use == to compare"),
            (
                "size == \"x\"",
                "at character 9: size is compared with a number, not with a text",
            ),
            (
                "size contains 1",
                "at character 6: size can't be compared in this way",
            ),
            (
                "host == x",
                "at character 9: host is compared with a text in quotes, not with x",
            ),
            ("(fin", "at character 5: a ) is missing"),
            ("fin fin", "at character 5: fin does not belong here"),
            ("fin and", "at character 8: a field is expected"),
            ("payload == 0x1", "at character 12: the number is malformed"),
            ("payload == \"a", "at character 12: the text has no end"),
            (
                "size",
                "at character 5: size is to be compared with something",
            ),
            (
                "size == ",
                "at character 9: size is compared with a number, not with the end",
            ),
            ("type in text", "at character 9: a ( is expected behind in"),
            ("é", "at character 1: this character does not belong here"),
        ] {
            assert_eq!(fails(text), expected, "{text}");
        }
        assert!(fails(&"(".repeat(10_000)).contains("nested too deeply"));
        assert!(fails(&"not ".repeat(10_000)).contains("nested too deeply"));
        assert!(fails(&format!("fin{}", " or fin".repeat(5000))).contains("too many parts"));
    }
}
