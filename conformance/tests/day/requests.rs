//! Requests: which target each gets, whether it may, and what becomes of it.

use sluicegate::shard::{DialError, Endpoints, Fate, ListenerId, Turn, WireId};
use sluicegate::target::Algorithm;

use super::plan::{SLOW, port};
use super::sessions::Cause;
use super::weather::Truth;
use super::world::{Day, Event, Live, ends};
use super::{Host, group_of, seconds};

/// A request that is looking for its target.
#[derive(Default)]
pub(crate) struct Asking {
    /// Who was tried, in order.
    tried: Vec<Host>,
    /// What the last one that could not be connected to was answered with.
    error: Option<DialError>,
    /// The connection that it was sent on.
    back: Option<WireId>,
}

/// A request that a target has.
pub(crate) struct Request {
    pub(crate) node: usize,
    front: WireId,
    back: WireId,
    pub(crate) host: Host,
    client: Option<usize>,
    /// The balancer has given it up.
    cut: bool,
}

impl Day {
    /// A client asks a node for something of that group. The target takes so many seconds.
    pub(crate) fn ask(&mut self, node: usize, group: usize, client: Option<usize>, takes: u64) {
        self.settle(node);
        let cookie = client.and_then(|client| self.cookie(client));
        let text = format!("GET /{group} HTTP/1.1\r\nHost: shop\r\n{}\r\n", cookie.unwrap_or_default());
        self.turn(node, |day, turn| {
            let peer = ([192, 0, 2, 1], 4711).into();
            let front = turn.accepted(ListenerId(port(group)), Endpoints { peer, ..ends() }).expect("a listener");
            day.asking = Some(Asking::default());
            turn.wire(front).expect("the client").offer(text.as_bytes());
            day.effects(node, turn);
            let asking = day.asking.take().expect("it asks");
            day.judge(node, group, client, &asking.tried);
            day.asked += 1;
            day.nursed += usize::from(asking.tried.first().is_some_and(|&first| day.weather.sick == Some(first)));
            match asking {
                Asking { tried, back: Some(back), .. } => {
                    let host = *tried.last().expect("somebody has it");
                    day.model.hosts[host].outstanding += 1;
                    let request = Request { node, front, back, host, client, cut: false };
                    if takes == 0 {
                        day.answer(turn, request);
                    } else {
                        day.keep(request, takes);
                    }
                }
                Asking { error, tried, .. } => {
                    let expected = match error {
                        None => 503,
                        Some(DialError::TimedOut) => 504,
                        Some(_) => 502,
                    };
                    let (status, _) = listen(turn, front);
                    assert_eq!(status, expected, "{tried:?}");
                    turn.wire(front).expect("the client").lost();
                }
            }
        });
    }

    /// A connection is wanted for the request that is asking.
    pub(crate) fn connects(&mut self, node: usize, turn: &mut Turn<'_>, wire: WireId, host: Host) {
        let asking = self.asking.as_mut().expect("somebody asks");
        asking.tried.push(host);
        let refusal = match self.weather.truths[host] {
            Truth::Refuses => Some(DialError::Refused),
            Truth::Unreachable => Some(DialError::Unreachable),
            Truth::Absent { .. } => Some(DialError::TimedOut),
            Truth::NoSockets => Some(DialError::Local),
            _ => None,
        };
        match refusal {
            Some(error) => {
                asking.error = Some(error);
                turn.dialed(wire, Err(error));
            }
            None => {
                turn.dialed(wire, Ok(ends()));
                self.takes_request(node, turn, wire, host);
            }
        }
    }

    /// A connection that waited in the pool is wanted for it.
    pub(crate) fn takes_request(&mut self, node: usize, turn: &mut Turn<'_>, wire: WireId, host: Host) {
        let mut back = turn.wire(wire).expect("a connection to a target");
        assert!(back.pending().starts_with(format!("GET /{} HTTP/1.1\r\n", group_of(host)).as_bytes()));
        let length = back.pending().len();
        back.sent(length);
        self.asking.as_mut().expect("somebody asks").back = Some(wire);
        self.set_live(node, wire, Some(Live::Back { host, request: None }));
    }

    pub(crate) fn reused(&mut self, node: usize, turn: &mut Turn<'_>, wire: WireId, host: Host) {
        self.asking.as_mut().expect("somebody asks").tried.push(host);
        self.takes_request(node, turn, wire, host);
    }

    /// Whether those who were tried may be.
    fn judge(&mut self, node: usize, group: usize, client: Option<usize>, tried: &[Host]) {
        let eligible = self.model.eligible(&self.plan, group, node);
        for host in tried {
            assert!(
                eligible.hosts.contains(host),
                "{}: {host} of group {group} got a request at node {node}, and is {:?}; eligible: {:?}",
                self.clock_text(),
                self.model.hosts[*host],
                eligible.hosts
            );
        }
        self.failed_open[group] += usize::from(eligible.fails_open);
        let Some(&first) = tried.first() else {
            assert!(eligible.hosts.is_empty(), "group {group} has {:?}", eligible.hosts);
            return;
        };
        let plan = &self.plan.groups[group];
        let second = self.second();
        let belongs = client.map(|client| self.sessions.expected(client, plan, &self.model, &eligible, second));
        if let (Some(client), Some(belongs)) = (client, belongs) {
            if let Ok(host) = belongs {
                assert_eq!(first, host, "{}: a session moved without cause", self.clock_text());
            }
            self.sessions.went(client, belongs, &eligible);
            if belongs.is_ok() && tried.len() > 1 {
                self.sessions.went(client, Err(Cause::Refused), &eligible);
            }
        }
        let algorithm = plan.attributes.algorithm;
        if !matches!(belongs, Some(Ok(_))) {
            self.judge_algorithm(algorithm, node, group, first, &eligible.hosts);
        }
        if tried.len() > 1 && algorithm == Algorithm::RoundRobin {
            // Others than the first take turns too, and may be passed over.
            self.shares.forget(group);
        }
    }

    fn judge_algorithm(&mut self, algorithm: Algorithm, node: usize, group: usize, host: Host, eligible: &[Host]) {
        if algorithm == Algorithm::LeastOutstandingRequests {
            let outstanding = |host: &Host| self.model.hosts[*host].outstanding;
            let least = eligible.iter().map(outstanding).min().unwrap_or(0);
            assert_eq!(
                outstanding(&host),
                least,
                "{}: {host} of group {group} has more requests in progress than others",
                self.clock_text()
            );
        }
        if self.is_mitigating(group) {
            return self.shares.forget(group);
        }
        if SLOW.contains(&group) {
            let ramped = |host: &Host| self.model.ramped(&self.plan, *host, self.now);
            let starts: Vec<f64> = eligible.iter().filter_map(ramped).collect();
            if !starts.is_empty() {
                let chosen = ramped(&host);
                self.shares.chosen_slowly(&starts, eligible.len() - starts.len(), chosen);
                return self.shares.forget(group);
            }
        }
        self.shares.chosen(algorithm, group, node, eligible, host);
    }

    /// The target answers as it is at the moment, and the client goes.
    fn answer(&mut self, turn: &mut Turn<'_>, request: Request) {
        let Request { node, front, back, host, client, .. } = request;
        let keeps = self.chance.bool();
        let connection = if keeps { "" } else { "Connection: close\r\n" };
        let truth = if self.weather.sick == Some(host) { Truth::Says(500) } else { self.weather.truths[host] };
        let expected = match truth {
            Truth::Says(status) => status,
            Truth::Resets | Truth::Closes | Truth::Babbles => 502,
            _ => 200,
        };
        let mut wire = turn.wire(back).expect("the target has it");
        match truth {
            Truth::Resets => wire.lost(),
            Truth::Closes => wire.ended(),
            Truth::Babbles => {
                wire.offer(b"SSH-2.0-OpenSSH_9.9\r\n");
                wire.ended();
            }
            _ => {
                let text = format!("HTTP/1.1 {expected} X\r\nContent-Length: 2\r\n{connection}\r\nok");
                wire.offer(text.as_bytes());
            }
        }
        let (status, head) = listen(turn, front);
        assert_eq!(status, expected, "{host} {truth:?}: {head}");
        self.model.hosts[host].outstanding -= 1;
        let cookie = cookie(&head);
        let is_sticky = self.plan.groups[group_of(host)].sticky_for().is_some();
        assert_eq!(cookie.is_some(), is_sticky && !is_our_error(truth), "{head}");
        if let (Some(client), Some(cookie)) = (client, cookie) {
            let second = self.second();
            self.sessions.answered(client, host, cookie, second);
        }
        turn.wire(front).expect("the client").lost();
        match turn.wire(back).map(|wire| wire.fate()) {
            Some(Fate::Close) => {
                turn.wire(back).expect("it is there").lost();
                self.set_live(node, back, None);
            }
            Some(_) => self.set_live(node, back, Some(Live::Back { host, request: None })),
            None => self.set_live(node, back, None),
        }
    }

    fn keep(&mut self, request: Request, takes: u64) {
        let number = self.requests.iter().position(Option::is_none).unwrap_or_else(|| {
            self.requests.push(None);
            self.requests.len() - 1
        });
        let live = Live::Back { host: request.host, request: Some(number) };
        self.set_live(request.node, request.back, Some(live));
        self.requests[number] = Some(request);
        self.plan_event(self.now.after(seconds(takes)), Event::Finish(number));
    }

    /// A target is through with a request.
    pub(crate) fn finish(&mut self, number: usize) {
        let Some(request) = self.requests[number].take() else { return };
        self.turn(request.node, |day, turn| {
            if request.cut {
                let (status, _) = listen(turn, request.front);
                assert_eq!(status, 502, "the deregistration delay is over (DRAIN-05)");
                turn.wire(request.front).expect("the client").lost();
            } else {
                day.answer(turn, request);
            }
        });
    }

    /// The balancer closes a connection that a request is in progress on.
    pub(crate) fn cut(&mut self, number: usize) {
        let Some(request) = &mut self.requests[number] else { return };
        request.cut = true;
        self.model.hosts[request.host].outstanding -= 1;
    }

    fn cookie(&mut self, client: usize) -> Option<String> {
        let garble = self.chance.u8(..) < 5;
        let session = &mut self.sessions.all[client];
        session.garbled = garble && session.cookie.is_some();
        let cookie = session.cookie.as_ref()?;
        let sent = if session.garbled { &cookie[1..] } else { cookie };
        Some(format!("Cookie: a=b; AWSALB={sent}\r\n"))
    }
}

/// What a client hears: the status, and all of it.
fn listen(turn: &mut Turn<'_>, front: WireId) -> (u16, String) {
    let mut wire = turn.wire(front).expect("the client");
    let mut heard = String::new();
    while !wire.pending().is_empty() {
        heard.push_str(&String::from_utf8_lossy(wire.pending()));
        let length = wire.pending().len();
        wire.sent(length);
    }
    let status = heard.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("an answer: {heard:?}")), heard)
}

/// The value of the balancer's cookie, which is always set twice (guide STK-06).
fn cookie(head: &str) -> Option<String> {
    let value = |name: &str| {
        let set = head.split("\r\n").find_map(|line| line.strip_prefix("Set-Cookie: ")?.strip_prefix(name));
        set.and_then(|set| set.split(';').next()).map(str::to_owned)
    };
    let cookie = value("AWSALB=");
    assert_eq!(cookie, value("AWSALBCORS="));
    cookie
}

fn is_our_error(truth: Truth) -> bool {
    matches!(truth, Truth::Resets | Truth::Closes | Truth::Babbles)
}
