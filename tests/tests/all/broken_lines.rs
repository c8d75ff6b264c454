//! Connections that break: a transfer that can be completed is, and one that cannot leaves nothing.

use oras_tests::{Direction, Fault, OrasServer, Proxy, Sandbox, noise};

const SIZE: usize = 1_500_000;

fn pushed(sandbox: &Sandbox, server: &OrasServer) {
    sandbox.write("large.bin", noise(1, SIZE));
    sandbox.oras(&format!("push {}/a:1 large.bin", server.host())).succeeds();
}

#[test]
fn a_pull_goes_on_after_a_cut_or_a_reset() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    pushed(&sandbox, &server);
    for byte in [20_000, 400_000, 1_000_000] {
        for fault in [Fault::Cut(Direction::Down, byte), Fault::Reset(Direction::Down, byte)] {
            let proxy =
                Proxy::start(server.address(), move |n| if n < 2 { fault } else { Fault::None });
            sandbox.oras(&format!("pull {}/a:1 -o out", proxy.host())).succeeds();
            assert!(sandbox.read("out/large.bin") == noise(1, SIZE), "altered after {fault:?}");
            assert_eq!(sandbox.list("out"), ["large.bin"]);
            std::fs::remove_dir_all(sandbox.path("out")).expect("clear the output");
        }
    }
}

#[test]
fn a_pull_over_a_line_that_breaks_for_good_fails_and_leaves_nothing() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    pushed(&sandbox, &server);
    // Some of the file arrives, and after that not even the head of an answer: a line on which
    // each connection brings a few bytes more would do in the end.
    let proxy = Proxy::start(server.address(), |n| {
        Fault::Cut(Direction::Down, if n == 0 { 400_000 } else { 100 })
    });
    let complaint = sandbox.oras(&format!("pull {}/a:1 -o out", proxy.host())).fails();
    let errors = complaint.lines().filter(|line| line.starts_with("Error")).count();
    assert_eq!(errors, 1, "{complaint}");
    assert!(complaint.contains("; again in "), "waited without a word: {complaint}");
    assert!(sandbox.list("out").is_empty(), "{:?}", sandbox.list("out"));
}

#[test]
fn a_push_over_a_line_that_breaks_shows_no_incomplete_tag() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    let host = server.host();
    sandbox.write("large.bin", noise(2, SIZE));
    for (number, byte) in [20_000, 700_000].into_iter().enumerate() {
        let fault = Fault::Reset(Direction::Up, byte);
        let proxy = Proxy::start(server.address(), move |_| fault);
        let reference = format!("b{number}:1");
        let outcome = sandbox.oras(&format!("push {}/{reference} large.bin", proxy.host()));
        assert!(!outcome.status.success(), "{outcome:?}");
        sandbox.oras(&format!("resolve {host}/{reference}")).fails();
        sandbox.oras(&format!("push {host}/{reference} large.bin")).succeeds();
        sandbox.oras(&format!("pull {host}/{reference} -o out")).succeeds();
        assert!(sandbox.read("out/large.bin") == noise(2, SIZE), "altered");
    }
}
