//! The options of TLS with a server, which several commands have.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct ClientTlsArgs {
    /// Trust the authorities in this PEM file for wss, instead of those of the system
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// Accept any certificate, with a warning
    #[arg(short = 'k', long)]
    pub(crate) insecure: bool,
}
