//! A request for a target that speaks HTTP/2: from the head that was written for it to a list of fields.

use super::response_fields::push_lower;
use crate::http::Request;
use crate::http::h2::fields::FieldList;
use crate::http::names::Known;

/// Puts the fields of `request` into `out` instead of what was there, in the order in which they are to be sent: `:method`,
/// `:scheme`, `:authority` from the (first) `Host`, `:path`, then the other fields with names in lower case, and
/// `te: trailers` last if wanted.
///
/// `request` is a head that the load balancer wrote: its target is in origin form, or `*`. What belongs to an HTTP/1.1
/// connection or frames an HTTP/1.1 body is left out (RFC 9113 section 8.2.2).
pub fn request_fields(request: &Request<'_>, scheme: &str, te_trailers: bool, out: &mut FieldList) {
    out.clear();
    out.push(b":method", request.method);
    out.push(b":scheme", scheme.as_bytes());
    if let Some(host) = request.fields.first(b"host") {
        out.push(b":authority", host);
    }
    out.push(b":path", request.target);
    for field in request.fields.iter() {
        match Known::of(field.name) {
            Known::Host | Known::Connection | Known::Upgrade | Known::TransferEncoding | Known::OneHop => {}
            _ => push_lower(field.name, field.value, out),
        }
    }
    if te_trailers {
        out.push(b"te", b"trailers");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::FieldRoom;
    use crate::http::h1::head::parse_request;

    fn fields(head: &str, scheme: &str, te_trailers: bool) -> Vec<(String, String)> {
        let mut room = FieldRoom::default();
        let request = parse_request(head.as_bytes(), &mut room).expect("a head");
        let mut list = FieldList::new();
        list.push(b"left", b"over");
        request_fields(&request, scheme, te_trailers, &mut list);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        list.iter().map(|field| (text(field.name), text(field.value))).collect()
    }

    fn is(fields: &[(&str, &str)]) -> Vec<(String, String)> {
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn pseudo_header_fields_come_first_and_names_become_small() {
        let head = "POST /a?b HTTP/1.1\r\nX-Forwarded-For: 192.0.2.1\r\nHost: a.example\r\nX-Amzn-Trace-Id: Root=1\r\n\
                    cookie: a=b; c=d\r\ncontent-length: 5\r\n\r\n";
        assert_eq!(
            fields(head, "https", false),
            is(&[
                (":method", "POST"),
                (":scheme", "https"),
                (":authority", "a.example"),
                (":path", "/a?b"),
                ("x-forwarded-for", "192.0.2.1"),
                ("x-amzn-trace-id", "Root=1"),
                ("cookie", "a=b; c=d"),
                ("content-length", "5"),
            ])
        );
    }

    #[test]
    fn there_is_one_authority_and_no_host() {
        let twice = "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n";
        let expected = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/")];
        assert_eq!(fields(twice, "http", false), is(&expected));
        let none = [(":method", "OPTIONS"), (":scheme", "http"), (":path", "*")];
        assert_eq!(fields("OPTIONS * HTTP/1.1\r\n\r\n", "http", false), is(&none));
    }

    #[test]
    fn what_belongs_to_an_http1_connection_is_left_out_and_trailers_are_asked_for() {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nKeep-Alive: x\r\nProxy-Connection: x\r\n\
                    Transfer-Encoding: chunked\r\nUpgrade: x\r\nTE: gzip\r\nHTTP2-Settings: x\r\na: b\r\n\r\n";
        let start = [(":method", "POST"), (":scheme", "http"), (":authority", "a"), (":path", "/"), ("a", "b")];
        assert_eq!(fields(head, "http", false), is(&start));
        assert_eq!(fields(head, "http", true), is(&[&start[..], &[("te", "trailers")]].concat()));
    }
}
