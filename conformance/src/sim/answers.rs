//! The answers on a client's connection, read once it is over. Every byte must belong to an answer: one of a target, which
//! a witness has marked as this client's, or one of the balancer's own.

use super::scenario::FIXED_BODY;
use super::witness::{NOBODY, UNKNOWN};

/// A final answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// The request target and the body's digest, as the witness saw them; nothing if the balancer answers itself.
    pub(super) echo: Option<(String, String)>,
    /// It came to its end.
    pub(super) whole: bool,
}

/// Takes `bytes` apart: what the client at that address has read.
///
/// # Errors
/// Something is not an answer, is not for this client, or follows the last answer.
pub(super) fn read(bytes: &[u8], client: &str) -> Result<Vec<Answer>, String> {
    let mut answers = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let Some(head) = Head::take(rest)? else { break };
        head.is_for(client)?;
        at += head.len;
        match head.status {
            101 => break,
            100..200 => continue,
            // What nobody asked for may have come as the answer to HEAD: no telling whether a body follows.
            _ if head.field("x-client") == Some(NOBODY) => break,
            _ => {}
        }
        let body = head.body(&bytes[at..])?;
        at += body.unwrap_or(bytes.len() - at);
        answers.push(head.answer(body.is_some()));
        if head.closes && body.is_some() && at < bytes.len() {
            return Err(format!("after the last answer: \"{}\"", bytes[at..].escape_ascii()));
        }
    }
    Ok(answers)
}

struct Head {
    status: u16,
    fields: Vec<(String, String)>,
    len: usize,
    closes: bool,
}

impl Head {
    /// The head that `bytes` begin with, if it is whole.
    fn take(bytes: &[u8]) -> Result<Option<Head>, String> {
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            let expected = b"HTTP/1.1 ";
            let n = bytes.len().min(expected.len());
            return if bytes[..n] == expected[..n] { Ok(None) } else { Err(garbage(bytes)) };
        };
        let text = std::str::from_utf8(&bytes[..end]).map_err(|_| garbage(bytes))?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(status).ok_or_else(|| garbage(bytes))?;
        let fields: Option<Vec<_>> = lines.map(field).collect();
        let fields = fields.ok_or_else(|| garbage(bytes))?;
        let mut head = Head { status, fields, len: end + 4, closes: false };
        head.closes = head.field("connection") == Some("close");
        Ok(Some(head))
    }

    fn field(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(is, _)| is.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// No answer is another client's.
    fn is_for(&self, client: &str) -> Result<(), String> {
        match self.field("x-client") {
            Some(named) if named == client || named == UNKNOWN || named == NOBODY => Ok(()),
            Some(named) => Err(format!("the answer of {named} comes to {client}")),
            None if self.status < 200 || self.field("server") == Some("awselb/2.0") => Ok(()),
            None => Err(format!("{} comes neither from a target nor from the balancer", self.status)),
        }
    }

    /// The length of the body in `rest`, if it is whole.
    fn body(&self, rest: &[u8]) -> Result<Option<usize>, String> {
        let bodiless = matches!(self.status, 204 | 304) || self.field("x-bodiless").is_some();
        match (self.field("content-length"), self.field("transfer-encoding")) {
            _ if bodiless => Ok(Some(0)),
            (Some(length), None) => {
                let length: usize = length.parse().map_err(|_| format!("the length {length}"))?;
                let sent = if self.is_own() && !begins_own_body(rest) { 0 } else { length };
                Ok((sent <= rest.len()).then_some(sent))
            }
            (None, Some("chunked")) => chunks(rest),
            (None, None) => Ok(None),
            framing => Err(format!("the framing {framing:?}")),
        }
    }

    /// Which of the balancer's own answers are to `HEAD` nothing says; those have no body.
    fn is_own(&self) -> bool {
        self.field("x-client").is_none()
    }

    fn answer(&self, whole: bool) -> Answer {
        let text = |name| self.field(name).unwrap_or_default().to_owned();
        let echo = (!self.is_own()).then(|| (text("x-path"), text("x-body")));
        Answer { status: self.status, echo, whole }
    }
}

fn status(line: &str) -> Option<u16> {
    let (status, reason) = line.strip_prefix("HTTP/1.1 ")?.split_once(' ')?;
    let plain = reason.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    status.parse().ok().filter(|status| plain && (100..600).contains(status))
}

fn field(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once(':')?;
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let is_value = value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    (is_name && is_value).then(|| (name.to_owned(), value.trim().to_owned()))
}

fn begins_own_body(rest: &[u8]) -> bool {
    [&b"<html>"[..], FIXED_BODY].iter().any(|body| {
        let n = body.len().min(rest.len());
        n > 0 && body[..n] == rest[..n]
    })
}

/// The length of a chunked body that is whole.
fn chunks(rest: &[u8]) -> Result<Option<usize>, String> {
    let mut at = 0;
    loop {
        let Some(line) = rest[at..].windows(2).position(|two| two == b"\r\n") else { return Ok(None) };
        let size = std::str::from_utf8(&rest[at..at + line]).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
        let size = size.ok_or_else(|| format!("the chunk {}", garbage(&rest[at..])))?;
        let end = at + line + 2 + size;
        match rest.get(end..) {
            Some([b'\r', b'\n', ..]) if size == 0 => return Ok(Some(end + 2)),
            Some([b'\r', b'\n', ..]) => at = end + 2,
            None | Some([] | [b'\r']) => return Ok(None),
            Some(rest) => return Err(format!("after a chunk {}", garbage(rest))),
        }
    }
}

fn garbage(bytes: &[u8]) -> String {
    format!("\"{}\" is no answer", bytes[..bytes.len().min(200)].escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(status: u16, connection: &str, body: &str) -> String {
        format!(
            "HTTP/1.1 {status} X\r\nServer: awselb/2.0\r\nContent-Length: 8\r\nConnection: {connection}\r\n\r\n{body}"
        )
    }

    fn statuses(text: &str) -> Result<Vec<(u16, bool)>, String> {
        let answers = read(text.as_bytes(), "10.1.0.1")?;
        Ok(answers.iter().map(|answer| (answer.status, answer.whole)).collect())
    }

    #[test]
    fn answers_follow_each_other_until_one_closes() {
        let theirs = "HTTP/1.1 103 X\r\nX-Client: 10.1.0.1\r\n\r\nHTTP/1.1 200 OK\r\nX-Client: 10.1.0.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n";
        let text = format!("{theirs}{}{}", own(400, "keep-alive", "<html>ab"), own(502, "close", ""));
        assert_eq!(statuses(&text), Ok(vec![(200, true), (400, true), (502, true)]));
        assert!(statuses(&format!("{}{theirs}", own(400, "close", "<html>ab"))).is_err());
        assert_eq!(statuses(&own(400, "close", "<htm")), Ok(vec![(400, false)]));
        assert_eq!(statuses("HTTP/1.1 200 O"), Ok(vec![]));
    }

    #[test]
    fn what_is_no_answer_or_anothers_is_an_error() {
        for text in [
            "HTTP/1.0 200 OK\r\nX-Client: 10.1.0.1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nX-Client: 10.1.0.2\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nX-Client: 10.1.0.1\r\nX Y: z\r\n\r\n",
            "HTTP/1.1 200 OK\r\nX-Client: 10.1.0.1\r\nX: a\nb\r\n\r\n",
            "HTTP/1.1 200 OK\r\nX-Client: 10.1.0.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabXX",
            "rubbish",
        ] {
            assert!(statuses(text).is_err(), "{text:?}");
        }
    }
}
