//! The figures of a server, by reason and as OpenMetrics text.

mod support;

use std::collections::BTreeSet;
use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use support::{Client, LONG, REQUEST, Running, open, options, raw, read_some, run};
use wscodec::handshake::{Origin, UpgradeRequest};
use wscodec::message::{Kind, MessageRef};
use wscodec_server::{
    AcceptOptions, Handler, Metrics, NotAccepted, Peer, PlainRequest, Response, ServerHandle,
};

struct Counted;

impl Handler for Counted {
    type State = ();

    fn accept(
        &mut self,
        request: &UpgradeRequest<'_>,
        _: &mut AcceptOptions<'_>,
    ) -> Result<(), NotAccepted> {
        match request.path() {
            "/401" => Err(Response::new(401).into()),
            "/panic" => panic!("a panic that is meant"),
            _ => Ok(()),
        }
    }

    fn message(&mut self, peer: &mut Peer<'_, ()>, message: MessageRef<'_>) {
        // A message in fragments, over several calls.
        let _ = match message.text() {
            Some("begin") => peer.outbox.begin(Kind::Binary, &[7; 100]),
            Some("more") => peer.outbox.more(&[7; 20]),
            Some("finish") => peer.outbox.finish(&[7; 3]),
            _ => peer.outbox.forward(message),
        };
    }

    fn request(&mut self, request: &PlainRequest<'_>, handle: &ServerHandle) -> Option<Response> {
        (request.path() == "/metrics").then(|| handle.metrics().response())
    }
}

/// Waits for the figures to be as they should.
fn metrics_when(server: &Running, good: impl Fn(&Metrics) -> bool) -> Metrics {
    let start = Instant::now();
    loop {
        let metrics = server.handle.metrics();
        if good(&metrics) {
            return metrics;
        }
        assert!(start.elapsed() < LONG, "{metrics:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn upgrade(path: &str) -> Vec<u8> {
    let request = String::from_utf8(REQUEST.to_vec()).unwrap();
    request
        .replace("GET / ", &format!("GET {path} "))
        .into_bytes()
}

#[test]
fn rejections_closes_faults_and_timeouts_are_counted_by_reason() {
    let mut options = options();
    options.policy.origin = Origin::SameHost;
    options.handshake_timeout = Duration::from_millis(200);
    options.session.idle = Some(Duration::from_millis(300));
    options.session.close_timeout = Duration::from_millis(100);
    let server = run(options, |_| Counted);
    let foreign = [
        &REQUEST[..REQUEST.len() - 2],
        b"Origin: https://a.example\r\n\r\n",
    ]
    .concat();
    for _ in 0..2 {
        raw(server.address, &foreign);
    }
    raw(server.address, b"GET / HTTP/1.1\r\n");
    raw(server.address, &upgrade("/401"));
    raw(server.address, &upgrade("/panic"));
    // Close codes, and a fault of the peer.
    for frame in [
        &b"\x88\x82\0\0\0\0\x03\xe8"[..],
        b"\x88\x82\0\0\0\0\x0f\xa0",
        b"\x81\0",
    ] {
        raw(server.address, &[REQUEST, frame].concat());
    }
    // One that is idle, and does not answer the close.
    let _idle = {
        let mut stream = open(server.address);
        stream.write_all(REQUEST).unwrap();
        stream
    };
    let metrics = metrics_when(&server, |it| it.faults.contains_key("IDLE"));
    let rejections = [
        ((400, "UPGRADE_HEADER"), 0),
        ((401, "HANDLER"), 1),
        ((403, "ORIGIN"), 2),
        ((408, "HANDSHAKE_TOO_SLOW"), 1),
        ((500, "HANDLER_FAILED"), 1),
    ];
    for (key, count) in rejections {
        assert_eq!(
            metrics.rejections.get(&key).copied().unwrap_or(0),
            count,
            "{key:?}"
        );
    }
    assert_eq!(
        metrics.rejections.values().sum::<u64>(),
        metrics.stats.rejected
    );
    let closes: Vec<_> = metrics.closes.iter().map(|(code, n)| (*code, *n)).collect();
    assert_eq!(closes, [("1000", 1), ("1006", 2), ("4xxx", 1)]);
    let faults: Vec<_> = metrics.faults.iter().map(|(code, n)| (*code, *n)).collect();
    assert_eq!(faults, [("IDLE", 1), ("UNMASKED_FRAME", 1)]);
    assert_eq!(
        metrics.timeouts(),
        2,
        "a slow request and an idle connection"
    );
}

#[test]
fn sizes_queues_and_round_trips_are_measured() {
    let mut options = options();
    options.session.heartbeat = Some(Duration::from_millis(20));
    options.session.pong_timeout = LONG;
    options.stall_timeout = LONG;
    let server = run(options, |_| Counted);
    let mut client = Client::new(server.address);
    for len in [0, 1, 1000, 100_000] {
        client.send(Kind::Binary, &vec![7; len]);
        assert_eq!(client.next().unwrap().len(), len);
    }
    let metrics = metrics_when(&server, |it| it.stats.messages_in == 4);
    for sizes in [&metrics.received_sizes, &metrics.sent_sizes] {
        assert_eq!((sizes.count(), sizes.sum()), (4, 101_001));
        assert_eq!(
            [0, 1, 10, 16, 17].map(|bits| sizes.below(bits)),
            [1, 2, 3, 3, 4]
        );
    }

    // One that answers a ping, and then reads nothing.
    let mut stuck = open(server.address);
    stuck.write_all(REQUEST).unwrap();
    let mut came = Vec::new();
    while !came.ends_with(b"\x89\0") {
        assert!(read_some(&mut stuck, &mut came) > 0);
    }
    stuck.write_all(b"\x8a\x80\0\0\0\0").unwrap();
    let metrics = metrics_when(&server, |it| it.ping_round_trips.count() > 0);
    assert!(metrics.ping_round_trips.sum() < LONG.as_micros() as u64);
    let mut frame = b"\x82\xff\0\0\0\0\0\x7f\0\0\0\0\0\0".to_vec();
    frame.resize(frame.len() + (0x7f << 16), 0);
    stuck.write_all(&frame).unwrap();
    let metrics = metrics_when(&server, |it| it.longest_queue > 1 << 20);
    assert_eq!((metrics.queues, metrics.queued), (1, metrics.longest_queue));
    let lengths = &metrics.queue_lengths;
    assert_eq!((lengths.count(), lengths.below(0)), (2, 1), "one is empty");
    assert_eq!(lengths.sum(), metrics.longest_queue);
    drop(stuck);
    metrics_when(&server, |it| it.queued == 0 && it.queues == 0);
}

#[test]
fn a_message_in_fragments_is_counted_once_with_its_whole_length() {
    let server = run(options(), |_| Counted);
    let mut client = Client::new(server.address);
    for part in ["begin", "more", "more", "finish"] {
        client.send(Kind::Text, part.as_bytes());
    }
    assert_eq!(client.next().unwrap(), [7; 143]);
    let metrics = metrics_when(&server, |it| it.stats.messages_out == 1);
    assert_eq!(metrics.sent_sizes.sum(), 143);
    // One that is not finished is not counted.
    client.send(Kind::Text, b"begin");
    client.send(Kind::Binary, b"");
    drop(client);
    let metrics = metrics_when(&server, |it| {
        it.stats.messages_in == 6 && it.stats.open == 0
    });
    assert_eq!(
        (metrics.sent_sizes.count(), metrics.sent_sizes.sum()),
        (1, 143)
    );
}

/// Checks text by the rules of OpenMetrics 1.0 that concern these figures, and gives the samples.
fn samples(text: &str) -> Vec<(String, f64)> {
    let lines = text.strip_suffix("# EOF\n").expect("the end is marked");
    let (mut family, mut kind) = (String::new(), String::new());
    let (mut families, mut found) = (BTreeSet::new(), Vec::new());
    for line in lines.lines() {
        if let Some(words) = line.strip_prefix("# ") {
            let words: Vec<_> = words.splitn(3, ' ').collect();
            if words[0] == "TYPE" {
                assert!(families.insert(words[1].to_owned()), "{line} comes again");
                (family, kind) = (words[1].to_owned(), words[2].to_owned());
            }
            assert_eq!(words[1], family, "{line}");
            assert!(words[0] != "UNIT" || family.ends_with(words[2]), "{line}");
            continue;
        }
        let (name, value) = line.rsplit_once(' ').unwrap();
        let bare = name.split('{').next().unwrap();
        let suffix = bare.strip_prefix(&family).expect(line);
        let allowed: &[&str] = match &kind[..] {
            "gauge" => &[""],
            "counter" => &["_total"],
            "histogram" => &["_bucket", "_sum", "_count"],
            "gaugehistogram" => &["_bucket", "_gsum", "_gcount"],
            _ => panic!("{line}"),
        };
        assert!(allowed.contains(&suffix), "{line}");
        found.push((name.to_owned(), value.parse().unwrap()));
    }
    found
}

#[test]
fn the_text_is_open_metrics() {
    let server = run(options(), |_| Counted);
    let mut client = Client::new(server.address);
    client.send(Kind::Text, b"hello");
    client.next().unwrap();
    raw(server.address, &upgrade("/401"));
    metrics_when(&server, |it| {
        it.stats.messages_in == 1 && it.stats.rejected == 1
    });
    let answer = raw(server.address, b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
    let answer = String::from_utf8(answer).unwrap();
    let (head, text) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"));
    let media_type = "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert!(head.contains(media_type));
    let samples = samples(text);
    let value = |name: &str| samples.iter().find(|it| it.0 == name).expect(name).1;
    assert_eq!(value("wscodec_connections_accepted_total"), 1.0);
    assert_eq!(value("wscodec_messages_received_total"), 1.0);
    let rejected = r#"wscodec_requests_rejected_total{status="401",reason="HANDLER"}"#;
    assert_eq!(value(rejected), 1.0);
    let bucket = |le| {
        value(&format!(
            "wscodec_received_message_size_bytes_bucket{{le={le:?}}}"
        ))
    };
    assert_eq!(["15.0", "63.0", "+Inf"].map(bucket), [1.0; 3]);
    assert_eq!(value("wscodec_received_message_size_bytes_sum"), 5.0);
    assert_eq!(value("wscodec_sent_message_size_bytes_sum"), 5.0);
    assert!(value("wscodec_queue_length_bytes_gcount") <= 2.0);
    assert_eq!(value("wscodec_ping_round_trip_seconds_count"), 0.0);
}
