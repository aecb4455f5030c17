//! What a rule does with a request: forward, redirect, or answer at once.

/// A target group's number within its configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub u32);

/// The routing action of a rule (guide RULE-04: exactly one, and last).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send the request to a target of a group.
    Forward(Forward),
    /// Answer 301 or 302 with a `Location` made from the request.
    Redirect(Redirect),
    /// Answer with a configured status and body.
    FixedResponse(FixedResponse),
}

/// Where to forward to (guide ACT-04, ACT-05): 1 to 5 groups, with weights 0 to 999.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    /// The groups in template order.
    pub groups: Vec<WeightedGroup>,
}

/// One of a forward action's groups, and its share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeightedGroup {
    /// Which group.
    pub group: GroupId,
    /// 0 to 999; the share is this weight over the sum of all.
    pub weight: u16,
}

/// A redirect (guide RED-*). Every part may hold the keywords `#{protocol}`, `#{host}`, `#{port}`, `#{path}`
/// and `#{query}` as far as the guide allows them there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// `#{protocol}` by default.
    pub protocol: RedirectProtocol,
    /// `#{host}` by default.
    pub host: String,
    /// `#{port}` by default; otherwise 1 to 65535.
    pub port: String,
    /// `/#{path}` by default; starts with a slash.
    pub path: String,
    /// `#{query}` by default; without the question mark.
    pub query: String,
    /// 301 or 302.
    pub status: RedirectStatus,
}

/// The scheme a redirect leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectProtocol {
    /// `#{protocol}`: the scheme of the request.
    Same,
    /// `HTTP`
    Http,
    /// `HTTPS`
    Https,
}

/// Permanent or temporary (guide RED-01).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectStatus {
    /// `HTTP_301`
    MovedPermanently,
    /// `HTTP_302`
    Found,
}

/// An answer from configuration (guide ACT-01).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixedResponse {
    /// 2xx, 4xx or 5xx.
    pub status: u16,
    /// One of the five allowed types (`wire.md` W13), `None` when the template names none.
    pub content_type: Option<String>,
    /// At most 1,024 bytes.
    pub body: String,
}

impl Forward { /// x
 pub fn choose(&self, _: impl FnOnce(u32)->u32) -> Option<GroupId> { None } }
/// x
pub struct RedirectParts<'a> { /// x
 pub scheme: &'a str, /// x
 pub host: &'a [u8], /// x
 pub port: u16, /// x
 pub path: &'a [u8], /// x
 pub query: Option<&'a [u8]> }
/// x
pub struct LocationTooLong;
impl Redirect { /// x
 pub fn location(&self, _: &RedirectParts<'_>, _: &mut Vec<u8>) -> Result<(), LocationTooLong> { Ok(()) } }
impl RedirectStatus { /// x
 pub fn code(self) -> u16 { 301 } }
