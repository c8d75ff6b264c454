//! The commands, run as users run them: arguments in; lines, exit code and content out.
//!
//! Everything happens in this process: the program is a function, and so is the registry, on a
//! loopback port of its own for each test.

#[path = "cli/sandbox.rs"]
mod sandbox;

#[path = "cli/archive.rs"]
mod archive;
#[path = "cli/attach.rs"]
mod attach;
#[path = "cli/backup.rs"]
mod backup;
#[path = "cli/blob.rs"]
mod blob;
#[path = "cli/cache.rs"]
mod cache;
#[path = "cli/compat.rs"]
mod compat;
#[path = "cli/cp.rs"]
mod cp;
#[path = "cli/discover.rs"]
mod discover;
#[path = "cli/frame.rs"]
mod frame;
#[path = "cli/help.rs"]
mod help;
#[path = "cli/layout.rs"]
mod layout;
#[path = "cli/listing.rs"]
mod listing;
#[path = "cli/login.rs"]
mod login;
#[path = "cli/manifest_delete.rs"]
mod manifest_delete;
#[path = "cli/manifest_fetch.rs"]
mod manifest_fetch;
#[path = "cli/manifest_fetch_config.rs"]
mod manifest_fetch_config;
#[path = "cli/manifest_index.rs"]
mod manifest_index;
#[path = "cli/manifest_push.rs"]
mod manifest_push;
#[path = "cli/output.rs"]
mod output;
#[path = "cli/pull.rs"]
mod pull;
#[path = "cli/push.rs"]
mod push;
#[path = "cli/reference.rs"]
mod reference;
#[path = "cli/registry.rs"]
mod registry;
#[path = "cli/remote.rs"]
mod remote;
#[path = "cli/reproducible.rs"]
mod reproducible;
#[path = "cli/resolve.rs"]
mod resolve;
#[path = "cli/secrets.rs"]
mod secrets;
#[path = "cli/serve.rs"]
mod serve;
#[path = "cli/tag.rs"]
mod tag;
#[path = "cli/terminal.rs"]
mod terminal;
