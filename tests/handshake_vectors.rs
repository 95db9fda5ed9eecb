//! The shared vectors of the opening handshake and of permessage-deflate
//! (`tests/vectors/handshake.json`, `deflate.json`). The component runs the same files.
#![cfg(feature = "deflate")]

mod common;

use common::vectors;
use serde_json::{Value, json};
use wscodec::deflate::{
    AgreedDeflate, Decompressor, DeflateAnswer, DeflateDirection, DeflateOptions, NAME, WindowBits,
};
use wscodec::handshake::{ClientRequest, Origin, Rejection, UpgradeRequest, UpgradeResponse};
use wscodec::head::{Extension, Extensions};
use wscodec::{ErrorKind, Fault, HandshakeError, Limits, MisuseError};

/// A result, or the error in the form of the vectors.
type Told = Result<Value, Value>;

fn at_fault(fault: Fault) -> Value {
    let mut error = misuse(fault.error);
    error["offset"] = fault.offset.into();
    error
}

fn misuse(error: impl Into<ErrorKind>) -> Value {
    let error = error.into();
    let mut told = json!({ "code": error.code() });
    if let Some(status) = error.status() {
        told["status"] = status.into();
    }
    told
}

fn latin(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap_or_default();
    text.chars().map(|c| u8::try_from(c).unwrap()).collect()
}

fn strs(value: &Value) -> Vec<&str> {
    let list = value.as_array().into_iter().flatten();
    list.map(|text| text.as_str().unwrap()).collect()
}

fn limits(vector: &Value) -> Limits {
    let mut limits = Limits::DEFAULT;
    for (name, value) in vector["limits"].as_object().into_iter().flatten() {
        let value = value.as_u64().unwrap();
        match name.as_str() {
            "head" => limits.head = value as usize,
            "headers" => limits.headers = value as usize,
            "message" => limits.message = value,
            other => panic!("no limit: {other}"),
        }
    }
    limits
}

fn joined<'h>(values: impl Iterator<Item = &'h [u8]>) -> String {
    let values: Vec<_> = values.map(String::from_utf8_lossy).collect();
    values.join(", ")
}

fn call(vector: &Value) -> Told {
    let head = latin(&vector["head"]);
    let limits = limits(vector);
    let request = || UpgradeRequest::parse(&head, &limits).map_err(at_fault);
    let pairs = vector["headers"].as_array().into_iter().flatten();
    let headers: Vec<(&str, &str)> = pairs
        .map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap()))
        .collect();
    let extensions = vector["extensions"].as_str().unwrap_or_default();
    let protocols = strs(&vector["protocols"]);
    let mut out = Vec::new();
    let written = match vector["call"].as_str().unwrap() {
        "read-request" => {
            return Ok(request()?.map_or(Value::Null, |request| {
                json!({
                    "headLen": request.head_len(),
                    "target": request.target(),
                    "path": request.path(),
                    "query": request.query(),
                    "host": request.host(),
                    "origin": request.origin().map(String::from_utf8_lossy),
                    "key": String::from_utf8_lossy(request.key()),
                    "protocols": request.protocols().collect::<Vec<_>>(),
                    "extensions": joined(request.headers().named("sec-websocket-extensions")),
                    "headers": request.headers().count(),
                })
            }));
        }
        "read-response" => {
            let asked = vector.get("request").map(latin);
            let asked = asked.as_deref().map(|head| {
                let request = UpgradeRequest::parse(head, &limits);
                request.unwrap().expect("a whole head")
            });
            let response = UpgradeResponse::parse(&head, &limits).map_err(at_fault)?;
            let Some(response) = response else {
                return Ok(Value::Null);
            };
            if response.status() == 101 {
                response.check(asked.as_ref()).map_err(at_fault)?;
            }
            return Ok(json!({
                "headLen": response.head_len(),
                "status": response.status(),
                "reason": String::from_utf8_lossy(response.reason()),
                "protocol": response.protocol(),
                "extensions": joined(response.headers().named("sec-websocket-extensions")),
                "headers": response.headers().count(),
            }));
        }
        "check-origin" => {
            let allowed = strs(&vector["allowed"]);
            let policy = match vector["allowed"].as_str() {
                Some(_) => Origin::SameHost,
                None => Origin::List(&allowed),
            };
            let checked = request()?.expect("a whole head").check_origin(policy);
            return checked.map(|()| Value::Null).map_err(at_fault);
        }
        "check-host" => {
            let request = request()?.expect("a whole head");
            let checked = request.check_host(&strs(&vector["allowed"]));
            return checked.map(|()| Value::Null).map_err(at_fault);
        }
        "accept" => {
            let request = request()?.expect("a whole head");
            let mut accept = request.accept().extensions(extensions).headers(&headers);
            if let Some(protocol) = vector["protocol"].as_str() {
                accept = accept.protocol(protocol);
            }
            accept.write(&mut out)
        }
        "reject" => {
            let body = latin(&vector["body"]);
            let status = u16::try_from(vector["status"].as_u64().unwrap()).unwrap();
            let mut rejection = Rejection::new(status).headers(&headers).body(&body);
            if let Some(reason) = vector["reason"].as_str() {
                rejection = rejection.reason(reason);
            }
            rejection.write(&mut out)
        }
        "request" => {
            let nonce: [u8; 16] = vectors::bytes(&vector["nonce"]).try_into().unwrap();
            let [host, path] = ["host", "path"].map(|name| vector[name].as_str().unwrap());
            let request = ClientRequest::new(host, path, nonce);
            let request = request.protocols(&protocols).extensions(extensions);
            request.headers(&headers).write(&mut out)
        }
        other => panic!("no call: {other}"),
    };
    written.map_err(misuse)?;
    Ok(String::from_utf8(out).unwrap().into())
}

#[test]
fn handshakes() {
    let vectors = vectors::read("handshake.json");
    assert!(vectors.len() > 40);
    for (name, vector) in vectors {
        let expected = match vector.get("error") {
            Some(error) => Err(error.clone()),
            None => Ok(match vector.get("bytes") {
                Some(bytes) => bytes.clone(),
                None => vector["result"].clone(),
            }),
        };
        assert_eq!(call(&vector), expected, "{name}");
    }
}

fn direction(value: &Value) -> Result<DeflateDirection, MisuseError> {
    let bits = u8::try_from(value["window"].as_u64().unwrap_or(15)).unwrap();
    Ok(DeflateDirection {
        window: WindowBits::new(bits).ok_or(MisuseError::WindowBits)?,
        takeover: value["takeover"] != false,
    })
}

fn shown(agreed: &AgreedDeflate) -> Value {
    let [send, receive] = [agreed.send, agreed.receive]
        .map(|it| json!({ "window": it.window.bits(), "takeover": it.takeover }));
    json!({ "send": send, "receive": receive })
}

fn extensions(value: &str) -> Result<Vec<Extension<'_>>, HandshakeError> {
    Extensions::new([value.as_bytes()].into_iter())
        .collect::<Result<_, _>>()
        .map_err(|_| HandshakeError::ExtensionParameter)
}

fn negotiate(vector: &Value) -> Told {
    let value = vector["value"].as_str().unwrap_or_default();
    let mut options = DeflateOptions::DEFAULT;
    options.send = direction(&vector["options"]["send"]).map_err(misuse)?;
    options.receive = direction(&vector["options"]["receive"]).map_err(misuse)?;
    match vector["call"].as_str().unwrap() {
        "offer" => Ok(json!({ "extensions": &*options.offer().header() })),
        "accept" => {
            let offers = extensions(value).unwrap_or_default();
            let accepted = options
                .accept(offers)
                .map(|it| json!({ "extensions": &*it.header(), "agreed": shown(&it.agreed) }));
            Ok(json!({ "accepted": accepted }))
        }
        "check" => {
            let answers = extensions(value).map_err(misuse)?;
            let agreed = options.offer().check(answers).map_err(misuse)?;
            Ok(json!({ "agreed": agreed.as_ref().map(shown) }))
        }
        "observe" => {
            let answers = extensions(value).map_err(misuse)?;
            let Some(answer) = answers.iter().find(|it| it.name() == NAME) else {
                return Ok(json!({ "agreed": null }));
            };
            let answer = DeflateAnswer::parse(answer);
            let answer = answer.ok_or_else(|| misuse(HandshakeError::ExtensionParameter))?;
            Ok(json!({ "agreed": shown(&answer.agreed()) }))
        }
        other => panic!("no call: {other}"),
    }
}

fn read(group: &str) -> Vec<Value> {
    let path = common::path("vectors/deflate.json");
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    file[group].as_array().unwrap().clone()
}

#[test]
fn negotiations() {
    for vector in read("negotiations") {
        match negotiate(&vector) {
            Ok(result) => {
                let (name, value) = result.as_object().unwrap().iter().next().unwrap();
                assert_eq!(Some(value), vector.get(name), "{vector}");
            }
            Err(error) => assert_eq!(Some(&error), vector.get("error"), "{vector}"),
        }
    }
}

#[test]
fn payloads() {
    for vector in read("payloads") {
        let agreed = AgreedDeflate {
            receive: direction(&vector["direction"]).unwrap(),
            ..AgreedDeflate::default()
        };
        let mut decompressor = Decompressor::new(&agreed, &limits(&vector));
        let mut plain = Vec::new();
        let mut error = None;
        for coded in strs(&vector["coded"]) {
            let mut out = Vec::new();
            let coded = vectors::bytes(&coded.into());
            match decompressor.message(&coded, &mut out) {
                Ok(()) => plain.push(out),
                Err(kind) => error = Some(at_fault(kind.at(0))),
            }
        }
        let expected: Vec<_> = strs(&vector["plain"])
            .into_iter()
            .map(|text| vectors::bytes(&text.into()))
            .collect();
        assert_eq!(plain, expected, "{vector}");
        assert_eq!(error.as_ref(), vector.get("error"), "{vector}");
    }
}
