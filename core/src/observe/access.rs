//! Lines of the access log.
