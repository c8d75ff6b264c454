//! The distribution API, row by row, through the service and in this process, on every store.

mod access;
mod blobs;
mod body;
mod changes;
mod client;
mod concurrency;
mod disk;
mod issuer;
mod limits;
mod lists;
mod manifests;
mod matrix;
mod metrics;
mod mirror;
mod mounts;
mod ranges;
mod referrers;
mod requests;
mod restart;
mod sample;
mod upkeep;
mod uploads;
