//! Sluicegate on glommio.

fn main() {}
