//! What a response tells a client to remember: cookies for the group, for the target, and beside an application's own.

use smallvec::SmallVec;

use super::bond::{BOND, SEALED};
use super::cookie::{self, Site};
use super::keys::OVERHEAD;
use super::{Bond, COOKIE_LIFE, GroupTag, Keys, Kind, Seat};
use crate::http::Response;
use crate::http::date::{HttpDate, http_date};
use crate::time::Wall;

/// Bonds that fit into the parts of an application cookie.
pub const BONDS_MAX: usize = (cookie::APPLICATION.len() * cookie::PART_CHARS / 4 * 3 - OVERHEAD - 2) / BOND;

/// Room for bonds that a session keeps for the next request; the sessions of a rare client with many do not stay in memory.
const OTHERS_KEPT: usize = 64;

/// What a request's session is about, from the choice of its target to its response.
#[derive(Debug, Default)]
pub struct Session {
    /// The listener is an HTTPS one: cookies for other sites are `Secure` (`wire.md` C2).
    pub secure: bool,
    /// The group that the client stays with, if the rule says so.
    pub group: Option<GroupTag>,
    /// The group and target that the client stays with, if the group says so.
    pub target: Option<(GroupTag, Seat)>,
    /// The same, as soon as the application says so.
    pub application: Option<(GroupTag, Seat)>,
    /// More of that.
    pub app: AppSession,
}

/// A session that an application begins.
#[derive(Debug, Default)]
pub struct AppSession {
    /// The request was part of a session of this group already, wherever it went then.
    pub bound: bool,
    /// It is for a browser that has to be told `SameSite=None; Secure`.
    pub same_site: bool,
    /// The name of the application's cookie.
    pub name: String,
    /// What the client's cookie says of other groups, oldest first.
    pub others: Vec<Bond>,
}

/// What sealing needs.
#[derive(Debug)]
pub struct Sealing<'a> {
    /// The keys.
    pub keys: &'a mut Keys,
    /// Where nonces come from.
    pub chance: &'a mut fastrand::Rng,
    /// When the response is sent.
    pub now: Wall,
}

impl Session {
    /// As new, but keeps its memory.
    pub fn reset(&mut self) {
        let AppSession { mut name, mut others, .. } = core::mem::take(&mut self.app);
        name.clear();
        others.clear();
        others.shrink_to(OTHERS_KEPT);
        *self = Session { app: AppSession { name, others, ..AppSession::default() }, ..Session::default() };
    }

    /// Another target of the group serves the request after all.
    pub fn move_to(&mut self, seat: Seat) {
        for (_, place) in self.target.iter_mut().chain(&mut self.application) {
            *place = seat;
        }
    }

    /// Appends the `Set-Cookie` lines that go with a target's response.
    pub fn write(&self, response: &Response<'_>, sealing: &mut Sealing<'_>, out: &mut Vec<u8>) {
        let life = u64::try_from(COOKIE_LIFE.as_micros()).unwrap_or(u64::MAX);
        let expires = http_date(Wall::from_micros(sealing.now.micros().saturating_add(life)));
        if let Some(group) = self.group {
            let sealed = sealing.one(Kind::Group, group, None);
            cookie::set_both(cookie::GROUP, &sealed, &expires, self.secure, out);
        }
        if let Some((group, seat)) = self.target {
            let sealed = sealing.one(Kind::Target, group, Some(seat));
            cookie::set_both(cookie::TARGET, &sealed, &expires, self.secure, out);
        }
        if let Some((group, seat)) = self.application {
            self.app.write(response, (group, seat), sealing, &expires, out);
        }
    }
}

impl AppSession {
    /// The session begins with the application's cookie, of which only the name counts; then every response renews it.
    fn write(
        &self,
        response: &Response<'_>,
        (group, seat): (GroupTag, Seat),
        sealing: &mut Sealing<'_>,
        expires: &HttpDate,
        out: &mut Vec<u8>,
    ) {
        if !self.bound && !response.fields.iter().any(|field| cookie::sets(field, &self.name)) {
            return;
        }
        let own = Bond { issued: sealing.now.seconds(), group, seat: Some(seat) };
        let kept = &self.others[(self.others.len() + 1).saturating_sub(BONDS_MAX)..];
        let mut sealed: SmallVec<[u8; 512]> = SmallVec::new();
        sealed.extend_from_slice(&[0; OVERHEAD - TAG]);
        sealed.extend_from_slice(&(kept.len() as u16 + 1).to_be_bytes());
        for bond in kept.iter().chain([&own]) {
            sealed.extend_from_slice(&bond.write());
        }
        let len = (sealed.len() + TAG).max(SEALED).next_multiple_of(3);
        sealed.resize(len, 0);
        sealing.seal(Kind::Application, &mut sealed);
        let site = if self.same_site { Site::AnySecurely } else { Site::Unsaid };
        cookie::set_parts(&sealed, expires, site, out);
    }
}

/// The bytes that sealing puts after the text.
const TAG: usize = 16;

impl Sealing<'_> {
    fn one(&mut self, kind: Kind, group: GroupTag, seat: Option<Seat>) -> [u8; SEALED] {
        let mut sealed = [0; SEALED];
        let bond = Bond { issued: self.now.seconds(), group, seat };
        sealed[OVERHEAD - TAG..][..BOND].copy_from_slice(&bond.write());
        self.seal(kind, &mut sealed);
        sealed
    }

    fn seal(&mut self, kind: Kind, room: &mut [u8]) {
        let mut nonce = [0; 12];
        nonce[..8].copy_from_slice(&self.chance.u64(..).to_be_bytes());
        nonce[8..].copy_from_slice(&self.chance.u32(..).to_be_bytes());
        self.keys.seal(kind, self.now, nonce, room);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::h1::head::parse_response;
    use crate::http::{Field, Fields};
    use crate::sticky::{Secret, bond, keys};

    const NOW: Wall = Wall::from_micros(1_700_000_000_000_000);

    fn seat(port: u16) -> Seat {
        Seat { address: ([10, 0, 0, 1], port).into(), place: 0 }
    }

    /// The lines that a response gets, sealed with keys that are always the same.
    fn lines(session: &Session) -> String {
        let (mut keys, mut chance) = (Keys::new(Secret::new([1; 32])), fastrand::Rng::with_seed(1));
        let mut room = Box::default();
        let response = parse_response(b"HTTP/1.1 200 OK\r\n\r\n", &mut room).unwrap();
        let mut out = Vec::new();
        session.write(&response, &mut Sealing { keys: &mut keys, chance: &mut chance, now: NOW }, &mut out);
        String::from_utf8(out).unwrap()
    }

    /// The bonds in an application cookie that was set.
    fn told(lines: &str) -> Vec<Bond> {
        let sent = lines.split("Set-Cookie: ").filter_map(|line| line.split(';').next());
        let sent = sent.collect::<Vec<_>>().join("; ");
        let mut room = Vec::new();
        cookie::join(Fields(&[Field { name: b"cookie", value: sent.as_bytes() }]), 0, &mut room).unwrap();
        Keys::new(Secret::new([1; 32])).open(Kind::Application, NOW, &mut room).unwrap();
        bond::bonds(keys::text(&room)).collect()
    }

    #[test]
    fn a_client_with_too_many_sessions_loses_the_oldest() {
        for (others, kept) in
            [(0, 0), (BONDS_MAX - 1, BONDS_MAX - 1), (BONDS_MAX, BONDS_MAX - 1), (2 * BONDS_MAX, BONDS_MAX - 1)]
        {
            let other = |number| Bond { issued: number, group: GroupTag(number), seat: Some(seat(1)) };
            let app =
                AppSession { bound: true, others: (0..others as u64).map(other).collect(), ..AppSession::default() };
            let session = Session { application: Some((GroupTag(7), seat(80))), app, ..Session::default() };
            let told = told(&lines(&session));
            let (own, kept_ones) = told.split_last().unwrap();
            assert_eq!((own.seat, own.issued), (Some(seat(80)), 1_700_000_000));
            let expected: Vec<Bond> = ((others - kept) as u64..others as u64).map(other).collect();
            assert_eq!(kept_ones, expected);
        }
    }

    #[test]
    fn a_request_that_moves_to_another_target_names_that_one() {
        let group = GroupTag(7);
        let mut session = Session { application: Some((group, seat(80))), ..Session::default() };
        session.app.bound = true;
        session.move_to(seat(81));
        assert_eq!(told(&lines(&session))[0].seat, Some(seat(81)));
        let mut session = Session { target: Some((group, seat(80))), ..Session::default() };
        session.move_to(seat(81));
        assert_eq!(session.target, Some((group, seat(81))));
        assert_eq!(session.application, None);
    }

    #[test]
    fn a_session_that_is_used_again_knows_nothing_of_the_last() {
        let app = AppSession { bound: true, same_site: true, name: "x".to_owned(), others: vec![] };
        let mut session = Session {
            secure: true,
            group: Some(GroupTag(1)),
            target: Some((GroupTag(1), seat(1))),
            application: None,
            app,
        };
        session.reset();
        assert_eq!(format!("{session:?}"), format!("{:?}", Session::default()));
    }
}
