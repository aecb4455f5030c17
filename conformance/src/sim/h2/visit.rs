//! What a client of HTTP/2 is about: its requests, what is wrong with them, and how it treats its connection.

use super::frames::Fields;
use super::talk::Manners;
use crate::sim::client::Pace;
use crate::sim::net::Time;
use crate::sim::reader::Framing;
use crate::sim::spec::Spec;
use crate::sim::veil::Habits;

/// What a browser is about.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    pub(crate) asks: Vec<Ask>,
    /// So many requests at a time.
    pub(crate) at_once: usize,
    pub(crate) manners: Manners,
    pub(crate) credit: Credit,
    pub(crate) pace: Pace,
    /// It pings, changes its settings and says what means nothing.
    pub(crate) whims: bool,
    /// It does things that cost it its connection.
    pub(crate) lenient: bool,
    /// From then on it reads nothing.
    pub(crate) deaf_after: Option<Time>,
    /// It breaks a rule then that the whole connection stands on.
    pub(crate) breaks_after: Option<Time>,
    pub(crate) ending: Ending,
    pub(crate) habits: Habits,
}

/// One request of it.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) spec: Spec,
    /// So long after the one before it.
    pub(crate) after: Time,
    pub(crate) fault: Fault,
}

/// What is wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// It is given up so long after it began.
    Cancelled(Time),
    /// Its head breaks the rules.
    Malformed,
    /// Its body stops half way.
    Stalls,
    /// Its body ends half way.
    Lies,
}

/// When what was received is credited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Credit {
    AtOnce,
    /// So much later: windows stay shut for a while.
    Late(Time),
}

/// What a browser does when all its requests are over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Closes,
    /// Says GOAWAY first.
    Leaves,
    /// Waits until the balancer closes.
    Stays,
    /// Resets the connection, whatever is in progress.
    ResetsAt(Time),
}

impl Ask {
    pub(super) fn has_trailers(&self) -> bool {
        self.spec.trailers && self.spec.framing == Framing::Chunked
    }

    /// The request as its fields.
    pub(super) fn fields(&self) -> Fields {
        let spec = &self.spec;
        let mut fields = vec![
            (":method".to_owned(), spec.method.to_owned()),
            (":scheme".to_owned(), "https".to_owned()),
            (":authority".to_owned(), spec.authority()),
            (":path".to_owned(), spec.path()),
            ("x-mark".to_owned(), format!("{:x}", spec.id)),
        ];
        if let Framing::Length(length) = spec.framing {
            fields.push(("content-length".to_owned(), length.to_string()));
        }
        if self.fault == Fault::Malformed {
            fields.push(malformed(spec.id));
        }
        if spec.call {
            fields.push(("content-type".to_owned(), "application/grpc+proto".to_owned()));
            fields.push(("te".to_owned(), "trailers".to_owned()));
        }
        fields
    }
}

/// A field that no request may have.
fn malformed(id: u64) -> (String, String) {
    let (name, value) = match id % 6 {
        0 => ("connection", "close"),
        1 => ("X-Upper", "case"),
        2 => ("x-smuggle", "a\r\nx-b: c"),
        3 => ("transfer-encoding", "chunked"),
        4 => (":late", "pseudo"),
        _ => ("content-length", "1x"),
    };
    (name.to_owned(), value.to_owned())
}
