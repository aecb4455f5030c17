//! Heads and trailers between HTTP/2 and HTTP/1.1: whatever a list of fields holds, its text is one head of one meaning or
//! there is none, and what went one way and back means what it did.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluicegate::desync::{Clearing, Mode, Reading, Reason, Tier};
use sluicegate::http::h1::body::{Decoder, Step};
use sluicegate::http::h1::head::{Scan, Scanner, parse_request, parse_response, response_framing};
use sluicegate::http::h2::bridge::{
    Malformed, request_fields, request_head, response_fields, response_head, trailer_fields, trailer_lines,
};
use sluicegate::http::h2::fields::FieldList;
use sluicegate::http::names::Known;
use sluicegate::http::{FieldRoom, Framing, Request, Response};

/// Between fields, and between a name and its value. Neither is allowed in any.
const FIELD_END: u8 = 0x1e;
const NAME_END: u8 = 0x1f;

fuzz_target!(|input: (u8, &[u8])| {
    let (kind, end, bytes) = (input.0 % 5, input.0 & 0x80 != 0, input.1);
    match kind {
        0 => request(&list(bytes), end),
        1 => response(&list(bytes), end),
        2 => trailers(&list(bytes)),
        3 => text_of_a_response(bytes),
        _ => text_of_a_request(bytes),
    }
});

fn list(bytes: &[u8]) -> FieldList {
    let mut list = FieldList::new();
    for field in bytes.split(|&byte| byte == FIELD_END) {
        let at = field.iter().position(|&byte| byte == NAME_END).unwrap_or(field.len());
        list.push(&field[..at], field.get(at + 1..).unwrap_or_default());
    }
    list
}

type Pairs<'a> = Vec<(&'a [u8], &'a [u8])>;

fn pairs(list: &FieldList) -> Pairs<'_> {
    list.iter().map(|field| (field.name, field.value)).collect()
}

fn request(fields: &FieldList, end: bool) {
    let mut text = b"before".to_vec();
    let Ok(facts) = request_head(fields, end, &mut text) else {
        assert_eq!(text, b"before");
        return;
    };
    let text = &text[6..];
    // One head, unless it is larger than one may be.
    let Ok(Scan::Head { len, regular: true }) = Scanner::request().scan(text) else {
        assert!(Scanner::request().scan(text).is_err());
        return;
    };
    assert_eq!(len, text.len());
    let (mut mended, mut room) = (Vec::new(), FieldRoom::default());
    let reading = Reading::of(text, true, &mut mended, &mut room);
    let request = *reading.request();
    says_the_same(fields, &request);
    classified(fields, &reading);
    assert_eq!(facts.is_head, request.method == b"HEAD");
    assert_eq!(facts.is_post, request.method == b"POST");
    let imitates = fields.iter().any(|field| imitates(field.name));
    if !imitates {
        let framing = reading.framing().expect("one reading");
        match (facts.content_length, end, request.method) {
            (Some(length), ..) => assert_eq!(framing, Framing::Length(length)),
            (None, _, b"CONNECT") => assert_eq!(framing, Framing::None),
            (None, false, _) => assert_eq!(framing, Framing::Chunked),
            (None, true, _) => assert!(matches!(framing, Framing::None | Framing::Length(0))),
        }
    }
    if let Ok(cleared) = reading.clone().clear(&Clearing { mode: Mode::Defensive, preserve_host: false }) {
        let sent = cleared.sent_host().expect("HTTP/1.1 has a Host");
        assert!(sent.starts_with(cleared.host()));
        assert!(request.target.starts_with(cleared.target().path) && !cleared.upgrade() && !cleared.expects_continue());
    }
    // What imitates a length is dropped from heads that do not follow the grammar, as paths beyond ASCII make them.
    if request.method != b"CONNECT" && !imitates {
        back_from_text(fields, &request, facts.te_trailers);
    }
}

/// Method, path and authority are those of the list, and there are no more fields than in it.
fn says_the_same(fields: &FieldList, request: &Request<'_>) {
    assert_eq!(Some(request.method), fields.first(b":method"));
    assert_eq!(Some(request.target), fields.first(b":path").or(fields.first(b":authority")));
    let authority = fields.first(b":authority").or(fields.first(b"host"));
    assert_eq!(request.fields.first(b"host"), authority);
    assert!(request.fields.all(b"host").count() <= 1);
    assert!(request.fields.iter().count() <= fields.len());
}

/// Whatever its body is, one reading of its end.
fn classified(fields: &FieldList, reading: &Reading<'_>) {
    let Some(reason) = reading.classification().reason() else { return };
    match reason {
        Reason::UndefinedContentLengthSemantics
        | Reason::UndefinedTransferEncodingSemantics
        | Reason::GetHeadZeroContentLength
            if matches!(reading.request().method, b"GET" | b"HEAD") =>
        {
            assert!(reason.tier() < Tier::Severe);
        }
        other => assert!(fields.iter().any(|field| imitates(field.name)), "{other}"),
    }
}

fn imitates(name: &[u8]) -> bool {
    matches!(Known::of_any(name), Known::LengthLookAlike | Known::CodingLookAlike)
}

/// The fields of the list again, but for those that the text has otherwise.
fn back_from_text(fields: &FieldList, request: &Request<'_>, te_trailers: bool) {
    let mut back = FieldList::new();
    request_fields(request, "https", te_trailers, &mut back);
    let mut expected: Pairs<'_> = vec![(b":method", request.method), (b":scheme", b"https")];
    expected.extend(request.fields.first(b"host").map(|host| (&b":authority"[..], host)));
    expected.push((b":path", request.target));
    let mut cookies: Vec<&[u8]> = Vec::new();
    for field in fields.iter().filter(|field| field.name.first() != Some(&b':')) {
        match field.name {
            b"host" | b"expect" | b"te" | b"http2-settings" => {}
            b"cookie" if field.value.is_empty() => {}
            b"cookie" => {
                cookies.push(field.value);
                if cookies.len() == 1 {
                    expected.push((b"cookie", b""));
                }
            }
            name => expected.push((name, field.value)),
        }
    }
    let joined = cookies.join(&b"; "[..]);
    if let Some(cookie) = expected.iter_mut().find(|(name, _)| *name == b"cookie") {
        cookie.1 = &joined;
    }
    let has_length = expected.iter().any(|(name, _)| *name == b"content-length");
    if !has_length && request.fields.first(b"content-length").is_some() {
        expected.push((b"content-length", b"0"));
    }
    if te_trailers {
        expected.push((b"te", b"trailers"));
    }
    assert_eq!(pairs(&back), expected);
}

fn response(fields: &FieldList, end: bool) {
    let mut text = b"before".to_vec();
    let Ok(facts) = response_head(fields, end, &mut text) else {
        assert_eq!(text, b"before");
        return;
    };
    let text = &text[6..];
    let Ok(Scan::Head { len, regular: true }) = Scanner::response().scan_response(text) else {
        assert!(Scanner::response().scan_response(text).is_err());
        return;
    };
    assert_eq!(len, text.len());
    let mut room = FieldRoom::default();
    let response = parse_response(text, &mut room).expect("a response");
    assert_eq!(response.status, facts.status);
    let framing = response_framing(&response, false).expect("one reading");
    match facts.content_length {
        _ if facts.is_interim() || matches!(facts.status, 204 | 304) => assert_eq!(framing, Framing::None),
        Some(length) => assert_eq!(framing, Framing::Length(length)),
        None => assert_eq!(framing, Framing::Chunked),
    }
    let mut back = FieldList::new();
    response_fields(&response, &mut back);
    let drops_length = facts.is_interim() || facts.status == 204;
    let kept = |name: &[u8]| !matches!(name, b"te" | b"http2-settings") && !(drops_length && name == b"content-length");
    let expected: Pairs<'_> = pairs(fields).into_iter().filter(|(name, _)| kept(name)).collect();
    assert_eq!(pairs(&back), expected);
}

fn trailers(fields: &FieldList) {
    let mut text = b"before".to_vec();
    if trailer_lines(fields, &mut text).is_err() {
        assert_eq!(text, b"before");
        return;
    }
    let lines = &text[6..];
    let mut back = FieldList::new();
    trailer_fields(lines, &mut back);
    // What is left is in its order, and nothing new.
    let sent = pairs(fields);
    let mut rest = sent.iter();
    assert!(pairs(&back).iter().all(|field| rest.any(|other| other == field)));
    assert_eq!(back.len(), lines.iter().filter(|&&byte| byte == b'\n').count());
    // A reader of chunks reads the same.
    let body = [b"0\r\n", lines, b"\r\n"].concat();
    let mut decoder = Decoder::new(Framing::Chunked);
    match decoder.step(&body) {
        Ok(Step::Trailers { skip, len }) => assert_eq!(&body[skip..skip + len], lines),
        Ok(Step::Done { .. }) => assert!(lines.is_empty()),
        // Too many, or too long.
        other => assert!(other.is_err()),
    }
}

/// What an HTTP/1.1 target says can be said in HTTP/2, and read there.
fn text_of_a_response(bytes: &[u8]) {
    let Ok(Scan::Head { len, .. }) = Scanner::response().scan_response(bytes) else { return };
    let mut room = FieldRoom::default();
    let Ok(response) = parse_response(&bytes[..len], &mut room) else { return };
    if response_framing(&response, false).is_err() {
        return;
    }
    let mut fields = FieldList::new();
    response_fields(&response, &mut fields);
    assert!(fields.len() <= response.fields.iter().count() + 1);
    let mut text = Vec::new();
    match response_head(&fields, false, &mut text) {
        Ok(facts) => says_the_response(&response, &text, facts.status),
        // Upgrades are no matter of HTTP/2; a length that is repeated comes once from those that write for clients.
        Err(Malformed::Status) => assert_eq!(response.status, 101),
        Err(Malformed::ContentLength) => assert!(response.fields.all(b"content-length").count() > 1),
        Err(other) => panic!("{other}"),
    }
}

fn says_the_response(response: &Response<'_>, text: &[u8], status: u16) {
    assert_eq!(status, response.status);
    // The framing may be longer than what was said instead.
    let Ok(Scan::Head { .. }) = Scanner::response().scan_response(text) else { return };
    let mut room = FieldRoom::default();
    let again = parse_response(text, &mut room).expect("a response");
    let passed = |name: &[u8]| matches!(Known::of(name), Known::Other | Known::Reserved | Known::Host);
    let values = |response: &Response<'_>| -> Vec<Vec<u8>> {
        response.fields.iter().filter(|field| passed(field.name)).map(|field| field.value.to_vec()).collect()
    };
    assert_eq!(values(&again), values(response));
}

/// What was a request of HTTP/1.1 can be said in HTTP/2, and read there.
fn text_of_a_request(bytes: &[u8]) {
    let Ok(Scan::Head { len, regular: true }) = Scanner::request().scan(bytes) else { return };
    let mut room = FieldRoom::default();
    let Ok(request) = parse_request(&bytes[..len], &mut room) else { return };
    let mut fields = FieldList::new();
    request_fields(&request, "https", false, &mut fields);
    let mut text = Vec::new();
    if request_head(&fields, true, &mut text).is_ok() {
        let Ok(Scan::Head { .. }) = Scanner::request().scan(&text) else { return };
        let (mut mended, mut room) = (Vec::new(), FieldRoom::default());
        let again = Reading::of(&text, true, &mut mended, &mut room);
        assert_eq!((again.request().method, again.request().target), (request.method, request.target));
        assert_eq!(again.request().fields.first(b"host"), request.fields.first(b"host"));
    }
}
