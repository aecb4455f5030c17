//! Why a request ended as it did: a named, documented cause for every answer that the balancer makes itself and for every
//! end that is not the ordinary one. `docs/causes.md` lists them for operators.

/// Who is to look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Blame {
    /// The client sent something wrong, too slowly, or left.
    Client,
    /// The target refused, failed, lied or left.
    Target,
    /// The configuration says so, or leaves nothing to do.
    Configuration,
    /// The balancer is at one of its limits, or failed.
    Balancer,
}

/// Declares the causes once: name, blame, status of the answer, what happened and what to look at.
macro_rules! causes {
    ($($name:ident, $blame:ident, $status:expr, $text:literal;)*) => {
        /// Why a request was answered by the balancer itself, or ended early.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Cause {
            $(#[doc = $text] $name,)*
        }

        impl Cause {
            /// Every cause, in the order of declaration.
            pub const ALL: &'static [Cause] = &[$(Cause::$name),*];

            /// The status of the answer, if none is on its way already, or of the log entry where no answer can be
            /// sent (460). `None`: none was due.
            pub const fn status(self) -> Option<u16> {
                match self {
                    $(Cause::$name => $status,)*
                }
            }

            /// The stable name, as logs, metrics and `docs/causes.md` have it.
            pub const fn code(self) -> &'static str {
                match self {
                    $(Cause::$name => stringify!($name),)*
                }
            }

            /// What happened, and what to look at.
            pub const fn describe(self) -> &'static str {
                match self {
                    $(Cause::$name => $text,)*
                }
            }

            /// Who is to look at it.
            pub const fn blame(self) -> Blame {
                match self {
                    $(Cause::$name => Blame::$blame,)*
                }
            }
        }
    };
}

causes! {
    MalformedRequest, Client, Some(400), "The request line is longer than 16 K and not because of its target, or Connection lists more than 32 options, or the client speaks TLS on a port without; look at what the client sends.";
    BadHost, Client, Some(400), "An HTTP/1.1 request has no Host field, more than one, or one that is no host name; look at the client.";
    BadTarget, Client, Some(400), "The request target is in none of the four forms that HTTP knows; look at the client.";
    AmbiguousUri, Client, Some(400), "The request target contains control characters; look at the client, or relax routing.http.desync_mitigation_mode.";
    BadContentLength, Client, Some(400), "Content-Length is not one decimal number below 2^64, or is folded; look at the client, this is how requests are smuggled.";
    BadHeader, Client, Some(400), "A header field contains a carriage return or NUL, has a blank before its colon, or is a folded Host; look at the client, this is how requests are smuggled.";
    BadTransferEncoding, Client, Some(400), "Transfer-Encoding names an unknown coding, does not end in chunked, is malformed or folded; look at the client, this is how requests are smuggled.";
    BadUri, Client, Some(400), "The request target contains a carriage return or NUL, or is missing; look at the client.";
    BadMethod, Client, Some(400), "The request method is no token; look at the client.";
    BadVersion, Client, Some(400), "The request version is none of HTTP; look at the client.";
    BothTeClPresent, Client, Some(400), "There are both Transfer-Encoding and Content-Length; look at the client, or relax routing.http.desync_mitigation_mode.";
    DuplicateContentLength, Client, Some(400), "There is more than one Content-Length, all of the same value; look at the client, or relax routing.http.desync_mitigation_mode.";
    EmptyHeader, Client, Some(400), "A header line has no name or no colon, or is folded, or there is an odd empty line; look at the client, or relax routing.http.desync_mitigation_mode.";
    GetHeadZeroContentLength, Client, Some(400), "GET or HEAD comes with a Content-Length of 0; look at the client, or relax routing.http.desync_mitigation_mode.";
    MultipleContentLength, Client, Some(400), "There is more than one Content-Length, of different values; look at the client, this is how requests are smuggled.";
    MultipleTransferEncodingChunked, Client, Some(400), "Transfer-Encoding names chunked more than once; look at the client, this is how requests are smuggled.";
    NonCompliantHeader, Client, Some(400), "A header field contains control characters, its name is no token, or a line ends without carriage return; look at the client, or relax routing.http.desync_mitigation_mode.";
    NonCompliantVersion, Client, Some(400), "The request version is missing, older than 1.0, between 1.2 and 1.9, or has blanks around it; look at the client, or relax routing.http.desync_mitigation_mode.";
    SpaceInUri, Client, Some(400), "The request target contains spaces, or more than one stands beside it; look at the client, or relax routing.http.desync_mitigation_mode.";
    SuspiciousHeader, Client, Some(400), "The name of a header field can be taken for Transfer-Encoding or Content-Length; look at the client, or relax routing.http.desync_mitigation_mode.";
    UndefinedContentLengthSemantics, Client, Some(400), "GET or HEAD comes with a body of some length, or HTTP/0.9 with a Content-Length; look at the client, or relax routing.http.desync_mitigation_mode.";
    UndefinedTransferEncodingSemantics, Client, Some(400), "GET, HEAD or HTTP/1.0 comes with Transfer-Encoding, or it is identity alone; look at the client, or relax routing.http.desync_mitigation_mode.";
    HeaderFieldTooLarge, Client, Some(400), "A single header field is longer than 16 K; look at the client's cookies and tokens.";
    RequestHeadTooLarge, Client, Some(400), "The request head is longer than 64 K or has more than 1,000 fields; look at the number and size of header fields.";
    BodyGarbled, Client, Some(400), "The chunks of the request body do not follow the HTTP grammar; look at the client.";
    ClientClosedEarly, Client, Some(400), "The client closed the connection before it had sent the whole request; look at the client's timeouts and the network.";
    TraceRefused, Client, Some(405), "The method is TRACE, which is never forwarded; use another way to see what arrives.";
    ClientIdle, Client, Some(408), "The client began a request and then sent nothing for the idle timeout; look at the client, or raise idle_timeout.timeout_seconds.";
    UriTooLong, Client, Some(414), "The request line is longer than 16 K; send what is in the query as a body instead.";
    ClientGone, Client, Some(460), "The client closed the connection while the target was working on the request; compare the client's timeout with the target's response time.";
    TooManyForwardedAddresses, Client, Some(463), "X-Forwarded-For names more than 30 addresses; look for a loop of proxies.";
    UnsupportedTransferEncoding, Client, Some(501), "Transfer-Encoding names a coding other than chunked and identity; use Content-Encoding instead.";
    UnsupportedVersion, Client, Some(505), "The request is in a major version of HTTP that this connection does not speak; look at what the client negotiates.";
    ClientBodyStalled, Client, Some(408), "The client stopped sending the request body for the idle timeout; look at the client and the network.";
    ClientNotReading, Client, None, "The client stopped reading the response for the idle timeout; look at the client and the network.";
    ClientLost, Client, None, "The connection to the client broke while the response was being sent; look at the client and the network.";
    NeedsHttp2, Client, Some(464), "The request came in HTTP/1.1, and the targets of the group speak HTTP/2 or gRPC; let the client negotiate h2, or give the group ProtocolVersion HTTP1.";
    NeedsPost, Client, Some(464), "The request is no POST, and the targets of the group speak gRPC, which knows no other method; look at the client, or send it to another group by a rule.";
    Http2FieldName, Client, Some(400), "The name of a header field of an HTTP/2 request has other characters than letters, digits and hyphens; look at the client.";
    Http2MalformedHead, Client, None, "The header fields or trailers of an HTTP/2 request break the rules of RFC 9113 section 8, so its stream was reset; look at the client, this is how requests are smuggled.";
    Http2BodyMismatch, Client, None, "The body of an HTTP/2 request was longer or shorter than its content-length, so its stream was reset; look at the client, this is how requests are smuggled.";
    Http2ProtocolError, Client, None, "The client broke the rules of HTTP/2, so its stream or the connection was ended; look at the client.";
    Http2HeadTooLarge, Client, None, "The compressed head of an HTTP/2 request is longer than 8 K, so the connection was ended; look at the client's cookies and tokens.";
    Http2ListTooLarge, Client, None, "The header fields of an HTTP/2 request are larger or more than may be once decompressed, so its stream was reset, or the connection ended if they were very large; look at the client's cookies and tokens, this is also how memory is exhausted.";
    Http2HeadFlood, Client, None, "Heads came that are small compressed and large decompressed, faster than their requests ended, so the connection was ended; look at the client, this is how memory is exhausted.";
    Http2ContinuationFlood, Client, None, "A head came in more CONTINUATION frames than any client needs, so the connection was ended; look at the client.";
    Http2ResetFlood, Client, None, "The client cancelled stream after stream before they were answered, made the balancer reset them by its faults, or opened more than it may, so the connection was ended; look at the client, this is how targets are overloaded.";
    Http2PingFlood, Client, None, "PING frames came far more often than requests, so the connection was ended; look at the client's keep-alive settings.";
    Http2SettingsFlood, Client, None, "SETTINGS frames came again and again, so the connection was ended; look at the client.";
    Http2PriorityFlood, Client, None, "PRIORITY frames came far more often than requests, so the connection was ended; look at the client.";
    Http2UnknownFrameFlood, Client, None, "Frames of unknown types came far more often than requests, so the connection was ended; look at the client.";
    Http2WindowUpdateFlood, Client, None, "WINDOW_UPDATE frames came far more often than there was data to send, so the connection was ended; look at the client.";
    Http2EmptyDataFlood, Client, None, "DATA frames came that carry nothing and end nothing, so the connection was ended; look at the client.";
    Http2StrayFrameFlood, Client, None, "Frames kept coming on streams that were over, so the connection was ended; look at the client.";
    Http2TinyWindows, Client, None, "The client took answers in pieces of a few bytes, so the connection was ended; look at the client.";
    Http2AnswersUnread, Client, None, "The client did not read what the balancer must answer to its frames, so the connection was ended; look at the client.";

    RuleRedirect, Configuration, None, "A rule answers with a redirect, as configured.";
    RuleFixedResponse, Configuration, None, "A rule answers with a fixed response, as configured.";
    RedirectTooLong, Configuration, Some(507), "The URL that a redirect rule makes of this request is longer than 8 K; look at the rule's path and query.";
    NoTargets, Configuration, Some(503), "The target group has no registered targets; register one.";
    NoWeight, Configuration, Some(503), "Every target group of the forward action has weight 0; give one of them a weight.";
    GrpcNotServed, Configuration, Some(464), "The request is gRPC, and the targets of the group speak HTTP/1.1; give the group ProtocolVersion GRPC, or send gRPC to another group by a rule.";

    TooManyConnections, Balancer, Some(503), "The balancer is at its limit of connections; raise it or add shards.";
    OutOfMemory, Balancer, Some(503), "The balancer has no memory left in its budget for another request; raise the budget or add shards.";
    NoWayOut, Balancer, Some(502), "The balancer could not open a connection to the target for lack of file descriptors or ports of its own; raise its limits or add machines.";
    InternalError, Balancer, Some(500), "The balancer failed in a way that it does not expect; report it with the log around this moment.";

    TargetConnectRefused, Target, Some(502), "The target refused the connection; check that it listens on this port.";
    TargetUnreachable, Target, Some(502), "The network answered that the target cannot be reached; check routes, firewalls and the target's address.";
    TargetConnectTimeout, Target, Some(504), "No connection to the target came about within 10 seconds; check firewalls and the target's backlog.";
    TargetTlsHandshakeFailed, Target, Some(502), "The TLS handshake with the target failed; check that it speaks TLS on this port, in a version and with a cipher suite that the balancer offers to targets.";
    TargetTlsHandshakeTimeout, Target, Some(504), "The target did not finish the TLS handshake within 10 seconds; check that it speaks TLS on this port, and how busy it is.";
    TargetReset, Target, Some(502), "The target reset the connection while it had the request; look at its log for a crash, and at its keep-alive time.";
    TargetClosedEarly, Target, Some(502), "The target closed the connection without answering the request; check that its keep-alive time is longer than the idle timeout here.";
    TargetSpokeFirst, Target, Some(502), "The target sent bytes on a waiting connection before the request that took it was sent; look at what the target answers twice.";
    TargetHeadMalformed, Target, Some(502), "The target's response head does not follow the HTTP grammar, or contradicts itself about the length of the body; look at the target.";
    TargetHeadTooLarge, Target, Some(502), "The target's response head is longer than 32 K or has more than 1,000 fields; look at its cookies and header fields.";
    TargetHeadFlood, Target, Some(502), "Responses came again and again whose heads are small compressed and large decompressed, so the target's connection was ended; look at which header fields they repeat.";
    TooManyInterimResponses, Target, Some(502), "The target sent 1xx responses without end; look at the target.";
    UnexpectedUpgrade, Target, Some(502), "The target switched protocols although the request did not ask for it; look at the target.";
    TargetIdle, Target, Some(504), "The target had the request and sent nothing for the idle timeout; look at its response time, or raise idle_timeout.timeout_seconds.";
    TargetBodyShort, Target, Some(502), "The target closed the connection before the end of the response body that it had announced; look at the target's log.";
    TargetBodyGarbled, Target, Some(502), "The chunks of the response body do not follow the HTTP grammar; look at the target.";
    TargetBodyStalled, Target, Some(504), "The target stopped in the middle of a response body for the idle timeout; check its Content-Length against what it sends.";
    TargetDraining, Target, Some(502), "The target was deregistered and its deregistration delay passed before it answered; raise deregistration_delay.timeout_seconds.";
    TargetNotHttp2, Target, Some(502), "The target does not speak HTTP/2, which the group's ProtocolVersion asks for; check that it does on this port, over TLS by ALPN h2 and without TLS by prior knowledge, or give the group ProtocolVersion HTTP1.";
    TargetRefusedStream, Target, Some(502), "The target refused the stream of the request before it worked on it; look at its limit of concurrent streams, and at how busy it is.";
    TargetResetStream, Target, Some(502), "The target reset the stream of the request; look at its log.";
    TargetWentAway, Target, Some(502), "The target announced the end of its HTTP/2 connection (GOAWAY) before it took the request; look at its log for a restart, and at its keep-alive time.";
    TargetHeaderListLimit, Target, Some(502), "The target has announced that it takes no header list as large as that of the request (SETTINGS_MAX_HEADER_LIST_SIZE); raise its limit, or look at the client's cookies and tokens.";
    TargetBrokeHttp2, Target, Some(502), "The target broke the rules of HTTP/2, or a limit of what it may ask of the balancer, so its stream or the connection was ended; look at the target.";
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOC: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/causes.md"));

    fn row(cause: Cause) -> String {
        let status = cause.status().map_or("–".to_owned(), |status| status.to_string());
        format!("| `{}` | {status} | {} |", cause.code(), cause.describe())
    }

    #[test]
    fn the_document_lists_every_cause_and_no_other() {
        let listed: Vec<&str> = DOC.lines().filter(|line| line.starts_with("| `")).collect();
        for &cause in Cause::ALL {
            assert!(listed.contains(&row(cause).as_str()), "docs/causes.md lacks the row\n{}", row(cause));
        }
        assert_eq!(listed.len(), Cause::ALL.len(), "docs/causes.md has rows that are no cause");
    }

    #[test]
    fn the_document_sorts_causes_by_who_is_to_look_at_them() {
        let sections: Vec<&str> = DOC.split("\n## ").skip(1).collect();
        assert_eq!(sections.len(), 4);
        for &cause in Cause::ALL {
            let section = sections.iter().find(|section| section.contains(&row(cause))).unwrap();
            let title = section.lines().next().unwrap();
            assert_eq!(title, format!("{:?}", cause.blame()));
        }
    }

    #[test]
    fn every_cause_says_in_a_sentence_what_happened_and_where_to_look() {
        for cause in Cause::ALL {
            let text = cause.describe();
            assert!(text.ends_with('.') && text.len() > 30, "{cause:?}");
            assert!(!text.contains('|'), "{cause:?}");
        }
    }

    #[test]
    fn a_target_that_fails_in_its_handshake_costs_a_502_and_one_that_does_not_finish_it_a_504() {
        for (cause, status) in [(Cause::TargetTlsHandshakeFailed, 502), (Cause::TargetTlsHandshakeTimeout, 504)] {
            assert_eq!((cause.status(), cause.blame()), (Some(status), Blame::Target), "{cause:?}");
        }
    }

    #[test]
    fn only_errors_have_a_status() {
        for cause in Cause::ALL {
            assert!(cause.status().is_none_or(|status| (400..600).contains(&status)), "{cause:?}");
        }
    }
}
