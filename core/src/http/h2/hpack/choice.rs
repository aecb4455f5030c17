//! Which fields an encoder puts into its table. A table is worth its room if what is in it comes again: values that
//! every message has of its own would only drive the others out.
//!
//! No value that somebody must not guess goes there. Whoever makes a client send requests and sees how long they are
//! could try values until one is found to be in the table (RFC 7541 section 7.1); towards a target, all clients share
//! one table.

use super::statics::{self, ENTRIES, LEN};

/// What becomes of a field that is in no table yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// Into the table at once: senders have few values of it.
    AtOnce,
    /// Into the table if the same comes again: many a value comes once only.
    WhenSeenAgain,
    /// Spelled out each time.
    Never,
    /// Spelled out each time, and marked so that nobody else may put it into a table (RFC 7541 section 7.1.3).
    Secret,
}

impl Choice {
    /// That for a name by its first index in the static table.
    #[inline]
    pub(super) fn of(index: Option<usize>) -> Choice {
        index.and_then(|index| CHOICES.get(index).copied()).unwrap_or(Choice::WhenSeenAgain)
    }

    /// For a name that is spelled out each time: its index and which of the two it is. Most names are known not to be
    /// one by their hash.
    #[inline]
    pub(super) fn to_spell_out(name: &[u8], hash: u64) -> Option<(usize, Choice)> {
        let choice = Choice::of(Some(statics::slot(hash)));
        if choice.spells_out() { statics::name(name, hash).map(|index| (index, choice)) } else { None }
    }

    #[inline]
    pub(super) fn spells_out(self) -> bool {
        matches!(self, Choice::Never | Choice::Secret)
    }

    /// How the literal begins that is not put into the table (RFC 7541 sections 6.2.2 and 6.2.3).
    pub(super) fn pattern(self) -> u8 {
        if self == Choice::Secret { 0x10 } else { 0 }
    }
}

const AT_ONCE: &[&str] = &[
    ":authority",
    ":method",
    ":scheme",
    ":status",
    "accept-encoding",
    "accept-ranges",
    "access-control-allow-origin",
    "allow",
    "cache-control",
    "content-encoding",
    "content-type",
    "server",
    "strict-transport-security",
    "vary",
    "via",
];

/// Lengths and positions come again only by chance.
const NEVER: &[&str] = &["content-length", "content-range", "range"];

const SECRET: &[&str] = &["authorization", "cookie", "proxy-authorization", "set-cookie"];

/// By index; there is none at 0.
static CHOICES: [Choice; LEN + 1] = choices();

const fn choices() -> [Choice; LEN + 1] {
    let mut choices = [Choice::WhenSeenAgain; LEN + 1];
    put(&mut choices, AT_ONCE, Choice::AtOnce);
    put(&mut choices, NEVER, Choice::Never);
    put(&mut choices, SECRET, Choice::Secret);
    choices
}

const fn put(choices: &mut [Choice; LEN + 1], names: &[&str], choice: Choice) {
    let mut at = 0;
    while at < names.len() {
        let (mut index, mut found) = (1, false);
        while index <= LEN {
            if statics::same(ENTRIES[index - 1].0, names[at]) {
                choices[index] = choice;
                found = true;
            }
            index += 1;
        }
        assert!(found, "the name is not in the static table");
        at += 1;
    }
}
