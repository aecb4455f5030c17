//! Who got how many requests while the same targets were eligible.

use sluicegate::target::Algorithm;

use super::plan::ZONAL;
use super::{GROUPS, HOSTS, Host};

/// How far the chi-square statistic of all stretches together may be from what chance makes of it, in standard deviations. A
/// load balancer that chooses by chance and evenly goes beyond this once in a hundred million days; one that takes turns is far below.
const DEVIATIONS_MAX: f64 = 5.8;

/// Requests of one group while its eligible targets were the same.
#[derive(Default)]
struct Stretch {
    eligible: Vec<Host>,
    counts: Vec<u32>,
    requests: u32,
}

pub(crate) struct Shares {
    /// By group, and by node where nodes of a group have targets of their own.
    stretches: Vec<[Stretch; 2]>,
    /// The sums, over all stretches of groups that choose by chance, of chi-square, its expectation and its variance.
    chi_square: f64,
    degrees: f64,
    variance: f64,
    /// Stretches in which everybody had a turn.
    pub(crate) rounds: usize,
    /// Requests to targets in slow start, as they should be and as they were, by how far their start had come.
    slow: [(f64, u32); QUARTERS],
}

/// Parts of a slow start that are looked at one by one.
const QUARTERS: usize = 4;

impl Shares {
    pub(crate) fn new() -> Shares {
        let stretches = (0..GROUPS).map(|_| Default::default()).collect();
        Shares { stretches, chi_square: 0.0, degrees: 0.0, variance: 0.0, rounds: 0, slow: Default::default() }
    }

    /// The algorithm has chosen a target.
    pub(crate) fn chosen(&mut self, algorithm: Algorithm, group: usize, node: usize, eligible: &[Host], host: Host) {
        let number = if group == ZONAL { node } else { 0 };
        let stretch = &mut self.stretches[group][number];
        if stretch.requests == 0 {
            stretch.eligible = eligible.to_vec();
            stretch.counts = vec![0; HOSTS];
        }
        assert_eq!(
            stretch.eligible.len(),
            eligible.len(),
            "a stretch ends when the eligible targets of group {group} change"
        );
        stretch.requests += 1;
        stretch.counts[host % HOSTS] += 1;
        if algorithm == Algorithm::RoundRobin {
            let most = stretch.requests.div_ceil(eligible.len() as u32);
            let count = stretch.counts[host % HOSTS];
            assert!(count <= most, "group {group}: {host} had its turn too early: {count} of {}", stretch.requests);
        }
    }

    /// A target was chosen while some start slowly: `starts` has how far each has come, `full` is how many others there are (guide
    /// SLOW-02). `chosen` is how far the chosen one has come, if it is one of those.
    pub(crate) fn chosen_slowly(&mut self, starts: &[f64], full: usize, chosen: Option<f64>) {
        let quarter = |part: f64| ((part * QUARTERS as f64) as usize).min(QUARTERS - 1);
        let sum = starts.iter().sum::<f64>() + full as f64;
        if sum > 0.0 {
            starts.iter().for_each(|&part| self.slow[quarter(part)].0 += part / sum);
            chosen.into_iter().for_each(|part| self.slow[quarter(part)].1 += 1);
        }
    }

    /// The eligible targets of a group change, or how they are chosen.
    pub(crate) fn close(&mut self, algorithm: Algorithm, group: usize) {
        for stretch in core::mem::take(&mut self.stretches[group]).into_iter().filter(|stretch| stretch.requests > 0) {
            match algorithm {
                Algorithm::RoundRobin => {
                    let counts = stretch.counts();
                    let (most, least) = (counts.clone().max().unwrap_or(0), counts.min().unwrap_or(0));
                    assert!(most - least <= 1, "group {group}: {least} to {most} of {} requests", stretch.requests);
                    self.rounds += usize::from(least > 0);
                }
                Algorithm::WeightedRandom => self.weigh(&stretch),
                Algorithm::LeastOutstandingRequests => {}
            }
        }
    }

    /// Something happened that the shares of this stretch say nothing about.
    pub(crate) fn forget(&mut self, group: usize) {
        self.stretches[group] = Default::default();
    }

    /// Pearson's statistic; its variance is exact for equal shares, however few requests there are.
    fn weigh(&mut self, stretch: &Stretch) {
        let (requests, targets) = (f64::from(stretch.requests), stretch.eligible.len() as f64);
        let expected = requests / targets;
        self.chi_square += stretch.counts().map(|count| (f64::from(count) - expected).powi(2) / expected).sum::<f64>();
        self.degrees += targets - 1.0;
        self.variance += 2.0 * (targets - 1.0) * (requests - 1.0) / requests;
    }

    /// By how many standard deviations what was chosen by chance is less even than it should be.
    pub(crate) fn deviations(&self) -> f64 {
        (self.chi_square - self.degrees) / self.variance.sqrt()
    }

    /// The day is over.
    pub(crate) fn sum_up(&self) {
        let deviations = self.deviations();
        assert!(self.variance > 1000.0, "hardly anything was chosen by chance");
        assert!(deviations.abs() < DEVIATIONS_MAX, "weighted random is off by {deviations} standard deviations");
        assert!(self.slow.iter().map(|(expected, _)| expected).sum::<f64>() > 50.0, "{:?}", self.slow);
        for (expected, seen) in self.slow {
            let deviations = (f64::from(seen) - expected).abs() / expected.max(1.0).sqrt();
            assert!(deviations < DEVIATIONS_MAX, "requests to targets in slow start: {:?}", self.slow);
        }
    }
}

impl Stretch {
    fn counts(&self) -> impl Iterator<Item = u32> + Clone {
        self.eligible.iter().map(|host| self.counts[host % HOSTS])
    }
}
