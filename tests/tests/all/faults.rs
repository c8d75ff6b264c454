//! Every kind of fault a line can have, in both directions: a transfer ends well when the line gets
//! well, and otherwise fails clearly and leaves nothing.

use oras_tests::{Direction, Fault, OrasServer, Proxy, Sandbox, noise};

const SIZE: usize = 1_500_000;

/// Where most faults strike: amid the file.
const AMID: u64 = 400_000;

/// With which it does not take long to find out that nothing comes.
const IMPATIENT: &str = "--timeout 400ms --retry 1";

fn faults(way: Direction) -> [Fault; 8] {
    [
        Fault::Cut(way, AMID),
        Fault::Reset(way, AMID),
        Fault::Halt(way, AMID),
        Fault::Drip(way, AMID),
        Fault::Lie(way, AMID),
        Fault::Status(503),
        Fault::Status(500),
        Fault::Status(429),
    ]
}

#[test]
fn a_pull_over_a_line_that_gets_well_ends_well() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    sandbox.write("large.bin", noise(3, SIZE));
    sandbox.oras(&format!("push {}/a:1 large.bin", server.host())).succeeds();
    for fault in faults(Direction::Down) {
        let plan = move |number| if number == 0 { fault } else { Fault::None };
        let proxy = Proxy::start(server.address(), plan);
        let line = format!("pull {}/a:1 -o out --no-cache {IMPATIENT}", proxy.host());
        sandbox.oras(&line).succeeds();
        assert!(sandbox.read("out/large.bin") == noise(3, SIZE), "altered after {fault:?}");
        assert_eq!(sandbox.list("out"), ["large.bin"], "{fault:?}");
        std::fs::remove_dir_all(sandbox.path("out")).expect("clear the output");
    }
}

#[test]
fn a_pull_over_a_line_that_stays_bad_fails_and_leaves_nothing() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    sandbox.write("large.bin", noise(3, SIZE));
    sandbox.oras(&format!("push {}/a:1 large.bin", server.host())).succeeds();
    // The manifest comes through, and then hardly anything.
    let stays = |number: usize, fault: Fault| match (number, fault) {
        (0, Fault::Status(_)) => Fault::Cut(Direction::Down, 100_000),
        (0, _) | (_, Fault::Status(_) | Fault::Drip(..)) => fault,
        (_, Fault::Halt(way, _)) => Fault::Halt(way, 0),
        _ => Fault::Cut(Direction::Down, 100),
    };
    for fault in faults(Direction::Down) {
        let fault = match fault {
            // On the connection that lied the file is fetched again, and right.
            Fault::Lie(..) => continue,
            Fault::Drip(way, _) => Fault::Drip(way, 10_000),
            other => other,
        };
        let proxy = Proxy::start(server.address(), move |number| stays(number, fault));
        let line = format!("pull {}/a:1 -o out --no-cache {IMPATIENT}", proxy.host());
        let complaint = sandbox.oras(&line).fails();
        assert!(complaint.starts_with("Error"), "{fault:?}: {complaint}");
        assert!(sandbox.list("out").is_empty(), "{fault:?}: {:?}", sandbox.list("out"));
    }
}

/// Of what is held up, sockets must not have room for all.
fn size_for(fault: Fault) -> usize {
    match fault {
        Fault::Halt(..) | Fault::Drip(..) => 24 << 20,
        _ => SIZE,
    }
}

#[test]
fn a_push_over_a_line_that_gets_well_ends_well() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    let host = server.host();
    for (number, fault) in faults(Direction::Up).into_iter().enumerate() {
        let bytes = noise(number as u64 + 10, size_for(fault));
        sandbox.write("large.bin", &bytes);
        let plan = move |number| if number == 0 { fault } else { Fault::None };
        let proxy = Proxy::start(server.address(), plan);
        // On one connection, so that the fault meets the file.
        let options = "--timeout 2s --concurrency 1";
        let line = format!("push {}/b{number}:1 large.bin {options}", proxy.host());
        let outcome = sandbox.oras(&line);
        assert!(outcome.status.success(), "{fault:?}: {outcome:?}");
        sandbox.oras(&format!("pull {host}/b{number}:1 -o out --no-cache")).succeeds();
        assert!(sandbox.read("out/large.bin") == bytes, "altered after {fault:?}");
    }
}

#[test]
fn a_push_over_a_line_that_stays_bad_fails_and_sets_no_tag() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    let host = server.host();
    for (number, fault) in faults(Direction::Up).into_iter().enumerate() {
        sandbox.write("large.bin", noise(4, size_for(fault)));
        let then = match fault {
            // What drips is as good as silent, and a connection lies only once: what is sent again
            // over it is right.
            Fault::Drip(..) | Fault::Lie(..) => continue,
            // A line on which each connection takes some more would do in the end.
            Fault::Halt(way, _) => Fault::Halt(way, 0),
            other => other,
        };
        let plan = move |number| if number == 0 { fault } else { then };
        let proxy = Proxy::start(server.address(), plan);
        let name = format!("c{number}:1");
        let line = format!("push {}/{name} large.bin {IMPATIENT}", proxy.host());
        let complaint = sandbox.oras(&line).fails();
        assert!(complaint.starts_with("Error"), "{fault:?}: {complaint}");
        sandbox.oras(&format!("resolve {host}/{name}")).fails();
    }
}

#[test]
fn retry_says_how_often_and_timeout_how_long() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    sandbox.write("large.bin", noise(5, SIZE));
    sandbox.oras(&format!("push {}/a:1 large.bin", server.host())).succeeds();
    let pull = |fault, flags: &str| {
        let plan = move |number| if number == 0 { fault } else { Fault::None };
        let proxy = Proxy::start(server.address(), plan);
        sandbox.oras(&format!("pull {}/a:1 -o out --no-cache {flags}", proxy.host()))
    };
    let cut = Fault::Cut(Direction::Down, AMID);
    let complaint = pull(cut, "--retry 0").fails();
    assert!(complaint.contains(&format!("of {SIZE} bytes: ")), "{complaint}");
    pull(cut, "--retry 1").succeeds();
    let complaint = pull(Fault::Halt(Direction::Down, AMID), "--timeout 0.3s --retry 0").fails();
    assert!(complaint.contains("i/o timeout: no progress for 0.3 s"), "{complaint}");
    let complaint = pull(Fault::Drip(Direction::Down, AMID), "--timeout 0.3s --retry 0").fails();
    assert!(complaint.contains("i/o timeout: less than 1 KiB/s for 0.6 s"), "{complaint}");
    let complaint = pull(Fault::Status(503), "--retry 0").fails();
    assert!(complaint.contains("503"), "{complaint}");
    let complaint = pull(cut, "--retry -1").fails();
    assert!(complaint.contains("invalid number of retries -1"), "{complaint}");
    let complaint = pull(cut, "--timeout soon").fails();
    assert!(complaint.contains("invalid timeout \"soon\""), "{complaint}");
}
