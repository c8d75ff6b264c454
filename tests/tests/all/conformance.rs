//! The conformance suite of the distribution specification, with everything it knows turned on.

use std::collections::BTreeMap;
use std::path::Path;

use oras_tests::{OrasServer, Part, Sandbox};

/// Reads the counts at the end of the suite's report, by their names.
fn counts(report: &str) -> BTreeMap<String, u32> {
    let lines = report.lines().skip_while(|line| !line.starts_with("OCI Conformance Result"));
    let lines = lines.skip(1).take_while(|line| !line.trim().is_empty());
    lines
        .filter_map(|line| line.rsplit_once(':'))
        .map(|(name, count)| {
            let name = name.trim().trim_end_matches('.').to_owned();
            (name, count.trim().parse().expect("a number"))
        })
        .collect()
}

/// Runs the suite against a server; every test must pass, and none be left out.
fn conforms(sandbox: &Sandbox, suite: &Path, server: &OrasServer, password: Option<&str>) {
    let mut command = sandbox.command(suite);
    command
        .env("OCI_REGISTRY", server.address().to_string())
        .env("OCI_TLS", "disabled")
        .env("OCI_VERSION", "dev")
        .env("OCI_DATA_SPARSE", "true")
        .env("OCI_RESULTS_DIR", sandbox.path("results"));
    if let Some(password) = password {
        command.env("OCI_USERNAME", "me").env("OCI_PASSWORD", password);
    }
    let outcome = sandbox.run(&mut command);
    let report = format!("{}\n{}", outcome.stdout, outcome.stderr);
    let mut counts = counts(&report);
    let total = counts.remove("Total").unwrap_or_else(|| panic!("no result in {report}"));
    assert!(total > 1000, "{total} tests are not all there are");
    assert_eq!(counts.remove("Pass"), Some(total), "{report}");
    assert!(counts.len() >= 4 && counts.values().all(|count| *count == 0), "{counts:?}");
}

#[test]
fn passes_every_test_of_the_specification_and_skips_none() {
    let sandbox = Sandbox::new();
    let Some(suite) = Part::Conformance.find() else { return };
    // Garbage is looked for all the time, and must not be found in what is being pushed.
    let flags = ["--allow-sparse", "--gc-interval", "1s"];
    let server = OrasServer::start_at(&sandbox, &sandbox.path("registry"), "127.0.0.1:0", &flags);
    conforms(&sandbox, &suite, &server, None);
    server.stop();
}
