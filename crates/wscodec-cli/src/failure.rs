//! The ends of a run that is no success.

/// A run that is no success.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The arguments are not of a form that the program knows: status 2.
    Usage(clap::Error),
    /// Options of a command can't be used together, or not with these values: status 2.
    Unusable {
        /// The name of the command.
        command: String,
        /// The reason.
        why: String,
    },
    /// It can't be done: status 1, with a line that says why.
    Run(String),
    /// The status says all.
    Status(u8),
}
