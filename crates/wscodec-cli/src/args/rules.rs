//! Rules for options that the definitions can not state.

use crate::Failure;

/// The failure for options of a command that can't be used together or as they are.
pub(crate) fn unusable(command: &str, why: impl std::fmt::Display) -> Failure {
    let why = why.to_string();
    let command = command.to_owned();
    Failure::Unusable { command, why }
}

/// Checks the values of an option that must not be given twice.
pub(super) fn all_differ(command: &str, option: &str, values: &[String]) -> Result<(), Failure> {
    for (at, value) in values.iter().enumerate() {
        if values[..at].contains(value) {
            return Err(unusable(
                command,
                format!("{option}: {value:?} is given twice"),
            ));
        }
    }
    Ok(())
}
