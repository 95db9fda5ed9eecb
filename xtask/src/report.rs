//! The report of a run: steps, times, failures and steps that were left out.

use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::tool::{self, Failure};

/// How a step ended when nothing went wrong.
pub enum Outcome {
    /// It ran; a few words to print behind its time.
    Done(String),
    /// It could not run here: why, as half a sentence.
    Skipped(String),
}

/// A step's way to say that it has nothing to say.
pub fn done() -> Result<Outcome, Failure> {
    Ok(Outcome::Done(String::new()))
}

/// The steps so far.
#[derive(Default)]
pub struct Report {
    /// Whether to show what the tools print while they run.
    pub verbose: bool,
    passed: usize,
    failed: Vec<String>,
    skipped: Vec<(String, String)>,
    /// Whether the package was built by this run; `None` if nobody tried yet.
    pub built: Option<bool>,
    started: Option<Instant>,
}

impl Report {
    /// Runs one step, and tells whether it ended well.
    pub fn step(&mut self, name: &str, run: impl FnOnce() -> Result<Outcome, Failure>) -> bool {
        let started = Instant::now();
        self.started.get_or_insert(started);
        tool::set_verbose(self.verbose);
        print!("{name:<52} ");
        if self.verbose {
            println!();
        }
        // A closed pipe is no reason to stop testing.
        let _ = std::io::stdout().flush();
        let result = run();
        let time = seconds(started.elapsed());
        match result {
            Ok(Outcome::Done(note)) => {
                self.passed += 1;
                println!("{}", format!("ok {time}  {note}").trim_end());
                true
            }
            Ok(Outcome::Skipped(why)) => {
                println!("skipped: {why}");
                self.skipped.push((name.to_owned(), why));
                false
            }
            Err(failure) => {
                println!("FAILED {time}");
                println!("{failure}");
                self.failed.push(name.to_owned());
                false
            }
        }
    }

    /// Notes a step that could not be tried.
    pub fn skip(&mut self, name: &str, why: &str) {
        self.step(name, || Ok(Outcome::Skipped(why.to_owned())));
    }

    /// Prints what was skipped and what failed; the last line counts the steps.
    pub fn close(&self) -> ExitCode {
        println!();
        for (name, why) in &self.skipped {
            println!("skipped: {name}: {why}");
        }
        for name in &self.failed {
            println!("failed: {name}");
        }
        let time = self.started.map(|at| at.elapsed()).unwrap_or_default();
        println!(
            "{} skipped, {} in all",
            self.skipped.len(),
            seconds(time).trim()
        );
        println!("{} passed, {} failed", self.passed, self.failed.len());
        ExitCode::from(u8::from(!self.failed.is_empty()))
    }
}

fn seconds(time: Duration) -> String {
    format!("{:6.1} s", time.as_secs_f64())
}
