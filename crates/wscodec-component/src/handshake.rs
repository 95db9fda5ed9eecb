//! The opening handshake.

use alloc::string::String;
use alloc::vec::Vec;

use core_codec::Limits as CoreLimits;
use core_codec::error::{ErrorKind, MisuseError};
use core_codec::handshake::{
    self, ClientRequest as CoreRequest, Origin as CoreOrigin, Rejection as CoreRejection,
    UpgradeRequest as CoreUpgradeRequest, UpgradeResponse as CoreUpgradeResponse,
};
use core_codec::head::HeaderFields;
use wscodec_wasm_memory as grow;

use crate::Codec;
use crate::errors;
use crate::memory::Inside;
use crate::options;
use crate::wit::handshake::{
    AcceptOptions, ClientRequest, Guest, HeaderField, HeaderToSend, Origin, Rejection,
    UpgradeRequest, UpgradeResponse,
};
use crate::wit::types::{Error, Limits};

/// The bytes of a request's or a response's record without its lists.
const RECORD_LEN: usize = 256;

/// The bytes that a header field takes where the canonical ABI stores it.
const FIELD_LEN: usize = 16;

/// The bytes of a head without the caller's parts, at most: its fixed lines.
const FIXED_LEN: usize = 512;

impl Guest for Codec {
    fn read_request(bytes: Vec<u8>, limits: Limits) -> Result<Option<UpgradeRequest>, Error> {
        let _inside = Inside::enter();
        let limits = options::limits(&limits);
        let request = CoreUpgradeRequest::parse(&bytes, &limits).map_err(errors::fault)?;
        request.map(|request| upgrade_request(&request)).transpose()
    }

    fn check_origin(request: Vec<u8>, allowed: Origin) -> Result<(), Error> {
        let _inside = Inside::enter();
        let request = own(&request)?;
        let result = match &allowed {
            Origin::SameHost => request.check_origin(CoreOrigin::SameHost),
            Origin::Allowed(list) => request.check_origin(CoreOrigin::List(&strs(list)?)),
        };
        result.map_err(errors::fault)
    }

    fn check_host(request: Vec<u8>, allowed: Vec<String>) -> Result<(), Error> {
        let _inside = Inside::enter();
        let request = own(&request)?;
        request.check_host(&strs(&allowed)?).map_err(errors::fault)
    }

    fn accept(request: Vec<u8>, options: AcceptOptions) -> Result<Vec<u8>, Error> {
        let _inside = Inside::enter();
        let request = own(&request)?;
        let headers = pairs(&options.headers)?;
        let mut accept = request
            .accept()
            .extensions(&options.extensions)
            .headers(&headers);
        let mut len = options.extensions.len();
        if let Some(protocol) = &options.protocol {
            accept = accept.protocol(protocol);
            len += protocol.len();
        }
        written(len, &options.headers, |out| accept.write(out))
    }

    fn reject(rejection: Rejection) -> Result<Vec<u8>, Error> {
        let _inside = Inside::enter();
        let headers = pairs(&rejection.headers)?;
        let mut answer = CoreRejection::new(rejection.status)
            .headers(&headers)
            .body(&rejection.body);
        let mut len = rejection.body.len();
        if let Some(reason) = &rejection.reason {
            answer = answer.reason(reason);
            len += reason.len();
        }
        written(len, &rejection.headers, |out| answer.write(out))
    }

    fn request(request: ClientRequest) -> Result<Vec<u8>, Error> {
        let _inside = Inside::enter();
        let Ok(nonce) = <[u8; 16]>::try_from(&request.nonce[..]) else {
            return Err(errors::option("`nonce` must have 16 bytes"));
        };
        let headers = pairs(&request.headers)?;
        let protocols = strs(&request.protocols)?;
        let len = request.host.len()
            + request.path.len()
            + request.extensions.len()
            + protocols.iter().map(|name| name.len() + 2).sum::<usize>();
        let head = CoreRequest::new(&request.host, &request.path, nonce)
            .protocols(&protocols)
            .extensions(&request.extensions)
            .headers(&headers);
        written(len, &request.headers, |out| head.write(out))
    }

    fn read_response(
        bytes: Vec<u8>,
        request: Option<Vec<u8>>,
        limits: Limits,
    ) -> Result<Option<UpgradeResponse>, Error> {
        let _inside = Inside::enter();
        let limits = options::limits(&limits);
        let asked = match &request {
            Some(head) => Some(own(head)?),
            None => None,
        };
        let response = CoreUpgradeResponse::parse(&bytes, &limits).map_err(errors::fault)?;
        let Some(response) = response else {
            return Ok(None);
        };
        if response.status() == 101 {
            response.check(asked.as_ref()).map_err(errors::fault)?;
        }
        upgrade_response(&response).map(Some)
    }

    fn accept_key(key: String) -> String {
        let _inside = Inside::enter();
        let accept = handshake::accept_key(key.as_bytes());
        let accept = core::str::from_utf8(&accept).unwrap_or_default();
        errors::copied(accept).unwrap_or_default()
    }
}

/// A request that was read before, or that the caller wrote: without limits on its head.
fn own(head: &[u8]) -> Result<CoreUpgradeRequest<'_>, Error> {
    let mut limits = CoreLimits::DEFAULT;
    limits.head = usize::MAX;
    limits.headers = CoreLimits::MAX_HEADERS;
    match CoreUpgradeRequest::parse(head, &limits) {
        Ok(Some(request)) => Ok(request),
        Ok(None) => Err(errors::option("the head of the request is not complete")),
        Err(fault) => Err(errors::fault(fault)),
    }
}

fn upgrade_request(request: &CoreUpgradeRequest<'_>) -> Result<UpgradeRequest, Error> {
    let read = || {
        let origin = request.origin().map(grow::copied).transpose()?;
        let mut protocols = Vec::new();
        for name in request.protocols() {
            errors::push(&mut protocols, errors::copied(name)?)?;
        }
        let record = UpgradeRequest {
            head_len: request.head_len() as u32,
            target: errors::copied(request.target())?,
            path: errors::copied(request.path())?,
            query: request.query().map(errors::copied).transpose()?,
            host: errors::copied(request.host())?,
            origin,
            key: text(request.key())?,
            protocols,
            extensions: joined(request.headers())?,
            headers: fields(request.headers())?,
        };
        let count = record.headers.len() + record.protocols.len();
        errors::room(count + RECORD_LEN / FIELD_LEN, FIELD_LEN)?;
        Ok(record)
    };
    read().map_err(|error: ErrorKind| errors::misuse(error))
}

fn upgrade_response(response: &CoreUpgradeResponse<'_>) -> Result<UpgradeResponse, Error> {
    let read = || {
        let protocol = response.protocol().map(errors::copied).transpose()?;
        let record = UpgradeResponse {
            head_len: response.head_len() as u32,
            status: response.status(),
            reason: grow::copied(response.reason())?,
            protocol,
            extensions: joined(response.headers())?,
            headers: fields(response.headers())?,
        };
        errors::room(record.headers.len() + RECORD_LEN / FIELD_LEN, FIELD_LEN)?;
        Ok(record)
    };
    read().map_err(|error: ErrorKind| errors::misuse(error))
}

/// A copy of bytes that the core has checked to be ASCII.
fn text(bytes: &[u8]) -> Result<String, ErrorKind> {
    Ok(errors::copied(
        core::str::from_utf8(bytes).unwrap_or_default(),
    )?)
}

/// The values of `Sec-WebSocket-Extensions`. The reader has checked them.
fn joined(headers: HeaderFields<'_>) -> Result<String, ErrorKind> {
    let mut list = Vec::new();
    for value in headers.named("sec-websocket-extensions") {
        if !list.is_empty() {
            grow::append(&mut list, b", ")?;
        }
        grow::append(&mut list, value)?;
    }
    Ok(String::from_utf8(list).unwrap_or_default())
}

fn fields(headers: HeaderFields<'_>) -> Result<Vec<HeaderField>, ErrorKind> {
    let mut list = Vec::new();
    for field in headers {
        let field = HeaderField {
            name: errors::copied(field.name)?,
            value: grow::copied(field.value)?,
        };
        errors::push(&mut list, field)?;
    }
    Ok(list)
}

fn strs(list: &[String]) -> Result<Vec<&str>, Error> {
    let mut strs = Vec::new();
    grow::exact(&mut strs, list.len()).map_err(errors::misuse)?;
    strs.extend(list.iter().map(|text| &text[..]));
    Ok(strs)
}

fn pairs(headers: &[HeaderToSend]) -> Result<Vec<(&str, &str)>, Error> {
    let mut pairs = Vec::new();
    grow::exact(&mut pairs, headers.len()).map_err(errors::misuse)?;
    pairs.extend(
        headers
            .iter()
            .map(|field| (&field.name[..], &field.value[..])),
    );
    Ok(pairs)
}

/// The output of `write`, for which there is room. `len` counts the caller's parts without `headers`.
fn written(
    len: usize,
    headers: &[HeaderToSend],
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), MisuseError>,
) -> Result<Vec<u8>, Error> {
    let fields = headers.iter().map(|it| it.name.len() + it.value.len() + 4);
    let mut out = Vec::new();
    let room = len + fields.sum::<usize>() + FIXED_LEN;
    grow::exact(&mut out, room).map_err(errors::misuse)?;
    match write(&mut out) {
        Ok(()) => Ok(out),
        Err(error) => Err(errors::misuse(error)),
    }
}
