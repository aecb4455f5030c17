//! How many instructions the inner loops of a request take, counted by Callgrind: the same on every run, so
//! that a change of a few is a change. No times, no system calls, no network; those are measured outside.

#![allow(missing_docs)]

use gungraun::prelude::*;

use classification::classifying;
use decide::deciding;
use head::heads;

mod head {
    //! A request's head on its way through: found and parsed (beside it what httparse alone takes), judged, written for
    //! a target; and an answer's the other way. The smallest head there is, and those that browsers and servers send.

    use std::hint::black_box;

    use gungraun::prelude::*;
    use sluicegate::config::LoadBalancerAttributes;
    use sluicegate::desync::{Cleared, Clearing, Reading};
    use sluicegate::exchange::incoming::{framing_towards, keeps_alive, write_response};
    use sluicegate::exchange::outgoing::{Terms, write_request};
    use sluicegate::http::h1::head::{Scan, Scanner, parse_request, parse_response, response_framing};
    use sluicegate::http::{FieldRoom, Request, Response, Version};
    use sluicegate::time::Wall;

    const TINY: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    pub(super) const GET: &[u8] = b"GET /api/v1/users/12345?fields=name,email&page=2 HTTP/1.1\r\n\
        Host: shop.example.com\r\n\
        User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
        Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
        Accept-Language: en-GB,en;q=0.7,de;q=0.3\r\n\
        Accept-Encoding: gzip, deflate, br, zstd\r\n\
        Referer: https://shop.example.com/checkout\r\n\
        Cookie: session=0123456789abcdef; theme=dark\r\n\
        Connection: keep-alive\r\n\
        Upgrade-Insecure-Requests: 1\r\n\
        Sec-Fetch-Mode: navigate\r\n\
        Cache-Control: max-age=0\r\n\
        X-Request-Id: 7f9c2ba4e88f827d\r\n\
        \r\n";
    const OK: &[u8] = b"HTTP/1.1 200 OK\r\n\
        Server: nginx/1.27.3\r\n\
        Date: Fri, 21 Nov 2025 10:15:30 GMT\r\n\
        Content-Type: application/json; charset=utf-8\r\n\
        Content-Length: 1532\r\n\
        Connection: keep-alive\r\n\
        Vary: Accept-Encoding\r\n\
        ETag: \"67b0a1f4-5fc\"\r\n\
        Cache-Control: private, max-age=60\r\n\
        \r\n";

    /// The same with what usually comes along: its body.
    fn with_body(bytes: &'static [u8]) -> &'static [u8] {
        parsed(GET);
        [bytes, &[b'x'; 1532]].concat().leak()
    }

    fn parsed(bytes: &'static [u8]) -> Request<'static> {
        let Ok(Scan::Head { len, .. }) = Scanner::request().scan(bytes) else { panic!("a whole head") };
        parse_request(&bytes[..len], Box::leak(Box::default())).expect("a good head")
    }

    /// The bytes, once what looks at the processor's features at its first call has been called.
    fn known(bytes: &'static [u8]) -> &'static [u8] {
        parsed(GET);
        bytes
    }

    /// In boxes, so that moving a case is not counted.
    type Forwarding = Box<(Cleared<Request<'static>>, LoadBalancerAttributes, Vec<u8>)>;
    type Answering = Box<(Response<'static>, Vec<u8>)>;

    fn forwarding(bytes: &'static [u8]) -> Forwarding {
        let (mended, room) = (Box::leak(Box::default()), Box::leak(Box::default()));
        let cleared = Reading::of(bytes, true, mended, room).clear(&Clearing::default());
        let cleared = cleared.expect("a request with one reading");
        Box::new((cleared, LoadBalancerAttributes::default(), Vec::with_capacity(4096)))
    }

    fn answering(bytes: &'static [u8]) -> Answering {
        let Ok(Scan::Head { len, .. }) = Scanner::response().scan_response(bytes) else { panic!("a whole head") };
        Box::new((
            parse_response(&bytes[..len], Box::leak(Box::default())).expect("a good head"),
            Vec::with_capacity(4096),
        ))
    }

    #[library_benchmark]
    #[bench::tiny(known(TINY))]
    #[bench::get_with_12_fields(known(GET))]
    fn scan(bytes: &'static [u8]) -> Scan {
        Scanner::request().scan(black_box(bytes)).expect("a good head")
    }

    #[library_benchmark]
    #[bench::tiny(known(TINY))]
    #[bench::get_with_12_fields(known(GET))]
    fn scan_and_parse(bytes: &'static [u8]) -> usize {
        let Ok(Scan::Head { len, .. }) = Scanner::request().scan(black_box(bytes)) else {
            panic!("a whole head");
        };
        let mut room = FieldRoom::default();
        let request = parse_request(&bytes[..len], &mut room).expect("a good head");
        black_box(&request).fields.0.len()
    }

    #[library_benchmark]
    #[bench::tiny(known(TINY))]
    #[bench::get_with_12_fields(known(GET))]
    fn httparse_alone(bytes: &'static [u8]) -> usize {
        let mut fields = [httparse::EMPTY_HEADER; 32];
        let mut request = httparse::Request::new(&mut fields);
        assert!(request.parse(black_box(bytes)).is_ok_and(|status| status.is_complete()), "a good head");
        black_box(&request).headers.len()
    }

    // Parsing is counted with it, as the head is handed over where it was parsed.
    #[library_benchmark]
    #[bench::tiny(known(TINY))]
    #[bench::get_with_12_fields(known(GET))]
    fn scan_parse_and_clear(bytes: &'static [u8]) -> usize {
        let Ok(Scan::Head { len, regular }) = Scanner::request().scan(black_box(bytes)) else {
            panic!("a whole head");
        };
        let (mut mended, mut room) = (Vec::new(), FieldRoom::default());
        let reading = Reading::of(&bytes[..len], regular, &mut mended, &mut room);
        let cleared = reading.clear(&Clearing::default()).expect("a request with one reading");
        black_box(&cleared).host().len()
    }

    #[library_benchmark]
    #[bench::tiny(forwarding(TINY))]
    #[bench::get_with_12_fields(forwarding(GET))]
    fn forward(mut case: Forwarding) -> Forwarding {
        let (cleared, attributes, out) = &mut *case;
        let terms = Terms {
            attributes,
            scheme: "http",
            listener_port: 80,
            tls: None,
            client_certificate: b"",
            client: ([192, 0, 2, 1], 4711).into(),
            dns_name: "demo.example",
            wall: Wall::from_micros(1_763_720_000_000_000),
            entropy: [0xa5; 12],
        };
        black_box(write_request(black_box(cleared), &terms, out));
        case
    }

    #[library_benchmark]
    #[bench::ok_with_8_fields(known(OK))]
    #[bench::ok_with_8_fields_and_body(with_body(OK))]
    fn scan_and_parse_answer(bytes: &'static [u8]) -> usize {
        let Ok(Scan::Head { len, .. }) = Scanner::response().scan_response(black_box(bytes)) else {
            panic!("a whole head");
        };
        let mut room = FieldRoom::default();
        let response = parse_response(&bytes[..len], &mut room).expect("a good head");
        black_box(&response).fields.0.len()
    }

    #[library_benchmark]
    #[bench::ok_with_8_fields(answering(OK))]
    fn answer(mut case: Answering) -> Answering {
        let (response, out) = &mut *case;
        let framing = response_framing(black_box(response), false).expect("one framing");
        let keep_alive = keeps_alive(response);
        write_response(response, framing_towards(Version::Http11, framing), keep_alive, out);
        case
    }

    library_benchmark_group!(
        name = heads,
        benchmarks =
            [scan, scan_and_parse, httparse_alone, scan_parse_and_clear, forward, scan_and_parse_answer, answer]
    );
}

mod classification {
    //! What it costs to know how far a request is from complying, beside parsing it with httparse alone, and beside
    //! httparse and then `http_desync_guardian`, the library that the guide names, fed as an embedder would. The aim is less
    //! than one and a half times httparse alone.

    use std::hint::black_box;

    use gungraun::prelude::*;
    use gungraun::{Callgrind, EventKind};
    use http_desync_guardian::RequestSafetyTier;
    use http_desync_guardian::request_analyzer::{HttpHeader, HttpRequestData};
    use sluicegate::desync::{Clearing, Reading, Tier};
    use sluicegate::http::FieldRoom;
    use sluicegate::http::h1::head::{Scan, Scanner};

    use super::head::GET;

    const POST: &[u8] = b"POST /v2/orders HTTP/1.1\r\n\
        Host: api.example.com\r\n\
        User-Agent: curl/8.14.1\r\n\
        Accept: application/json\r\n\
        Content-Type: application/json\r\n\
        Content-Length: 48\r\n\
        \r\n";
    const CHUNKED: &[u8] = b"POST /v2/orders HTTP/1.1\r\n\
        Host: api.example.com\r\n\
        User-Agent: curl/8.14.1\r\n\
        Accept: application/json\r\n\
        Content-Type: application/json\r\n\
        Transfer-Encoding: chunked\r\n\
        \r\n";

    /// The bytes, once what looks at the processor's features at its first call has been called.
    fn known(bytes: &'static [u8]) -> &'static [u8] {
        assert_eq!(read(bytes, |reading| reading.classification().tier()), Tier::Compliant);
        assert_eq!(guarded(bytes), RequestSafetyTier::Compliant);
        bytes
    }

    #[inline(always)]
    fn read<T>(bytes: &[u8], then: impl FnOnce(Reading<'_>) -> T) -> T {
        let Ok(Scan::Head { len, regular }) = Scanner::request().scan(black_box(bytes)) else {
            panic!("a whole head");
        };
        let (mut mended, mut room) = (Vec::new(), FieldRoom::default());
        then(Reading::of(&bytes[..len], regular, &mut mended, &mut room))
    }

    fn guarded(bytes: &[u8]) -> RequestSafetyTier {
        let mut fields = [httparse::EMPTY_HEADER; 32];
        let mut request = httparse::Request::new(&mut fields);
        assert!(request.parse(black_box(bytes)).is_ok_and(|status| status.is_complete()), "a good head");
        let headers = request.headers.iter().map(|field| HttpHeader::new(field.name.as_bytes(), field.value)).collect();
        let method = request.method.unwrap_or_default().as_bytes();
        let version: &[u8] = if request.version == Some(1) { b"HTTP/1.1" } else { b"HTTP/1.0" };
        let uri = request.path.unwrap_or_default().as_bytes();
        HttpRequestData { method, version, uri, headers }.analyze_parsed_request().tier
    }

    #[library_benchmark]
    #[bench::get_with_12_fields(known(GET))]
    #[bench::post_with_a_length(known(POST))]
    #[bench::post_of_chunks(known(CHUNKED))]
    fn httparse_only(bytes: &'static [u8]) -> usize {
        let mut fields = [httparse::EMPTY_HEADER; 32];
        let mut request = httparse::Request::new(&mut fields);
        assert!(request.parse(black_box(bytes)).is_ok_and(|status| status.is_complete()), "a good head");
        black_box(&request).headers.len()
    }

    /// What classification may take, in percent of what httparse alone does.
    const LIMIT_PERCENT: u64 = 155;

    /// More instructions than that fail the run; `httparse_only` is what httparse 1.10.1 takes.
    fn limited(httparse_only: u64) -> LibraryBenchmarkConfig {
        let mut config = LibraryBenchmarkConfig::default();
        config.tool(Callgrind::default().hard_limits([(EventKind::Ir, httparse_only * LIMIT_PERCENT / 100)]));
        config
    }

    #[library_benchmark]
    #[bench::get_with_12_fields(args = (known(GET)), config = limited(3323))]
    #[bench::post_with_a_length(args = (known(POST)), config = limited(1526))]
    #[bench::post_of_chunks(args = (known(CHUNKED)), config = limited(1589))]
    fn scan_parse_and_classify(bytes: &'static [u8]) -> Tier {
        read(bytes, |reading| black_box(&reading).classification().tier())
    }

    #[library_benchmark]
    #[bench::get_with_12_fields(known(GET))]
    #[bench::post_with_a_length(known(POST))]
    #[bench::post_of_chunks(known(CHUNKED))]
    fn scan_parse_classify_and_clear(bytes: &'static [u8]) -> usize {
        read(bytes, |reading| {
            let cleared = reading.clear(&Clearing::default()).expect("a request that complies");
            black_box(&cleared).host().len()
        })
    }

    #[library_benchmark]
    #[bench::get_with_12_fields(known(GET))]
    #[bench::post_with_a_length(known(POST))]
    #[bench::post_of_chunks(known(CHUNKED))]
    fn httparse_and_guardian(bytes: &'static [u8]) -> RequestSafetyTier {
        guarded(bytes)
    }

    library_benchmark_group!(
        name = classifying,
        benchmarks = [httparse_only, scan_parse_and_classify, scan_parse_classify_and_clear, httparse_and_guardian]
    );
}

mod decide {
    //! One request among 100 rules, each with a host and a path pattern: taken by the first, by the last, by none.

    use std::hint::black_box;

    use gungraun::prelude::*;
    use sluicegate::rules::{Action, Condition, Forward, GroupId, Pattern, Rule, Ruleset, Subject, WeightedGroup};

    fn forward(group: u32) -> Action {
        Action::Forward(Forward { groups: vec![WeightedGroup { group: GroupId(group), weight: 1 }], stickiness: None })
    }

    /// Rules 1 to 100: `service-N.example.com` with `/api/N/*`.
    fn hundred() -> Ruleset {
        let rule = |number: u16| Rule {
            name: format!("Rule{number}"),
            priority: number,
            conditions: vec![
                Condition::HostHeader(vec![Pattern::ignoring_case(&format!("service-{number}.example.com"))]),
                Condition::PathPattern(vec![Pattern::new(&format!("/api/{number}/*"))]),
            ],
            action: forward(number.into()),
        };
        Ruleset::new((1..=100).map(rule).collect(), forward(0)).expect("good rules")
    }

    /// The rules, a request that the rule `number` takes if there is one, and the priority it is decided with.
    struct Case {
        rules: Ruleset,
        host: String,
        path: String,
        priority: u16,
    }

    fn asking(number: u16) -> Case {
        Case {
            rules: hundred(),
            host: format!("service-{number}.example.com"),
            path: format!("/api/{number}/users/12345"),
            priority: if number <= 100 { number } else { 0 },
        }
    }

    #[library_benchmark]
    #[bench::taken_by_the_first(asking(1))]
    #[bench::taken_by_the_last(asking(100))]
    #[bench::taken_by_none(asking(101))]
    fn decide(case: Case) -> Case {
        let subject = Subject {
            method: b"GET",
            host: case.host.as_bytes(),
            path: case.path.as_bytes(),
            query: None,
            fields: &[],
            source: [192, 0, 2, 1].into(),
        };
        assert_eq!(black_box(case.rules.decide(black_box(&subject))).priority(), case.priority);
        case
    }

    library_benchmark_group!(name = deciding, benchmarks = [decide]);
}

main!(library_benchmark_groups = [heads, classifying, deciding]);
