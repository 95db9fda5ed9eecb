//! The forms in which a connection is shown: by frames, by messages, or as a whole.
//!
//! ```
//! use wscodec_inspect::event::InspectEvent;
//! use wscodec_inspect::show::Show;
//! use wscodec_inspect::{InspectOptions, Inspector};
//!
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/pcap/control-between-fragments.pcap");
//! let mut lines = [0, 0];
//! let mut sink = |event: InspectEvent<'_>| {
//!     for (count, show) in lines.iter_mut().zip([Show::Frames, Show::Messages]) {
//!         *count += usize::from(show.includes(&event));
//!     }
//! };
//! let mut inspector = Inspector::new(InspectOptions::default());
//! inspector.push(&std::fs::read(path)?, &mut sink)?;
//! inspector.finish(&mut sink)?;
//! // A message that has several frames is one line instead of several.
//! assert!(lines[1] < lines[0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::event::InspectEvent;

/// The form in which connections are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Show {
    /// Frames.
    #[default]
    Frames,
    /// Messages and control frames.
    Messages,
    /// One line for each connection.
    Connections,
}

impl Show {
    /// Whether the event has a line of its own. A message of a source that knows no frames has one among
    /// frames, and a frame that breaks a rule has one among messages.
    pub fn includes(self, event: &InspectEvent<'_>) -> bool {
        match (event, self) {
            (InspectEvent::Conversation(_), _) | (_, Self::Connections) => false,
            (InspectEvent::Frame(frame), Self::Messages) => {
                frame.header.opcode >= 8 || !frame.violations.is_empty()
            }
            (InspectEvent::Message(message), Self::Frames) => message.frames == 0,
            _ => true,
        }
    }
}
