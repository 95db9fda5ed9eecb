//! What was asked of `cargo xtask bench`.

use std::path::PathBuf;

const KINDS: [&str; 8] = [
    "native",
    "js",
    "handshake",
    "deflate",
    "server",
    "size",
    "growth",
    "wasm",
];

/// What was asked for.
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

/// Reads the arguments; an error is what is wrong with them.
pub fn plan(arguments: &[String]) -> Result<Plan, String> {
    let kinds = KINDS.join(", ");
    let mut words = arguments.iter();
    let mut kind = None;
    let mut rounds = None;
    let mut json = None;
    let mut quick = false;
    let mut runtime = None;
    let (mut cases, mut only, mut peers) = (None, None, Vec::new());
    while let Some(word) = words.next() {
        match word.as_str() {
            "--quick" => quick = true,
            "--rounds" => {
                let number = words.next().and_then(|text| text.parse().ok());
                let number = number.filter(|number| *number > 0);
                rounds = Some(number.ok_or("`--rounds` takes a number above 0")?);
            }
            "--json" => json = Some(words.next().ok_or("`--json` takes a file")?.into()),
            "--runtime" => {
                let name = words
                    .next()
                    .ok_or("`--runtime` takes a name or a program")?;
                runtime = Some(name.clone());
            }
            "--cases" => cases = Some(words.next().ok_or("`--cases` takes a list")?.clone()),
            "--only" => only = Some(words.next().ok_or("`--only` takes a list")?.clone()),
            "--peer" => {
                let peer = words.next().and_then(|text| text.split_once('='));
                let peer = peer.filter(|(_, command)| command.contains("{port}"));
                let (name, command) =
                    peer.ok_or("`--peer` takes NAME=COMMAND, with {port} where it listens")?;
                peers.push((name.to_owned(), command.to_owned()));
            }
            word => match KINDS.iter().find(|kind| **kind == word) {
                Some(found) if kind.is_none() => kind = Some(*found),
                _ => return Err(format!("`bench` takes one of {kinds}, not `{word}`")),
            },
        }
    }
    let kind = kind.ok_or(format!("`bench` takes one of {kinds}"))?;
    if runtime.is_some() && kind != "js" {
        return Err("`--runtime` is for `bench js`".to_owned());
    }
    if kind != "server" && (cases.is_some() || only.is_some() || !peers.is_empty()) {
        return Err("`--cases`, `--only` and `--peer` are for `bench server`".to_owned());
    }
    Ok(Plan {
        kind,
        rounds: rounds.unwrap_or(if quick { 3 } else { 9 }),
        json,
        quick,
        runtime,
        cases,
        only,
        peers,
    })
}

#[cfg(test)]
mod tests {
    use super::plan;

    #[test]
    fn arguments() {
        let read = |line: &str| {
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            plan(&words)
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
