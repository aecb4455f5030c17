//! How far a request is from complying, and what each desync mitigation mode makes of it (guide DSY-01 to DSY-05).

use std::fmt;

use super::Place;
use super::asked::{bare_line_feeds, with_crlf};
use crate::desync::{Mode, Reading, Reason, Refused, Tier, classify_head};

/// A classification, and its consequences.
pub(super) struct Judged {
    pub(super) tier: Tier,
    pub(super) reason: Option<Reason>,
    /// The name of the header field to blame, as sent; what is no printable ASCII is escaped.
    pub(super) header: Option<String>,
    /// For each mode, that of the load balancer first.
    pub(super) fates: Vec<(Mode, Fate)>,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It goes the way that the rules say.
    Routed,
    /// The same, and nothing may follow it on the target's connection.
    RoutedAsTheTargetsLast,
    /// The same, and nothing may follow it on either connection.
    RoutedAsTheLast,
    /// It does not get as far as the rules.
    Refused(Refused),
}

impl Judged {
    pub(super) fn of(reading: &Reading<'_>, place: &Place<'_>) -> Judged {
        let classification = reading.classification();
        let fate = |mode| match reading.clone().clear(&place.clearing(mode)) {
            Ok(cleared) if cleared.is_last() => Fate::RoutedAsTheLast,
            Ok(cleared) if cleared.is_last_for_target() => Fate::RoutedAsTheTargetsLast,
            Ok(_) => Fate::Routed,
            Err(refused) => Fate::Refused(refused),
        };
        let others = Mode::ALL.into_iter().filter(|&mode| mode != place.mode());
        Judged {
            tier: classification.tier(),
            reason: classification.reason(),
            header: classification.header().map(|name| name.escape_ascii().to_string()),
            fates: [place.mode()].into_iter().chain(others).map(|mode| (mode, fate(mode))).collect(),
        }
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fate::Routed => f.write_str("routed"),
            Fate::RoutedAsTheTargetsLast => f.write_str("routed, then the target's connection closes"),
            Fate::RoutedAsTheLast => f.write_str("routed, then both connections close"),
            Fate::Refused(refused) => write!(f, "refused with {}", refused.status()),
        }
    }
}

/// Lines that end in LF alone are most likely an editor's and not a client's.
pub(super) fn hint(head: &[u8]) -> Option<String> {
    let bare = bare_line_feeds(head);
    if bare == 0 {
        return None;
    }
    let mended = with_crlf(head);
    let (found, otherwise) = (classify_head(head).ok()??, classify_head(&mended).ok()??);
    let hence = match found.reason() {
        Some(reason) if otherwise.reason() != found.reason() => format!(": hence {reason}"),
        _ => String::new(),
    };
    let still = if hence.is_empty() { "still " } else { "" };
    let reason = otherwise.reason().map_or_else(String::new, |reason| format!(", {reason}"));
    let lines = memchr::memchr_iter(b'\n', head).count();
    Some(format!(
        "{bare} of the {lines} lines of the head end in LF alone, as editors write them, and not in CRLF{hence}; \
         with --crlf it is {still}{}{reason}",
        otherwise.tier()
    ))
}
