//! `wscodec replay`: the client's side of a recording, sent again.
//!
//! | file | has |
//! |---|---|
//! | `script` | the steps and answers of a recording |
//! | `play` | the connection on which the steps are sent |
//! | `diff` | the comparison of the answers |
//! | `report` | the differences in words and as JSON |

mod diff;
mod play;
mod report;
mod script;

use wscodec::io::{Connector, Transport, Url};

use crate::args::{ReplayArgs, unusable};
use crate::failed::failed;
use crate::out::{print, say};
use crate::target::Target;
use crate::upstream::Upstream;
use crate::{Failure, proxy, tls};
use play::{Pace, play};
use report::Report;
use script::Script;

/// The exit status for answers that differ.
const DIFFERENT: u8 = 3;

pub(crate) fn run(arguments: &ReplayArgs) -> Result<(), Failure> {
    arguments.check()?;
    let usage = |why: String| unusable("replay", why);
    let server = &arguments.server;
    let Target { url, authorization } = Target::parse(&server.to).map_err(usage)?;
    let has_path = Target::has_path(&url);
    if Url::parse(&url).is_err() {
        return Err(usage(format!("--to: {url:?} is not a URL")));
    }
    let script = Script::read(arguments).map_err(usage)?;
    let url = match &script.target {
        Some(target) if !has_path && target.starts_with('/') => {
            format!("{}{target}", url.trim_end_matches('/'))
        }
        _ => url,
    };
    let Ok(parsed) = Url::parse(&url) else {
        return Err(usage(format!(
            "{url:?}, with the path of the recording, is not a URL"
        )));
    };
    let upstream = Upstream {
        tls: match parsed.is_secure() {
            true => Some(tls::client("replay", &server.tls, None)?),
            false => None,
        },
        proxy: proxy::choose(server.proxy.as_ref(), &parsed).map_err(usage)?,
        timeout: arguments.timeout(),
        url: parsed,
    };
    let protocols: Vec<_> = script.protocols.iter().map(|it| &it[..]).collect();
    let (mut headers, mut host) = (Vec::new(), None);
    for header in &server.headers {
        match header.name.eq_ignore_ascii_case("Host") {
            true => host = Some(&header.value[..]),
            false => headers.push((&header.name[..], &header.value[..])),
        }
    }
    if let Some(value) = &authorization {
        headers.push(("Authorization", value));
    }
    let connector = Connector {
        protocols: &protocols,
        headers: &headers,
        host,
        deflate: arguments.compression.options(),
        options: upstream.options(),
        ..Connector::DEFAULT
    };
    let connection = upstream.connect().and_then(|stream| {
        let transport = Transport {
            secure: stream.is_secure(),
            ..Transport::client()
        };
        connector.connect_over(stream, transport, &url)
    });
    let connection = connection.map_err(|e| Failure::Run(failed(&upstream.url, &e)))?;
    let pace = Pace {
        factor: arguments.pace(),
        in_step: arguments.pace.in_step,
        wait: arguments.wait(),
    };
    let played = play(connection, &script, &pace);
    let played = played.map_err(|e| Failure::Run(failed(&upstream.url, &e)))?;
    let differences = match arguments.comparison.diff {
        false => Vec::new(),
        true => {
            let ignore = &arguments.comparison.ignore;
            let differences = diff::compare(&script.answers, &played.answers, ignore);
            let report = Report {
                recorded: &script.answers,
                found: &played.answers,
                ignore,
                differences: &differences,
            };
            print(&match arguments.comparison.json {
                true => report.json(),
                false => report.text(),
            })?;
            differences
        }
    };
    say(&format!(
        "messages: {} of {} sent, {} received ({} in the recording); {}",
        played.sent,
        script.messages(),
        played.answers.len(),
        script.answers.len(),
        played.ended
    ));
    match played.failed {
        _ if !differences.is_empty() => Err(Failure::Status(DIFFERENT)),
        Some(why) => Err(Failure::Run(why)),
        None if played.sent < script.messages() => Err(Failure::Run(
            "the server ended the connection before all messages were sent".into(),
        )),
        None => Ok(()),
    }
}
