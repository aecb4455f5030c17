//! Session tickets: what a client keeps of a session, so that its next connection costs less. AES-256-GCM-SIV under keys
//! that change twice a day, for one listener each: no ticket opens a door that it was not made at.
//!
//! ```text
//!   byte 0       1 .. 13      13 .. n-16                n-16 .. n
//!   key number   nonce        the session, encrypted    tag
//! ```

use std::sync::atomic::{AtomicU64, Ordering};

use aes_gcm_siv::aead::inout::InOutBuf;
use aes_gcm_siv::{AeadInOut, Aes256GcmSiv, KeyInit};

use crate::sticky::Secret;

use crate::tls::{Clock, TicketKeeper};

/// How long a key seals, in seconds. It opens for as long again.
const PERIOD: u64 = 12 * 60 * 60;

const NONCE: usize = 12;
const TAG: usize = 16;

/// Longer tickets are nobody's: without client certificates a session is a few hundred bytes.
const TICKET_BYTES_MAX: usize = 4096;

/// Makes and opens the tickets of one listener.
pub(super) struct Tickets {
    secret: Secret,
    clock: Clock,
    /// The listener's ARN, authenticated with every ticket.
    listener: String,
    /// Differs between shards; the rest of the nonce counts.
    prefix: u32,
    count: AtomicU64,
}

impl core::fmt::Debug for Tickets {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Tickets")
    }
}

impl Tickets {
    pub(super) fn new(secret: Secret, clock: Clock, listener: &str, chance: &mut fastrand::Rng) -> Tickets {
        let (prefix, count) = (chance.u32(..), AtomicU64::new(chance.u64(..)));
        Tickets { secret, clock, listener: listener.to_owned(), prefix, count }
    }

    fn period(&self) -> u64 {
        self.clock.now().seconds() / PERIOD
    }

    fn cipher(&self, period: u64) -> Aes256GcmSiv {
        Aes256GcmSiv::new(&self.secret.ticket_key(period).into())
    }
}

impl TicketKeeper for Tickets {
    fn lifetime(&self) -> u32 {
        PERIOD as u32
    }

    fn seal(&self, inside: &[u8]) -> Option<Vec<u8>> {
        let period = self.period();
        let mut nonce = [0; NONCE];
        nonce[..4].copy_from_slice(&self.prefix.to_be_bytes());
        nonce[4..].copy_from_slice(&self.count.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        let mut ticket = Vec::with_capacity(1 + NONCE + inside.len() + TAG);
        ticket.push(period as u8);
        ticket.extend_from_slice(&nonce);
        ticket.extend_from_slice(inside);
        let text = InOutBuf::from(ticket.get_mut(1 + NONCE..)?);
        let tag = self.cipher(period).encrypt_inout_detached(&nonce.into(), self.listener.as_bytes(), text).ok()?;
        ticket.extend_from_slice(&tag);
        (ticket.len() <= TICKET_BYTES_MAX).then_some(ticket)
    }

    fn open(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        if ticket.len() > TICKET_BYTES_MAX {
            return None;
        }
        let (number, rest) = ticket.split_first()?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE>()?;
        let (sealed, tag) = rest.split_last_chunk::<TAG>()?;
        let now = self.period();
        let period = [now, now.saturating_sub(1)].into_iter().find(|period| *period as u8 == *number)?;
        let mut inside = sealed.to_vec();
        let text = InOutBuf::from(&mut inside[..]);
        let opened =
            self.cipher(period).decrypt_inout_detached(nonce.into(), self.listener.as_bytes(), text, tag.into());
        opened.ok().map(|()| inside)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Wall;

    fn keeper(clock: &Clock, listener: &str) -> Tickets {
        Tickets::new(Secret::new([7; 32]), clock.clone(), listener, &mut fastrand::Rng::with_seed(1))
    }

    fn at(seconds: u64) -> Wall {
        Wall::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn a_ticket_opens_where_it_was_made_and_for_as_long_as_it_says() {
        let clock = Clock::default();
        clock.set(at(10 * PERIOD + PERIOD - 1));
        let here = keeper(&clock, "here");
        let ticket = here.seal(b"session").expect("it seals");
        assert_eq!(here.open(&ticket).as_deref(), Some(&b"session"[..]));
        assert_eq!(keeper(&clock, "there").open(&ticket), None);
        clock.set(at(11 * PERIOD + PERIOD - 1));
        assert_eq!(here.open(&ticket).as_deref(), Some(&b"session"[..]));
        clock.set(at(12 * PERIOD));
        assert_eq!(here.open(&ticket), None);
    }

    #[test]
    fn what_was_changed_or_cut_or_is_too_long_is_no_ticket() {
        let clock = Clock::default();
        let here = keeper(&clock, "here");
        let ticket = here.seal(b"session").expect("it seals");
        for at in 0..ticket.len() {
            let mut changed = ticket.clone();
            changed[at] ^= 1;
            assert_eq!(here.open(&changed), None, "byte {at}");
            assert_eq!(here.open(&ticket[..at]), None, "{at} bytes");
        }
        assert_eq!(here.open(&vec![0; TICKET_BYTES_MAX + 1]), None);
        let most = TICKET_BYTES_MAX - 1 - NONCE - TAG;
        assert!(here.seal(&vec![0; most]).is_some_and(|ticket| here.open(&ticket).is_some()));
        assert_eq!(here.seal(&vec![0; most + 1]), None);
    }

    #[test]
    fn no_two_tickets_are_the_same() {
        let here = keeper(&Clock::default(), "here");
        assert_ne!(here.seal(b"session"), here.seal(b"session"));
    }
}
