//! How targets are checked (guide HC-03 to HC-15): the settings of a group, the request that is sent, and what an answer
//! says.

use core::net::SocketAddr;
use core::time::Duration;
use std::io::Write;

use super::health::Failure;
use crate::http::Protocol;
use crate::http::grpc::status_code;
use crate::http::target::write_encoded;

/// A group's health-check settings, with the guide's defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// `HealthCheckEnabled`. Always true for `ip` and `instance` targets of a template; without checks every target counts as
    /// healthy and is told as `unavailable` (HC-22).
    pub enabled: bool,
    /// What is asked: a page, or a method of gRPC.
    pub kind: CheckKind,
    /// `HealthCheckProtocol`, default HTTP (HC-04).
    pub protocol: Protocol,
    /// `HealthCheckPort`, default `traffic-port` (HC-05).
    pub port: CheckPort,
    /// `HealthCheckPath`, with its query if it has one: 1 to 1,024 characters, default `/`; of gRPC a method, default
    /// `/AWS.ALB/healthcheck` (HC-06).
    pub path: String,
    /// `HealthCheckIntervalSeconds`: 5 to 300 s, default 30 (HC-08).
    pub interval: Duration,
    /// `HealthCheckTimeoutSeconds`: 2 to 120 s, default 5 (HC-07).
    pub timeout: Duration,
    /// `HealthyThresholdCount`: 2 to 10, default 5 (HC-09).
    pub healthy_threshold: u8,
    /// `UnhealthyThresholdCount`: 2 to 10, default 2 (HC-10).
    pub unhealthy_threshold: u8,
    /// `Matcher.HttpCode`, default 200; of gRPC `Matcher.GrpcCode`, default 12 (HC-11).
    pub matcher: Matcher,
}

impl Default for HealthCheck {
    fn default() -> Self {
        HealthCheck {
            enabled: true,
            kind: CheckKind::Http,
            protocol: Protocol::Http,
            port: CheckPort::Traffic,
            path: "/".to_owned(),
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(5),
            healthy_threshold: 5,
            unhealthy_threshold: 2,
            matcher: Matcher::default(),
        }
    }
}

impl HealthCheck {
    /// The defaults of groups whose targets speak gRPC. The code of a method that nobody implements, 12, is a success: it
    /// takes a server to say so.
    pub fn grpc() -> Self {
        HealthCheck {
            kind: CheckKind::Grpc,
            path: GRPC_PATH_DEFAULT.to_owned(),
            matcher: Matcher { ranges: vec![(12, 12)] },
            ..HealthCheck::default()
        }
    }

    /// No checks: every target counts as healthy.
    pub fn disabled() -> Self {
        HealthCheck { enabled: false, ..HealthCheck::default() }
    }

    /// Where a target that serves at `address` is checked.
    pub fn address(&self, address: SocketAddr) -> SocketAddr {
        match self.port {
            CheckPort::Traffic => address,
            CheckPort::Fixed(port) => SocketAddr::new(address.ip(), port),
        }
    }

    /// Appends the request that a check at `address` sends: its fields, in their order, are those that captures of the real
    /// load balancer show (guide HC-04, HC-06, HC-12, HC-13).
    ///
    /// A call of gRPC is written as a head of HTTP/1.1 too, and says nothing about its body: that is [`GRPC_MESSAGE`].
    pub fn write_request(&self, address: SocketAddr, out: &mut Vec<u8>) {
        let default_port = match self.protocol {
            Protocol::Http => 80,
            Protocol::Https => 443,
        };
        let (method, rest) = match self.kind {
            CheckKind::Http => (&b"GET "[..], REST_OF_REQUEST),
            CheckKind::Grpc => (&b"POST "[..], REST_OF_CALL),
        };
        out.extend_from_slice(method);
        write_encoded(self.path.as_bytes(), out);
        out.extend_from_slice(b" HTTP/1.1\r\nHost: ");
        // Nothing fails that is written to memory.
        let _ = match (address, address.port() == default_port) {
            (SocketAddr::V4(at), true) => write!(out, "{}", at.ip()),
            (SocketAddr::V6(at), true) => write!(out, "[{}]", at.ip()),
            (SocketAddr::V4(at), false) => write!(out, "{}:{}", at.ip(), at.port()),
            (SocketAddr::V6(at), false) => write!(out, "[{}]:{}", at.ip(), at.port()),
        };
        out.extend_from_slice(rest);
    }

    /// What the status of a final answer says. None below 200 is a success: an answer that switches protocols is none to a
    /// check (HC-15).
    ///
    /// # Errors
    /// It is not in the matcher; a redirect is like any other status (HC-14).
    pub fn judge(&self, status: u16) -> Result<(), Failure> {
        if status >= 200 && self.matcher.matches(status) { Ok(()) } else { Err(Failure::CodeMismatch(status)) }
    }

    /// What the answer to a call of gRPC says: the status of HTTP, and the value of `grpc-status` in the trailers, or in the
    /// head of an answer without a body.
    ///
    /// # Errors
    /// The code of gRPC is not in the matcher; the status is not that of every call that a gRPC server answers, 200; there is no
    /// code, so whoever answered does not speak gRPC.
    pub fn judge_call(&self, status: u16, grpc_status: Option<&[u8]>) -> Result<(), Failure> {
        if status != 200 {
            return Err(Failure::CodeMismatch(status));
        }
        let code = grpc_status.and_then(status_code).ok_or(Failure::Failed)?;
        let code = u16::try_from(code).unwrap_or(u16::MAX);
        if self.matcher.matches(code) { Ok(()) } else { Err(Failure::CodeMismatch(code)) }
    }
}

/// What a check asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CheckKind {
    /// A page: the status tells (HC-04).
    #[default]
    Http,
    /// A method of gRPC: the code of gRPC tells (PV-09).
    Grpc,
}

/// The method that is called if the group names none (HC-06).
pub const GRPC_PATH_DEFAULT: &str = "/AWS.ALB/healthcheck";

/// The body of a call: one message that is not compressed and has no bytes.
pub const GRPC_MESSAGE: &[u8] = &[0; 5];

/// Everything after the `Host` field's value.
const REST_OF_REQUEST: &[u8] =
    b"\r\nConnection: close\r\nUser-Agent: ELB-HealthChecker/2.0\r\nAccept-Encoding: gzip, compressed\r\n\r\n";

/// The same of a call.
const REST_OF_CALL: &[u8] =
    b"\r\nConnection: close\r\nUser-Agent: ELB-HealthChecker/2.0\r\nContent-Type: application/grpc\r\n\r\n";

/// Which port is checked (guide HC-05).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CheckPort {
    /// `traffic-port`: where each target gets its requests.
    #[default]
    Traffic,
    /// The same for all.
    Fixed(u16),
}

/// Which statuses, or codes of gRPC, are a success (guide HC-11): codes and ranges, ends included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matcher {
    /// First and last code of each range, in the order that they were given.
    pub ranges: Vec<(u16, u16)>,
}

impl Default for Matcher {
    fn default() -> Self {
        Matcher { ranges: vec![(200, 200)] }
    }
}

impl Matcher {
    /// Whether that status is a success.
    pub fn matches(&self, status: u16) -> bool {
        self.ranges.iter().any(|&(first, last)| (first..=last).contains(&status))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(check: &HealthCheck, address: &str) -> String {
        let mut out = Vec::new();
        check.write_request(address.parse().expect("an address"), &mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn the_request_is_the_one_that_captures_show() {
        let expected = "GET / HTTP/1.1\r\nHost: 10.0.7.140:8080\r\nConnection: close\r\n\
            User-Agent: ELB-HealthChecker/2.0\r\nAccept-Encoding: gzip, compressed\r\n\r\n";
        assert_eq!(request(&HealthCheck::default(), "10.0.7.140:8080"), expected);
    }

    #[test]
    fn the_host_leaves_out_the_default_port_of_its_protocol_alone() {
        let host = |protocol, address| {
            let text = request(&HealthCheck { protocol, ..HealthCheck::default() }, address);
            text.split_once("\r\nHost: ").and_then(|(_, rest)| rest.split_once("\r\n")).map(|(host, _)| host.to_owned())
        };
        for (protocol, address, expected) in [
            (Protocol::Http, "10.0.0.10:80", "10.0.0.10"),
            (Protocol::Http, "10.0.0.10:81", "10.0.0.10:81"),
            (Protocol::Http, "10.0.0.10:443", "10.0.0.10:443"),
            (Protocol::Https, "10.0.0.10:443", "10.0.0.10"),
            (Protocol::Https, "10.0.0.10:80", "10.0.0.10:80"),
            (Protocol::Http, "[2001:db8::1]:80", "[2001:db8::1]"),
            (Protocol::Http, "[2001:db8::1]:8080", "[2001:db8::1]:8080"),
        ] {
            assert_eq!(host(protocol, address).as_deref(), Some(expected));
        }
    }

    #[test]
    fn the_path_goes_out_with_its_query_and_nothing_that_breaks_a_request_line() {
        let line = |path: &str| {
            let check = HealthCheck { path: path.to_owned(), ..HealthCheck::default() };
            request(&check, "10.0.0.1:80").lines().next().map(str::to_owned)
        };
        assert_eq!(line("/a/b?c=d&e=%20"), Some("GET /a/b?c=d&e=%20 HTTP/1.1".to_owned()));
        assert_eq!(line("/a b\r\nX: y"), Some("GET /a%20b%0D%0AX:%20y HTTP/1.1".to_owned()));
        assert_eq!(line("/caf\u{e9}"), Some("GET /caf%C3%A9 HTTP/1.1".to_owned()));
    }

    #[test]
    fn the_matcher_decides_and_its_ends_are_included() {
        let matcher = Matcher { ranges: vec![(200, 200), (301, 302), (404, 404)] };
        let check = HealthCheck { matcher, ..HealthCheck::default() };
        for status in [200, 301, 302, 404] {
            assert_eq!(check.judge(status), Ok(()));
        }
        for status in [199, 201, 300, 303, 403, 405, 500, 999] {
            assert_eq!(check.judge(status), Err(Failure::CodeMismatch(status)));
        }
    }

    #[test]
    fn a_redirect_is_a_success_only_where_the_matcher_has_it() {
        assert_eq!(HealthCheck::default().judge(301), Err(Failure::CodeMismatch(301)));
        let matcher = Matcher { ranges: vec![(200, 399)] };
        assert_eq!(HealthCheck { matcher, ..HealthCheck::default() }.judge(301), Ok(()));
    }

    #[test]
    fn switching_protocols_is_never_a_success() {
        let check = HealthCheck { matcher: Matcher { ranges: vec![(100, 499)] }, ..HealthCheck::default() };
        assert_eq!(check.judge(101), Err(Failure::CodeMismatch(101)));
    }

    #[test]
    fn a_call_is_a_post_in_grpc_to_the_method() {
        let expected = "POST /AWS.ALB/healthcheck HTTP/1.1\r\nHost: 10.0.7.140:8080\r\nConnection: close\r\n\
            User-Agent: ELB-HealthChecker/2.0\r\nContent-Type: application/grpc\r\n\r\n";
        assert_eq!(request(&HealthCheck::grpc(), "10.0.7.140:8080"), expected);
        // Not compressed, and no bytes long.
        assert_eq!(GRPC_MESSAGE, [0, 0, 0, 0, 0]);
    }

    #[test]
    fn the_code_of_grpc_decides_about_a_call() {
        let check = HealthCheck::grpc();
        assert_eq!(check.judge_call(200, Some(b"12")), Ok(()));
        for code in [0, 1, 11, 13, 14, 99, 100, 200] {
            let text = code.to_string();
            assert_eq!(check.judge_call(200, Some(text.as_bytes())), Err(Failure::CodeMismatch(code)));
        }
        let check = HealthCheck { matcher: Matcher { ranges: vec![(0, 1), (99, 99)] }, ..check };
        for (code, passes) in [("0", true), ("1", true), ("2", false), ("98", false), ("99", true), ("100", false)] {
            assert_eq!(check.judge_call(200, Some(code.as_bytes())).is_ok(), passes, "{code}");
        }
        assert_eq!(check.judge_call(200, Some(b"70000")), Err(Failure::CodeMismatch(u16::MAX)));
    }

    #[test]
    fn an_answer_that_is_not_grpcs_is_no_success() {
        let check = HealthCheck { matcher: Matcher { ranges: vec![(0, 99)] }, ..HealthCheck::grpc() };
        assert_eq!(check.judge_call(200, Some(b"0")), Ok(()));
        assert_eq!(check.judge_call(200, None), Err(Failure::Failed));
        assert_eq!(check.judge_call(200, Some(b"")), Err(Failure::Failed));
        assert_eq!(check.judge_call(200, Some(b"OK")), Err(Failure::Failed));
        assert_eq!(check.judge_call(404, None), Err(Failure::CodeMismatch(404)));
        assert_eq!(check.judge_call(502, Some(b"0")), Err(Failure::CodeMismatch(502)));
    }

    #[test]
    fn checks_go_to_the_traffic_port_or_to_a_fixed_one() {
        let at = "10.0.0.1:9000".parse().expect("an address");
        assert_eq!(HealthCheck::default().address(at), at);
        let fixed = HealthCheck { port: CheckPort::Fixed(81), ..HealthCheck::default() };
        assert_eq!(fixed.address(at), "10.0.0.1:81".parse().expect("an address"));
    }
}
