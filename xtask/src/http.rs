//! As much of HTTP as it takes to speak to a server on this machine: one connection, kept open.
//!
//! Neither encryption nor redirects nor compression; for those there are crates, which xtask need not compile.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// A connection to a server on loopback, with the key that it sends along.
pub(crate) struct Client {
    address: String,
    key: Option<String>,
    stream: Option<BufReader<TcpStream>>,
}

/// What the server answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Client {
    /// A client for `address`, `host:port`; the connection is made by the first request.
    pub(crate) fn new(address: impl Into<String>, key: Option<String>) -> Client {
        Client {
            address: address.into(),
            key,
            stream: None,
        }
    }

    /// `GET`, judged and read as JSON.
    pub(crate) fn get(&mut self, path: &str) -> Result<Value> {
        self.send("GET", path, None)?.json("GET", path)
    }

    /// `POST` of JSON, judged and read as JSON.
    pub(crate) fn post(&mut self, path: &str, body: &Value) -> Result<Value> {
        let text = body.to_string();
        self.send("POST", path, Some(("application/json", text.as_bytes())))?
            .json("POST", path)
    }

    /// One request and its answer, whatever its status. A connection that the server closed meanwhile is made anew.
    pub(crate) fn send(
        &mut self,
        method: &str,
        path: &str,
        body: Option<(&str, &[u8])>,
    ) -> Result<Answer> {
        let kept = self.stream.is_some();
        match self.attempt(method, path, body) {
            Err(_) if kept => {
                self.stream = None;
                self.attempt(method, path, body)
            }
            outcome => outcome,
        }
        .with_context(|| format!("{method} {path} on {}", self.address))
    }

    /// How long it takes until an answer's body begins. It is not read further: the connection is its own, and is closed.
    pub(crate) fn first_byte(&self, path: &str) -> Result<Duration> {
        let key = self.key.as_deref().unwrap_or_default();
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {key}\r\n\r\n",
            self.address
        );
        let started = Instant::now();
        let mut stream = BufReader::new(TcpStream::connect(&self.address)?);
        stream.get_mut().write_all(head.as_bytes())?;
        let mut line = String::new();
        stream.read_line(&mut line)?;
        anyhow::ensure!(
            line.split_whitespace().nth(1) == Some("200"),
            "GET {path} answered `{}`",
            line.trim_end()
        );
        while !line.trim_end().is_empty() {
            line.clear();
            stream.read_line(&mut line)?;
        }
        // A length before the first chunk is the first line of a body that is sent while it is made.
        anyhow::ensure!(
            !stream.fill_buf()?.is_empty(),
            "GET {path} answered nothing"
        );
        Ok(started.elapsed())
    }

    fn attempt(&mut self, method: &str, path: &str, body: Option<(&str, &[u8])>) -> Result<Answer> {
        let outcome = self.exchange(method, path, body);
        if outcome.is_err() {
            self.stream = None;
        }
        outcome
    }

    fn exchange(
        &mut self,
        method: &str,
        path: &str,
        body: Option<(&str, &[u8])>,
    ) -> Result<Answer> {
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAccept: application/json\r\n",
            self.address
        );
        if let Some(key) = &self.key {
            head.push_str(&format!("Authorization: Bearer {key}\r\n"));
        }
        let (kind, bytes) = body.unwrap_or(("application/json", b""));
        if body.is_some() {
            head.push_str(&format!(
                "Content-Type: {kind}\r\nContent-Length: {}\r\n",
                bytes.len()
            ));
        } else if method != "GET" {
            head.push_str("Content-Length: 0\r\n");
        }
        head.push_str("\r\n");
        let mut message = head.into_bytes();
        message.extend_from_slice(bytes);
        let stream = self.connected()?;
        stream.get_mut().write_all(&message)?;
        let (answer, keep) = read_answer(stream)?;
        if !keep {
            self.stream = None;
        }
        Ok(answer)
    }

    fn connected(&mut self) -> Result<&mut BufReader<TcpStream>> {
        if self.stream.is_none() {
            let stream = TcpStream::connect(&self.address)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(Duration::from_secs(300)))?;
            self.stream = Some(BufReader::new(stream));
        }
        self.stream.as_mut().context("the connection was just made")
    }
}

impl Answer {
    /// The body as JSON, or the server's own words about what went wrong.
    pub(crate) fn json(&self, method: &str, path: &str) -> Result<Value> {
        let parsed = serde_json::from_slice::<Value>(&self.body);
        if !(200..300).contains(&self.status) {
            let detail = match &parsed {
                Ok(problem) => problem["detail"]
                    .as_str()
                    .or(problem["title"].as_str())
                    .unwrap_or("no detail")
                    .to_owned(),
                Err(_) => String::from_utf8_lossy(&self.body).trim().to_owned(),
            };
            bail!("{method} {path} answered {}: {detail}", self.status);
        }
        if self.body.is_empty() {
            return Ok(Value::Null);
        }
        parsed.with_context(|| format!("{method} {path} answered something that is not JSON"))
    }
}

/// The answer and whether the connection stays usable.
fn read_answer(stream: &mut impl BufRead) -> Result<(Answer, bool)> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        bail!("the server closed the connection");
    }
    let status = line
        .split_whitespace()
        .nth(1)
        .and_then(|code| code.parse().ok())
        .with_context(|| format!("`{}` is no status line", line.trim_end()))?;
    let mut length = None;
    let mut chunked = false;
    let mut keep = true;
    loop {
        line.clear();
        stream.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse::<usize>().ok(),
            "transfer-encoding" => chunked = value.eq_ignore_ascii_case("chunked"),
            "connection" => keep = !value.eq_ignore_ascii_case("close"),
            _ => {}
        }
    }
    let mut body = Vec::new();
    if chunked {
        loop {
            line.clear();
            stream.read_line(&mut line)?;
            let size = usize::from_str_radix(line.trim(), 16).context("a chunk without a size")?;
            let start = body.len();
            body.resize(start + size, 0);
            stream.read_exact(&mut body[start..])?;
            line.clear();
            stream.read_line(&mut line)?;
            if size == 0 {
                break;
            }
        }
    } else if let Some(length) = length {
        body.resize(length, 0);
        stream.read_exact(&mut body)?;
    } else if status != 204 && status != 304 {
        keep = false;
        stream.read_to_end(&mut body)?;
    }
    Ok((Answer { status, body }, keep))
}

#[cfg(test)]
mod tests {
    use super::read_answer;

    fn check(raw: &str, status: u16, body: &str, keep: bool) {
        let (answer, kept) = read_answer(&mut raw.as_bytes()).expect("the answer is well-formed");
        assert_eq!(
            (answer.status, answer.body.as_slice(), kept),
            (status, body.as_bytes(), keep)
        );
    }

    #[test]
    fn answers_are_read_in_each_framing() {
        check(
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}rest",
            200,
            "{}",
            true,
        );
        check(
            "HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n2\r\n[1\r\n1\r\n]\r\n0\r\n\r\n",
            201,
            "[1]",
            true,
        );
        check(
            "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it",
            200,
            "all of it",
            false,
        );
        check("HTTP/1.1 204 No Content\r\n\r\n", 204, "", true);
    }

    #[test]
    fn a_closed_connection_is_an_error() {
        assert!(read_answer(&mut "".as_bytes()).is_err());
        assert!(
            read_answer(&mut "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".as_bytes())
                .is_err()
        );
    }
}
