//! Where `wscodec serve` listens besides TCP addresses: on Unix sockets, and on sockets that another
//! program has bound and hands over by the protocol of systemd (`LISTEN_FDS`, sd_listen_fds(3)).

use std::net::SocketAddr;
use std::path::PathBuf;

#[cfg(not(unix))]
use wscodec_server::Server;

#[cfg(not(unix))]
use crate::Failure;
use crate::args::Listen;
#[cfg(not(unix))]
use crate::args::unusable;

/// The addresses of TCP, and the paths of Unix sockets.
pub(crate) fn split(listen: &[Listen]) -> (Vec<SocketAddr>, Vec<PathBuf>) {
    let (mut addresses, mut paths) = (Vec::new(), Vec::new());
    for place in listen {
        match place {
            Listen::Tcp(address) => addresses.push(*address),
            Listen::Unix(path) => paths.push(path.clone()),
        }
    }
    (addresses, paths)
}

#[cfg(unix)]
pub(crate) use sockets::Sockets;

#[cfg(unix)]
mod sockets {
    use std::io;
    use std::os::unix::fs::FileTypeExt;
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::path::{Path, PathBuf};

    use listenfd::ListenFd;
    use wscodec_server::{Listener, Server};

    use crate::Failure;
    use crate::args::unusable;

    /// The sockets that listen already.
    pub(crate) struct Sockets {
        listeners: Vec<Listener>,
        /// The files of those that this program has bound.
        paths: Vec<PathBuf>,
    }

    impl Sockets {
        /// Listens on the paths, and takes the sockets that were handed over.
        pub(crate) fn take(paths: Vec<PathBuf>) -> Result<Self, Failure> {
            let mut listeners = handed_over()
                .map_err(|e| Failure::Run(format!("a socket of LISTEN_FDS can't be used: {e}")))?;
            for path in &paths {
                let listener = bind(path).and_then(Listener::from_unix);
                listeners.push(listener.map_err(|e| {
                    Failure::Run(format!("can't listen on unix:{}: {e}", path.display()))
                })?);
            }
            Ok(Self { listeners, paths })
        }

        pub(crate) fn is_empty(&self) -> bool {
            self.listeners.is_empty()
        }

        /// Adds the sockets to a server, and gives the paths that are to be removed at its end.
        pub(crate) fn add_to(self, server: &mut Server<'_>) -> Result<Vec<PathBuf>, Failure> {
            for listener in self.listeners {
                let added = server.add_listener(listener);
                added.map_err(|e| unusable("serve", e))?;
            }
            Ok(self.paths)
        }
    }

    fn handed_over() -> io::Result<Vec<Listener>> {
        let mut handed = ListenFd::from_env();
        let mut listeners = Vec::new();
        for index in 0..handed.len() {
            // An error says that the socket is of another kind.
            let tcp = handed.take_tcp_listener(index);
            let listener = match tcp {
                Ok(Some(tcp)) => Some(Listener::from_tcp(tcp)?),
                Ok(None) => None,
                Err(_) => match handed.take_unix_listener(index)? {
                    Some(unix) => Some(Listener::from_unix(unix)?),
                    None => None,
                },
            };
            listeners.extend(listener);
        }
        Ok(listeners)
    }

    /// Binds a path. A socket that an earlier server has left there is removed, if nobody listens on
    /// it.
    fn bind(path: &Path) -> io::Result<UnixListener> {
        let result = UnixListener::bind(path);
        let in_use = result
            .as_ref()
            .is_err_and(|e| e.kind() == io::ErrorKind::AddrInUse);
        let is_socket = path.metadata().is_ok_and(|it| it.file_type().is_socket());
        if !in_use || !is_socket {
            return result;
        }
        match UnixStream::connect(path) {
            Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => {
                std::fs::remove_file(path)?;
                UnixListener::bind(path)
            }
            _ => result,
        }
    }
}

/// There are no such sockets here.
#[cfg(not(unix))]
pub(crate) struct Sockets(());

#[cfg(not(unix))]
impl Sockets {
    pub(crate) fn take(paths: Vec<PathBuf>) -> Result<Self, Failure> {
        match paths.is_empty() {
            true => Ok(Self(())),
            false => Err(unusable(
                "serve",
                "--listen: this system has no Unix sockets",
            )),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        true
    }

    pub(crate) fn add_to(self, _: &mut Server<'_>) -> Result<Vec<PathBuf>, Failure> {
        Ok(Vec::new())
    }
}
