//! What HTTP/2 says is the same after it went through HTTP/1.1, and the other way round; and whatever a list of fields holds,
//! the text that is made of it is one head that nobody reads otherwise.

mod counting;

use counting::allocations;
use proptest::prelude::*;
use sluicegate::desync::{Clearing, Mode, Reading, Reason, Tier};
use sluicegate::http::h1::head::{Scan, Scanner, parse_request, parse_response};
use sluicegate::http::h2::bridge::{
    Malformed, request_fields, request_head, response_fields, response_head, trailer_fields, trailer_lines,
};
use sluicegate::http::h2::fields::FieldList;
use sluicegate::http::names::Known;
use sluicegate::http::{FieldRoom, Framing};

type Pairs = Vec<(String, String)>;

fn list(fields: &[(String, String)]) -> FieldList {
    let mut list = FieldList::new();
    fields.iter().for_each(|(name, value)| list.push(name.as_bytes(), value.as_bytes()));
    list
}

fn pairs(list: &FieldList) -> Pairs {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    list.iter().map(|field| (text(field.name), text(field.value))).collect()
}

fn owned(fields: &[(&str, &str)]) -> Pairs {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The fields of a request after they were text.
fn through_request(fields: &[(String, String)], end: bool) -> Result<Pairs, Malformed> {
    let mut text = Vec::new();
    let facts = request_head(&list(fields), end, &mut text)?;
    assert!(matches!(Scanner::request().scan(&text), Ok(Scan::Head { len, regular: true }) if len == text.len()));
    let mut room = FieldRoom::default();
    let request = parse_request(&text, &mut room).expect("a regular head");
    let mut back = FieldList::new();
    request_fields(&request, "https", facts.te_trailers, &mut back);
    Ok(pairs(&back))
}

fn through_response(fields: &[(String, String)], end: bool) -> Result<Pairs, Malformed> {
    let mut text = Vec::new();
    response_head(&list(fields), end, &mut text)?;
    assert!(
        matches!(Scanner::response().scan_response(&text), Ok(Scan::Head { len, regular: true }) if len == text.len())
    );
    let mut room = FieldRoom::default();
    let response = parse_response(&text, &mut room).expect("a response");
    let mut back = FieldList::new();
    response_fields(&response, &mut back);
    Ok(pairs(&back))
}

/// Names that nobody acts upon, in lower case.
fn name() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9-]{0,12}".prop_filter("plain", |name| {
        let special = ["te", "host", "cookie", "expect", "upgrade", "connection", "keep-alive"];
        !special.contains(&name.as_str())
    })
}

/// What a value may be: visible, or between visible ones blanks.
fn value() -> impl Strategy<Value = String> {
    prop_oneof!["", "[!-~\u{e9}]", "[!-~]([ -~\t\u{e9}]{0,30})[!-~]"]
}

fn pseudo() -> impl Strategy<Value = Pairs> {
    let method = prop_oneof![Just("GET"), Just("POST"), Just("HEAD"), Just("PATCH"), Just("X-Y")];
    let authority = "[a-z0-9-]{1,10}(\\.[a-z]{2,5})?(:[1-9][0-9]{0,3})?";
    let path = "/[!-~&&[^#]]{0,30}";
    (method, authority, path).prop_map(|(method, authority, path)| {
        owned(&[(":method", method), (":scheme", "https"), (":authority", &authority), (":path", &path)])
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_request_means_the_same_after_it_was_text(
        pseudo in pseudo(),
        fields in prop::collection::vec((name(), value()), 0..12),
        te in any::<bool>(),
    ) {
        let mut sent = [pseudo, fields].concat();
        let mut expected = sent.clone();
        if te {
            sent.insert(4, ("te".to_owned(), "trailers".to_owned()));
            expected.push(("te".to_owned(), "trailers".to_owned()));
        }
        // With a body of no known length the text says so, and what comes back says nothing again.
        prop_assert_eq!(through_request(&sent, false), Ok(expected));
    }

    #[test]
    fn a_response_means_the_same_after_it_was_text(
        status in (102u16..1000).prop_map(|status| status.to_string()),
        fields in prop::collection::vec((name(), value()), 0..12),
    ) {
        let sent = [owned(&[(":status", &status)]), fields].concat();
        prop_assert_eq!(through_response(&sent, false), Ok(sent));
    }

    #[test]
    fn trailers_mean_the_same_after_they_were_text(fields in prop::collection::vec((name(), value()), 0..12)) {
        // Each of these is left out of trailers.
        let never = ["date", "age", "range", "vary", "trailer", "location", "expires", "forwarded"];
        let sent: Pairs =
            fields.into_iter().filter(|(name, _)| !never.contains(&name.as_str()) && !name.starts_with("if-")).collect();
        let mut text = Vec::new();
        prop_assert_eq!(trailer_lines(&list(&sent), &mut text), Ok(()));
        let mut back = FieldList::new();
        trailer_fields(&text, &mut back);
        prop_assert_eq!(pairs(&back), sent);
    }

    #[test]
    fn whatever_a_list_holds_its_text_is_one_head_of_one_meaning(
        fields in prop::collection::vec((hostile_name(), prop::collection::vec(any::<u8>(), 0..12)), 0..8),
        start in prop::option::of(pseudo()),
        end in any::<bool>(),
    ) {
        let mut list = list(&start.unwrap_or_default());
        fields.iter().for_each(|(name, value)| list.push(name.as_bytes(), value));
        let mut text = Vec::new();
        if request_head(&list, end, &mut text).is_ok() {
            holds(&list, &text);
        } else {
            prop_assert!(text.is_empty());
        }
    }
}

fn hostile_name() -> impl Strategy<Value = String> {
    let known = vec![
        ":method",
        ":path",
        ":authority",
        ":scheme",
        ":status",
        "host",
        "content-length",
        "transfer-encoding",
        "te",
        "cookie",
        "expect",
        "connection",
        "content_length",
        "transferencoding",
        "x",
        "",
        "A",
        "a b",
        "a:",
        "\u{e9}",
    ];
    prop::sample::select(known).prop_map(str::to_owned)
}

/// The text is one head with what the list says, and the door to the targets has no doubt about where its body ends.
fn holds(list: &FieldList, text: &[u8]) {
    let Ok(Scan::Head { len, regular: true }) = Scanner::request().scan(text) else { panic!("no regular head") };
    assert_eq!(len, text.len());
    let (mut mended, mut room) = (Vec::new(), FieldRoom::default());
    let reading = Reading::of(text, true, &mut mended, &mut room);
    let request = reading.request();
    let authority = list.first(b":authority").or(list.first(b"host"));
    assert_eq!(Some(request.method), list.first(b":method"));
    assert_eq!(Some(request.target), list.first(b":path").or(list.first(b":authority")));
    assert_eq!(request.fields.first(b"host"), authority);
    assert!(request.fields.all(b"host").count() <= 1);
    assert!(request.fields.0.len() <= list.len());
    // What only looks like a length or a coding is as suspicious as in HTTP/1.1.
    if list.iter().any(|field| matches!(Known::of_any(field.name), Known::LengthLookAlike | Known::CodingLookAlike)) {
        return;
    }
    assert!(reading.framing().is_some());
    if let Some(reason) = reading.classification().reason() {
        let body_of_get = matches!(request.method, b"GET" | b"HEAD");
        match reason {
            Reason::UndefinedContentLengthSemantics
            | Reason::UndefinedTransferEncodingSemantics
            | Reason::GetHeadZeroContentLength => assert!(body_of_get),
            other => panic!("{other}"),
        }
        assert!(reason.tier() < Tier::Severe);
    }
    let _ = reading.clear(&Clearing { mode: Mode::Defensive, preserve_host: false });
}

#[test]
fn what_an_http1_reader_would_split_never_becomes_text() {
    let start = owned(&[(":method", "GET"), (":scheme", "https"), (":authority", "a"), (":path", "/")]);
    let smuggled = "x\r\nTransfer-Encoding: chunked\r\n\r\nGET /evil HTTP/1.1\r\nHost: b";
    for at in 0..4 {
        let mut fields = start.clone();
        fields[at].1.push_str(smuggled);
        assert!(through_request(&fields, true).is_err(), "{fields:?}");
    }
    for (name, value) in [("x", smuggled), (smuggled, "x"), ("x: y\r\nhost", "b"), ("cookie", smuggled)] {
        assert!(through_request(&[start.clone(), owned(&[(name, value)])].concat(), true).is_err(), "{name}");
        assert!(through_response(&owned(&[(":status", "200"), (name, value)]), true).is_err(), "{name}");
        assert!(trailer_lines(&list(&owned(&[(name, value)])), &mut Vec::new()).is_err(), "{name}");
    }
    for (at, value) in
        [(2, "a b"), (2, "a/b"), (2, "u@a"), (3, "/ HTTP/1.1"), (3, "/a b"), (3, "http://b/"), (0, "GET /b")]
    {
        let mut fields = start.clone();
        fields[at].1 = value.to_owned();
        assert!(through_request(&fields, true).is_err(), "{value}");
    }
}

#[test]
fn lengths_and_bodies_without_one_reach_the_door_as_they_are() {
    for (more, end, framing) in [
        (&[][..], true, Framing::Length(0)),
        (&[], false, Framing::Chunked),
        (&[("content-length", "5")], false, Framing::Length(5)),
        (&[("content-length", "0")], true, Framing::Length(0)),
    ] {
        let start = [(":method", "POST"), (":scheme", "https"), (":authority", "a"), (":path", "/")];
        let mut text = Vec::new();
        request_head(&list(&owned(&[&start[..], more].concat())), end, &mut text).expect("a head");
        let (mut mended, mut room) = (Vec::new(), FieldRoom::default());
        let reading = Reading::of(&text, true, &mut mended, &mut room);
        assert_eq!((reading.framing(), reading.classification().tier()), (Some(framing), Tier::Compliant));
    }
}

#[test]
fn an_ordinary_head_allocates_nothing_once_there_is_room() {
    let request = owned(&[
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", "www.example.com"),
        (":path", "/index.html?a=b"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
        ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
        ("accept-encoding", "gzip, deflate, br, zstd"),
        ("cookie", "a=b"),
        ("cookie", "c=d"),
        ("te", "trailers"),
    ]);
    let response =
        owned(&[(":status", "200"), ("content-type", "text/html"), ("content-length", "5"), ("server", "x")]);
    let trailers = owned(&[("grpc-status", "0"), ("grpc-message", "")]);
    let (request, response, trailers) = (list(&request), list(&response), list(&trailers));
    let (mut text, mut lines, mut back) = (Vec::new(), Vec::new(), FieldList::new());
    let mut all = || {
        text.clear();
        request_head(&request, true, &mut text).expect("a head");
        request_fields(&parse_request(&text, &mut FieldRoom::default()).expect("a head"), "https", true, &mut back);
        text.clear();
        response_head(&response, false, &mut text).expect("a head");
        response_fields(&parse_response(&text, &mut FieldRoom::default()).expect("a head"), &mut back);
        lines.clear();
        trailer_lines(&trailers, &mut lines).expect("trailers");
        trailer_fields(&lines, &mut back);
    };
    all();
    assert_eq!(allocations(all), 0);
}
