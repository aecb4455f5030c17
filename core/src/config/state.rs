//! The state of a whole configuration that all shards, and the next configuration, share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What all shards share beside the state of groups and targets.
#[derive(Debug, Default)]
pub struct ConfigState {
    checking: AtomicBool,
}

/// The right to check the targets, which one shard has at a time. It ends with the shard that has it, however that ends, and
/// another one may take it.
#[derive(Debug)]
pub struct Checking(Arc<ConfigState>);

impl Checking {
    /// The right to check, if nobody has it.
    pub fn take(state: &Arc<ConfigState>) -> Option<Checking> {
        let taken = state.checking.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed);
        taken.is_ok().then(|| Checking(Arc::clone(state)))
    }

    /// Whether it is the right to check what belongs to that state.
    pub fn is_of(&self, state: &Arc<ConfigState>) -> bool {
        Arc::ptr_eq(&self.0, state)
    }
}

impl Drop for Checking {
    fn drop(&mut self) {
        self.0.checking.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_has_the_right_to_check_and_its_end_frees_it() {
        let state = Arc::new(ConfigState::default());
        let first = Checking::take(&state).expect("it was free");
        assert!(first.is_of(&state) && !first.is_of(&Arc::default()));
        assert!(Checking::take(&state).is_none());
        drop(first);
        assert!(Checking::take(&state).is_some());
    }
}
