//! The implementations in other processes.
//!
//! A case is a byte (1 for the server's role), the length as 32 bits in network order, and the bytes.
//! The answer is a line of JSON: `{"events": […], "end": "ok"}`.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;

use crate::Seen;
use crate::cases::Case;

pub struct Peer {
    pub name: String,
    child: Child,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts the peer of an argument.
    pub fn start(argument: &str) -> Self {
        let (name, command) = argument.split_once('=').expect("NAME=COMMAND");
        let mut words = command.split('\t');
        let mut child = Command::new(words.next().expect("a program"))
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the peer starts");
        let answers = BufReader::new(child.stdout.take().expect("a pipe"));
        Self {
            name: name.to_owned(),
            child,
            answers,
        }
    }

    pub fn ask(&mut self, cases: &[Case]) -> Vec<Seen> {
        let mut input = self.child.stdin.take().expect("a pipe");
        let mut bytes = Vec::new();
        for case in cases {
            bytes.push(u8::from(case.server));
            bytes.extend((case.bytes.len() as u32).to_be_bytes());
            bytes.extend(&case.bytes);
        }
        thread::scope(|scope| {
            // A full pipe in one direction must not stop the other.
            let writer = scope.spawn(move || {
                input.write_all(&bytes).expect("the peer reads");
                input.flush().expect("the peer reads");
                input
            });
            let seen = cases.iter().map(|_| self.answer()).collect();
            self.child.stdin = Some(writer.join().expect("the writer ends"));
            seen
        })
    }

    fn answer(&mut self) -> Seen {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("an answer");
        let answer: serde_json::Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("{}: {line:?}", self.name));
        let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
        Seen {
            events: answer["events"]
                .as_array()
                .expect("a list")
                .iter()
                .map(text)
                .collect(),
            end: text(&answer["end"]),
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
