//! The frames on standard output, by the inspector's command.

use wscodec_inspect::command::Run;
use wscodec_inspect::record::begin;

use super::watch::{Packets, Watch};
use crate::Failure;
use crate::inspect::Written;
use crate::out::say;

/// Shows the entries of a lane until its end, or until the output can't be written.
pub(super) fn show(watch: &Watch, lane: usize, mut run: Run) -> Result<(), Failure> {
    let mut written = Written::new("tap");
    let result = until_end(watch, lane, &mut run, &mut written);
    watch.leave(lane);
    result
}

fn until_end(
    watch: &Watch,
    lane: usize,
    run: &mut Run,
    written: &mut Written,
) -> Result<(), Failure> {
    let mut packets = Packets::default();
    let (mut capture, mut out) = (Vec::new(), Vec::new());
    begin(&mut capture);
    while let Some(entries) = watch.take(lane) {
        for entry in &entries {
            packets.put(entry, &mut capture);
            run.push(0, &capture, &mut out);
            capture.clear();
            if out.len() >= crate::inspect::OUTPUT {
                written.write(run.files())?;
                crate::inspect::write(&mut out)?;
            }
        }
        written.write(run.files())?;
        crate::inspect::write(&mut out)?;
        run.complaints().iter().for_each(|it| say(it));
    }
    run.end(0, &mut out);
    // The status says whether a rule was broken, which is no failure of the tap.
    run.finish(&mut out);
    written.write(run.files())?;
    crate::inspect::write(&mut out)?;
    run.complaints().iter().for_each(|it| say(it));
    Ok(())
}
