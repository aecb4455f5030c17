//! The head that goes back to a client: what the target sent, without what belongs to its hop. How its body is framed
//! is the caller's choice; [`framing_towards`] makes the usual one.

use smallvec::SmallVec;

use super::lines::{Lines, line};
use crate::http::names::{self, Known};
use crate::http::{Field, Framing, Response, Version};

/// How a body that came framed as `framing` is framed towards a client of that version: HTTP/1.0 knows no chunks, and
/// for HTTP/1.1 an end that is only a close would cost the connection.
pub fn framing_towards(client: Version, framing: Framing) -> Framing {
    match (client, framing) {
        (Version::Http10, Framing::Chunked) => Framing::UntilClose,
        (Version::Http11, Framing::UntilClose) => Framing::Chunked,
        _ => framing,
    }
}

/// Appends the head for a client to `out`, with the empty line that ends it. Asks for memory only if `out` has too
/// little.
///
/// Always HTTP/1.1 in the status line (RFC 9112 section 2.3 lets a server answer HTTP/1.0 so); status, reason and the
/// target's fields as they came. `framing` is that towards the client; its one `Content-Length` stands where the target
/// had one, or last. Without a body the target's `Content-Length` is kept only in answers to `HEAD` and in a 304, where it
/// tells of a body that is not there. Last comes `Connection`: `keep-alive`, or `close` if `keep_alive` is false or the
/// body ends only with the connection.
///
/// An interim head (100 to 199) has neither framing nor `Connection`; but 101 keeps the target's `Upgrade` and has
/// `Connection: upgrade`.
///
/// What is not passed on: `Connection` and what it lists (its first 32 options), `Keep-Alive`, `Proxy-Connection`, `TE`,
/// `Transfer-Encoding`, `Upgrade` (RFC 9110 section 7.6.1), `HTTP2-Settings`. `Set-Cookie`, `Content-*` and `Date` are passed on
/// even if listed.
pub fn write_response(response: &Response<'_>, framing: Framing, keep_alive: bool, out: &mut Vec<u8>) {
    write_response_with(response, framing, keep_alive, b"", out);
}

/// As [`write_response`], with lines of the balancer's own, each ended by CRLF: they stand behind `Date`, `Content-Type` and
/// `Content-Length`, which come first then, in the target's order, and before all its other fields (`wire.md` C3).
pub fn write_response_with(
    response: &Response<'_>,
    framing: Framing,
    keep_alive: bool,
    added: &[u8],
    out: &mut Vec<u8>,
) {
    status_line(response, out);
    let mut head = Head { response, framing, has_length: false, listed: listed(response) };
    let mut lines = Lines::new(response.head, out);
    if !added.is_empty() {
        for field in response.fields.iter().filter(|field| leads(field)) {
            head.field(field, &mut lines);
        }
        lines.flush().extend_from_slice(added);
    }
    for field in response.fields.iter().filter(|field| added.is_empty() || !leads(field)) {
        head.field(field, &mut lines);
    }
    lines.flush();
    head.end(keep_alive, out);
}

/// Whether a field stands before what the balancer adds.
fn leads(field: &Field<'_>) -> bool {
    match field.name.len() {
        4 => names::is(field.name, b"date"),
        12 => names::is(field.name, b"content-type"),
        14 => names::is(field.name, b"content-length"),
        _ => false,
    }
}

/// What a response says of the hop itself: whether the connection that it came on persists after it (RFC 9112 section
/// 9.3).
pub fn keeps_alive(response: &Response<'_>) -> bool {
    let options = Options::of(response);
    !options.close && (response.version == Version::Http11 || options.keep_alive)
}

/// Options of `Connection` beyond these are not looked at: each is compared with each field.
const OPTIONS_MAX: usize = 32;

struct Head<'r, 'a> {
    response: &'r Response<'a>,
    framing: Framing,
    has_length: bool,
    listed: SmallVec<[&'a [u8]; OPTIONS_MAX]>,
}

impl Head<'_, '_> {
    #[inline]
    fn field(&mut self, field: &Field<'_>, lines: &mut Lines<'_, '_>) {
        match Known::of(field.name) {
            Known::Connection | Known::TransferEncoding | Known::OneHop => {}
            Known::Upgrade if self.response.status != 101 => {}
            Known::ContentLength => self.content_length(field, lines),
            Known::Other if self.is_listed(field.name) => {}
            _ => lines.pass(field),
        }
    }

    #[inline]
    fn is_listed(&self, name: &[u8]) -> bool {
        self.listed.iter().any(|option| option.eq_ignore_ascii_case(name)) && may_be_listed(name)
    }

    fn content_length(&mut self, field: &Field<'_>, lines: &mut Lines<'_, '_>) {
        let first = !core::mem::replace(&mut self.has_length, true);
        match self.framing {
            Framing::Length(length) if first => lines.write(field.name, itoa::Buffer::new().format(length).as_bytes()),
            Framing::None if first && !matches!(self.response.status, 100..=199 | 204) => {
                lines.pass(field);
            }
            _ => {}
        }
    }

    fn end(&self, keep_alive: bool, out: &mut Vec<u8>) {
        match self.response.status {
            101 => out.extend_from_slice(b"Connection: upgrade\r\n\r\n"),
            100..=199 => out.extend_from_slice(b"\r\n"),
            _ => self.framing_and_connection(keep_alive, out),
        }
    }

    fn framing_and_connection(&self, keep_alive: bool, out: &mut Vec<u8>) {
        match self.framing {
            Framing::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
            Framing::Length(length) if !self.has_length => {
                line(b"Content-Length", itoa::Buffer::new().format(length).as_bytes(), out);
            }
            _ => {}
        }
        let persists = keep_alive && self.framing != Framing::UntilClose;
        out.extend_from_slice(if persists { b"Connection: keep-alive\r\n\r\n" } else { b"Connection: close\r\n\r\n" });
    }
}

/// The names of fields that `Connection` lists, among its first options.
fn listed<'a>(response: &Response<'a>) -> SmallVec<[&'a [u8]; OPTIONS_MAX]> {
    if !Options::of(response).others {
        return SmallVec::new();
    }
    response.fields.items(b"connection").take(OPTIONS_MAX).collect()
}

fn status_line(response: &Response<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(itoa::Buffer::new().format(response.status).as_bytes());
    out.push(b' ');
    out.extend_from_slice(response.reason);
    out.extend_from_slice(b"\r\n");
}

/// What `Connection` lists.
#[derive(Default)]
struct Options {
    close: bool,
    keep_alive: bool,
    /// Anything that is not dropped on every hop anyway.
    others: bool,
}

impl Options {
    fn of(response: &Response<'_>) -> Options {
        let mut options = Options::default();
        for field in response.fields.iter().filter(|field| names::is(field.name, b"connection")) {
            // Most often it is one of the plain ones alone.
            if !options.take_plain(field.value) {
                for option in field.value.split(|&byte| byte == b',') {
                    let plain = options.take_plain(option.trim_ascii());
                    options.others |= !plain;
                }
            }
        }
        options
    }

    /// Takes note of an option that is dropped on every hop anyway; `false` if it is not one of those.
    fn take_plain(&mut self, option: &[u8]) -> bool {
        match option.len() {
            0 => {}
            5 if names::is(option, b"close") => self.close = true,
            10 if names::is(option, b"keep-alive") => self.keep_alive = true,
            7 if names::is(option, b"upgrade") => {}
            _ => return false,
        }
        true
    }
}

/// What may not be lost by being listed.
fn may_be_listed(name: &[u8]) -> bool {
    let begins = |prefix: &[u8]| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    !begins(b"set-cookie") && !begins(b"content-") && !begins(b"date")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::h1::head::{Scan, Scanner, parse_response};

    fn parsed(head: &str) -> Response<'_> {
        match Scanner::response().scan_response(head.as_bytes()) {
            Ok(Scan::Head { len, .. }) => parse_response(&head.as_bytes()[..len], Box::leak(Box::default())).unwrap(),
            other => panic!("{head:?}: {other:?}"),
        }
    }

    fn written(head: &str, framing: Framing, keep_alive: bool) -> String {
        let mut out = Vec::new();
        write_response(&parsed(head), framing, keep_alive, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn fields_keep_order_case_and_duplicates() {
        assert_eq!(
            written(
                "HTTP/1.0 404 Not Here\r\nsERVER: x\r\nSet-Cookie: a\r\nContent-Length: 05\r\nSet-Cookie: b\r\nE:\r\n\r\n",
                Framing::Length(5),
                true
            ),
            "HTTP/1.1 404 Not Here\r\nsERVER: x\r\nSet-Cookie: a\r\nContent-Length: 5\r\nSet-Cookie: b\r\nE: \r\nConnection: keep-alive\r\n\r\n"
        );
    }

    #[test]
    fn what_belongs_to_the_targets_hop_is_dropped() {
        let head = "HTTP/1.1 200 OK\r\nConnection: close, X-Hop, Date\r\nX-Hop: 1\r\nDate: d\r\nKeep-Alive: timeout=5\r\nProxy-Connection: x\r\nTE: x\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\nA: b\r\n\r\n";
        assert_eq!(
            written(head, Framing::Chunked, true),
            "HTTP/1.1 200 OK\r\nDate: d\r\nA: b\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n"
        );
    }

    #[test]
    fn the_framing_towards_the_client_is_ours() {
        let until_close = "HTTP/1.1 200 OK\r\n\r\n";
        assert_eq!(
            written(until_close, Framing::Chunked, true),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n"
        );
        assert_eq!(written(until_close, Framing::UntilClose, true), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        assert_eq!(
            written(until_close, Framing::Length(3), false),
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\n"
        );
        let twice = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nA: b\r\nContent-Length: 3\r\n\r\n";
        assert_eq!(
            written(twice, Framing::Length(3), true),
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nA: b\r\nConnection: keep-alive\r\n\r\n"
        );
    }

    #[test]
    fn answers_without_a_body_keep_a_length_only_where_it_tells_of_another() {
        let head = |status: u16| format!("HTTP/1.1 {status} X\r\nContent-Length: 9\r\n\r\n");
        assert_eq!(
            written(&head(200), Framing::None, true),
            "HTTP/1.1 200 X\r\nContent-Length: 9\r\nConnection: keep-alive\r\n\r\n"
        );
        assert_eq!(
            written(&head(304), Framing::None, true),
            "HTTP/1.1 304 X\r\nContent-Length: 9\r\nConnection: keep-alive\r\n\r\n"
        );
        assert_eq!(written(&head(204), Framing::None, true), "HTTP/1.1 204 X\r\nConnection: keep-alive\r\n\r\n");
    }

    #[test]
    fn interim_heads_have_neither_framing_nor_connection() {
        assert_eq!(
            written(
                "HTTP/1.1 103 Early Hints\r\nLink: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
                Framing::None,
                true
            ),
            "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        );
        assert_eq!(
            written(
                "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n",
                Framing::None,
                true
            ),
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nSec-WebSocket-Accept: x\r\nConnection: upgrade\r\n\r\n"
        );
    }

    #[test]
    fn an_old_client_gets_no_chunks_and_a_new_one_no_close() {
        assert_eq!(framing_towards(Version::Http10, Framing::Chunked), Framing::UntilClose);
        assert_eq!(framing_towards(Version::Http10, Framing::Length(1)), Framing::Length(1));
        assert_eq!(framing_towards(Version::Http11, Framing::UntilClose), Framing::Chunked);
        assert_eq!(framing_towards(Version::Http11, Framing::Chunked), Framing::Chunked);
        assert_eq!(framing_towards(Version::Http11, Framing::None), Framing::None);
    }

    #[test]
    fn a_targets_connection_persists_as_its_version_and_options_say() {
        for (head, persists) in [
            ("HTTP/1.1 200 OK\r\n\r\n", true),
            ("HTTP/1.1 200 OK\r\nConnection: Close\r\n\r\n", false),
            ("HTTP/1.0 200 OK\r\n\r\n", false),
            ("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n", true),
        ] {
            assert_eq!(keeps_alive(&parsed(head)), persists, "{head:?}");
        }
    }
}
