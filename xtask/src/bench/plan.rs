//! The options of `cargo xtask bench`.

use std::path::PathBuf;

use crate::arguments::{Arguments, Wrong};

const KINDS: [&str; 9] = [
    "native",
    "js",
    "handshake",
    "deflate",
    "server",
    "tokio",
    "size",
    "growth",
    "wasm",
];

/// The parsed command line.
pub struct Plan {
    pub kind: &'static str,
    pub rounds: u32,
    pub json: Option<PathBuf>,
    pub quick: bool,
    pub runtime: Option<String>,
    /// Of servers: which cases, if not all; which of those that are known here; and others, by
    /// name and command.
    pub cases: Option<String>,
    pub only: Option<String>,
    pub peers: Vec<(String, String)>,
}

/// A command of `bench`.
pub enum Asked {
    Measure(Plan),
    /// Show these results.
    Table(Vec<String>),
    /// Draw tables of a result.
    Plot(Vec<String>),
}

/// Reads the arguments.
pub fn read(arguments: &mut Arguments) -> Result<Asked, Wrong> {
    let kinds = KINDS.join(", ");
    let mut kind = None;
    let mut rounds = None;
    let mut json = None;
    let mut quick = false;
    let mut runtime = None;
    let (mut cases, mut only, mut peers) = (None, None, Vec::new());
    while let Some(word) = arguments.word()? {
        match &word[..] {
            "--quick" => quick = true,
            "--rounds" => {
                rounds = Some(arguments.value("a number above 0", |&rounds: &u32| rounds > 0)?);
            }
            "--json" => json = Some(arguments.text()?.into()),
            "--runtime" => runtime = Some(arguments.text()?),
            "--cases" => cases = Some(arguments.text()?),
            "--only" => only = Some(arguments.text()?),
            "--peer" => {
                let text = arguments.text()?;
                let peer = text.split_once('=');
                let peer = peer.filter(|(_, command)| command.contains("{port}"));
                let (name, command) =
                    peer.ok_or("`--peer` takes NAME=COMMAND, with {port} where it listens")?;
                peers.push((name.to_owned(), command.to_owned()));
            }
            "table" if kind.is_none() => return Ok(Asked::Table(arguments.words()?)),
            "plot" if kind.is_none() => return Ok(Asked::Plot(arguments.words()?)),
            word => match KINDS.iter().find(|kind| **kind == word) {
                Some(found) if kind.is_none() => kind = Some(*found),
                _ => return Err(format!("`bench` takes one of {kinds}, not `{word}`").into()),
            },
        }
    }
    let kind = kind.ok_or(format!("`bench` takes one of {kinds}"))?;
    if runtime.is_some() && kind != "js" {
        return Err("`--runtime` is for `bench js`".into());
    }
    if !matches!(kind, "server" | "tokio")
        && (cases.is_some() || only.is_some() || !peers.is_empty())
    {
        return Err(
            "`--cases`, `--only` and `--peer` are for `bench server` and `bench tokio`".into(),
        );
    }
    Ok(Asked::Measure(Plan {
        kind,
        rounds: rounds.unwrap_or(if quick { 3 } else { 9 }),
        json,
        quick,
        runtime,
        cases,
        only,
        peers,
    }))
}

#[cfg(test)]
mod tests {
    use super::{Asked, read};
    use crate::arguments::{Arguments, Wrong};

    #[test]
    fn arguments() {
        let read = |line: &str| match read(&mut Arguments::of(line.split_whitespace()))? {
            Asked::Measure(plan) => Ok(plan),
            _ => Err(Wrong::from("nothing is measured")),
        };
        let plan = read("js --rounds 5 --quick").expect("this is right");
        assert_eq!((plan.kind, plan.rounds, plan.quick), ("js", 5, true));
        let plan = read("server --peer go=./echo:{port} --only wscodec").expect("this is right");
        let peer = ("go".to_owned(), "./echo:{port}".to_owned());
        assert_eq!(
            (plan.peers, plan.only),
            (vec![peer], Some("wscodec".to_owned()))
        );
        for wrong in [
            "",
            "js native",
            "all",
            "table file",
            "js --rounds",
            "js --rounds 0",
            "js --json",
            "js --peer go=./echo:{port}",
            "server --peer go",
            "server --peer go=./echo",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
