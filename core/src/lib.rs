//! Sluicegate: an application load balancer as a pure, sans-IO core.

#![forbid(unsafe_code)]

pub mod time;

pub mod http;

pub mod desync;
pub mod rules;

#[cfg(feature = "config")]
pub mod config;
#[cfg(feature = "config")]
pub mod target;

#[cfg(feature = "config")]
pub mod observe;

#[cfg(feature = "shard")]
pub mod buffer;
#[cfg(feature = "shard")]
pub mod exchange;
#[cfg(feature = "shard")]
pub mod key;
#[cfg(feature = "shard")]
pub mod shard;

#[cfg(feature = "pump")]
pub mod pump;

#[cfg(feature = "cli")]
pub mod cli;
