//! End-to-end tests: the real program against real registries, clients and faults.
#![expect(clippy::disallowed_methods, reason = "programs are found where the search path says")]

mod archive_bytes;
mod bad_input;
mod broken_lines;
mod completion;
mod conformance;
mod crash;
mod disk_full;
mod doctor;
mod emulated_quirks;
mod emulated_story;
mod every_syscall;
mod faults;
mod guides;
mod hostile;
mod hygiene;
mod inputs;
mod interop_access;
mod interop_distribution;
mod interop_issuer;
mod interop_oras_python;
mod interop_skopeo;
mod layout_concurrency;
mod login_concurrency;
mod manifest_bytes;
mod mirror;
mod operator_guide;
mod parity;
mod progress;
mod readme;
mod resume;
mod server_faults;
mod signals;
mod soak;
mod story;
mod untrusted;
