//! What the programs are told and what they say: flags, and `check`, `explain`, `policies` and what is told of targets as
//! functions from text to text. No file is read and nothing is printed here, so all of it can be tested and embedded.
//!
//! Both programs take exactly these flags. Exit codes: 0 when all is well, 1 when something is wrong with what was
//! given (a template, a port, a request), 2 when the command line itself is. What a command was asked for goes to
//! standard output, everything else to standard error.

mod check;
mod describe;
mod explain;
mod files;
mod flags;
mod policies;
mod report;

pub use check::{check, load};
pub use describe::describe;
pub use explain::{Asked, Question, RAW_BYTES_MAX, explain};
pub use files::{CertificateFiles, Files};
pub use flags::{Check, Command, Demo, Explain, Policies, Run, Serving, Values, parse};
pub use policies::policies;
pub use report::Report;
