//! The command line of `cargo xtask`, read by lexopt.

use std::ffi::OsString;
use std::str::FromStr;

use lexopt::{Arg, Parser, ValueExt};

/// The rest of the command line.
pub struct Arguments {
    parser: Parser,
    /// The option whose value is read, with its dashes.
    option: String,
    /// `--verbose` was among those that were read.
    pub verbose: bool,
}

/// Why nothing is run.
#[derive(Debug, PartialEq, Eq)]
pub enum Wrong {
    /// Help is asked for.
    Help,
    /// The sentence says what is wrong.
    Usage(String),
}

impl From<lexopt::Error> for Wrong {
    fn from(error: lexopt::Error) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<String> for Wrong {
    fn from(sentence: String) -> Self {
        Self::Usage(sentence)
    }
}

impl From<&str> for Wrong {
    fn from(sentence: &str) -> Self {
        Self::Usage(sentence.to_owned())
    }
}

impl Arguments {
    /// Those of this process.
    pub fn from_env() -> Self {
        Self::new(Parser::from_env())
    }

    /// These, for tests.
    #[cfg(test)]
    pub fn of<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        let words: Vec<&str> = words.into_iter().collect();
        Self::new(Parser::from_args(words))
    }

    fn new(parser: Parser) -> Self {
        Self {
            parser,
            option: String::new(),
            verbose: false,
        }
    }

    /// The next word, or the next option with its dashes; `None` at the end. The options that all
    /// commands have are taken here.
    pub fn word(&mut self) -> Result<Option<String>, Wrong> {
        loop {
            match self.parser.next()? {
                None => return Ok(None),
                Some(Arg::Long("verbose") | Arg::Short('v')) => self.verbose = true,
                Some(Arg::Long("help") | Arg::Short('h')) => return Err(Wrong::Help),
                Some(Arg::Value(word)) => return Ok(Some(word.string()?)),
                Some(Arg::Long(name)) => {
                    self.option = format!("--{name}");
                    return Ok(Some(self.option.clone()));
                }
                Some(other) => return Err(other.unexpected().into()),
            }
        }
    }

    /// All the words that are left, none of them an option.
    pub fn words(&mut self) -> Result<Vec<String>, Wrong> {
        let mut words = Vec::new();
        while let Some(word) = self.word()? {
            if word == self.option {
                return Err(unknown(&word));
            }
            words.push(word);
        }
        Ok(words)
    }

    /// All that is left, as it stands: the arguments of another program.
    pub fn rest(&mut self) -> Result<Vec<OsString>, Wrong> {
        Ok(self.parser.raw_args()?.collect())
    }

    /// The value of the option that was read last.
    pub fn text(&mut self) -> Result<String, Wrong> {
        let value = self.parser.value().map(|value| value.string());
        match value {
            Ok(Ok(text)) if !text.starts_with("--") => Ok(text),
            Ok(Ok(_)) | Err(_) => Err(format!("`{}` takes a value", self.option).into()),
            Ok(Err(error)) => Err(error.into()),
        }
    }

    /// The same as a `T` that fits; `expected` describes one.
    pub fn value<T: FromStr>(
        &mut self,
        expected: &str,
        fits: impl Fn(&T) -> bool,
    ) -> Result<T, Wrong> {
        let option = self.option.clone();
        let value = self.text()?.parse().ok().filter(fits);
        value.ok_or_else(|| format!("`{option}` takes {expected}").into())
    }
}

/// The error for a word that a command does not take.
pub fn unknown(word: &str) -> Wrong {
    Wrong::Usage(format!("`{word}` is not understood"))
}

#[cfg(test)]
mod tests {
    use super::{Arguments, Wrong};

    #[test]
    fn words_options_and_values() {
        let mut arguments = Arguments::of(["a", "-v", "--count=3", "--name", "x", "b", "-h"]);
        let mut next = || arguments.word().unwrap();
        assert_eq!(next().as_deref(), Some("a"));
        assert_eq!(next().as_deref(), Some("--count"));
        assert_eq!(arguments.value("a number", |n: &u8| *n < 9), Ok(3));
        assert!(arguments.verbose);
        assert_eq!(arguments.word().unwrap().as_deref(), Some("--name"));
        let wrong = Wrong::Usage("`--name` takes a number".to_owned());
        assert_eq!(arguments.value::<u8>("a number", |_| true), Err(wrong));
        assert_eq!(arguments.words(), Err(Wrong::Help));
        assert!(Arguments::of(["a", "--b"]).words().is_err());
        assert_eq!(Arguments::of(["a", "b"]).words().unwrap(), ["a", "b"]);
    }

    #[test]
    fn the_arguments_of_another_program_are_left_alone() {
        let mut arguments = Arguments::of(["serve", "-v", "--help"]);
        assert_eq!(arguments.word().unwrap().as_deref(), Some("serve"));
        assert_eq!(arguments.rest().unwrap(), ["-v", "--help"]);
        assert!(!arguments.verbose);
    }
}
