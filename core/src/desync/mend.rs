//! Makes of a head that does not follow the grammar one that does, where that is possible: lines that are no fields are
//! left out, folded ones joined, control characters replaced. What was found is told to a [`Judge`].

use core::ops::Range;

use super::classify::{Fate, Judge, decides, is_control};
use super::reason::Reason;
use crate::http::h1::head::REQUEST_LIMITS;
use crate::http::h1::loose::{Kind, Line, Loose, trim_blanks};
use crate::http::names::Known;
use crate::http::{Field, FieldRoom, Refusal};

/// Puts the fields of `loose` that may go on into `room`; what had to be written anew of their values is in `mended`.
/// A field that is too long once it is joined is left out, and its refusal given.
pub(super) fn mend<'a>(
    loose: &Loose<'a>,
    judge: &mut Judge<'a>,
    mended: &'a mut Vec<u8>,
    room: &mut FieldRoom<'a>,
) -> Option<Refusal> {
    let kept = Vec::with_capacity(loose.lines.len());
    let mut mending = Mending { judge, mended, kept, before: Before::Nothing, too_large: None };
    loose.lines.iter().for_each(|line| mending.line(line));
    let Mending { kept, too_large, .. } = mending;
    let mended: &'a [u8] = mended;
    room.0.clear();
    room.0.extend(kept.into_iter().map(|kept| kept.field(mended)));
    too_large
}

struct Mending<'j, 'a, 'm> {
    judge: &'j mut Judge<'a>,
    mended: &'m mut Vec<u8>,
    kept: Vec<Kept<'a>>,
    before: Before<'a>,
    too_large: Option<Refusal>,
}

/// A field that may go on.
struct Kept<'a> {
    name: &'a [u8],
    value: Value<'a>,
}

enum Value<'a> {
    AsSent(&'a [u8]),
    Mended(Range<usize>),
}

/// The line that a fold continues. What its name means is found out once, however many folds there are.
#[derive(Clone, Copy)]
enum Before<'a> {
    /// The request line.
    Nothing,
    /// One that is left out; its name, or all of it if it has none.
    Dropped(&'a [u8], Known),
    /// The last one that is kept.
    Kept(&'a [u8], Known),
}

impl<'a> Mending<'_, 'a, '_> {
    fn line(&mut self, line: &Line<'a>) {
        match line.kind {
            Kind::Field { name, value } => self.field(name, value),
            Kind::Fold(text) => self.fold(text),
            Kind::NoColon(text) => self.no_colon(text),
        }
        if line.bare_line_feed {
            let name = if let Kind::Field { name, .. } = line.kind { Some(name) } else { None };
            self.judge.verdict.note(Reason::NonCompliantHeader, name);
            self.judge.verdict.doubt_its_end();
        }
    }

    fn field(&mut self, name: &'a [u8], value: &'a [u8]) {
        let known = Known::of_any(name);
        let value = match self.judge.field(name, known, value) {
            Fate::Drop => {
                self.before = Before::Dropped(name, known);
                return;
            }
            Fate::Pass => Value::AsSent(value),
            Fate::Clean => Value::Mended(self.cleaned(value)),
        };
        self.kept.push(Kept { name, value });
        self.before = Before::Kept(name, known);
    }

    fn no_colon(&mut self, text: &'a [u8]) {
        self.forbid(text, Some(text));
        self.judge.verdict.note(Reason::EmptyHeader, Some(text));
        self.before = Before::Dropped(text, Known::of_any(text));
    }

    /// "… or replace each received obs-fold with one or more SP octets" (RFC 9112 section 5.2), but not in fields that
    /// decide where a request ends or goes.
    fn fold(&mut self, text: &'a [u8]) {
        let (header, owner) = match self.before {
            Before::Nothing => (None, Known::Other),
            Before::Dropped(name, known) | Before::Kept(name, known) => (Some(name), known),
        };
        match owner {
            Known::TransferEncoding | Known::CodingLookAlike => {
                self.judge.verdict.note(Reason::BadTransferEncoding, header);
            }
            Known::ContentLength | Known::LengthLookAlike => self.judge.verdict.note(Reason::BadContentLength, header),
            Known::Host => self.judge.verdict.note(Reason::BadHeader, header),
            _ => {}
        }
        self.forbid(text, header);
        self.judge.verdict.note(Reason::EmptyHeader, header);
        self.field_in_fold(text);
        if let Before::Kept(name, known) = self.before {
            self.join(name, known, text);
        }
    }

    /// A fold that looks like a field of its own is one to some.
    fn field_in_fold(&mut self, text: &'a [u8]) {
        let Some(colon) = text.iter().position(|&byte| byte == b':') else { return };
        let (name, value) = text.split_at_checked(colon).unwrap_or_default();
        let name = trim_blanks(name);
        let look_alike = match Known::of_any(name) {
            known if decides(known) && matches!(self.before, Before::Nothing) => {
                return self.judge.verdict.note(Reason::BadHeader, Some(name));
            }
            Known::TransferEncoding | Known::CodingLookAlike => Known::CodingLookAlike,
            Known::ContentLength | Known::LengthLookAlike => Known::LengthLookAlike,
            _ => return,
        };
        self.judge.verdict.note(Reason::SuspiciousHeader, Some(name));
        self.judge.body.take(look_alike, name, trim_blanks(value.get(1..).unwrap_or_default()));
    }

    /// CR and NUL in a line that is no field of its own.
    fn forbid(&mut self, text: &[u8], header: Option<&'a [u8]>) {
        if text.contains(&b'\r') || text.contains(&0) {
            self.judge.verdict.note(Reason::BadHeader, header);
        }
    }

    /// Continues the last field; one that becomes too long is dropped, and the request refused for it.
    fn join(&mut self, name: &'a [u8], known: Known, text: &[u8]) {
        let Some(mut last) = self.kept.pop() else { return };
        let start = match last.value {
            Value::AsSent(value) => self.cleaned(value).start,
            Value::Mended(range) => range.start,
        };
        self.mended.push(b' ');
        let end = self.cleaned(text).end;
        if name.len() + b": ".len() + (end - start) > REQUEST_LIMITS.field_line {
            self.too_large = Some(Refusal::FieldTooLarge);
            self.before = Before::Dropped(name, known);
            return;
        }
        last.value = Value::Mended(start..end);
        self.kept.push(last);
    }

    /// Appends a value with a space for every control character.
    fn cleaned(&mut self, value: &[u8]) -> Range<usize> {
        let start = self.mended.len();
        self.mended.extend(value.iter().map(|&byte| if is_control(byte) { b' ' } else { byte }));
        start..self.mended.len()
    }
}

impl<'a> Kept<'a> {
    fn field(self, mended: &'a [u8]) -> Field<'a> {
        let value = match self.value {
            Value::AsSent(value) => value,
            Value::Mended(range) => trim_blanks(mended.get(range).unwrap_or_default()),
        };
        Field { name: self.name, value }
    }
}
