//! What is written down about a request.
