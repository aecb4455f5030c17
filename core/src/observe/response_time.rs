//! How long answers took, as a histogram from which any percentile is read (guide MET-24): bounded memory, bounded relative
//! error, and sums of histograms are exact. Buckets are as wide as a fixed part of the values in them.

use core::ops::AddAssign;
use core::time::Duration;

/// Buckets for each doubling of the time: no value is further than 1/64 (1.6 %) from the middle of its bucket.
const PER_DOUBLING: u64 = 32;

/// The longest time that is told from longer ones, in microseconds: more than the longest idle timeout (4,000 s).
const MICROS_MAX: u64 = (1 << 32) - 1;

const BUCKETS: usize = bucket_of(MICROS_MAX) + 1;

/// Times, counted. Nothing is allocated before the first one; then it is 7 KiB.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseTimes {
    buckets: Option<Box<[u64; BUCKETS]>>,
    count: u64,
    sum_micros: u64,
}

impl ResponseTimes {
    /// One more.
    pub fn record(&mut self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.count = self.count.saturating_add(1);
        self.sum_micros = self.sum_micros.saturating_add(micros);
        let buckets = self.buckets.get_or_insert_with(|| Box::new([0; BUCKETS]));
        // It is there: greater times are taken for the greatest.
        if let Some(bucket) = buckets.get_mut(bucket_of(micros.min(MICROS_MAX))) {
            *bucket = bucket.saturating_add(1);
        }
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How long they took together.
    pub fn sum(&self) -> Duration {
        Duration::from_micros(self.sum_micros)
    }

    /// The mean; `None` of nothing.
    pub fn average(&self) -> Option<Duration> {
        self.sum_micros.checked_div(self.count).map(Duration::from_micros)
    }

    /// The time that `percent` of all did not exceed, as CloudWatch's `pNN.NN`: `percentile(99.9)`. Off by 1.6 % at most.
    /// `None` of nothing.
    pub fn percentile(&self, percent: f64) -> Option<Duration> {
        let buckets = self.buckets.as_ref()?;
        let total: u64 = buckets.iter().fold(0, |sum, &bucket| sum.saturating_add(bucket));
        let rank = ((total as f64 * percent.clamp(0.0, 100.0) / 100.0).ceil() as u64).max(1).min(total);
        let mut below = 0_u64;
        let reached = |bucket: &u64| {
            below = below.saturating_add(*bucket);
            below >= rank
        };
        buckets.iter().position(reached).map(|bucket| Duration::from_micros(middle_of(bucket)))
    }
}

impl AddAssign<&ResponseTimes> for ResponseTimes {
    fn add_assign(&mut self, other: &ResponseTimes) {
        let ResponseTimes { buckets, count, sum_micros } = other;
        self.count = self.count.saturating_add(*count);
        self.sum_micros = self.sum_micros.saturating_add(*sum_micros);
        let Some(theirs) = buckets else { return };
        let ours = self.buckets.get_or_insert_with(|| Box::new([0; BUCKETS]));
        ours.iter_mut().zip(theirs.iter()).for_each(|(ours, theirs)| *ours = ours.saturating_add(*theirs));
    }
}

/// The bucket of a time: up to `PER_DOUBLING` the time itself, then `PER_DOUBLING` to each doubling.
const fn bucket_of(micros: u64) -> usize {
    let doublings = (micros / PER_DOUBLING).checked_ilog2();
    let bucket = match doublings {
        None => micros,
        Some(doublings) => doublings as u64 * PER_DOUBLING + (micros >> doublings),
    };
    bucket as usize
}

/// The time in the middle of a bucket.
const fn middle_of(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    let doublings = (bucket / PER_DOUBLING).saturating_sub(1);
    let lowest = (bucket - doublings * PER_DOUBLING) << doublings;
    lowest + (1 << doublings) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(micros: u64) -> Duration {
        Duration::from_micros(micros)
    }

    #[test]
    fn the_middle_of_a_bucket_is_near_to_every_time_in_it() {
        let mut last = 0;
        for power in 0..32 {
            for step in 0..256 {
                let time = (1_u64 << power) + (1_u64 << power) * step / 256;
                let bucket = bucket_of(time);
                assert!(bucket >= last && bucket < BUCKETS, "buckets follow one another");
                last = bucket;
                let middle = middle_of(bucket);
                assert!(middle.abs_diff(time) * 64 <= time, "{time}: {middle}");
                assert_eq!(bucket_of(middle), bucket);
            }
        }
        assert_eq!((bucket_of(0), middle_of(0)), (0, 0));
        assert_eq!((bucket_of(MICROS_MAX), BUCKETS), (895, 896));
    }

    #[test]
    fn percentiles_are_the_ranks_of_sorted_times() {
        let mut times = ResponseTimes::default();
        (1..=10_000).rev().for_each(|time| times.record(micros(time * 100)));
        for (percent, exact) in
            [(0.0, 100), (50.0, 500_000), (90.0, 900_000), (99.0, 990_000), (99.99, 999_900), (100.0, 1_000_000)]
        {
            let found = times.percentile(percent).expect("there are times").as_micros() as u64;
            assert!(found.abs_diff(exact) * 64 <= exact, "p{percent}: {found} for {exact}");
        }
        assert_eq!((times.count(), times.sum()), (10_000, micros(100 * 10_000 * 10_001 / 2)));
        assert_eq!(times.average(), Some(micros(500_050)));
    }

    #[test]
    fn nothing_has_no_percentile_and_takes_no_memory() {
        let none = ResponseTimes::default();
        assert_eq!((none.percentile(50.0), none.average(), none.count()), (None, None, 0));
        assert!(none.buckets.is_none());
    }

    #[test]
    fn the_longest_times_share_a_bucket_and_nan_is_a_rank() {
        let mut times = ResponseTimes::default();
        [Duration::MAX, micros(u64::MAX), micros(MICROS_MAX)].map(|time| times.record(time));
        assert_eq!(times.percentile(1.0), times.percentile(100.0));
        assert_eq!((times.count(), times.sum()), (3, micros(u64::MAX)));
        assert!(times.percentile(f64::NAN).is_some());
    }

    #[test]
    fn histograms_of_shards_add_up_to_that_of_all() {
        let (mut all, mut sum, mut parts) =
            (ResponseTimes::default(), ResponseTimes::default(), [(); 3].map(|()| ResponseTimes::default()));
        for time in 0..1000_u64 {
            all.record(micros(time * time));
            parts[time as usize % 3].record(micros(time * time));
        }
        parts.iter().for_each(|part| sum += part);
        sum += &ResponseTimes::default();
        assert_eq!(sum, all);
    }
}
