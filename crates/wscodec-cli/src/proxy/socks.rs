//! A tunnel through a SOCKS5 proxy (RFC 1928), with a user and a password (RFC 1929) or without.

use std::io::{self, Read, Write};
use std::net::{IpAddr, ToSocketAddrs};

use wscodec::io::Url;

use super::host::{bare, ip};
use super::tunnel::Tunnel;
use crate::target::Credentials;

const VERSION: u8 = 5;
const CONNECT: u8 = 1;
const NO_AUTHENTICATION: u8 = 0;
const PASSWORD: u8 = 2;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// Asks for a tunnel to the host and port of the URL. If `names`, the proxy looks up the name.
pub(super) fn ask(
    tunnel: &mut Tunnel,
    url: &Url,
    names: bool,
    credentials: Option<&Credentials>,
) -> io::Result<()> {
    let methods: &[u8] = match credentials {
        None => &[VERSION, 1, NO_AUTHENTICATION],
        Some(_) => &[VERSION, 2, NO_AUTHENTICATION, PASSWORD],
    };
    tunnel.write_all(methods)?;
    let [version, method] = read(tunnel)?;
    if version != VERSION {
        return Err(io::Error::other("the proxy does not speak SOCKS5"));
    }
    match (method, credentials) {
        (NO_AUTHENTICATION, _) => {}
        (PASSWORD, Some(credentials)) => authenticate(tunnel, credentials)?,
        _ => {
            let why = "the proxy asks for a user and a password: give them in its URL";
            return Err(io::Error::other(why));
        }
    }
    let mut request = vec![VERSION, CONNECT, 0];
    add_host(&mut request, url, names)?;
    request.extend(url.port().to_be_bytes());
    tunnel.write_all(&request)?;
    let [version, reply, _, kind] = read(tunnel)?;
    if version != VERSION || reply != 0 {
        return Err(io::Error::other(format!("the proxy {}", meaning(reply))));
    }
    // The address that the proxy connects from, which nobody needs, and its port.
    match kind {
        IPV4 => read::<6>(tunnel).map(drop),
        IPV6 => read::<18>(tunnel).map(drop),
        NAME => {
            let [len] = read(tunnel)?;
            let mut rest = vec![0; usize::from(len) + 2];
            tunnel.read_exact(&mut rest)
        }
        _ => Err(io::Error::other("the proxy's answer is not one of SOCKS5")),
    }
}

fn add_host(request: &mut Vec<u8>, url: &Url, names: bool) -> io::Result<()> {
    let host = bare(url.host());
    let address = match ip(host) {
        None if names => None,
        None => {
            let mut found = (host, url.port()).to_socket_addrs()?;
            let missing = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
            Some(found.next().ok_or(missing)?.ip())
        }
        address => address,
    };
    match address {
        Some(IpAddr::V4(address)) => {
            request.push(IPV4);
            request.extend(address.octets());
        }
        Some(IpAddr::V6(address)) => {
            request.push(IPV6);
            request.extend(address.octets());
        }
        None => {
            request.push(NAME);
            add_short(request, host.as_bytes(), "the host's name")?;
        }
    }
    Ok(())
}

fn authenticate(tunnel: &mut Tunnel, credentials: &Credentials) -> io::Result<()> {
    let mut request = vec![1];
    add_short(&mut request, &credentials.user, "the proxy's user name")?;
    add_short(&mut request, &credentials.password, "the proxy's password")?;
    tunnel.write_all(&request)?;
    match read(tunnel)? {
        [_, 0] => Ok(()),
        [..] => Err(io::Error::other(
            "the proxy rejects the user and the password",
        )),
    }
}

/// Appends up to 255 bytes behind their number.
fn add_short(request: &mut Vec<u8>, bytes: &[u8], of: &str) -> io::Result<()> {
    let Ok(len) = u8::try_from(bytes.len()) else {
        return Err(io::Error::other(format!("{of} is longer than 255 bytes")));
    };
    request.push(len);
    request.extend(bytes);
    Ok(())
}

fn read<const N: usize>(tunnel: &mut Tunnel) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    tunnel.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// RFC 1928 §6.
fn meaning(reply: u8) -> String {
    match reply {
        2 => "does not allow this connection".into(),
        3 => "can't reach the server's network".into(),
        4 => "can't reach the server".into(),
        5 => "was refused by the server".into(),
        6 => "gives up, because the server does not answer".into(),
        8 => "does not know this kind of address".into(),
        other => format!("has failed with code {other}"),
    }
}
