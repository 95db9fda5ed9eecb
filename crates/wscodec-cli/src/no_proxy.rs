//! There are no proxies on this platform.

use wscodec::io::Url;

#[derive(Clone, Debug)]
pub(crate) enum Choice {
    /// No proxy.
    Direct,
}

/// There is none.
#[derive(Debug)]
pub(crate) enum Proxy {}

pub(crate) fn choose(_: Option<&Choice>, _: &Url) -> Result<Option<Proxy>, String> {
    Ok(None)
}

/// Reads the value of `--proxy`.
pub(crate) fn choice(text: &str) -> Result<Choice, String> {
    match text {
        "none" => Ok(Choice::Direct),
        _ => Err("this platform has no proxies".into()),
    }
}
