//! Dates as HTTP and logs write them.
