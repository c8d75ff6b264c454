//! A registry that answers whatever the test tells it to.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// What the client asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method, in capitals.
    pub method: String,
    /// Path and query, as sent.
    pub target: String,
    /// Names in lower case and values, as sent.
    pub headers: Vec<(String, String)>,
    /// The body, if its length was said: at most the first megabyte.
    pub body: Vec<u8>,
}

impl Request {
    /// Returns the value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// What the registry answers.
#[derive(Clone, Debug)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    length: usize,
}

impl Answer {
    /// Answers with a status and nothing else.
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), length: 0 }
    }

    /// Answers 200 with a body of a type.
    pub fn body(media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::status(200).with_body(body).header("Content-Type", media_type)
    }

    /// Sends a body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.length = self.body.len();
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Claims that the body has another length than it has; the connection ends behind the body.
    #[must_use]
    pub fn claims_length(mut self, length: usize) -> Self {
        self.length = length;
        self
    }
}

/// A registry on a loopback port of its own. It takes no new connections once dropped.
#[derive(Debug)]
pub struct Evil {
    address: SocketAddr,
    closed: Arc<AtomicBool>,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Evil {
    /// Starts a registry that answers each request with what `answer` returns.
    pub fn start(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind a loopback port");
        let address = listener.local_addr().expect("know the port");
        let closed = Arc::new(AtomicBool::new(false));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (is_closed, seen, answer) =
            (Arc::clone(&closed), Arc::clone(&requests), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming() {
                if is_closed.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                thread::spawn(move || converse(&stream, &*answer, &seen));
            }
        });
        Self { address, closed, requests }
    }

    /// Returns `localhost:PORT`.
    pub fn host(&self) -> String {
        format!("localhost:{}", self.address.port())
    }

    /// Returns all requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("no one panics with it").clone()
    }
}

impl Drop for Evil {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
    }
}

fn converse(stream: &TcpStream, answer: &dyn Fn(&Request) -> Answer, seen: &Mutex<Vec<Request>>) {
    let Some(request) = read(stream) else { return };
    let answer = answer(&request);
    let is_head = request.method == "HEAD";
    seen.lock().expect("no one panics with it").push(request);
    // The client may have had enough of us.
    write(stream, &answer, is_head).unwrap_or_default();
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    let mut request = Request { method, target, headers, body: Vec::new() };
    let length = request.header("content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
    let mut rest = reader.take(length);
    rest.by_ref().take(1 << 20).read_to_end(&mut request.body).ok()?;
    // A connection that is closed with bytes unread is reset.
    std::io::copy(&mut rest, &mut std::io::sink()).ok()?;
    Some(request)
}

fn write(mut stream: &TcpStream, answer: &Answer, is_head: bool) -> std::io::Result<()> {
    let mut head = format!(
        "HTTP/1.1 {} Scripted\r\nConnection: close\r\nContent-Length: {}\r\n",
        answer.status, answer.length
    );
    for (name, value) in &answer.headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes())?;
    if !is_head {
        stream.write_all(&answer.body)?;
    }
    stream.flush()
}
