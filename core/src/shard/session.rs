//! Which group and target a request's cookies ask for, and what its response will tell the client to remember (guide STK-05 to
//! STK-21, ACT-06 to ACT-10). What is asked for is granted by whoever chooses, and only where a request without cookies could
//! go as well.

use core::net::SocketAddr;
use core::time::Duration;

use super::choice::Chosen;
use crate::config::{Config, TargetGroup};
use crate::http::Fields;
use crate::rules::{Forward, GroupId};
use crate::sticky::{
    Bond, CANDIDATES_MAX, GroupTag, Keys, Kind, Seat, Secret, Session, bond, cookie, keys::text, wants_same_site,
};
use crate::target::{Stickiness, Target};
use crate::time::Wall;

/// What a shard knows of sessions: nothing but the keys, since all the rest is in the cookies.
#[derive(Debug)]
pub(crate) struct Sessions {
    pub(crate) keys: Keys,
    /// Of each group, by its number.
    tags: Vec<GroupTag>,
    /// Room for an application cookie.
    room: Vec<u8>,
    #[allow(clippy::vec_box, reason = "exchanges hold them boxed, and give them back so")]
    spare: Vec<Box<Session>>,
}

impl Sessions {
    pub(crate) fn new(secret: Secret) -> Self {
        Sessions { keys: Keys::new(secret), tags: Vec::new(), room: Vec::new(), spare: Vec::new() }
    }

    /// Groups have these numbers now.
    pub(crate) fn learn(&mut self, config: &Config) {
        self.tags.clear();
        self.tags.extend(config.groups.iter().map(|group| GroupTag::of(&group.arn)));
    }

    /// The session of an exchange that is over.
    pub(crate) fn give_back(&mut self, session: Option<Box<Session>>) {
        self.spare.extend(session);
    }

    fn tag(&self, id: GroupId) -> Option<GroupTag> {
        self.tags.get(id.0 as usize).copied()
    }

    fn take(&mut self) -> Box<Session> {
        let mut session = self.spare.pop().unwrap_or_default();
        session.reset();
        session
    }
}

/// What a request's cookies ask for.
#[derive(Debug)]
pub(crate) struct Wish<'a> {
    sessions: &'a mut Sessions,
    forward: &'a Forward,
    fields: Fields<'a>,
    now: Wall,
    session: Option<Box<Session>>,
    /// A cookie for the group came URL-encoded, and none came that could be read (guide ACT-08).
    pub(crate) group_is_garbled: bool,
}

impl<'a> Wish<'a> {
    pub(crate) fn new(sessions: &'a mut Sessions, forward: &'a Forward, fields: Fields<'a>, now: Wall) -> Self {
        Wish { sessions, forward, fields, now, session: None, group_is_garbled: false }
    }

    /// The group that the client was with before, if the rule keeps clients with their groups.
    pub(crate) fn group(&mut self) -> Option<GroupId> {
        let duration = self.forward.stickiness?;
        let Wish { sessions, forward, fields, now, .. } = self;
        let mut garbled = false;
        for value in candidates(*fields, cookie::GROUP) {
            garbled |= value.contains(&b'%');
            let known = read(&mut sessions.keys, Kind::Group, value, *now).filter(|bond| bond.holds(*now, duration));
            let Some(known) = known else { continue };
            let same = |id: GroupId| sessions.tag(id) == Some(known.group);
            let asked = forward.groups.iter().find(|weighted| same(weighted.group));
            if let Some(asked) = asked {
                return Some(asked.group);
            }
        }
        self.group_is_garbled = garbled;
        None
    }

    /// The place in its group of the target that the client was with before, if the group keeps clients with their targets.
    pub(crate) fn target(&mut self, id: GroupId, group: &TargetGroup) -> Option<usize> {
        match group.attributes.stickiness.as_ref()? {
            Stickiness::LoadBalancerCookie { duration } => self.by_own_cookie(id, group, *duration),
            // "does not work with weighted target groups" (STK-18)
            Stickiness::ApplicationCookie { .. } if self.forward.groups.len() > 1 => None,
            Stickiness::ApplicationCookie { name, duration } => self.by_application(id, group, name, *duration),
        }
    }

    fn by_own_cookie(&mut self, id: GroupId, group: &TargetGroup, duration: Duration) -> Option<usize> {
        let Wish { sessions, fields, now, .. } = self;
        let tag = sessions.tag(id)?;
        candidates(*fields, cookie::TARGET).find_map(|value| {
            let bond = read(&mut sessions.keys, Kind::Target, value, *now)?;
            if bond.group == tag && bond.holds(*now, duration) { place(&group.targets, bond.seat?) } else { None }
        })
    }

    /// Both cookies have to be there: the application's, of which only the name counts, and ours (STK-13). What ours says of
    /// other groups is kept in any case.
    fn by_application(&mut self, id: GroupId, group: &TargetGroup, name: &str, duration: Duration) -> Option<usize> {
        let tag = self.sessions.tag(id)?;
        let Wish { sessions, fields, now, session, .. } = self;
        let app = &mut session.get_or_insert_with(|| sessions.take()).app;
        app.name.push_str(name);
        app.same_site = wants_same_site(*fields);
        let Sessions { keys, room, .. } = &mut **sessions;
        let mut opens =
            |at| cookie::join(*fields, at, room).and_then(|()| keys.open(Kind::Application, *now, room)).is_some();
        if !(0..CANDIDATES_MAX).any(&mut opens) {
            return None;
        }
        let mut own = None;
        for bond in bond::bonds(text(room)).filter(|bond| bond.lives(*now)) {
            if bond.group == tag { own = Some(bond) } else { app.others.push(bond) }
        }
        let own = own.filter(|bond| bond.holds(*now, duration))?;
        cookie::values(*fields, name).next()?;
        app.bound = true;
        place(&group.targets, own.seat?)
    }

    /// Whether a group with sessions had to choose a target for this request as if there were none (guide STK-21).
    pub(crate) fn is_not_granted(&self, chosen: Chosen, group: &TargetGroup) -> bool {
        !chosen.sticky && self.keeps_targets(group)
    }

    fn keeps_targets(&self, group: &TargetGroup) -> bool {
        match group.attributes.stickiness {
            None => false,
            Some(Stickiness::LoadBalancerCookie { .. }) => true,
            Some(Stickiness::ApplicationCookie { .. }) => self.forward.groups.len() == 1,
        }
    }

    /// What the response will tell the client to remember; `None` if nothing.
    pub(crate) fn session(mut self, chosen: Chosen, group: &TargetGroup, secure: bool) -> Option<Box<Session>> {
        let keeps_targets = self.keeps_targets(group);
        if self.forward.stickiness.is_none() && !keeps_targets {
            return None;
        }
        let tag = self.sessions.tag(chosen.group)?;
        let bound = (tag, seat_in(group, chosen.target)?);
        let Wish { sessions, session, forward, .. } = &mut self;
        let mut session = session.take().unwrap_or_else(|| sessions.take());
        session.secure = secure;
        session.group = forward.stickiness.map(|_| tag);
        match group.attributes.stickiness {
            Some(Stickiness::LoadBalancerCookie { .. }) => session.target = Some(bound),
            Some(Stickiness::ApplicationCookie { .. }) if keeps_targets => session.application = Some(bound),
            _ => {}
        }
        Some(session)
    }
}

/// How cookies name a target.
pub(crate) fn seat(config: &Config, chosen: Chosen) -> Option<Seat> {
    seat_in(config.group(chosen.group)?, chosen.target)
}

fn seat_in(group: &TargetGroup, target: usize) -> Option<Seat> {
    let address = group.targets.get(target)?.address;
    Some(Seat { address, place: u16::try_from(target).unwrap_or(u16::MAX) })
}

/// The values of both names, a few of each.
fn candidates<'a>(fields: Fields<'a>, names: [&'a str; 2]) -> impl Iterator<Item = &'a [u8]> {
    names.into_iter().flat_map(move |name| cookie::values(fields, name).take(CANDIDATES_MAX))
}

fn read(keys: &mut Keys, kind: Kind, value: &[u8], now: Wall) -> Option<Bond> {
    let mut sealed = cookie::decode(value)?;
    Bond::read(keys.open(kind, now, &mut sealed)?)
}

/// Where the target of a cookie is now: where it was, unless the group has changed.
fn place(targets: &[Target], seat: Seat) -> Option<usize> {
    let there = usize::from(seat.place);
    if targets.get(there).is_some_and(|target| is_at(target, seat.address)) {
        return Some(there);
    }
    targets.iter().position(|target| is_at(target, seat.address))
}

fn is_at(target: &Target, address: SocketAddr) -> bool {
    target.address.port() == address.port() && target.address.ip().to_canonical() == address.ip()
}
