//! The distribution API, row by row, through the service and in this process, on every store.

mod blobs;
mod client;
mod manifests;
mod sample;
mod uploads;
