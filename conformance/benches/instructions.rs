//! How many instructions the inner loops of a request take, counted by Callgrind: the same on every run, so
//! that a change of a few is a change. No times, no system calls, no network; those are measured outside.

#![allow(missing_docs)]

use gungraun::prelude::*;

use decide::deciding;
use parse::parsing;

mod parse {
    //! A `GET` with 12 fields, as a browser sends it: found and parsed, and beside it what httparse alone takes.

    use std::hint::black_box;

    use gungraun::prelude::*;
    use sluicegate::http::h1::head::{Scan, Scanner, parse_request};

    const GET: &[u8] = b"GET /api/v1/users/12345?fields=name,email&page=2 HTTP/1.1\r\n\
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

    #[library_benchmark]
    #[bench::get_with_12_fields(GET)]
    fn head(bytes: &'static [u8]) -> usize {
        let Ok(Scan::Head { len, lines }) = Scanner::request().scan(black_box(bytes)) else {
            panic!("a whole head");
        };
        let request = parse_request(&bytes[..len], lines).expect("a good head");
        black_box(&request).fields.0.len()
    }

    #[library_benchmark]
    #[bench::get_with_12_fields(GET)]
    fn httparse_alone(bytes: &'static [u8]) -> usize {
        let mut fields = [httparse::EMPTY_HEADER; 32];
        let mut request = httparse::Request::new(&mut fields);
        assert!(request.parse(black_box(bytes)).is_ok_and(|status| status.is_complete()), "a good head");
        black_box(&request).headers.len()
    }

    library_benchmark_group!(name = parsing, benchmarks = [head, httparse_alone]);
}

mod decide {
    //! One request among 100 rules, each with a host and a path pattern: taken by the first, by the last, by none.

    use std::hint::black_box;

    use gungraun::prelude::*;
    use sluicegate::rules::{Action, Condition, Forward, GroupId, Pattern, Rule, Ruleset, Subject, WeightedGroup};

    fn forward(group: u32) -> Action {
        Action::Forward(Forward { groups: vec![WeightedGroup { group: GroupId(group), weight: 1 }] })
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

main!(library_benchmark_groups = [parsing, deciding]);
