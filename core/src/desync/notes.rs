//! What one pass over the fields of a request finds. Judging it is for the door ([`super::clear`]).

use super::body_fields::BodyFields;
use crate::http::names::{self, Known};
use crate::http::{Field, Fields};

use super::CONNECTION_OPTIONS_MAX;

/// What the fields of a request hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes<'a> {
    /// The first `Host`.
    pub(super) host: Option<&'a [u8]>,
    /// How many `Host` fields there are.
    pub(super) hosts: usize,
    /// What `Connection` lists.
    pub(super) options: Options,
    /// Items of all `X-Forwarded-For` fields that are not empty.
    pub(super) forwarded_addresses: usize,
    /// The first `X-Amzn-Trace-Id` that is not empty.
    pub(super) trace: Option<&'a [u8]>,
    /// `Expect` is `100-continue`.
    pub(super) expects_continue: bool,
    /// The only `Upgrade` is `websocket`.
    pub(super) websocket: bool,
    upgrades: usize,
}

/// What `Connection` lists.
#[derive(Clone, Debug, Default)]
pub(super) struct Options {
    pub(super) close: bool,
    pub(super) keep_alive: bool,
    pub(super) upgrade: bool,
    /// Anything that is not dropped on every hop anyway.
    pub(super) others: bool,
    count: usize,
}

impl<'a> Notes<'a> {
    /// One pass: what there is, and into `body` what says where the body ends.
    #[inline(always)]
    pub(super) fn take(&mut self, fields: &Fields<'a>, body: &mut BodyFields<'a>) {
        for field in fields.iter() {
            let known = Known::of(field.name);
            if known != Known::Other {
                self.note(known, field, body);
            }
        }
    }

    /// Whether `Connection` is beyond its limit.
    pub(super) fn has_too_many_options(&self) -> bool {
        self.options.count > CONNECTION_OPTIONS_MAX
    }

    #[inline(always)]
    fn note(&mut self, known: Known, field: &Field<'a>, body: &mut BodyFields<'a>) {
        let value = field.value;
        match known {
            Known::Host => {
                self.host = self.host.or(Some(value));
                self.hosts += 1;
            }
            Known::Connection => self.options.take(value),
            Known::Upgrade => {
                self.upgrades += 1;
                self.websocket = self.upgrades == 1 && value.eq_ignore_ascii_case(b"websocket");
            }
            Known::Expect => self.expects_continue |= value.eq_ignore_ascii_case(b"100-continue"),
            Known::ForwardedFor => self.forwarded_addresses += items(value).count(),
            Known::TraceId if self.trace.is_none() && !value.is_empty() => self.trace = Some(value),
            Known::ContentLength | Known::TransferEncoding | Known::LengthLookAlike | Known::CodingLookAlike => {
                body.take(known, field.name, value);
            }
            Known::TraceId | Known::OneHop | Known::ForwardedOther | Known::Reserved | Known::Other => {}
        }
    }
}

impl Options {
    fn take(&mut self, value: &[u8]) {
        // Most often it is one of the plain ones alone.
        if self.take_plain(value) {
            self.count += 1;
        } else {
            for option in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
                self.count += 1;
                let plain = self.take_plain(option);
                self.others |= !plain && !option.is_empty() && Known::of(option) != Known::OneHop;
            }
        }
    }

    /// Takes note of an option that names no field; `false` if it is not one of those.
    fn take_plain(&mut self, option: &[u8]) -> bool {
        match option.len() {
            5 if names::is(option, b"close") => self.close = true,
            10 if names::is(option, b"keep-alive") => self.keep_alive = true,
            7 if names::is(option, b"upgrade") => self.upgrade = true,
            _ => return false,
        }
        true
    }
}

/// The items of a comma-separated list that are not empty (RFC 9110 section 5.6.1.2).
fn items(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii).filter(|item| !item.is_empty())
}
