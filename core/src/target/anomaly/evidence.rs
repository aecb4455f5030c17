//! How sure it is that a target fails more often than its peers, and that it no longer does. Pure arithmetic; the reasons are
//! in `docs/anomalies.md`.

use core::time::Duration;

use super::window::Count;
use crate::time::Mono;

/// How many times likelier than under the accusation the requests since then have to be before the accusation is dropped: a
/// target that goes on failing is released by chance no sooner than after so many requests, on average.
const RELEASE_ODDS: f64 = 1000.0;

/// So many requests are heard before anybody is released: a target that answered the first three may still be starting.
const RELEASE_REQUESTS_MIN: u64 = 10;

/// Without any request for so long there is nothing to hold on to: the target gets the benefit of the doubt, gradually.
const SILENCE: Duration = Duration::from_secs(300);

/// The share of errors that is held against a target that another shard accused: low, so that much has to be heard in its favour.
const SHARE_INHERITED: f64 = 0.1;

/// An accusation, and what has been heard since.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Suspicion {
    /// The share of errors that is held against it: half-way between what was usual and what was seen, since what is seen when
    /// somebody is accused is more often above the truth than below.
    share: f64,
    /// The logarithm of how much likelier its requests since then are if it fails as its peers do; never below zero, so that a
    /// long bad time does not have to be outweighed by as long a good one.
    favour: f64,
    heard: u64,
    last_heard: Mono,
}

/// How surprising so many failures are where `expected` would be usual: they have a probability of at most `exp(-surprise)`
/// under equal error rates (Hoeffding's inequality, which holds for draws without replacement too).
pub(super) fn surprise(count: Count, expected: f64) -> f64 {
    let requests = count.requests as f64;
    let (seen, usual) = (count.share(), expected / requests.max(1.0));
    if seen <= usual { 0.0 } else { requests * divergence(seen, usual) }
}

/// The relative entropy (Kullback-Leibler) of two shares.
fn divergence(seen: f64, usual: f64) -> f64 {
    let part = |seen: f64, usual: f64| if seen > 0.0 { seen * (seen / usual).ln() } else { 0.0 };
    part(seen, usual) + part(1.0 - seen, 1.0 - usual)
}

impl Suspicion {
    pub(super) fn new(usual: f64, seen: f64, now: Mono) -> Suspicion {
        Suspicion { share: (usual + seen) / 2.0, favour: 0.0, heard: 0, last_heard: now }
    }

    /// One that another shard had.
    pub(super) fn inherited(now: Mono) -> Suspicion {
        Suspicion { share: SHARE_INHERITED, favour: 0.0, heard: 0, last_heard: now }
    }

    /// It is still accused, perhaps of more.
    pub(super) fn worsen(&mut self, usual: f64, seen: f64) {
        self.share = self.share.max((usual + seen) / 2.0);
    }

    /// Hears requests of the target, beside those of its peers.
    pub(super) fn hear(&mut self, fresh: Count, peers: Count, now: Mono) {
        if fresh.requests == 0 {
            return;
        }
        self.heard = self.heard.saturating_add(fresh.requests);
        self.last_heard = now;
        // Half an error more than there were: a share of exactly zero would make the next error impossible.
        let usual = (peers.failed as f64 + 0.5) / (peers.requests as f64 + 1.0);
        let favour = if usual < self.share { favour(fresh, usual, self.share) } else { RELEASE_ODDS.ln() };
        self.favour = (self.favour + favour).max(0.0);
    }

    /// Whether it is to be dropped.
    pub(super) fn is_refuted(&self, now: Mono) -> bool {
        let heard_enough = self.heard >= RELEASE_REQUESTS_MIN && self.favour >= RELEASE_ODDS.ln();
        heard_enough || now.since(self.last_heard) >= SILENCE
    }
}

/// How much requests speak for one share of errors and against another: the logarithm of the ratio of their probabilities.
fn favour(count: Count, usual: f64, accused: f64) -> f64 {
    let good = (count.requests - count.failed) as f64 * ((1.0 - usual) / (1.0 - accused)).ln();
    good + count.failed as f64 * (usual / accused).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The probabilities of 0, 1, … failed among `own` requests, of `all` of which `failed` failed.
    fn hypergeometric(own: u64, failed: u64, all: u64) -> Vec<f64> {
        let choose = |n: u64, k: u64| (0..k).map(|i| (n as f64 - i as f64) / (i + 1) as f64).product::<f64>();
        let ways = |hits| if hits > own { 0.0 } else { choose(failed, hits) * choose(all - failed, own - hits) };
        (0..=failed).map(|hits| ways(hits) / choose(all, own)).collect()
    }

    fn surprise_of(own: u64, hits: usize, expected: f64) -> f64 {
        surprise(Count { requests: own, failed: hits as u64 }, expected)
    }

    /// Whether in each case the probability of so many or more is what the surprise allows.
    fn holds(probabilities: &[f64], own: u64, expected: f64) -> bool {
        (0..probabilities.len()).all(|hits| {
            let tail: f64 = probabilities[hits..].iter().sum();
            tail <= (-surprise_of(own, hits.min(own as usize), expected)).exp() + 1e-9
        })
    }

    #[test]
    fn so_many_failures_are_never_likelier_than_the_surprise_says() {
        for (own, all) in [(1, 3), (5, 10), (10, 40), (10, 400), (30, 60), (40, 40)] {
            for failed in 0..=all.min(60) {
                let expected = own as f64 * failed as f64 / all as f64;
                assert!(holds(&hypergeometric(own, failed, all), own, expected), "{own} of {all}, {failed} failed");
            }
        }
    }

    #[test]
    fn it_holds_too_when_all_fail_more_often_for_a_while() {
        // Two buckets with different shares of errors; what failed in both is the sum of two draws.
        let (quiet, storm) = (hypergeometric(10, 1, 50), hypergeometric(20, 27, 30));
        let mut both = vec![0.0; quiet.len() + storm.len()];
        for (a, first) in quiet.iter().enumerate() {
            storm.iter().enumerate().for_each(|(b, second)| both[a + b] += first * second);
        }
        assert!(holds(&both, 30, 10.0 / 50.0 + 20.0 * 27.0 / 30.0));
    }

    #[test]
    fn surprise_is_nothing_at_the_usual_share_and_grows_with_failures_and_requests() {
        assert_eq!(surprise_of(0, 0, 0.0), 0.0);
        assert_eq!(surprise_of(10, 1, 1.0), 0.0);
        assert_eq!(surprise_of(10, 0, 1.0), 0.0);
        assert_eq!(surprise_of(10, 10, 10.0), 0.0);
        assert!(surprise_of(10, 3, 1.0) > surprise_of(10, 2, 1.0));
        assert!(surprise_of(20, 4, 2.0) > surprise_of(10, 2, 1.0));
        assert!((surprise_of(10, 10, 1.0) - 10.0 * 10_f64.ln()).abs() < 1e-9);
    }

    fn after(requests: u64, failed: u64) -> Suspicion {
        let mut suspicion = Suspicion::new(0.01, 0.99, Mono::default());
        suspicion.hear(Count { requests, failed }, Count { requests: 1000, failed: 10 }, Mono::default());
        suspicion
    }

    #[test]
    fn ten_good_requests_refute_what_nine_do_not() {
        assert!(!after(0, 0).is_refuted(Mono::default()));
        assert!(!after(9, 0).is_refuted(Mono::default()));
        // Against one half: ten halves are 1 in 1,024.
        assert!(!after(10, 0).is_refuted(Mono::default()));
        assert!(after(11, 0).is_refuted(Mono::default()));
        assert!(!after(12, 1).is_refuted(Mono::default()));
    }

    #[test]
    fn a_long_bad_time_does_not_have_to_be_outweighed() {
        let mut suspicion = after(10_000, 9_900);
        suspicion.hear(Count { requests: 11, failed: 0 }, Count { requests: 1000, failed: 10 }, Mono::default());
        assert!(suspicion.is_refuted(Mono::default()));
    }

    #[test]
    fn who_fails_as_others_do_by_now_is_no_exception() {
        let mut suspicion = Suspicion::new(0.1, 0.5, Mono::default());
        let peers = Count { requests: 1000, failed: 400 };
        suspicion.hear(Count { requests: 9, failed: 9 }, peers, Mono::default());
        assert!(!suspicion.is_refuted(Mono::default()));
        suspicion.hear(Count { requests: 1, failed: 1 }, peers, Mono::default());
        assert!(suspicion.is_refuted(Mono::default()));
    }

    #[test]
    fn silence_refutes_after_five_minutes() {
        let heard = Mono::default().after(PERIOD);
        let mut suspicion = after(0, 0);
        suspicion.hear(Count { requests: 1, failed: 1 }, Count::default(), heard);
        assert!(!suspicion.is_refuted(heard.after(SILENCE - Duration::from_nanos(1))));
        assert!(suspicion.is_refuted(heard.after(SILENCE)));
    }

    const PERIOD: Duration = Duration::from_secs(5);
}
