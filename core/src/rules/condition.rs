//! The six conditions of a rule (guide COND-*).

use ipnet::IpNet;

use super::Pattern;

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
