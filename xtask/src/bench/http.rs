//! The little of HTTP that benchmarks need: requests on one connection, answers with a length.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::Failure;

/// A connection to a registry on this machine.
#[derive(Debug)]
pub(crate) struct Connection(BufReader<TcpStream>);

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) body: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(port: u16) -> Result<Self, Failure> {
        let open = || {
            let stream = TcpStream::connect(("127.0.0.1", port))?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(Duration::from_mins(1)))?;
            Ok(Self(BufReader::new(stream)))
        };
        open().map_err(|error: std::io::Error| format!("port {port}: {error}"))
    }

    /// Sends a request and reads its answer.
    pub(crate) fn ask(
        &mut self,
        method: &str,
        target: &str,
        media_type: &str,
        body: &[u8],
    ) -> Result<Answer, Failure> {
        self.exchange(method, target, media_type, body)
            .map_err(|error| format!("{method} {target}: {error}"))
    }

    fn exchange(
        &mut self,
        method: &str,
        target: &str,
        media_type: &str,
        body: &[u8],
    ) -> std::io::Result<Answer> {
        let target = path_of(target);
        let mut request = format!(
            "{method} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\
             Content-Type: {media_type}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        self.0.get_mut().write_all(&request)?;
        self.answer()
    }

    /// Sends a PUT whose body of `length` bytes `write` writes, and reads its answer.
    pub(crate) fn send(
        &mut self,
        target: &str,
        length: u64,
        write: impl FnOnce(&mut TcpStream) -> std::io::Result<()>,
    ) -> std::io::Result<Answer> {
        let head = format!(
            "PUT {} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\
             Content-Type: application/octet-stream\r\n\r\n",
            path_of(target)
        );
        self.0.get_mut().write_all(head.as_bytes())?;
        write(self.0.get_mut())?;
        self.answer()
    }

    fn answer(&mut self) -> std::io::Result<Answer> {
        let (mut status, mut length, mut location) = (0, 0, None);
        let mut line = String::new();
        loop {
            line.clear();
            if self.0.read_line(&mut line)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            let text = line.trim_end();
            if status == 0 {
                let code = text.split(' ').nth(1).and_then(|code| code.parse().ok());
                status = code.ok_or(std::io::ErrorKind::InvalidData)?;
                continue;
            }
            match text.split_once(": ") {
                None => break,
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.parse().map_err(std::io::Error::other)?;
                }
                Some((name, value)) if name.eq_ignore_ascii_case("location") => {
                    location = Some(value.to_owned());
                }
                Some(_) => {}
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        Ok(Answer { status, location, body })
    }

    /// Pushes a blob as clients do, with a POST and a PUT.
    pub(crate) fn push_blob(
        &mut self,
        repository: &str,
        digest: &str,
        bytes: &[u8],
    ) -> Result<(), Failure> {
        let any = "application/octet-stream";
        let opened = self.ask("POST", &format!("/v2/{repository}/blobs/uploads/"), any, b"")?;
        let location = opened.location.ok_or("an upload without a location")?;
        let separator = if location.contains('?') { '&' } else { '?' };
        let target = format!("{location}{separator}digest={digest}");
        let put = self.ask("PUT", &target, any, bytes)?;
        if put.status == 201 { Ok(()) } else { Err(format!("PUT {target}: {}", put.status)) }
    }

    /// Pushes a manifest under a reference.
    pub(crate) fn push_manifest(
        &mut self,
        repository: &str,
        reference: &str,
        bytes: &[u8],
    ) -> Result<(), Failure> {
        let target = format!("/v2/{repository}/manifests/{reference}");
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        let put = self.ask("PUT", &target, media_type, bytes)?;
        if put.status == 201 {
            return Ok(());
        }
        Err(format!("PUT {target}: {} {}", put.status, String::from_utf8_lossy(&put.body)))
    }
}

/// Returns what is asked for; an absolute location is on the same registry.
fn path_of(target: &str) -> &str {
    match target.strip_prefix("http://") {
        Some(rest) => &rest[rest.find('/').unwrap_or(0)..],
        None => target,
    }
}
