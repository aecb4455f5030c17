//! One heap of alarms for all wires, re-armed lazily: a wire's deadline moves with every byte, its alarm does
//! not. An alarm that rings early is set again to where the deadline is by then, so that traffic costs nothing
//! here; only a deadline that moves *closer* costs an entry.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::WireId;
use crate::time::Mono;

/// Why a wire would be woken: each deadline has a name and a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deadline {
    /// A client connection without a request in progress was silent for the idle timeout: it closes silently.
    KeepAlive,
    /// A client began a request and then was silent, or took too long over its head: 408.
    RequestHead,
    /// Neither leg of an exchange moved a byte for the idle timeout: 408 if the client owes us, else 504.
    Exchange,
    /// The target of an exchange was deregistered, and its deregistration delay is over: 502.
    Drained,
    /// A target did not accept the connection in time: 504.
    Connect,
    /// A client did not finish its TLS handshake in time: its connection closes.
    ClientHandshake,
    /// A target did not finish its TLS handshake in time: 504.
    TargetHandshake,
    /// A pooled connection was not used for the idle timeout: it closes.
    Pooled,
    /// A client whose connection we are closing did not close its side in time: it is cut.
    Linger,
    /// A client with HTTP/2 had no stream for the idle timeout, or took nothing of what was to be said: its connection closes.
    Streams,
    /// A target has not answered its check in time: that check has failed.
    Check,
}

/// Alarms by time; ties by wire, so that runs repeat exactly.
#[derive(Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Mono, u64)>>,
    wires: Vec<Option<(WireId, Mono)>>,
}

impl Timers {
    /// Makes sure that `wire` is looked at no later than `at`.
    pub(crate) fn arm(&mut self, wire: WireId, at: Mono) {
        let slot = wire.slot();
        if self.wires.len() <= slot {
            self.wires.resize(slot + 1, None);
        }
        if let Some((_, when)) = self.wires[slot]
            && when <= at
        {
            // Also when it was set for the slot's former tenant: one alarm a slot, however often tenants change.
            self.wires[slot] = Some((wire, when));
            return;
        }
        self.wires[slot] = Some((wire, at));
        self.heap.push(Reverse((at, slot as u64)));
    }

    /// The next wire whose alarm has rung by `now`; its alarm is then off.
    pub(crate) fn rung(&mut self, now: Mono) -> Option<WireId> {
        while let Some(&Reverse((at, slot))) = self.heap.peek() {
            if at > now {
                return None;
            }
            self.heap.pop();
            let armed = self.wires.get_mut(slot as usize)?;
            if let Some((wire, when)) = *armed
                && when == at
            {
                *armed = None;
                return Some(wire);
            }
        }
        None
    }

    /// When the next alarm rings.
    pub(crate) fn next(&self) -> Option<Mono> {
        self.heap.peek().map(|&Reverse((at, _))| at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Slab;

    fn wires<const N: usize>() -> [WireId; N] {
        let mut slab = Slab::new();
        core::array::from_fn(|_| WireId(slab.insert(super::super::wire::WireState::for_test())))
    }

    #[test]
    fn an_alarm_rings_once_at_its_time_and_not_before() {
        let [wire] = wires();
        let mut timers = Timers::default();
        timers.arm(wire, Mono::from_nanos(10));
        assert_eq!(timers.rung(Mono::from_nanos(9)), None);
        assert_eq!(timers.rung(Mono::from_nanos(10)), Some(wire));
        assert_eq!(timers.rung(Mono::from_nanos(99)), None);
    }

    #[test]
    fn only_a_closer_deadline_moves_the_alarm() {
        let [wire] = wires();
        let mut timers = Timers::default();
        timers.arm(wire, Mono::from_nanos(10));
        timers.arm(wire, Mono::from_nanos(20));
        assert_eq!(timers.next(), Some(Mono::from_nanos(10)));
        timers.arm(wire, Mono::from_nanos(5));
        assert_eq!(timers.rung(Mono::from_nanos(5)), Some(wire));
        assert_eq!(timers.rung(Mono::from_nanos(100)), None);
    }

    #[test]
    fn alarms_ring_in_the_order_of_their_times() {
        let [a, b, c] = wires();
        let mut timers = Timers::default();
        for (wire, at) in [(a, 3), (b, 1), (c, 2)] {
            timers.arm(wire, Mono::from_nanos(at));
        }
        let order: Vec<_> = core::iter::from_fn(|| timers.rung(Mono::from_nanos(9))).collect();
        assert_eq!(order, [b, c, a]);
    }
}
