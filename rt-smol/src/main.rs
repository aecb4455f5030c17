//! Sluicegate on smol.

fn main() {}
