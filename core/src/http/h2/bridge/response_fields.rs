//! A response for a client that speaks HTTP/2: from the head that was written for it to a list of fields.

use crate::http::Response;
use crate::http::h2::fields::FieldList;
use crate::http::names::{Known, lower};

/// Puts the fields of `response` into `out` instead of what was there, in the order in which they are to be sent:
/// `:status`, then the fields with names in lower case.
///
/// What belongs to an HTTP/1.1 connection or frames an HTTP/1.1 body is left out (RFC 9113 section 8.2.2), and so is the
/// length of a body that the status does not allow (RFC 9110 section 8.6).
pub fn response_fields(response: &Response<'_>, out: &mut FieldList) {
    out.clear();
    out.push(b":status", itoa::Buffer::new().format(response.status).as_bytes());
    let has_no_length = matches!(response.status, 100..=199 | 204);
    for field in response.fields.iter() {
        match Known::of(field.name) {
            Known::Connection | Known::Upgrade | Known::TransferEncoding | Known::OneHop => {}
            Known::ContentLength if has_no_length => {}
            _ => push_lower(field.name, field.value, out),
        }
    }
}

/// Appends a field with its name in lower case.
#[inline]
pub(super) fn push_lower(name: &[u8], value: &[u8], out: &mut FieldList) {
    let name_end = out.used() + name.len();
    if let Some(to) = out.room(name.len()).get_mut(..name.len()) {
        write_lower(name, to);
    }
    out.grow(name.len());
    out.append(value);
    out.close(name_end);
}

/// Eight bytes at a time, the last of them perhaps twice.
#[inline]
fn write_lower(name: &[u8], to: &mut [u8]) {
    let Some(last) = name.last_chunk::<8>() else {
        to.iter_mut().zip(name).for_each(|(to, byte)| *to = byte.to_ascii_lowercase());
        return;
    };
    let lowered = |eight: &[u8; 8]| lower(u64::from_le_bytes(*eight)).to_le_bytes();
    for (to, eight) in to.chunks_exact_mut(8).zip(name.chunks_exact(8)) {
        if let (Some(to), Some(eight)) = (to.first_chunk_mut(), eight.first_chunk()) {
            *to = lowered(eight);
        }
    }
    if let Some(to) = to.last_chunk_mut() {
        *to = lowered(last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::FieldRoom;
    use crate::http::answer::{Answer, Context, SERVER};
    use crate::http::date::http_date;
    use crate::http::h1::head::parse_response;
    use crate::time::Wall;

    fn fields(head: &str) -> Vec<(String, String)> {
        let mut room = FieldRoom::default();
        let response = parse_response(head.as_bytes(), &mut room).expect("a head");
        let mut list = FieldList::new();
        list.push(b"left", b"over");
        response_fields(&response, &mut list);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        list.iter().map(|field| (text(field.name), text(field.value))).collect()
    }

    fn is(fields: &[(&str, &str)]) -> Vec<(String, String)> {
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_status_comes_first_and_names_become_small() {
        assert_eq!(
            fields(
                "HTTP/1.1 200 OK\r\nContent-Type: Text/HTML\r\nSet-Cookie: A=b\r\nset-cookie: C=d\r\nX_Y: Z\r\n\r\n"
            ),
            is(&[
                (":status", "200"),
                ("content-type", "Text/HTML"),
                ("set-cookie", "A=b"),
                ("set-cookie", "C=d"),
                ("x_y", "Z")
            ])
        );
        let long = format!("X-{}", "LONG".repeat(200));
        let found = fields(&format!("HTTP/1.1 999 \r\n{long}: v\r\n\r\n"));
        assert_eq!(found, is(&[(":status", "999"), (&long.to_lowercase(), "v")]));
    }

    #[test]
    fn names_of_any_length_become_small() {
        for len in 1..40 {
            let name: String = "X-Amzn_AZaz09~".chars().cycle().take(len).collect();
            let found = fields(&format!("HTTP/1.1 200 OK\r\n{name}: V\r\nB: c\r\n\r\n"));
            assert_eq!(found, is(&[(":status", "200"), (&name.to_ascii_lowercase(), "V"), ("b", "c")]));
        }
    }

    #[test]
    fn what_belongs_to_an_http1_connection_is_left_out() {
        let head = "HTTP/1.1 200 OK\r\nA: b\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\nProxy-Connection: close\r\n\
                    Transfer-Encoding: chunked\r\nUpgrade: h2c\r\nTE: trailers\r\nHTTP2-Settings: x\r\nTrailer: x\r\n\r\n";
        assert_eq!(fields(head), is(&[(":status", "200"), ("a", "b"), ("trailer", "x")]));
    }

    #[test]
    fn a_length_stays_but_where_the_status_allows_no_body() {
        let has_length = |status: u16| {
            let found = fields(&format!("HTTP/1.1 {status} \r\nContent-Length: 5\r\n\r\n"));
            found.contains(&("content-length".to_owned(), "5".to_owned()))
        };
        for status in [200, 205, 304, 404, 502] {
            assert!(has_length(status), "{status}");
        }
        for status in [100, 103, 204] {
            assert!(!has_length(status), "{status}");
        }
    }

    fn answered(answer: &Answer<'_>) -> Vec<(String, String)> {
        let mut out = Vec::new();
        let date = http_date(Wall::from_micros(784_111_777_000_000));
        answer.write(&mut out, &Context { server: SERVER, date: &date, keep_alive: true, head_only: true });
        fields(std::str::from_utf8(&out).expect("text"))
    }

    #[test]
    fn answers_of_the_load_balancer_have_their_fields_in_the_order_of_the_captures() {
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(
            answered(&Answer::error(403)),
            is(&[
                (":status", "403"),
                ("server", "awselb/2.0"),
                date,
                ("content-type", "text/html"),
                ("content-length", "118"),
            ])
        );
        assert_eq!(
            answered(&Answer::grpc_error(502)),
            is(&[
                (":status", "502"),
                ("server", "awselb/2.0"),
                date,
                ("content-length", "0"),
                ("grpc-status", "14"),
                ("grpc-message", "unavailable"),
            ])
        );
    }
}
