//! Answers that the balancer makes itself, byte for byte as `wire.md` 2.1 has them.
