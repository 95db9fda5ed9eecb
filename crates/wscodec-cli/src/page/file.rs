//! Where the inspector page is.
//!
//! The page is built by `cargo xtask build`, and is no file of the checkout. A build with
//! `--cfg wscodec_page` has the page of the environment variable `WSCODEC_PAGE` inside. Every other build
//! looks for it when it runs.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use crate::Failure;
use crate::args::unusable;

/// The comment in the head of the page that is replaced.
const PLACE: &str = "<!-- live -->";

#[cfg(wscodec_page)]
const BUILT_IN: Option<&[u8]> = Some(include_bytes!(env!("WSCODEC_PAGE")));
#[cfg(not(wscodec_page))]
const BUILT_IN: Option<&[u8]> = None;

/// The page, with this element in its head.
pub(super) fn page(command: &str, element: &str) -> Result<Vec<u8>, Failure> {
    let page = String::from_utf8(find(command)?.into_owned());
    match page {
        Ok(page) if page.contains(PLACE) => Ok(page.replacen(PLACE, element, 1).into_bytes()),
        _ => Err(unusable(
            command,
            "--open: the file is not the inspector page",
        )),
    }
}

fn find(command: &str) -> Result<Cow<'static, [u8]>, Failure> {
    let read = |path: &Path| {
        std::fs::read(path).map_err(|error| {
            let why = format!("--open: can't read {}: {error}", path.display());
            unusable(command, why)
        })
    };
    if let Some(path) = std::env::var_os("WSCODEC_PAGE") {
        return read(Path::new(&path)).map(Cow::Owned);
    }
    if let Some(page) = BUILT_IN {
        return Ok(Cow::Borrowed(page));
    }
    match places().into_iter().find(|it| it.is_file()) {
        Some(path) => read(&path).map(Cow::Owned),
        None => Err(unusable(
            command,
            "--open: this build has no inspector page: take dist/inspect.html of the npm package \
             wscodec, and name the file by the environment variable WSCODEC_PAGE",
        )),
    }
}

/// Beside the program, where packages of a system put it, and in a checkout.
fn places() -> Vec<PathBuf> {
    let program = std::env::current_exe().ok();
    let Some(folder) = program.as_deref().and_then(Path::parent) else {
        return Vec::new();
    };
    let names = [
        "inspect.html",
        "../share/wscodec/inspect.html",
        "../../pkg/dist/inspect.html",
    ];
    names.iter().map(|name| folder.join(name)).collect()
}
