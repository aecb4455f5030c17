//! The six conditions of a rule (guide COND-*), and when each of them holds.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::net::IpAddr;

use ipnet::IpNet;
use smallvec::SmallVec;

use super::text::{Text, visible};
use super::{Pattern, Subject, normalize_path, query};

/// One condition; its values are alternatives (guide RULE-09).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// `host-header`: the request's host name, without port, in any case.
    HostHeader(Vec<Pattern>),
    /// `path-pattern`: the normalised path, case-sensitive, without the query.
    PathPattern(Vec<Pattern>),
    /// `http-header`: any field of that name matches one of the values, in any case.
    HttpHeader {
        /// The field name; compared in any case.
        name: String,
        /// Patterns over the value.
        values: Vec<Pattern>,
    },
    /// `http-request-method`: exact.
    HttpRequestMethod(Vec<String>),
    /// `query-string`: one key/value pair of the query matches one of these.
    QueryString(Vec<QueryPair>),
    /// `source-ip`: the address of the TCP peer lies in one of these networks.
    SourceIp(Vec<IpNet>),
}

/// A pair that a query must hold; without a key, any pair's value may match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryPair {
    /// Pattern over the key, in any case; `None` matches every key.
    pub key: Option<Pattern>,
    /// Pattern over the value, in any case.
    pub value: Pattern,
}

/// A request as conditions see it: what several of them look at is prepared once, when the first asks.
pub(super) struct View<'a> {
    pub(super) subject: &'a Subject<'a>,
    host: OnceCell<Text<'a>>,
    path: OnceCell<Text<'a>>,
    pairs: OnceCell<SmallVec<[query::Pair<'a>; PAIRS_INLINE]>>,
}

/// How many pairs of a query are kept without allocating.
const PAIRS_INLINE: usize = 4;

impl Condition {
    /// The condition's name in a template (`Field`).
    pub const fn field(&self) -> &'static str {
        match self {
            Condition::HostHeader(_) => "host-header",
            Condition::PathPattern(_) => "path-pattern",
            Condition::HttpHeader { .. } => "http-header",
            Condition::HttpRequestMethod(_) => "http-request-method",
            Condition::QueryString(_) => "query-string",
            Condition::SourceIp(_) => "source-ip",
        }
    }

    /// How many values there are, each of them one match evaluation (guide RULE-08).
    pub fn evaluations(&self) -> usize {
        match self {
            Condition::HostHeader(values) | Condition::PathPattern(values) => values.len(),
            Condition::HttpHeader { values, .. } => values.len(),
            Condition::HttpRequestMethod(values) => values.len(),
            Condition::QueryString(pairs) => pairs.len(),
            Condition::SourceIp(networks) => networks.len(),
        }
    }

    /// How many wildcards its values hold together (guide RULE-08).
    pub fn wildcards(&self) -> usize {
        match self {
            Condition::HostHeader(values) | Condition::PathPattern(values) | Condition::HttpHeader { values, .. } => {
                values.iter().map(Pattern::wildcards).sum()
            }
            Condition::QueryString(pairs) => pairs.iter().map(QueryPair::wildcards).sum(),
            Condition::HttpRequestMethod(_) | Condition::SourceIp(_) => 0,
        }
    }

    /// A value as it was configured, for people.
    pub fn value(&self, index: usize) -> Option<Cow<'_, str>> {
        match self {
            Condition::HostHeader(values) | Condition::PathPattern(values) | Condition::HttpHeader { values, .. } => {
                values.get(index).map(|value| Cow::Borrowed(value.as_str()))
            }
            Condition::HttpRequestMethod(values) => values.get(index).map(|value| Cow::Borrowed(value.as_str())),
            Condition::QueryString(pairs) => pairs.get(index).map(QueryPair::written),
            Condition::SourceIp(networks) => networks.get(index).map(|network| Cow::Owned(network.to_string())),
        }
    }

    /// Whether a request fulfils this, and by which of the values: the first that matches.
    #[inline]
    pub(super) fn held_by(&self, view: &View<'_>) -> Option<usize> {
        match self {
            Condition::HostHeader(values) => first_match(values, view.host()),
            Condition::PathPattern(values) => first_match(values, view.path()),
            Condition::HttpHeader { name, values } => header_match(name, values, view),
            Condition::HttpRequestMethod(values) => {
                values.iter().position(|value| value.as_bytes() == view.subject.method)
            }
            Condition::QueryString(pairs) => query_match(pairs, view),
            Condition::SourceIp(networks) => {
                let source = view.source();
                networks.iter().position(|network| network.contains(&source))
            }
        }
    }

    /// Whether case matters is a matter of the condition, not of who compiled the pattern.
    pub(super) fn settle_case(&mut self) {
        match self {
            Condition::PathPattern(values) => values.iter_mut().for_each(Pattern::mind_case),
            Condition::HostHeader(values) | Condition::HttpHeader { values, .. } => {
                values.iter_mut().for_each(Pattern::ignore_case);
            }
            Condition::QueryString(pairs) => {
                for pair in pairs {
                    pair.key.iter_mut().for_each(Pattern::ignore_case);
                    pair.value.ignore_case();
                }
            }
            Condition::HttpRequestMethod(_) | Condition::SourceIp(_) => {}
        }
    }
}

#[inline]
fn first_match(values: &[Pattern], text: &Text<'_>) -> Option<usize> {
    values.iter().position(|value| value.matches_text(text))
}

/// "If the same header appears multiple times, they are searched in order until a match is found" (`wire.md` H15).
fn header_match(name: &str, values: &[Pattern], view: &View<'_>) -> Option<usize> {
    let fields = view.subject.fields.iter().filter(|field| field.is(name.as_bytes()));
    fields.map(|field| Text::folded(visible(field.value))).find_map(|text| first_match(values, &text))
}

fn query_match(pairs: &[QueryPair], view: &View<'_>) -> Option<usize> {
    let mut best = None;
    for sent in view.pairs() {
        let limit = best.unwrap_or(pairs.len());
        best = pairs[..limit].iter().position(|pair| pair.matches(sent)).or(best);
    }
    best
}

impl QueryPair {
    fn matches(&self, sent: &query::Pair<'_>) -> bool {
        sent.value.matches(&self.value) && self.key.as_ref().is_none_or(|key| sent.key.matches(key))
    }

    fn wildcards(&self) -> usize {
        self.key.as_ref().map_or(0, Pattern::wildcards) + self.value.wildcards()
    }

    fn written(&self) -> Cow<'_, str> {
        match &self.key {
            Some(key) => Cow::Owned(format!("{}={}", key.as_str(), self.value.as_str())),
            None => Cow::Borrowed(self.value.as_str()),
        }
    }
}

impl<'a> View<'a> {
    pub(super) fn new(subject: &'a Subject<'a>) -> Self {
        View { subject, host: OnceCell::new(), path: OnceCell::new(), pairs: OnceCell::new() }
    }

    #[inline]
    pub(super) fn host(&self) -> &Text<'a> {
        self.host.get_or_init(|| Text::folded(visible(self.subject.host)))
    }

    #[inline]
    pub(super) fn path(&self) -> &Text<'a> {
        self.path.get_or_init(|| Text::exact(normalize_path(self.subject.path)))
    }

    fn pairs(&self) -> &[query::Pair<'a>] {
        self.pairs.get_or_init(|| query::pairs(self.subject.query.unwrap_or_default()).collect())
    }

    /// The peer's address; one that came over an IPv6 socket as `::ffff:a.b.c.d` is `a.b.c.d`.
    pub(super) fn source(&self) -> IpAddr {
        self.subject.source.to_canonical()
    }
}
