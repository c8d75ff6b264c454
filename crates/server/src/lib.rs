//! An OCI registry you can embed, or serve.

pub mod auth;
pub mod serve;
