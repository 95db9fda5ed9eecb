//! URLs: what was accepted has a host, a path and an authority that can be written into a request.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wscodec::handshake::ClientRequest;
use wscodec::io::Url;

fuzz_target!(|text: &str| {
    let Ok(url) = Url::parse(text) else { return };
    assert!(!url.host().is_empty());
    assert!(url.path_and_query().starts_with('/'));
    let mut out = Vec::new();
    let request = ClientRequest::new(url.authority(), url.path_and_query(), [0; 16]);
    request
        .write(&mut out)
        .expect("an accepted URL can be asked for");
    assert_eq!(out.iter().filter(|&&byte| byte == b'\n').count(), 7);
});
