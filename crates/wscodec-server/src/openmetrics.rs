//! The figures as text in the OpenMetrics format 1.0, which Prometheus and others read.

use core::fmt::{Display, Write};
use std::string::String;

use super::metrics::{Histogram, Metrics};
use super::plain::Response;

/// The media type of the text.
const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The sizes in bytes up to which a bucket counts, as powers of two: up to 1 GiB.
const SIZE_BITS: [u32; 11] = [4, 6, 8, 10, 12, 14, 16, 20, 22, 26, 30];

/// The times in microseconds, likewise: from 64 µs to 134 s.
const TIME_BITS: [u32; 11] = [6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 27];

impl Metrics {
    /// The figures as text in the OpenMetrics format. All names begin with `wscodec_`.
    pub fn open_metrics(&self) -> String {
        let mut text = Text(String::new());
        let stats = &self.stats;
        for (name, help, value) in [
            ("connections_open", "Connections now.", stats.open),
            ("memory_bytes", "Bytes held for connections.", stats.memory),
            (
                "queued_bytes",
                "Bytes that peers have not read.",
                self.queued,
            ),
            ("queues", "Connections for which bytes wait.", self.queues),
            (
                "longest_queue_bytes",
                "Bytes in the longest queue.",
                self.longest_queue,
            ),
        ] {
            text.family(name, "gauge", help);
            text.sample(name, "", "", value);
        }
        for (name, help, value) in [
            (
                "connections_accepted",
                "Handshakes that were accepted.",
                stats.accepted,
            ),
            (
                "connections_failed",
                "Connections that did not end by a close handshake.",
                stats.failed,
            ),
            (
                "tls_handshakes_failed",
                "Handshakes of TLS that failed.",
                stats.tls_failed,
            ),
            (
                "plain_requests",
                "Requests that were no upgrades, and answered.",
                stats.plain,
            ),
            (
                "handler_panics",
                "Calls of the handler that panicked.",
                stats.panics,
            ),
            ("messages_received", "Messages received.", stats.messages_in),
            ("messages_sent", "Messages sent.", stats.messages_out),
            ("received_bytes", "Bytes read from sockets.", stats.bytes_in),
            ("sent_bytes", "Bytes written to sockets.", stats.bytes_out),
            (
                "timeouts",
                "Requests and connections that ended by a timeout.",
                self.timeouts(),
            ),
        ] {
            text.family(name, "counter", help);
            text.sample(name, "_total", "", value);
        }
        text.family(
            "requests_rejected",
            "counter",
            "Requests that were rejected.",
        );
        for ((status, reason), count) in &self.rejections {
            let labels = format!("{{status=\"{status}\",reason=\"{reason}\"}}");
            text.sample("requests_rejected", "_total", &labels, count);
        }
        text.family(
            "connections_closed",
            "counter",
            "Connections that have ended, by close code.",
        );
        for (code, count) in &self.closes {
            let labels = format!("{{code=\"{code}\"}}");
            text.sample("connections_closed", "_total", &labels, count);
        }
        text.family(
            "faults",
            "counter",
            "Connections that ended by a failure, by its error.",
        );
        for (code, count) in &self.faults {
            let labels = format!("{{error=\"{code}\"}}");
            text.sample("faults", "_total", &labels, count);
        }
        for (name, help, sizes) in [
            (
                "received_message_size_bytes",
                "Payload sizes of messages received.",
                &self.received_sizes,
            ),
            (
                "sent_message_size_bytes",
                "Payload sizes of messages sent.",
                &self.sent_sizes,
            ),
        ] {
            text.family(name, "histogram", help);
            text.histogram(name, ["_count", "_sum"], sizes, &SIZE_BITS, 1.0);
        }
        let name = "queue_length_bytes";
        text.family(name, "gaugehistogram", "Bytes that wait, by connection.");
        let lengths = &self.queue_lengths;
        text.histogram(name, ["_gcount", "_gsum"], lengths, &SIZE_BITS, 1.0);
        let name = "ping_round_trip_seconds";
        let help = "From a ping of the heartbeat to its pong.";
        text.family(name, "histogram", help);
        let times = &self.ping_round_trips;
        text.histogram(name, ["_count", "_sum"], times, &TIME_BITS, 1e-6);
        text.0.push_str("# EOF\n");
        text.0
    }

    /// A response with the figures in the OpenMetrics format, for a scraper.
    pub fn response(&self) -> Response {
        let text = self.open_metrics();
        Response::new(200)
            .header("Content-Type", MEDIA_TYPE)
            .body(text)
    }
}

struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing into a string does not fail.
        let _ = writeln!(self.0, "# TYPE wscodec_{name} {kind}");
        if let Some(unit) = ["bytes", "seconds"]
            .into_iter()
            .find(|it| name.ends_with(it))
        {
            let _ = writeln!(self.0, "# UNIT wscodec_{name} {unit}");
        }
        let _ = writeln!(self.0, "# HELP wscodec_{name} {help}");
    }

    fn sample(&mut self, name: &str, suffix: &str, labels: &str, value: impl Display) {
        let _ = writeln!(self.0, "wscodec_{name}{suffix}{labels} {value}");
    }

    /// `unit` is how many of the family's unit a value of 1 is.
    fn histogram(
        &mut self,
        name: &str,
        [count, sum]: [&str; 2],
        values: &Histogram,
        bits: &[u32],
        unit: f64,
    ) {
        for &bits in bits {
            // Values are whole numbers, so the bucket below 2^bits counts up to 2^bits - 1.
            let limit = ((1_u64 << bits) - 1) as f64 * unit;
            let labels = format!("{{le=\"{limit:?}\"}}");
            self.sample(name, "_bucket", &labels, values.below(bits));
        }
        self.sample(name, "_bucket", "{le=\"+Inf\"}", values.count());
        let total = format_args!("{:?}", values.sum() as f64 * unit);
        self.sample(name, sum, "", total);
        self.sample(name, count, "", values.count());
    }
}
