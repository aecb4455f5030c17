//! Sticky sessions: cookies of the balancer that name a target group, or a target, so that a client comes back to it (guide
//! STK-05 to STK-20, ACT-06 to ACT-10).
//!
//! ```text
//!   request   Cookie fields ──cookie::values──▶ candidates ──Keys::open──▶ Bond: a group, a target, since when
//!   response  Session ──Keys::seal──▶ Set-Cookie lines
//! ```
//!
//! Nothing here chooses a target. What a cookie says is a wish; whether it may be granted is decided where a request without a
//! cookie gets its target. Each kind of cookie has its own [`Kind`], which is authenticated: one cannot be replayed as another.

pub mod bond;
mod browser;
pub mod cookie;
pub mod keys;
mod secret;
mod session;

pub use bond::{Bond, GroupTag, Seat};
pub use browser::wants_same_site;
pub use keys::{Keys, Kind};
pub use secret::Secret;
pub use session::{AppSession, BONDS_MAX, Sealing, Session};

use core::time::Duration;

/// How long a client keeps a cookie: fixed, whatever the configured duration is (guide STK-05, STK-14).
pub const COOKIE_LIFE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How far the clocks of two nodes that share a secret may be apart: a cookie from so far in the future is taken.
pub const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// Cookies of one name that are tried: a client that has several got them from several paths or layers, and sends all.
pub const CANDIDATES_MAX: usize = 4;
