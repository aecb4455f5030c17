//! Conformance: how much of the guide is proved, and by which tests.
//!
//! - [`ledger`] is the table `guide.tsv`: one row per statement, proved or not.
//! - [`source`] finds every test of this repository the way the compiler does, by following `mod`.
//! - [`lexer`] is what both need of Rust's grammar: words and signs, without comments and strings.
//! - [`score`] holds the one against the other.
//!
//! Nothing here runs a test. A statement counts as proved when the tests named for it exist and are not
//! ignored; that they pass is what `cargo test --workspace` says.

#![forbid(unsafe_code)]

pub mod ledger;
pub mod readers;
pub mod score;
pub mod sim;

pub mod source;

pub mod lexer;

pub mod transcript;
