//! The door to targets.
