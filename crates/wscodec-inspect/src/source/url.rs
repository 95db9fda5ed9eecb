//! The parts of a URL that logs of other programs name.

use core::net::{IpAddr, SocketAddr};

/// The authority of a URL, and its path and query.
pub(super) fn parts(url: &str) -> (&str, &[u8]) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split('#').next().unwrap_or(rest);
    match rest.find(['/', '?']) {
        Some(at) => (&rest[..at], &rest.as_bytes()[at..]),
        None => (rest, b"/"),
    }
}

/// The address of the server: its IP address, or the host of the URL if it is one.
pub(super) fn address(ip: Option<&str>, url: &str) -> Option<SocketAddr> {
    let (authority, _) = parts(url);
    let authority = authority.rsplit('@').next().unwrap_or(authority);
    let by_url: Option<SocketAddr> = authority.parse().ok();
    let tls = url.starts_with("wss:") || url.starts_with("https:");
    let port = by_url.map(|it| it.port()).or_else(|| {
        let port = authority
            .rsplit_once(':')
            .and_then(|(_, port)| port.parse().ok());
        port.or(Some(if tls { 443 } else { 80 }))
    })?;
    let strip = |text: &str| text.trim_matches(['[', ']']).parse::<IpAddr>().ok();
    let ip = ip
        .and_then(strip)
        .or(by_url.map(|it| it.ip()))
        .or_else(|| strip(authority));
    Some(SocketAddr::new(ip?, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        for (url, authority, target) in [
            ("wss://a.example:1/chat?x=1#y", "a.example:1", "/chat?x=1"),
            ("ws://a.example", "a.example", "/"),
            ("ws://a?b", "a", "?b"),
            ("", "", "/"),
        ] {
            assert_eq!(parts(url), (authority, target.as_bytes()), "{url}");
        }
        let address = |ip, url| address(ip, url).map(|it| it.to_string());
        assert_eq!(address(None, "ws://10.0.0.1/x"), Some("10.0.0.1:80".into()));
        assert_eq!(
            address(Some("[::1]"), "wss://a/x"),
            Some("[::1]:443".into())
        );
        assert_eq!(
            address(Some("::1"), "wss://a:8443/x"),
            Some("[::1]:8443".into())
        );
        assert_eq!(address(None, "wss://a.example/x"), None);
    }
}
