//! The field names that the load balancer acts upon.
