//! End-to-end tests: the real program against real registries, clients and faults.
