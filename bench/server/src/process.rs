//! A server as a process: started, looked at, stopped.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub struct Server {
    child: Child,
    pub address: SocketAddr,
}

impl Server {
    /// Starts a command with a free port, and waits until it listens. It runs on the first core, if
    /// the system can be told so, and if its first word is not `all-cores`.
    pub fn start(command: &str) -> io::Result<Self> {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let command = command.replace("{port}", &address.port().to_string());
        let free = command.strip_prefix("all-cores\t");
        let mut words = free.unwrap_or(&command).split('\t');
        let pinned = free.is_none() && Command::new("taskset").arg("-V").output().is_ok();
        let mut process = match pinned {
            true => {
                let mut process = Command::new("taskset");
                process.args(["-c", "0"]).args(words);
                process
            }
            false => {
                let mut process = Command::new(words.next().unwrap_or_default());
                process.args(words);
                process
            }
        };
        let child = process.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
        let mut server = Self { child, address };
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            if let Some(status) = server.child.try_wait()? {
                return Err(io::Error::other(format!("{command}: {status}")));
            }
            if start.elapsed() > Duration::from_secs(30) {
                return Err(io::Error::other(format!("{command} does not listen")));
            }
            sleep(Duration::from_millis(20));
        }
        sleep(Duration::from_millis(100));
        Ok(server)
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// CPU time of all its threads.
    pub fn cpu(&self) -> io::Result<Duration> {
        let mut sum = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let path = task?.path().join("schedstat");
            let text = fs::read_to_string(path)?;
            let nanoseconds = text.split_whitespace().next().unwrap_or_default();
            sum += nanoseconds.parse::<u64>().map_err(io::Error::other)?;
        }
        Ok(Duration::from_nanos(sum))
    }

    /// Bytes of resident memory.
    pub fn memory(&self) -> io::Result<u64> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = line.and_then(|line| line.trim().strip_suffix("kB"));
        let kibibytes = kibibytes.and_then(|text| text.trim().parse::<u64>().ok());
        Ok(kibibytes.ok_or(io::ErrorKind::NotFound)? << 10)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
