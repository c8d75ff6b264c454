//! Behaviors, each acting on the quirks it knows: before the registry within is asked, or after.

pub(crate) mod door;
pub(crate) mod download;
pub(crate) mod edge;
pub(crate) mod keep;
pub(crate) mod list;
pub(crate) mod manifest;
pub(crate) mod names;
mod quay;
pub(crate) mod rights;
pub(crate) mod token;
pub(crate) mod upload;
