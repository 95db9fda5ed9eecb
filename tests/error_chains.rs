//! A program that prints an error with all its sources prints each text once: either the text of an error
//! has the text of the error below it, or that one is its source, never both.

use std::error::Error as StdError;
use std::fs;
use std::path::{Path, PathBuf};

use wscodec::head::Malformed;
use wscodec::{ErrorKind, HandshakeError, LimitError, MisuseError, PeerError};

/// The texts of an error and its sources, which must be different and not in each other.
fn chain(error: &(dyn StdError + 'static)) -> Vec<String> {
    let mut texts = vec![error.to_string()];
    let mut source = error.source();
    while let Some(error) = source {
        texts.push(error.to_string());
        source = error.source();
    }
    for (at, text) in texts.iter().enumerate() {
        assert!(!text.is_empty());
        for (other_at, other) in texts.iter().enumerate() {
            assert!(
                at == other_at || !text.contains(other.as_str()),
                "{texts:?}"
            );
        }
    }
    texts
}

#[test]
fn errors_of_the_core_have_one_text() {
    let kinds = PeerError::ALL.iter().map(|&it| ErrorKind::from(it));
    let kinds = kinds.chain(HandshakeError::ALL.iter().map(|&it| it.into()));
    let kinds = kinds.chain(LimitError::ALL.iter().map(|&it| it.into()));
    let kinds = kinds.chain(MisuseError::ALL.iter().map(|&it| it.into()));
    for kind in kinds {
        assert_eq!(chain(&kind), [kind.message()]);
        assert_eq!(
            chain(&kind.at(7)),
            [format!("{} (at byte 7)", kind.message())]
        );
    }
    assert_eq!(
        chain(&PeerError::InvalidUtf8),
        [PeerError::InvalidUtf8.message()]
    );
    assert_eq!(chain(&Malformed).len(), 1);
}

#[cfg(feature = "io")]
mod io {
    use std::fmt;
    use std::io;

    use super::*;
    use wscodec::io::{Error, Rejected};

    #[derive(Debug)]
    struct Outer(io::Error);

    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the proxy failed")
        }
    }

    impl StdError for Outer {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn errors_of_a_connection_have_each_text_once() {
        let outer = || io::Error::other(Outer(io::Error::other("the cable is cut")));
        let texts = ["the proxy failed", "the cable is cut"];
        assert_eq!(chain(&Error::from(outer())), texts);
        let fault = || ErrorKind::from(PeerError::InvalidUtf8).at(3);
        for error in [
            Error::from(fault()),
            Error::from(MisuseError::Closing),
            Error::Rejected(Box::new(Rejected::new(Vec::new(), 403))),
            Error::Cancelled,
        ] {
            let text = error.to_string();
            assert_eq!(chain(&error).len(), 1);
            // The same inside of an error of the standard library, and back.
            let wrapped = io::Error::from(error);
            assert_eq!(chain(&wrapped), [text]);
            assert_eq!(chain(&Error::from(wrapped)).len(), 1);
        }
    }
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs") {
            found.push(path);
        }
    }
}

/// Errors of all crates that have a source. Each is tested above, or where it is.
const WITH_SOURCE: &[&str] = &["src/io/error.rs: Error"];

/// An error without a `source` has one text. So this finds the errors that have to be tested.
#[test]
fn no_other_error_of_any_crate_has_a_source() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    sources(&root.join("src"), &mut paths);
    sources(&root.join("crates"), &mut paths);
    paths.retain(|path| path.components().any(|part| part.as_os_str() == "src"));
    let (mut errors, mut with_source) = (0, Vec::new());
    for path in &paths {
        let text = fs::read_to_string(path).unwrap();
        let code = text.split("\n#[cfg(test)]").next().unwrap_or_default();
        for (_, rest) in code
            .split("\nimpl")
            .skip(1)
            .filter_map(|it| it.split_once("Error for "))
        {
            let head = rest.lines().next().unwrap_or_default();
            let name = head.split([' ', '{', '<']).next().unwrap_or_default();
            let body = rest.split("\n}").next().unwrap_or_default();
            errors += 1;
            if body.contains("fn source(") {
                let file = path.strip_prefix(root).unwrap().display();
                with_source.push(format!("{file}: {name}").replace('\\', "/"));
            }
        }
    }
    assert!(errors >= 8, "only {errors} errors were found");
    with_source.sort();
    assert_eq!(with_source, WITH_SOURCE);
}
