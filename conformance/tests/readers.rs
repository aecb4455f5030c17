//! The oracle of request smuggling can fail: on the classic payloads, sent as they are, its readers do disagree. On
//! requests with one reading they agree, wherever the stream is cut.

use sluicegate_conformance::readers::quirks::Versions;
use sluicegate_conformance::readers::{Ending, Framing, Quirks, Reading, agree, bodies_come_last, lenient, strict};

/// What readers are told apart by.
fn seen(reading: &Reading) -> Vec<(String, String, bool)> {
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    reading.requests.iter().map(|seen| (text(&seen.target), text(&seen.body), seen.whole)).collect()
}

fn read_by(name: &str, stream: &str) -> Reading {
    let quirks = Quirks::named(name).unwrap_or_else(|| panic!("a reader called {name}"));
    lenient::read(stream.as_bytes(), quirks)
}

fn targets(reading: &Reading) -> Vec<String> {
    reading.requests.iter().map(|seen| String::from_utf8_lossy(&seen.target).into_owned()).collect()
}

/// A request whose fields are `fields`, then `rest`.
fn post(fields: &str, rest: &str) -> String {
    format!("POST /a HTTP/1.1\r\nHost: h\r\n{fields}\r\n{rest}")
}

const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";

/// One reader sees the request in the body, the other does not; no such stream passes for unambiguous.
fn split(stream: &str, sees: &str, sees_not: &str) {
    let (one, other) = (read_by(sees, stream), read_by(sees_not, stream));
    let smuggled = |reading: &Reading| targets(reading).iter().any(|target| target.ends_with("smuggled"));
    assert!(smuggled(&one), "{sees} sees {one:?} in {stream:?}");
    assert!(!smuggled(&other), "{sees_not} sees {other:?} in {stream:?}");
    let verdict = agree(stream.as_bytes());
    assert!(verdict.is_err(), "{stream:?} passes: {verdict:?}");
}

#[test]
fn cl_te_one_reader_ends_at_the_last_chunk_and_another_at_the_length() {
    let rest = format!("0\r\n\r\n{SMUGGLED}");
    let fields = format!("Content-Length: {}\r\nTransfer-Encoding: chunked\r\n", rest.len());
    split(&post(&fields, &rest), "chunks before length", "length before chunks");
}

#[test]
fn te_cl_one_reader_takes_a_chunk_for_the_next_request() {
    let chunk = format!("{:x}\r\n{SMUGGLED}\r\n0\r\n\r\n", SMUGGLED.len());
    let fields = "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n";
    split(&post(fields, &chunk), "length before chunks", "chunks before length");
}

#[test]
fn te_te_obfuscated_codings_are_chunks_to_some() {
    let rest = format!("0\r\n\r\n{SMUGGLED}");
    for (field, sees) in [
        ("Transfer-Encoding: xchunked", "chunked somewhere"),
        ("Transfer-Encoding: chunked, identity", "chunked first"),
        ("Transfer-Encoding: identity, chunked", "chunked last"),
        ("Transfer-Encoding: identity, chunked, cow", "chunked in the list"),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: cow", "the first coding field"),
        ("Transfer-Encoding: cow\r\nTransfer-Encoding: chunked", "the last coding field"),
        ("Transfer-Encoding : chunked", "blanks before the colon"),
        ("Transfer-Encoding\t: chunked", "blanks before the colon"),
        ("Transfer-Encoding x: chunked", "the first word is the name"),
        ("Transfer_Encoding: chunked", "underscores are hyphens"),
        ("Transfer.Encoding: chunked", "punctuation is a hyphen"),
        ("TransferEncoding: chunked", "only letters and digits of names count"),
        ("Tran\u{1}sfer-Encoding: chunked", "only visible bytes of names count"),
        ("T r a n s f e r-Encoding: chunked", "only visible bytes of names count"),
        ("Transfer-Encoding: chunked\0x", "NUL ends values"),
        ("Transfer-Encoding:\r\n chunked", "folds are joined"),
        ("X: y\r\n Transfer-Encoding: chunked", "a fold is a field"),
        ("X: y\nTransfer-Encoding: chunked", "LF ends lines"),
        ("X: y\rTransfer-Encoding: chunked", "CR ends lines"),
    ] {
        let stream = post(&format!("{field}\r\n"), &rest);
        let quirks = Quirks::named(sees).expect("a reader of that name");
        let reading = lenient::read(stream.as_bytes(), quirks);
        assert_eq!(reading.requests.first().map(|seen| seen.framing), Some(Framing::Chunked), "{sees}: {reading:?}");
        assert_eq!(targets(&reading), ["/a", "/smuggled"], "{sees}");
        assert!(agree(stream.as_bytes()).is_err(), "{field} passes");
    }
}

#[test]
fn names_that_only_some_take_for_a_framing_field_are_told_apart_though_they_are_legal() {
    for (name, reader) in [
        ("Transfer_Encoding: chunked", "underscores are hyphens"),
        ("Transfer.Encoding: chunked", "punctuation is a hyphen"),
        ("TransferEncoding: chunked", "only letters and digits of names count"),
        ("Content_Length: 3", "underscores are hyphens"),
        ("-Content-Length: 3", "only letters and digits of names count"),
    ] {
        let stream = post(&format!("{name}\r\n"), "");
        assert_eq!(strict::read(stream.as_bytes()).ending, Ending::Clean, "{name} is a token");
        assert_eq!(agree(stream.as_bytes()).expect_err(name).reader, reader);
    }
}

#[test]
fn cl_0_a_body_on_get_is_the_next_request_to_some() {
    let get = format!("GET /a HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{SMUGGLED}", SMUGGLED.len());
    let chunked = format!(
        "HEAD /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{SMUGGLED}\r\n0\r\n\r\n",
        SMUGGLED.len()
    );
    for stream in [&get, &chunked] {
        assert_eq!(targets(&read_by("no quirks", stream)), ["/a"]);
        // It is legal, and all that can be asked is that nobody else's request comes behind it.
        let alone = agree(stream.as_bytes()).expect("legal");
        assert_eq!(bodies_come_last(&alone), Ok(()));
        let followed = agree(format!("{stream}{SMUGGLED}").as_bytes()).expect("legal");
        assert_eq!(followed.len(), 2);
        let fault = bodies_come_last(&followed).expect_err("another request follows");
        assert_eq!((fault.request, fault.reader), (0, "no bodies on GET and HEAD"));
    }
    assert_eq!(targets(&read_by("no bodies on GET and HEAD", &get)), ["/a", "/smuggled"]);
    let unfinished = agree(&get.as_bytes()[..get.len() - 5]).expect("legal as far as it goes");
    assert!(!unfinished[0].whole);
    let follows = agree(format!("{SMUGGLED}{get}").as_bytes()).expect("legal");
    assert_eq!(bodies_come_last(&follows), Ok(()));
    let post = agree(format!("{}{SMUGGLED}", post("Content-Length: 2\r\n", "hi")).as_bytes()).expect("legal");
    assert_eq!(bodies_come_last(&post), Ok(()), "POST has a body to everybody");
}

#[test]
fn lengths_are_many_numbers() {
    let stream = |value: &str| post(&format!("Content-Length: {value}\r\n"), SMUGGLED);
    let length = |reader: &str, value: &str| {
        read_by(reader, &stream(value)).requests.first().map(|seen| seen.framing).unwrap_or(Framing::None)
    };
    for (value, decimal, any) in [("+5", 5, 5), ("5,5", 5, 5), ("0x5", 0, 5), ("5 6", 5, 5), ("x", 0, 0)] {
        assert_eq!(length("lengths by strtol", value), Framing::Length(decimal), "{value}");
        assert_eq!(length("lengths by strtol in any base", value), Framing::Length(any), "{value}");
        assert!(agree(stream(value).as_bytes()).is_err(), "{value} passes");
    }
    // Only digits, and yet not one number.
    let octal = post("Content-Length: 010\r\n", "1234567890");
    assert_eq!(strict::read(octal.as_bytes()).ending, Ending::Clean);
    assert_eq!(agree(octal.as_bytes()).expect_err("octal").reader, "lengths by strtol in any base");
    let twice = |order: &str| post(order, SMUGGLED);
    let fields = format!("Content-Length: {}\r\nContent-Length: 0\r\n", SMUGGLED.len());
    split(&twice(&fields), "the last length", "the first length");
    let same = format!("Content-Length: {0}\r\nContent-Length: {0}\r\n", SMUGGLED.len());
    assert!(agree(twice(&same).as_bytes()).is_err(), "even equal ones");
}

#[test]
fn chunk_lines_end_where_each_reader_likes() {
    let stream = |body: &str| post("Transfer-Encoding: chunked\r\n", body);
    // TERM.EXT and EXT.TERM: what is the extension to one is data to another.
    let term_ext = stream(&format!("2;\nxx\r\n{:x}\r\n0\r\n\r\n{SMUGGLED}\r\n0\r\n\r\n", SMUGGLED.len() + 5));
    let (ends, data) = (read_by("LF ends chunk lines", &term_ext), read_by("LF in a chunk line is data", &term_ext));
    assert_ne!(seen(&ends), seen(&data));
    assert!(agree(term_ext.as_bytes()).is_err());
    let cr = stream("2;\rxx\r\n0\r\n\r\n");
    assert_ne!(seen(&read_by("CR ends chunk lines", &cr)), seen(&read_by("CR in a chunk line is data", &cr)));
    assert!(agree(cr.as_bytes()).is_err());
    // SPILL: what follows the data.
    for (body, reader) in [
        ("2\r\nab\n0\r\n\r\n", "LF after a chunk"),
        ("2\r\nabXX0\r\n\r\n", "any two bytes after a chunk"),
        ("2\r\nab0\r\n\r\n", "nothing after a chunk, trailers are fields"),
    ] {
        assert_eq!(seen(&read_by(reader, &stream(body))), [("/a".to_owned(), "ab".to_owned(), true)], "{reader}");
        assert!(agree(stream(body).as_bytes()).is_err(), "{body:?} passes");
    }
    // Sizes.
    for (body, reader) in [
        ("0x2\r\nab\r\n0\r\n\r\n", "chunk sizes by strtol"),
        (" 2\r\nab\r\n0\r\n\r\n", "chunk sizes by strtol"),
        ("+2\r\nab\r\n0\r\n\r\n", "chunk sizes by strtol"),
        ("2 \r\nab\r\n\r\n\r\n", "chunk sizes by strtol"),
        ("100000002\r\nab\r\n0\r\n\r\n", "chunk sizes in 32 bits"),
    ] {
        assert_eq!(seen(&read_by(reader, &stream(body))), [("/a".to_owned(), "ab".to_owned(), true)], "{body:?}");
        assert!(agree(stream(body).as_bytes()).is_err(), "{body:?} passes");
    }
}

#[test]
fn trailers_are_fields_to_some() {
    let stream = post("Transfer-Encoding: chunked\r\n", "0\r\nHost: other\r\n\r\n");
    let reading = read_by("nothing after a chunk, trailers are fields", &stream);
    assert_eq!(reading.requests[0].host, b"other");
    assert!(agree(stream.as_bytes()).is_err());
}

#[test]
fn lines_end_where_each_reader_likes() {
    let lf = "GET /a HTTP/1.1\nHost: h\n\n";
    assert_eq!(targets(&read_by("LF ends lines", lf)), ["/a"]);
    assert!(agree(lf.as_bytes()).is_err());
    let hidden = format!("GET /a HTTP/1.1\r\nHost: h\r\nX: y\n\n{SMUGGLED}");
    split(&hidden, "LF ends lines", "LF is data");
    let hidden = format!("GET /a HTTP/1.1\r\nHost: h\r\nX: y\r\r{SMUGGLED}");
    split(&hidden, "CR ends lines", "CR is data");
    let hidden = format!("GET /a HTTP/1.1\r\nHost: h\r\n \r\n{SMUGGLED}");
    split(&hidden, "a line of blanks ends the head", "folds are dropped");
    let hidden = format!("GET /a HTTP/1.1\r\nHost: h\r\nX: y\r\n Content-Length: {}\r\n\r\n{SMUGGLED}", SMUGGLED.len());
    split(&hidden, "folds are joined", "a fold is a field");
}

#[test]
fn request_lines_have_many_words() {
    let spaced = "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n";
    assert_eq!(targets(&read_by("the last word is the version", spaced)), ["/a b"]);
    let blanks = Quirks { versions: Versions::Any, ..*Quirks::named("words at any blanks").unwrap() };
    assert_eq!(targets(&lenient::read(spaced.as_bytes(), &blanks)), ["/a"]);
    assert!(agree(spaced.as_bytes()).is_err());
    let old = format!("GET /a\r\n{SMUGGLED}");
    assert_eq!(targets(&read_by("requests without a version", &old)), ["/a", "/smuggled"]);
    for line in [
        "GET /a HTTP/1.2",
        "GET /a HTTP/2.0",
        "GET /a http/1.1",
        "GET  /a HTTP/1.1",
        "GET\t/a HTTP/1.1",
        " GET /a HTTP/1.1",
        "GET /a HTTP/1.1 ",
        "GET /\u{e9} HTTP/1.1",
        "GET /\u{1} HTTP/1.1",
        "GET /a#b HTTP/1.1",
        "GET a HTTP/1.1",
        "GET * HTTP/1.1",
        "G@T /a HTTP/1.1",
        "GET HTTP/1.1",
        "",
    ] {
        let stream = format!("{line}\r\nHost: h\r\n\r\n");
        assert!(agree(stream.as_bytes()).is_err(), "{line:?} passes");
    }
}

#[test]
fn one_host_is_what_everybody_finds() {
    for fields in [
        "",
        "Host: a\r\nHost: b\r\n",
        "Host: a b\r\n",
        "Host: a/b\r\n",
        "Host: a@b\r\n",
        "Host: a:x\r\n",
        "Host: [::1\r\n",
    ] {
        let stream = format!("GET / HTTP/1.1\r\n{fields}\r\n");
        assert!(agree(stream.as_bytes()).is_err(), "{fields:?} passes");
    }
    let absolute = "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n";
    assert_eq!(strict::read(absolute.as_bytes()).requests[0].host, b"a");
    assert_eq!(agree(absolute.as_bytes()).expect_err("two hosts").reader, "the first Host");
    for host in ["a", "a:80", "", "[::1]:80", "a%20b", "127.0.0.1"] {
        let stream = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let seen = agree(stream.as_bytes()).unwrap_or_else(|fault| panic!("{host}: {fault}"));
        assert_eq!(seen[0].host, host.as_bytes());
    }
}

#[test]
fn nothing_follows_the_request_that_is_the_last() {
    let last = "GET /a HTTP/1.1\r\nHost: h\r\nConnection: x, Close\r\n\r\n";
    assert_eq!(agree(last.as_bytes()).map(|seen| seen.len()), Ok(1));
    assert!(agree(format!("{last}{SMUGGLED}").as_bytes()).is_err());
}

#[test]
fn transfer_encoding_in_http_1_0_is_chunks_to_some() {
    let stream = format!("POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{SMUGGLED}");
    assert_eq!(targets(&read_by("chunks in HTTP/1.0", &stream)), ["/a", "/smuggled"]);
    assert_eq!(targets(&read_by("no chunks in HTTP/1.0", &stream)), ["/a"]);
    assert!(agree(stream.as_bytes()).is_err());
}

/// Requests that have one reading.
const LEGAL: &str = "GET /a?b=c|d HTTP/1.1\r\nHost: a.example:80\r\nX-Empty:\r\nX_Odd!#: \t v\u{e9}\t w \r\n\r\n\
    POST /b HTTP/1.1\r\nhost: [::1]\r\nCONTENT-LENGTH: 12\r\n\r\nGET / HTTP/\r\
    OPTIONS * HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n\
    PUT /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
    5;x=\"a; b\\\"\" ; y = z\r\nab\r\nc\r\n0a\r\n0123456789\r\n0\r\nDigest: x\r\n\r\n\
    GET / HTTP/1.0\r\n\r\n\
    PATCH /d HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nlast";

#[test]
fn requests_with_one_reading_agree_wherever_they_are_cut() {
    let stream = LEGAL.as_bytes();
    let whole = agree(stream).unwrap_or_else(|fault| panic!("{fault}"));
    let targets: Vec<_> = whole.iter().map(|seen| seen.target.as_slice()).collect();
    assert_eq!(targets, [&b"/a?b=c|d"[..], b"/b", b"*", b"/c", b"/", b"/d"]);
    assert!(whole.iter().all(|seen| seen.whole));
    let bodies: Vec<_> = whole.iter().map(|seen| seen.body.as_slice()).collect();
    assert_eq!(bodies, [&b""[..], b"GET / HTTP/\r", b"", b"ab\r\nc0123456789", b"", b"last"]);
    for len in 0..stream.len() {
        let cut = agree(&stream[..len]).unwrap_or_else(|fault| panic!("cut after {len} bytes: {fault}"));
        for (seen, uncut) in cut.iter().zip(&whole) {
            assert_eq!((&seen.method, seen.head_end), (&uncut.method, uncut.head_end));
            assert_eq!(seen.whole, len >= uncut.end, "cut after {len} bytes");
        }
    }
}

/// Reasons that only the strict reader has; the others it shares with the reader without quirks.
const STRICTER: [&str; 4] = [
    "a Host that is none",
    "a request target in none of the four forms",
    "a chunk size that something else follows",
    "a trailer that steers framing or routing",
];

#[test]
fn without_quirks_the_lenient_reader_is_the_strict_one() {
    let mut state = 1u64;
    let mut chance = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let odd = b"\r\n\t \0\x0b\x7f:;=,\"_-09afxGE/#\xe9\xff";
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..60_000 {
        let mut stream = LEGAL.as_bytes().to_vec();
        for _ in 0..=chance(3) {
            if stream.len() < 2 {
                break;
            }
            let at = chance(stream.len());
            match chance(4) {
                0 => drop(stream.remove(at)),
                1 => stream.insert(at, odd[chance(odd.len())]),
                2 => stream[at] = odd[chance(odd.len())],
                _ => stream.truncate(at + 1),
            }
        }
        let (one, other) = (strict::read(&stream), lenient::read(&stream, &Quirks::NONE));
        match (one.ending, other.ending) {
            (Ending::Rejected { why, .. }, _) if STRICTER.contains(&why) => {}
            (Ending::Rejected { .. }, Ending::Rejected { .. }) => refused += 1,
            _ => {
                assert_eq!(one, other, "{}", stream.escape_ascii());
                accepted += 1;
            }
        }
    }
    assert!(accepted > 5_000 && refused > 5_000, "{accepted} accepted, {refused} refused");
}

#[test]
fn every_variant_has_a_name_of_its_own_and_differs_from_the_strict_reader_somewhere() {
    let streams = [
        "GET /a HTTP/1.1\nHost: h\n\n".to_owned(),
        "GET /a HTTP/1.1\r\nHost: h\r\nX: a\nb\r\n\r\n".to_owned(),
        "GET /a HTTP/1.1\r\nHost: h\r\nX: a\rContent-Length: 0\r\n\r\n".to_owned(),
        "GET /a HTTP/1.1\r\nHost: a\0b\r\n\r\n".to_owned(),
        "GET /a HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n".to_owned(),
        "GET /a HTTP/1.1\r\nHost: h\r\n Content-Length: 0\r\n\r\n".to_owned(),
        "GET /a HTTP/1.1\r\nHost: h\r\n \r\n\r\n".to_owned(),
        "\r\nGET /a HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(),
        "GET  /a HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(),
        "GET /a HTTP/1.7\r\nHost: h\r\n\r\n".to_owned(),
        "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(),
        "GET /a\r\n".to_owned(),
        "GET /a HTTP/1.1\r\nHost: g\r\nHost: h\r\n\r\n".to_owned(),
        "GET /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx".to_owned(),
        "POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
        post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"),
        post("Transfer-Encoding x: chunked\r\n", "0\r\n\r\n"),
        post("Transfer_Encoding: chunked\r\n", "0\r\n\r\n"),
        post("Transfer.Encoding: chunked\r\n", "0\r\n\r\n"),
        post("TransferEncoding: chunked\r\n", "0\r\n\r\n"),
        post("Transfer Encoding: chunked\r\n", "0\r\n\r\n"),
        post("Transfer-Encoding: a, chunked\r\n", "0\r\n\r\n"),
        post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"),
        post("Transfer-Encoding: chunked, a\r\n", "0\r\n\r\n"),
        post("Transfer-Encoding: Chunked\r\n", "0\r\n\r\n"),
        post("Transfer-Encoding: chunked\r\nTransfer-Encoding: a\r\n", "0\r\n\r\n"),
        post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"),
        post("Content-Length: 1\r\nContent-Length: 2\r\n", "xy"),
        post("Content-Length: +0x1\r\n", "x"),
        post("Transfer-Encoding: chunked\r\n", "1;\nx\r\n0\r\n\r\n"),
        post("Transfer-Encoding: chunked\r\n", "1;\rx\r\n0\r\n\r\n"),
        post("Transfer-Encoding: chunked\r\n", "0x1\r\nx\r\n0\r\n\r\n"),
        post("Transfer-Encoding: chunked\r\n", "100000001\r\nx\r\n0\r\n\r\n"),
        post("Transfer-Encoding: chunked\r\n", "1\r\nx\n0\r\n\r\n"),
        post("Transfer-Encoding: chunked\r\n", "1\r\nxYZ0\r\n\r\n"),
        post("Transfer-Encoding: chunked\r\n", "1\r\nx0\r\n\r\n"),
    ];
    let readings = |quirks: &Quirks| -> Vec<Reading> {
        streams.iter().map(|stream| lenient::read(stream.as_bytes(), quirks)).collect()
    };
    let variants: Vec<_> = Quirks::all_variants().iter().map(|quirks| (quirks.name, readings(quirks))).collect();
    for (place, (name, readings)) in variants.iter().enumerate() {
        for (other_name, others) in &variants[place + 1..] {
            assert_ne!(name, other_name);
            assert_ne!(readings, others, "{name} and {other_name} are one reader");
        }
    }
}
