//! Which target of a group gets a request.
