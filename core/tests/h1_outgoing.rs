//! The head that a target receives, byte for byte, for the head that a client sends.
#![cfg(feature = "shard")]

use std::net::SocketAddr;

use XffHeaderProcessing::{Append, Preserve, Remove};
use sluicegate::config::{LoadBalancerAttributes, XffHeaderProcessing};
use sluicegate::desync::{Clearing, Reading};
use sluicegate::exchange::outgoing::{Terms, write_request};
use sluicegate::http::h1::encode::Encoder;
use sluicegate::http::h1::head::{Scan, Scanner};
use sluicegate::http::{FieldRoom, Framing};
use sluicegate::time::Wall;
use sluicegate::tls::{Suite, Version};

const NEW_ROOT: &str = "Root=1-63441c4a-abcdef012345678912345678";
const NEW_SELF: &str = "Self=1-63441c4a-abcdef012345678912345678";
const OLD: &str = "1-67891233-abcdef012345678912345678";
const V4: &str = "203.0.113.7:4711";
const V6: &str = "[2001:db8::21f:5bff:febf:ce22]:4711";

/// A client, a listener, and what the load balancer was told.
struct World {
    client: &'static str,
    port: u16,
    scheme: &'static str,
    attributes: LoadBalancerAttributes,
    tls: Option<(Version, &'static Suite)>,
    client_certificate: &'static str,
}

impl World {
    fn new() -> World {
        World {
            client: "127.0.0.1:4711",
            port: 80,
            scheme: "http",
            attributes: LoadBalancerAttributes::default(),
            tls: None,
            client_certificate: "",
        }
    }

    /// What a listener on port 443 knows of a client that it has shaken hands with.
    fn https() -> World {
        let tls = Some((Version::Tls12, Suite::numbered(0xC02F).unwrap()));
        World { port: 443, scheme: "https", tls, ..World::new() }
    }

    fn with(change: impl FnOnce(&mut World)) -> World {
        let mut world = World::new();
        change(&mut world);
        world
    }

    /// What the target receives, and the trace id that goes into the log.
    fn forward(&self, head: &str) -> (String, String) {
        let Ok(Scan::Head { len, regular }) = Scanner::request().scan(head.as_bytes()) else { panic!("{head:?}") };
        let (mut mended, mut room) = (Vec::new(), FieldRoom::default());
        let reading = Reading::of(&head.as_bytes()[..len], regular, &mut mended, &mut room);
        let LoadBalancerAttributes { desync_mitigation_mode: mode, preserve_host_header: preserve_host, .. } =
            self.attributes;
        let cleared = reading.clear(&Clearing { mode, preserve_host }).unwrap();
        let terms = Terms {
            attributes: &self.attributes,
            scheme: self.scheme,
            listener_port: self.port,
            tls: self.tls,
            client_certificate: self.client_certificate.as_bytes(),
            client: self.client.parse::<SocketAddr>().unwrap(),
            dns_name: "Demo-1.elb.amazonaws.com",
            wall: Wall::from_micros(0x6344_1c4a * 1_000_000 + 999_999),
            entropy: [0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67, 0x89, 0x12, 0x34, 0x56, 0x78],
        };
        let mut out = b"before".to_vec();
        let forwarded = write_request(&cleared, &terms, &mut out);
        let trace = String::from_utf8(out[forwarded.trace].to_vec()).unwrap();
        (String::from_utf8(out.split_off(6)).unwrap(), trace)
    }

    /// The head for a target of a `GET` with these fields besides `Host: example.com`.
    fn get(&self, fields: &str) -> String {
        self.forward(&format!("GET / HTTP/1.1\r\nHost: example.com\r\n{fields}\r\n")).0
    }

    /// The same of a `POST`.
    fn post(&self, fields: &str) -> String {
        self.forward(&format!("POST / HTTP/1.1\r\nHost: example.com\r\n{fields}\r\n")).0
    }
}

fn values(head: &str, name: &str) -> Vec<String> {
    let fields = head.lines().filter_map(|line| line.split_once(": "));
    fields.filter(|(is, _)| is.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).collect()
}

#[test]
fn the_lead_comes_first_and_the_clients_fields_follow_in_their_order() {
    let sent =
        "POST /a?b=c HTTP/1.0\r\nX-B: 1\r\nhost: A.example\r\nContent-Length: 3\r\nx-a: 2\r\nX-B: 3\r\nE:\r\n\r\n";
    let (head, trace) = World::new().forward(sent);
    let lead = "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Port: 80\r\nHost: a.example\r\n";
    let fields = "X-B: 1\r\nContent-Length: 3\r\nx-a: 2\r\nX-B: 3\r\nE: \r\n\r\n";
    assert_eq!(head, format!("POST /a?b=c HTTP/1.1\r\n{lead}X-Amzn-Trace-Id: {NEW_ROOT}\r\n{fields}"));
    assert_eq!(trace, NEW_ROOT);
}

#[test]
fn what_is_told_of_the_clients_certificate_stands_between_the_port_and_the_host() {
    let certificate = "X-Amzn-Mtls-Clientcert-Serial-Number: 03A5B1\r\nX-Amzn-Mtls-Clientcert-Subject: CN=client\r\n";
    let world = World { client_certificate: certificate, ..World::https() };
    assert_eq!(
        world.get("X-Amzn-Mtls-Clientcert-Subject: CN=forged\r\nA: b\r\n"),
        format!(
            "GET / HTTP/1.1\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 443\r\n{certificate}\
             Host: example.com\r\nX-Amzn-Trace-Id: {NEW_ROOT}\r\nA: b\r\n\r\n"
        )
    );
}

#[test]
fn version_and_cipher_suite_are_told_when_asked_for_on_https_listeners() {
    let asked = |mut world: World| {
        world.attributes.tls_version_and_cipher_suite = true;
        world
    };
    let forged = "x-amzn-tls-version: TLSv1.3\r\nX-Amzn-Tls-Cipher-Suite: forged\r\n";
    let lead = "GET / HTTP/1.1\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 443\r\n";
    let told = "x-amzn-tls-version: TLSv1.2\r\nx-amzn-tls-cipher-suite: ECDHE-RSA-AES128-GCM-SHA256\r\n";
    let rest = format!("Host: example.com\r\nX-Amzn-Trace-Id: {NEW_ROOT}\r\n\r\n");
    assert_eq!(asked(World::https()).get(forged), format!("{lead}{told}{rest}"));
    assert_eq!(World::https().get(forged), format!("{lead}{rest}"), "the attribute is off by default");
    let plain = asked(World::new()).get(forged).to_ascii_lowercase();
    assert!(!plain.contains("x-amzn-tls"), "{plain}");
    let tls = Some((Version::Tls13, Suite::numbered(0x1301).unwrap()));
    let newer = asked(World { tls, client_certificate: "X-Amzn-Mtls-Clientcert: a\r\n", ..World::https() }).get("");
    let told = "x-amzn-tls-version: TLSv1.3\r\nx-amzn-tls-cipher-suite: TLS_AES_128_GCM_SHA256\r\n";
    assert_eq!(newer, format!("{lead}X-Amzn-Mtls-Clientcert: a\r\n{told}{rest}"));
}

#[test]
fn an_https_listener_is_told_as_such_whatever_the_client_says() {
    let head = World { port: 8443, ..World::https() }.get("X-Forwarded-Proto: http\r\nX-Forwarded-Port: 80\r\n");
    assert_eq!(values(&head, "x-forwarded-proto"), ["https"]);
    assert_eq!(values(&head, "x-forwarded-port"), ["8443"]);
    assert_eq!(values(&head, "host"), ["example.com:8443"]);
}

#[test]
fn the_target_is_sent_in_origin_form() {
    for (sent, expected) in [
        ("GET http://b.example/x?y", "GET /x?y HTTP/1.1"),
        ("GET http://b.example?y", "GET /?y HTTP/1.1"),
        ("GET http://b.example", "GET / HTTP/1.1"),
        ("OPTIONS *", "OPTIONS * HTTP/1.1"),
        ("purge //x/../%2F?a?b", "purge //x/../%2F?a?b HTTP/1.1"),
    ] {
        let head = World::new().forward(&format!("{sent} HTTP/1.1\r\nHost: a\r\n\r\n")).0;
        assert_eq!(head.lines().next(), Some(expected));
    }
}

#[test]
fn the_framing_is_written_anew_where_the_client_had_it() {
    let world = World::new();
    assert!(
        world.post("A: 1\r\nContent-Length: 007\r\nB: 2\r\n").ends_with("A: 1\r\nContent-Length: 7\r\nB: 2\r\n\r\n")
    );
    assert!(world.post("Content-Length: 0\r\n").ends_with("Content-Length: 0\r\n\r\n"));
    assert!(
        world
            .post("A: 1\r\nTransfer-Encoding: CHUNKED\r\nB: x\r\n")
            .ends_with("A: 1\r\nTransfer-Encoding: chunked\r\nB: x\r\n\r\n")
    );
    assert!(values(&world.get("Transfer-Encoding: identity\r\n"), "Transfer-Encoding").is_empty());
    assert!(values(&world.get(""), "Content-Length").is_empty());
}

#[test]
fn what_belongs_to_the_clients_hop_is_dropped() {
    let head = World::new().get(
        "Connection: keep-alive, X-Hop, TE\r\nx-hop: 1\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\nTE: trailers\r\nUpgrade: h2c\r\n\
         HTTP2-Settings: x\r\nExpect: 100-continue\r\nProxy-Authorization: x\r\nA: b\r\n",
    );
    assert!(head.ends_with(&format!("{NEW_ROOT}\r\nProxy-Authorization: x\r\nA: b\r\n\r\n")), "{head}");
}

#[test]
fn listing_a_field_in_connection_does_not_strip_what_is_meant_for_the_end() {
    let head = World::new().post(
        "Connection: host, content-length, x-forwarded-for, x-amzn-trace-id, cookie, Authorization, X-Forwarded-Host, content-type, forwarded, x-hop\r\n\
         Content-Length: 3\r\nX-Forwarded-For: 1.1.1.1\r\nCookie: c\r\nAuthorization: d\r\nX-Forwarded-Host: e\r\nContent-Type: f\r\nForwarded: g\r\nX-Hop: h\r\n",
    );
    assert_eq!(values(&head, "host"), ["example.com"]);
    assert_eq!(values(&head, "x-forwarded-for"), ["1.1.1.1, 127.0.0.1"]);
    let rest = "Content-Length: 3\r\nCookie: c\r\nAuthorization: d\r\nX-Forwarded-Host: e\r\nContent-Type: f\r\nForwarded: g\r\n\r\n";
    assert!(head.ends_with(rest), "{head}");
}

#[test]
fn a_websocket_is_asked_for_with_our_own_upgrade() {
    let head = World::new().get("Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: k\r\n");
    assert!(head.ends_with("Sec-WebSocket-Key: k\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"), "{head}");
    assert!(values(&World::new().get("Connection: Upgrade\r\nUpgrade: h2c\r\n"), "Upgrade").is_empty());
    assert!(values(&World::new().get("Connection: close\r\n"), "Connection").is_empty());
}

#[test]
fn fields_that_only_the_load_balancer_may_set_are_removed() {
    for name in [
        "x-amzn-oidc-data",
        "x_amzn_oidc_data",
        "X-AMZN-MTLS-CLIENTCERT",
        "x-amzn-tls-version",
        "X-Amzn_Tls-Cipher-Suite",
    ] {
        assert!(values(&World::new().get(&format!("{name}: forged\r\n")), name).is_empty(), "{name}");
    }
    assert_eq!(values(&World::new().get("x-amzn-other: x\r\n"), "x-amzn-other"), ["x"]);
}

/// The names that targets trust because only a load balancer writes them.
const TRUSTED: [&str; 11] = [
    "X-Amzn-Mtls-Clientcert",
    "X-Amzn-Mtls-Clientcert-Serial-Number",
    "X-Amzn-Mtls-Clientcert-Issuer",
    "X-Amzn-Mtls-Clientcert-Subject",
    "X-Amzn-Mtls-Clientcert-Validity",
    "X-Amzn-Mtls-Clientcert-Leaf",
    "X-Amzn-Tls-Version",
    "X-Amzn-Tls-Cipher-Suite",
    "X-Amzn-Oidc-Data",
    "X-Amzn-Oidc-Identity",
    "X-Amzn-Oidc-Accesstoken",
];

/// `CONTENT_TYPE` is what CGI and WSGI make of `Content-Type`, and of `content_type` too: they fold case and punctuation.
fn folded(name: &str) -> String {
    name.chars().map(|char| if char.is_ascii_alphanumeric() { char.to_ascii_uppercase() } else { '_' }).collect()
}

/// Every spelling with one or all of its hyphens replaced.
fn look_alikes(name: &str) -> Vec<String> {
    let mut spellings = vec![name.to_owned()];
    for other in ["_", ".", "!", "~"] {
        spellings.push(name.replace('-', other));
        for (at, _) in name.match_indices('-') {
            let mut spelling = name.to_owned();
            spelling.replace_range(at..=at, other);
            spellings.push(spelling);
        }
    }
    spellings
}

#[test]
fn what_a_target_may_take_for_the_load_balancers_word_never_passes() {
    let dropping = World::with(|world| world.attributes.drop_invalid_header_fields = true);
    let certificate = "X-Amzn-Mtls-Clientcert-Subject: CN=client\r\n";
    let vouching = World { client_certificate: certificate, ..World::https() };
    for name in TRUSTED.into_iter().flat_map(look_alikes) {
        for spelling in [name.to_ascii_lowercase(), name.to_ascii_uppercase(), name] {
            for world in [&World::new(), &dropping, &vouching] {
                let head = world.get(&format!("{spelling}: forged\r\nConnection: {spelling}\r\nA: b\r\n"));
                assert!(!head.contains("forged") && head.ends_with("A: b\r\n\r\n"), "{spelling}: {head}");
                let vouched = head.lines().filter(|line| folded(line).starts_with("X_AMZN_MTLS"));
                assert_eq!(vouched.count(), usize::from(!world.client_certificate.is_empty()), "{spelling}");
            }
        }
    }
}

#[test]
fn what_only_resembles_a_trusted_name_passes() {
    for name in ["X-Amzn-Mtl", "X-Amzn-Mtlsx-A", "XX-Amzn-Mtls-Clientcert", "Amzn-Mtls-Clientcert", "X-Amz-Tls-Version"]
    {
        assert_eq!(values(&World::new().get(&format!("{name}: x\r\n")), name), ["x"], "{name}");
    }
}

#[test]
fn a_trusted_name_does_not_pass_as_a_trailer_either() {
    for name in TRUSTED.into_iter().flat_map(look_alikes) {
        let (mut body, mut out) = (Encoder::new(Framing::Chunked), Vec::new());
        body.end(format!("{name}: forged\r\nA: b\r\n").as_bytes(), &mut out);
        assert_eq!(out, b"0\r\nA: b\r\n\r\n", "{name}");
    }
}

#[test]
fn names_that_are_not_letters_digits_and_hyphens_are_dropped_only_on_request() {
    let fields = "X_A: 1\r\nX.B: 2\r\nX!: 3\r\nX-9: 4\r\n";
    assert!(World::new().get(fields).ends_with("X_A: 1\r\nX.B: 2\r\nX!: 3\r\nX-9: 4\r\n\r\n"));
    let dropping = World::with(|world| world.attributes.drop_invalid_header_fields = true);
    assert!(dropping.get(fields).ends_with(&format!("{NEW_ROOT}\r\nX-9: 4\r\n\r\n")));
}

fn host(port: u16, preserve: bool, head: &str) -> Vec<String> {
    let world = World::with(|world| (world.port, world.attributes.preserve_host_header) = (port, preserve));
    values(&world.forward(head).0, "Host")
}

fn get_with_host(host: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")
}

#[test]
fn a_port_that_is_not_default_is_appended_to_the_host() {
    for (sent, expected) in [
        ("www.example.com", "www.example.com:8080"),
        ("example.com:8080", "example.com:8080"),
        ("example.com:9", "example.com:9"),
        ("example.com:", "example.com:8080"),
        ("[::1]", "[::1]:8080"),
    ] {
        assert_eq!(host(8080, false, &get_with_host(sent)), [expected]);
    }
}

#[test]
fn a_default_port_strips_the_port_from_the_host() {
    for port in [80, 443] {
        for sent in ["example.com", "example.com:80", "example.com:8080"] {
            assert_eq!(host(port, false, &get_with_host(sent)), ["example.com"]);
        }
        assert_eq!(host(port, false, &get_with_host("[2001:DB8::1]:80")), ["[2001:db8::1]"]);
    }
}

#[test]
fn the_authority_of_an_absolute_target_becomes_the_host() {
    let head = "GET https://dns_name/index.html HTTP/1.1\r\nHost: example.com\r\n\r\n";
    assert_eq!(host(80, false, head), ["dns_name"]);
    assert_eq!(host(8080, false, head), ["dns_name:8080"]);
    assert_eq!(host(8080, false, "GET http://b:9/ HTTP/1.1\r\nHost: a\r\n\r\n"), ["b:9"]);
}

#[test]
fn a_preserved_host_is_sent_unmodified() {
    for port in [80, 443, 8080] {
        for sent in ["example.com", "Example.COM:80", "example.com:8080", "example.com:"] {
            assert_eq!(host(port, true, &get_with_host(sent)), [sent]);
        }
        assert_eq!(host(port, true, "GET https://dns_name/ HTTP/1.1\r\nHost: example.com\r\n\r\n"), ["example.com"]);
    }
}

#[test]
fn several_preserved_hosts_are_all_sent() {
    assert_eq!(host(80, true, "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nHost: B:1\r\n\r\n"), ["a", "B:1"]);
}

#[test]
fn an_old_request_without_host_gets_the_load_balancers_name() {
    assert_eq!(host(80, false, "GET / HTTP/1.0\r\n\r\n"), ["demo-1.elb.amazonaws.com"]);
    assert_eq!(host(8080, false, "GET / HTTP/1.0\r\n\r\n"), ["demo-1.elb.amazonaws.com:8080"]);
    assert_eq!(host(80, true, "GET / HTTP/1.0\r\n\r\n"), ["demo-1.elb.amazonaws.com"]);
}

#[test]
fn a_host_is_sent_in_lower_case() {
    assert_eq!(host(80, false, &get_with_host("WWW.Example.COM")), ["www.example.com"]);
}

fn forwarded_for(client: &'static str, mode: XffHeaderProcessing, port: bool, fields: &str) -> Vec<String> {
    let world = World::with(|world| {
        world.client = client;
        world.attributes.xff_header_processing = mode;
        world.attributes.xff_client_port = port;
    });
    values(&world.get(fields), "X-Forwarded-For")
}

#[test]
fn the_clients_address_is_appended() {
    for (fields, expected) in [
        ("", "203.0.113.7"),
        ("X-Forwarded-For: 127.0.0.4\r\n", "127.0.0.4, 203.0.113.7"),
        ("x-forwarded-for: 127.0.0.4, 127.0.0.8\r\n", "127.0.0.4, 127.0.0.8, 203.0.113.7"),
        ("X-Forwarded-For: a\r\nX: y\r\nX-Forwarded-For: b\r\n", "a, b, 203.0.113.7"),
        ("X-Forwarded-For:\r\n", "203.0.113.7"),
    ] {
        assert_eq!(forwarded_for(V4, Append, false, fields), [expected]);
    }
    assert_eq!(forwarded_for("[::ffff:203.0.113.7]:1", Append, false, ""), ["203.0.113.7"]);
}

#[test]
fn preserved_addresses_are_untouched_and_absent_ones_stay_absent() {
    assert!(forwarded_for(V4, Preserve, false, "").is_empty());
    assert_eq!(
        forwarded_for(V4, Preserve, false, "X-Forwarded-For: 127.0.0.4,b\r\nX-Forwarded-For: c\r\n"),
        ["127.0.0.4,b", "c"]
    );
}

#[test]
fn addresses_are_removed() {
    assert!(forwarded_for(V4, Remove, false, "").is_empty());
    assert!(forwarded_for(V4, Remove, false, "X-Forwarded-For: 127.0.0.4\r\nx-forwarded-for: b\r\n").is_empty());
}

#[test]
fn the_clients_port_follows_its_address() {
    assert_eq!(forwarded_for(V4, Append, true, ""), ["203.0.113.7:4711"]);
    assert_eq!(forwarded_for(V6, Append, true, ""), ["[2001:db8::21f:5bff:febf:ce22]:4711"]);
    assert_eq!(forwarded_for(V4, Append, true, "X-Forwarded-For: a\r\n"), ["a, 203.0.113.7:4711"]);
}

#[test]
fn an_ipv6_address_has_brackets_only_behind_others_or_before_a_port() {
    assert_eq!(forwarded_for(V6, Append, false, ""), ["2001:db8::21f:5bff:febf:ce22"]);
    assert_eq!(forwarded_for(V6, Append, false, "X-Forwarded-For: a\r\n"), ["a, [2001:db8::21f:5bff:febf:ce22]"]);
    assert_eq!(forwarded_for(V6, Append, true, "X-Forwarded-For: a\r\n"), ["a, [2001:db8::21f:5bff:febf:ce22]:4711"]);
}

#[test]
fn preserve_and_remove_override_the_client_port() {
    assert_eq!(forwarded_for(V4, Preserve, true, "X-Forwarded-For: a\r\n"), ["a"]);
    assert!(forwarded_for(V4, Preserve, true, "").is_empty());
    assert!(forwarded_for(V4, Remove, true, "X-Forwarded-For: a\r\n").is_empty());
}

#[test]
fn what_the_client_says_of_protocol_and_port_is_replaced() {
    let world = World::with(|world| (world.scheme, world.port) = ("https", 8443));
    let head = world.get("X-Forwarded-Proto: http\r\nx-forwarded-port: 1\r\nX-Forwarded-Proto: x\r\n");
    assert_eq!(values(&head, "X-Forwarded-Proto"), ["https"]);
    assert_eq!(values(&head, "X-Forwarded-Port"), ["8443"]);
}

fn trace(fields: &str) -> String {
    let (head, logged) = World::new().forward(&format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
    assert_eq!(values(&head, "X-Amzn-Trace-Id"), [logged.as_str()]);
    logged
}

fn retraced(value: &str) -> String {
    trace(&format!("X-Amzn-Trace-Id: {value}\r\n"))
}

#[test]
fn a_request_without_a_trace_id_gets_a_root() {
    assert_eq!(trace(""), NEW_ROOT);
    assert_eq!(retraced(""), NEW_ROOT);
}

#[test]
fn a_root_gets_a_self_before_it() {
    assert_eq!(retraced(&format!("Root={OLD}")), format!("{NEW_SELF};Root={OLD}"));
    let twice = format!("x-amzn-trace-id: Root={OLD}\r\nX-Amzn-Trace-Id: Root=2\r\n");
    assert_eq!(trace(&twice), format!("{NEW_SELF};Root={OLD}"));
}

#[test]
fn custom_fields_beside_a_root_are_kept() {
    assert_eq!(retraced(&format!("Root={OLD};CalledFrom=app")), format!("{NEW_SELF};Root={OLD};CalledFrom=app"));
    assert_eq!(retraced("CalledFrom=app"), format!("{NEW_ROOT};CalledFrom=app"));
}

#[test]
fn a_self_is_updated_where_it_stands() {
    assert_eq!(retraced(&format!("Self={OLD};Root={OLD};A=b")), format!("{NEW_SELF};Root={OLD};A=b"));
    assert_eq!(retraced(&format!("Root={OLD};Self={OLD}")), format!("Root={OLD};{NEW_SELF}"));
    assert_eq!(retraced("Root=r; self=x;Self=y;A=b"), format!("Root=r;{NEW_SELF};A=b"));
}

#[test]
fn more_than_seven_kilobytes_of_fields_leave_a_root_alone() {
    let of = |bytes: usize, trace_id: &str| {
        let fixed = format!("Host: a\r\nX-Amzn-Trace-Id: {trace_id}\r\nX: \r\n").len();
        trace(&format!("X-Amzn-Trace-Id: {trace_id}\r\nX: {}\r\n", "x".repeat(bytes - fixed)))
    };
    let value = format!("Root={OLD};A=b");
    assert_eq!(of(7168, &value), format!("{NEW_SELF};Root={OLD};A=b"));
    assert_eq!(of(7169, &value), format!("Root={OLD}"));
    assert_eq!(of(7169, "Root=1-x;A=b"), NEW_ROOT);
    assert_eq!(of(7169, "A=b"), NEW_ROOT);
}

#[test]
fn a_request_that_others_may_read_differently_is_written_in_one_form_and_is_the_last() {
    let world = World::new();
    for (sent, end) in [
        (
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\nA: 1\r\n",
            "Transfer-Encoding: chunked\r\nA: 1\r\nConnection: close\r\n\r\n",
        ),
        (
            "Transfer_Encoding: chunked\r\nContent-Length: 05\r\nA: 1\r\n",
            "Content-Length: 5\r\nA: 1\r\nConnection: close\r\n\r\n",
        ),
        (
            "Content-Length: 5\r\nA: 1\r\nContent-Length: 5\r\n",
            "Content-Length: 5\r\nA: 1\r\nConnection: close\r\n\r\n",
        ),
        ("A: 1\r\n  2\r\nB(: x\r\nno colon\r\n", "A: 1 2\r\nConnection: close\r\n\r\n"),
    ] {
        let head = world.post(sent);
        assert!(head.ends_with(&format!("{NEW_ROOT}\r\n{end}")), "{sent:?}: {head}");
    }
}

#[test]
fn what_may_not_stand_in_a_target_is_percent_encoded() {
    for (sent, expected) in [
        ("GET /a b?c d HTTP/1.1", "GET /a%20b?c%20d HTTP/1.1"),
        ("GET /a\x01\x7f\t HTTP/1.1", "GET /a%01%7F%09 HTTP/1.1"),
        ("GET /\u{e9}?\u{e9} HTTP/1.1", "GET /%C3%A9?%C3%A9 HTTP/1.1"),
        ("GET http://a/b c?d e HTTP/1.1", "GET /b%20c?d%20e HTTP/1.1"),
        ("GET   /a  HTTP/1.1", "GET /a HTTP/1.1"),
        ("GET /old", "GET /old HTTP/1.1"),
        ("GET / HTTP/1.7", "GET / HTTP/1.1"),
    ] {
        let head = World::new().forward(&format!("{sent}\r\nHost: a\r\n\r\n")).0;
        assert_eq!(head.lines().next(), Some(expected), "{sent:?}");
    }
}
