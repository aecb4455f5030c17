//! HTTP/2 from a client's stream to a target and back, whatever the target speaks.

#![cfg(all(feature = "shard", feature = "aws-lc"))]

mod http2_support;
mod secure_support;

use http2_support::{End, Fields, Net, Reply, Talk, asks, call, field, fields};
use sluicegate::config::ProtocolVersion::{self, Grpc, Http1, Http2};
use sluicegate::config::{Config, Protocol};
use sluicegate::http::h2::ErrorCode;
use sluicegate::rules::{Action, FixedResponse, Redirect, RedirectProtocol, RedirectStatus, Ruleset};

/// What the target of HTTP/1 gets for that request.
fn asked(head: &Fields, body: &[u8], end: End) -> String {
    let (mut net, client) = Net::quiet(Http1);
    net.ask(client, head, body, end);
    net.run();
    net.lab.heard(net.target())
}

/// What the client gets for a GET that a target of HTTP/1 answers so.
fn answered(method: &str, answer: &str) -> Talk {
    let (mut net, client) = Net::quiet(Http1);
    let stream = net.ask(client, &asks(method, "/", &[]), b"", End::Plain);
    net.run();
    let target = net.target();
    net.lab.says(target, answer);
    net.run();
    let talk = net.talk(client, stream).clone();
    net.over();
    talk
}

#[test]
fn a_request_goes_from_a_stream_to_a_target_of_http1_and_its_answer_comes_back() {
    let mut net = Net::new(Http1);
    let client = net.client();
    let stream = net.get(client, "/a?b=c");
    net.run();
    let answer = net.talk(client, stream);
    assert_eq!((answer.status(), answer.field("content-length"), answer.text().as_str()), ("200", Some("2"), "hi"));
    assert!(answer.ended && answer.reset.is_none() && answer.trailers.is_none());
    net.over();
}

#[test]
fn a_call_of_grpc_goes_to_a_target_of_http2_and_its_trailers_come_back() {
    let mut net = Net::new(Grpc);
    net.reply = Some(Reply::of_call(b"\0\0\0\0\x02ok"));
    let client = net.client();
    let stream = net.ask(client, &call("/p.S/M"), b"\0\0\0\0\x03all", End::Plain);
    net.run();
    let target = net.target();
    let asked = net.talk(target, 1);
    assert_eq!(asked.body, b"\0\0\0\0\x03all");
    assert_eq!(asked.field(":path"), Some("/p.S/M"));
    assert_eq!((asked.field(":scheme"), asked.field("te")), (Some("http"), Some("trailers")));
    let answer = net.talk(client, stream);
    assert_eq!((answer.status(), &answer.body[..]), ("200", &b"\0\0\0\0\x02ok"[..]));
    assert_eq!(answer.trailers, Some(fields(&[("grpc-status", "0")])));
    assert!(answer.ended && answer.reset.is_none());
    net.over();
}

#[test]
fn names_are_in_lower_case_for_a_target_of_http1_but_for_those_that_the_balancer_adds() {
    let head = asks("GET", "/a", &[("accept", "*/*"), ("cookie", "a=1"), ("x-one", "1"), ("cookie", "b=2")]);
    let heard = asked(&head, b"", End::Plain);
    let lines: Vec<&str> = heard.trim_end().split("\r\n").collect();
    assert_eq!(
        lines[..5],
        [
            "GET /a HTTP/1.1",
            "X-Forwarded-For: 192.0.2.1",
            "X-Forwarded-Proto: https",
            "X-Forwarded-Port: 443",
            "Host: a.example",
        ]
    );
    assert!(lines[5].starts_with("X-Amzn-Trace-Id: Root=1-"), "{heard}");
    assert_eq!(lines[6..], ["accept: */*", "cookie: a=1; b=2", "x-one: 1"]);
}

#[test]
fn a_target_of_http2_gets_all_names_in_lower_case_and_nothing_that_is_of_one_connection() {
    for (secure, scheme) in [(Protocol::Http, "http"), (Protocol::Https, "https")] {
        let mut net = Net::with(Http2, secure, |_, _| ());
        let client = net.client();
        let more = [("accept", "*/*"), ("cookie", "a=1"), ("expect", "100-continue"), ("cookie", "b=2")];
        net.ask(client, &asks("PUT", "/a?b", &more), b"all", End::Plain);
        net.run();
        let heard = net.talk(net.target(), 1);
        let names: Vec<&str> = heard.head().iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            [
                ":method",
                ":scheme",
                ":authority",
                ":path",
                "x-forwarded-for",
                "x-forwarded-proto",
                "x-forwarded-port",
                "x-amzn-trace-id",
                "accept",
                "cookie",
            ]
        );
        assert_eq!(heard.field(":scheme"), Some(scheme));
        assert_eq!((heard.field(":authority"), heard.field(":path")), (Some("a.example"), Some("/a?b")));
        assert_eq!((heard.field("cookie"), heard.text().as_str()), (Some("a=1; b=2"), "all"));
        net.over();
    }
}

#[test]
fn the_authority_is_no_part_of_the_path_and_the_path_none_of_the_host() {
    for (authority, path, host) in [
        ("a.example:8443", "/x", Some("a.example")),
        ("a.example", "//b.example/x", Some("a.example")),
        ("a.example", "/http://b.example/", Some("a.example")),
        ("A.Example", "/x?y=@z", Some("a.example")),
        ("u@a.example", "/x", None),
        ("a.example/x", "/y", None),
        ("a.example\r\nX: y", "/y", None),
        ("a.example", "x", None),
        ("a.example", "http://b.example/", None),
        ("a.example", "/x HTTP/1.1\r\nHost: b.example\r\n\r\n", None),
    ] {
        for version in [Http1, Http2] {
            let mut net = Net::new(version);
            net.lab.silent = true;
            let client = net.client();
            let head = fields(&[(":method", "GET"), (":scheme", "https"), (":authority", authority), (":path", path)]);
            let stream = net.ask(client, &head, b"", End::Plain);
            net.run();
            match (version, host) {
                (_, None) => {
                    let talk = net.talk(client, stream);
                    let refused = talk.reset.is_some() || talk.status() == "400";
                    assert!(refused && net.targets().is_empty(), "{authority} {path}: {talk:?}");
                }
                (Http1, Some(host)) => {
                    let heard = net.lab.heard(net.target());
                    assert!(heard.starts_with(&format!("GET {path} HTTP/1.1\r\n")), "{heard}");
                    assert_eq!(heard.matches("Host: ").count(), 1);
                    assert!(heard.contains(&format!("\r\nHost: {host}\r\n")), "{heard}");
                }
                (_, Some(host)) => {
                    let heard = net.talk(net.target(), 1);
                    assert_eq!((heard.field(":authority"), heard.field(":path")), (Some(host), Some(path)));
                }
            }
        }
    }
}

/// Which requests go to which groups (guide PV-02 to PV-05).
#[test]
fn each_cell_of_the_matrix_of_versions_is_served_or_gets_a_464() {
    let get = || asks("GET", "/", &[]);
    let post = || asks("POST", "/", &[]);
    for (version, head, status) in [
        (Http1, get(), "200"),
        (Http1, post(), "200"),
        (Http1, call("/"), "464"),
        (Http2, get(), "200"),
        (Http2, post(), "200"),
        (Http2, call("/"), "200"),
        (Grpc, get(), "464"),
        (Grpc, asks("PUT", "/", &[("content-type", "application/grpc")]), "464"),
        (Grpc, post(), "200"),
        (Grpc, call("/"), "200"),
    ] {
        let mut net = Net::new(version);
        net.lab.silent = true;
        let client = net.client();
        let stream = net.ask(client, &head, b"", End::Plain);
        net.run();
        if version == Http1 && status == "200" {
            let target = net.target();
            net.lab.says(target, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            net.run();
        }
        assert_eq!(net.talk(client, stream).status(), status, "{version:?} {head:?}");
        assert_eq!(net.targets().is_empty(), status == "464");
        net.over();
    }
}

#[test]
fn a_client_of_http1_gets_a_464_where_targets_speak_http2_or_grpc() {
    for (version, asked, expected) in [
        (Http1, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\n"),
        (Http2, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 464 \r\n"),
        (Grpc, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 464 \r\n"),
        (Grpc, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 464 \r\n"),
    ] {
        let mut net = Net::new(version);
        let client = net.plain_client();
        net.lab.says(client, asked);
        net.run();
        let heard = net.lab.heard(client);
        assert!(heard.starts_with(expected), "{version:?}: {heard}");
        net.over();
    }
}

/// `routing.http2.enabled` (guide LB-21).
#[test]
fn a_load_balancer_without_http2_agrees_to_speak_http1_alone() {
    for http2 in [true, false] {
        let mut net = Net::with(Http1, Protocol::Http, |config, _| config.load_balancers[0].attributes.http2 = http2);
        let connector = sluicegate::tls::Connector::new(
            secure_support::policy("TLS13-1-2-2021-06"),
            &sluicegate::tls::Provider::aws_lc(),
            &net.lab.clock,
            &[b"h2", b"http/1.1"],
        );
        let client = net.lab.connect_raw().unwrap();
        net.lab.peers[client].session = connector.unwrap().session("lab.example");
        net.run();
        let agreed = net.lab.peers[client].session.as_ref().unwrap().protocol();
        assert_eq!(agreed, Some(if http2 { &b"h2"[..] } else { b"http/1.1" }));
        if !http2 {
            net.lab.says(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            net.run();
            assert!(net.lab.heard(client).starts_with("HTTP/1.1 200 OK\r\n"));
        }
        net.over();
    }
}

#[test]
fn a_body_that_comes_short_of_or_beyond_its_length_resets_its_stream_alone() {
    for (length, body) in [("4", "abc"), ("2", "abc")] {
        let (mut net, client) = Net::quiet(Http1);
        let other = net.get(client, "/other");
        let stream = net.ask(client, &asks("POST", "/", &[("content-length", length)]), body.as_bytes(), End::Plain);
        net.run();
        assert_eq!(net.talk(client, stream).reset, Some(ErrorCode::ProtocolError));
        let target =
            net.targets().into_iter().find(|&target| net.lab.heard(target).starts_with("GET /other ")).unwrap();
        net.lab.says(target, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
        net.run();
        assert_eq!(net.talk(client, other).text(), "hi");
        let log = net.log();
        assert_eq!(log.len(), 2, "{log:?}");
        net.over();
    }
}

#[test]
fn a_length_that_the_client_says_is_told_and_one_that_it_does_not_say_becomes_chunks() {
    let heard = asked(&asks("POST", "/", &[("content-length", "3")]), b"all", End::Plain);
    assert!(heard.contains("\r\ncontent-length: 3\r\n") && heard.ends_with("\r\n\r\nall"), "{heard}");
    assert!(!heard.contains("ransfer-"), "{heard}");
    let heard = asked(&asks("POST", "/", &[]), b"all", End::Plain);
    assert!(heard.contains("\r\ntransfer-encoding: chunked\r\n"), "{heard}");
    assert!(heard.ends_with("\r\n\r\n3\r\nall\r\n0\r\n\r\n"), "{heard}");
    let heard = asked(&asks("POST", "/", &[]), b"", End::Plain);
    assert!(heard.contains("\r\ncontent-length: 0\r\n") && heard.ends_with("\r\n\r\n"), "{heard}");
}

#[test]
fn trailers_of_a_request_follow_its_body_whatever_the_target_speaks() {
    let trailers = || End::Trailers(fields(&[("x-sum", "12"), ("x-more", "a b")]));
    let heard = asked(&asks("POST", "/", &[]), b"all", trailers());
    assert!(heard.ends_with("\r\n\r\n3\r\nall\r\n0\r\nx-sum: 12\r\nx-more: a b\r\n\r\n"), "{heard}");
    let mut net = Net::new(Http2);
    let client = net.client();
    let stream = net.ask(client, &asks("POST", "/", &[]), b"all", trailers());
    net.run();
    let heard = net.talk(net.target(), 1);
    assert_eq!((heard.text().as_str(), heard.ended), ("all", true));
    assert_eq!(heard.trailers, Some(fields(&[("x-sum", "12"), ("x-more", "a b")])));
    assert_eq!(net.talk(client, stream).status(), "200");
    net.over();
}

#[test]
fn trailers_of_an_answer_follow_its_body_whatever_the_target_speaks() {
    let chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nall\r\n0\r\nX-Sum: 12\r\n\r\n";
    let talk = answered("GET", chunks);
    assert_eq!((talk.text().as_str(), talk.ended), ("all", true));
    assert_eq!(talk.trailers, Some(fields(&[("x-sum", "12")])));
    assert!(talk.field("transfer-encoding").is_none());
    let mut net = Net::new(Http2);
    let end = End::Trailers(fields(&[("x-sum", "12")]));
    net.reply = Some(Reply { end, ..Reply::plain(b"all") });
    let client = net.client();
    let stream = net.get(client, "/");
    net.run();
    let talk = net.talk(client, stream);
    assert_eq!((talk.text().as_str(), talk.trailers.clone()), ("all", Some(fields(&[("x-sum", "12")]))));
    net.over();
}

#[test]
fn interim_answers_come_before_the_final_one() {
    let talk =
        answered("GET", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    assert_eq!(field(&talk.heads[0], ":status"), Some("103"));
    assert_eq!(field(&talk.heads[0], "link"), Some("</a>"));
    assert_eq!((talk.heads.len(), talk.status(), talk.text().as_str()), (2, "200", "hi"));
    let mut net = Net::new(Http2);
    net.reply = None;
    let client = net.client();
    let stream = net.get(client, "/");
    net.run();
    let target = net.target();
    for status in ["103", "200"] {
        let end = if status == "200" { End::Plain } else { End::Open };
        net.speaker(target).say(1, &fields(&[(":status", status), ("x-n", status)]), b"", end);
        net.run();
    }
    let talk = net.talk(client, stream);
    assert_eq!((talk.heads.len(), field(&talk.heads[0], "x-n"), talk.status()), (2, Some("103"), "200"));
    assert!(talk.ended);
    net.over();
}

#[test]
fn answers_without_a_body_end_with_their_head() {
    for (method, answer, length) in [
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Some("5")),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n", None),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", Some("5")),
    ] {
        let talk = answered(method, answer);
        assert_eq!((talk.field("content-length"), talk.ended, talk.body.len()), (length, true, 0), "{answer}");
        assert!(talk.reset.is_none());
        let mut net = Net::new(Http2);
        let mut head = fields(&[(":status", answer.split(' ').nth(1).unwrap())]);
        head.extend(length.map(|length| ("content-length".to_owned(), length.to_owned())));
        net.reply = Some(Reply { head, body: Vec::new(), end: End::Plain });
        let client = net.client();
        let stream = net.ask(client, &asks(method, "/", &[]), b"", End::Plain);
        net.run();
        let talk = net.talk(client, stream);
        assert_eq!((talk.field("content-length"), talk.ended, talk.body.len()), (length, true, 0), "{answer}");
        assert!(talk.reset.is_none());
        net.over();
    }
}

/// `wire.md` H10.
#[test]
fn a_client_of_http2_is_not_told_to_continue_and_its_target_is_not_asked() {
    let (mut net, client) = Net::quiet(Http1);
    let head = asks("POST", "/", &[("expect", "100-continue"), ("content-length", "3")]);
    let stream = net.ask(client, &head, b"", End::Open);
    net.run();
    assert!(!net.speakers[&client].talks[&stream].heads.iter().any(|head| field(head, ":status") == Some("100")));
    net.speaker(client).add(stream, b"all", End::Plain);
    net.run();
    let target = net.target();
    let heard = net.lab.heard(target);
    assert!(heard.ends_with("\r\n\r\nall") && !heard.to_lowercase().contains("expect"), "{heard}");
    net.lab.says(target, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    net.run();
    assert_eq!(net.talk(client, stream).heads.len(), 1);
    net.over();
}

fn ruled(action: Action) -> Net {
    Net::with(Http1, Protocol::Http, |config: &mut Config, options| {
        config.listeners[0].rules = Ruleset::new(Vec::new(), action).unwrap();
        options.name_causes = false;
    })
}

fn names(talk: &Talk) -> Vec<&str> {
    talk.head().iter().map(|(name, _)| name.as_str()).collect()
}

/// `wire.md` W1: on HTTP/2 the fields are the same, and none is of the connection.
#[test]
fn what_the_balancer_answers_itself_has_its_fields_in_their_order() {
    let fixed = FixedResponse { status: 202, content_type: Some("text/plain".into()), body: "yes".into() };
    let mut net = ruled(Action::FixedResponse(fixed));
    let client = net.client();
    let stream = net.get(client, "/");
    net.run();
    let talk = net.talk(client, stream);
    assert_eq!((talk.status(), talk.text().as_str(), talk.ended), ("202", "yes", true));
    assert_eq!(names(talk), [":status", "server", "date", "content-type", "content-length"]);
    net.over();
    let mut net = Net::with(Http1, Protocol::Http, |config, options| {
        config.groups[0].targets.clear();
        options.name_causes = false;
    });
    let client = net.client();
    let stream = net.get(client, "/");
    net.run();
    let talk = net.talk(client, stream);
    assert_eq!((talk.status(), talk.field("content-length"), talk.body.len()), ("503", Some("162"), 162));
    assert_eq!(names(talk), [":status", "server", "date", "content-type", "content-length"]);
    net.over();
}

#[test]
fn a_redirect_ends_with_where_to() {
    let redirect = Redirect {
        protocol: RedirectProtocol::Same,
        host: "#{host}".into(),
        port: "#{port}".into(),
        path: "/new/#{path}".into(),
        query: "#{query}".into(),
        status: RedirectStatus::Found,
    };
    let mut net = ruled(Action::Redirect(redirect));
    let client = net.client();
    let stream = net.get(client, "/a?b=c");
    net.run();
    let talk = net.talk(client, stream);
    assert_eq!(names(talk), [":status", "server", "date", "content-type", "content-length", "location"]);
    assert_eq!(talk.field("location"), Some("https://a.example:443/new/a?b=c"));
    net.over();
}

/// Bytes come as they come: what they mean does not depend on it.
#[test]
fn bytes_that_come_one_by_one_mean_the_same_as_all_at_once() {
    let heard = |version: ProtocolVersion, piece: usize| {
        let mut net = Net::new(version);
        net.reply = Some(Reply { end: End::Trailers(fields(&[("x-sum", "1")])), ..Reply::plain(b"answer") });
        let client = net.client();
        net.lab.peers[client].piece = piece;
        let streams = [
            net.get(client, "/a"),
            net.ask(client, &asks("POST", "/b", &[]), &[b'x'; 300], End::Trailers(fields(&[("x-up", "2")]))),
        ];
        for _ in 0..2000 {
            net.run();
            for peer in 0..net.lab.peers.len() {
                net.lab.peers[peer].piece = piece;
            }
            if version == Http1 && net.targets().len() == 2 {
                let post = net.targets().into_iter().find(|&target| net.lab.heard(target).ends_with("x-up: 2\r\n\r\n"));
                if let Some(post) = post {
                    net.lab.says(post, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
                    net.run();
                    break;
                }
            }
        }
        let talks = streams.map(|stream| {
            let Talk { heads, body, trailers, ended, .. } = net.talk(client, stream).clone();
            (heads, body, trailers, ended)
        });
        net.over();
        talks
    };
    for version in [Http1, Http2] {
        let whole = heard(version, usize::MAX);
        assert!(whole.iter().all(|(.., ended)| *ended), "{whole:?}");
        assert_eq!(heard(version, 1), whole);
        assert_eq!(heard(version, 7), whole);
    }
}
