//! Requests of the last minute and how many of them failed, in buckets of one review each.

use core::iter::Sum;

/// Buckets of a window: with one review every five seconds, a minute.
pub(super) const BUCKETS: usize = 12;

/// Requests that ended, and how many of them failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) requests: u64,
    pub(super) failed: u64,
}

/// The counts of one target, or the sums of a group, by bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Window([Count; BUCKETS]);

impl Count {
    pub(super) fn of((requests, failed): (u32, u32)) -> Count {
        Count { requests: u64::from(requests), failed: u64::from(failed.min(requests)) }
    }

    /// The share that failed; 0 of nothing.
    pub(super) fn share(self) -> f64 {
        self.failed as f64 / self.requests.max(1) as f64
    }

    fn and(self, other: Count) -> Count {
        Count {
            requests: self.requests.saturating_add(other.requests),
            failed: self.failed.saturating_add(other.failed),
        }
    }
}

impl Sum for Count {
    fn sum<I: Iterator<Item = Count>>(counts: I) -> Count {
        counts.fold(Count::default(), Count::and)
    }
}

impl Window {
    /// A bucket begins.
    pub(super) fn clear(&mut self, bucket: usize) {
        self.0[bucket % BUCKETS] = Count::default();
    }

    pub(super) fn add(&mut self, bucket: usize, count: Count) {
        let bucket = &mut self.0[bucket % BUCKETS];
        *bucket = bucket.and(count);
    }

    pub(super) fn sum(&self) -> Count {
        self.0.iter().copied().sum()
    }

    /// How many would have failed if in each bucket the target's requests had failed as often as all of the group's. Compared
    /// bucket by bucket, so that nobody is accused for having had more requests than others while all were failing.
    pub(super) fn expected(&self, group: &Window) -> f64 {
        self.0.iter().zip(&group.0).map(|(own, all)| own.requests as f64 * all.share()).sum()
    }
}

impl<'w> Sum<&'w Window> for Window {
    fn sum<I: Iterator<Item = &'w Window>>(windows: I) -> Window {
        let mut sum = Window::default();
        for window in windows {
            sum.0.iter_mut().zip(&window.0).for_each(|(sum, count)| *sum = sum.and(*count));
        }
        sum
    }
}
