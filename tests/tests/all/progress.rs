//! Transfers as somebody at a real terminal sees them, wide and narrow.

use oras_tests::evil::Answer;
use oras_tests::sandbox::binary;
use oras_tests::{Direction, Evil, Fault, OrasServer, Proxy, Sandbox, Terminal};

const MEBIBYTE: usize = 1 << 20;

/// Writes a file of so much that the buffers of a line that does not move have no room for it.
fn write_large(sandbox: &Sandbox) {
    let file = std::fs::File::create(sandbox.path("big.bin")).expect("make a file");
    file.set_len(64 << 20).expect("make it long");
}

/// A registry behind a line on which nothing moves after so many bytes upwards.
fn halting(server: &OrasServer, limit: usize) -> Proxy {
    Proxy::start(server.address(), move |_| Fault::Halt(Direction::Up, limit as u64))
}

/// Demands that no row is wider than the terminal; what `tmux` shows has been broken if it was.
#[track_caller]
fn assert_pairs(rows: &[String]) {
    for pair in rows.chunks(2) {
        assert!(pair[0].starts_with(['✓', '✗']) || is_spinning(&pair[0]), "{rows:#?}");
        assert!(pair[1].starts_with("  └─ "), "{rows:#?}");
    }
}

fn is_spinning(row: &str) -> bool {
    row.starts_with(['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'])
}

/// Splits what shows when the program is done into the bars and what follows.
#[track_caller]
fn ended(terminal: &Terminal<'_>) -> (Vec<String>, Vec<String>) {
    let rows = terminal.wait_for("[exit ");
    assert!(terminal.shows_cursor());
    let bars = rows.iter().take_while(|row| row.starts_with(['✓', '✗', ' '])).count();
    let (bars, rest) = rows.split_at(bars);
    assert_pairs(bars);
    (bars.to_vec(), rest.to_vec())
}

fn row<'a>(rows: &'a [String], name: &str) -> &'a str {
    rows.iter().find(|row| row.contains(name)).unwrap_or_else(|| panic!("{name}: {rows:#?}"))
}

#[test]
fn a_push_on_a_wide_terminal_shows_bytes_speed_percent_and_marks() {
    let sandbox = Sandbox::new();
    let Some(terminal) = Terminal::open(&sandbox, 80, 24) else { return };
    let server = OrasServer::start(&sandbox);
    sandbox.write("small.txt", "hi");
    write_large(&sandbox);
    let proxy = halting(&server, MEBIBYTE);
    terminal.oras(&format!("push {}/a:1 big.bin small.txt", proxy.host()));
    let rows = terminal.wait_until(|rows| {
        rows.iter().any(|row| is_spinning(row) && row.contains("/64 MB"))
            && rows.iter().any(|row| row.starts_with("✓ Uploaded  small.txt"))
    });
    let large = row(&rows, "big.bin");
    assert!(large.contains("] (") || large.contains("]("), "{large}");
    assert!(large.contains("/s) Uploading big.bin"), "{large}");
    assert!(large.contains('%'), "{large}");
    let small = row(&rows, "small.txt");
    assert!(small.contains(" 2/2  B 100.00% "), "{small}");
    assert!(!terminal.shows_cursor());
    terminal.press("C-c");
    let (bars, rest) = ended(&terminal);
    assert!(row(&bars, "big.bin").starts_with("✗ Uploading big.bin"), "{bars:#?}");
    assert_eq!(rest[0], "Error: context canceled");
    assert_eq!(rest[1], "[exit 1]");

    terminal.oras(&format!("push {}/a:1 big.bin small.txt", server.host()));
    let (bars, rest) = ended(&terminal);
    assert_eq!(bars.len(), 8, "config, two files, manifest: {bars:#?}");
    assert!(bars.iter().step_by(2).all(|row| row.starts_with('✓')), "{bars:#?}");
    assert!(row(&bars, "big.bin").contains(" 64/64 MB 100.00% "), "{bars:#?}");
    assert!(rest[0].starts_with("Pushed [registry] "), "{rest:#?}");
    assert_eq!(rest.last().map(String::as_str), Some("$"));
}

#[test]
fn a_push_on_a_narrow_terminal_keeps_to_its_width() {
    let sandbox = Sandbox::new();
    let Some(terminal) = Terminal::open(&sandbox, 40, 24) else { return };
    let server = OrasServer::start(&sandbox);
    write_large(&sandbox);
    let long = format!("{}.txt", "long-".repeat(40));
    sandbox.write(&long, "1");
    let wide = "漢字かな交じり文のとても長い名前のファイル.txt";
    sandbox.write(wide, "2");
    let proxy = halting(&server, MEBIBYTE);
    terminal.oras(&format!("push {}/a:1 big.bin {long} {wide}", proxy.host()));
    let rows = terminal.wait_until(|rows| {
        rows.iter().any(|row| row.contains("/64 MB "))
            && rows.iter().filter(|row| row.starts_with('✓')).count() == 3
    });
    assert_pairs(&rows);
    let large = rows.iter().position(|row| row.contains("Uploading big.bin")).expect("it shows");
    assert!(rows[large].ends_with('%'), "{rows:#?}");
    assert!(rows[large + 1].ends_with("/s"), "{rows:#?}");
    assert!(row(&rows, "long-").ends_with(".  100%"), "{rows:#?}");
    assert!(row(&rows, "漢字").ends_with("  100%"), "{rows:#?}");
    terminal.press("C-c");
    let (_, rest) = ended(&terminal);
    assert_eq!(rest[0], "Error: context canceled");
}

#[test]
fn a_terminal_that_changes_its_size_is_drawn_anew_in_its_width() {
    let sandbox = Sandbox::new();
    let Some(terminal) = Terminal::open(&sandbox, 100, 24) else { return };
    let server = OrasServer::start(&sandbox);
    write_large(&sandbox);
    sandbox.write("small.txt", "hi");
    let proxy = halting(&server, MEBIBYTE);
    terminal.oras(&format!("push {}/a:1 big.bin small.txt", proxy.host()));
    // What a terminal has broken may be left above, out of reach of the program.
    let frame = |rows: &[String]| rows.last_chunk::<6>().cloned();
    let has_width = |rows: &[String], columns: usize| {
        frame(rows).is_some_and(|frame| {
            let large = frame.iter().find(|row| row.contains("big.bin"));
            large.is_some_and(|row| is_spinning(row) && row.chars().count() == columns)
                && frame.iter().skip(1).step_by(2).all(|row| row.starts_with("  └─ "))
        })
    };
    terminal.wait_until(|rows| has_width(rows, 100) && rows.len() == 6);
    for (columns, rows) in [(40, 24), (79, 24), (100, 24), (60, 24), (100, 30)] {
        terminal.resize(columns, rows);
        terminal.wait_until(|rows| has_width(rows, columns));
    }
    terminal.press("C-c");
    let rows = terminal.wait_for("[exit 1]");
    let end = rows.iter().position(|row| row == "Error: context canceled").expect("it is said");
    let frame = frame(&rows[..end]).expect("three bars");
    assert_pairs(&frame);
    assert!(row(&frame, "big.bin").starts_with("✗ Uploading big.bin"), "{rows:#?}");
}

#[test]
fn a_low_terminal_shows_what_is_not_done() {
    let sandbox = Sandbox::new();
    let Some(terminal) = Terminal::open(&sandbox, 80, 10) else { return };
    let server = OrasServer::start(&sandbox);
    let names: Vec<String> = (0..20).map(|number| format!("small{number}.txt")).collect();
    for name in &names {
        sandbox.write(name, name);
    }
    write_large(&sandbox);
    let proxy = halting(&server, MEBIBYTE);
    let line = format!("push {}/a:1 big.bin {}", proxy.host(), names.join(" "));
    terminal.oras(&line);
    let rows = terminal.wait_until(|rows| {
        let is_large = |row: &String| is_spinning(row) && row.contains("big.bin");
        let done = rows.iter().filter(|row| row.starts_with('✓')).count();
        rows.iter().any(is_large) && done == 3
    });
    assert_pairs(&rows);
    terminal.press("C-c");
    terminal.wait_for("[exit 1]");
}

#[test]
fn a_pull_of_wrong_bytes_marks_the_file_as_failed() {
    let sandbox = Sandbox::new();
    let Some(terminal) = Terminal::open(&sandbox, 80, 24) else { return };
    let server = OrasServer::start(&sandbox);
    sandbox.write("good.txt", "good");
    sandbox.write("bad.txt", "bad!");
    sandbox.oras(&format!("push {}/a:1 good.txt bad.txt", server.host())).succeeds();
    let manifest = sandbox.oras(&format!("manifest fetch {}/a:1", server.host())).succeeds();
    let digest = oras_spec::Digest::of(b"bad!");
    let registry = Evil::start(move |request| {
        if request.target.contains("/manifests/") {
            return Answer::body("application/vnd.oci.image.manifest.v1+json", manifest.clone());
        }
        let is_bad = request.target.ends_with(digest.as_str());
        Answer::body("application/octet-stream", if is_bad { "evil" } else { "good" })
    });
    terminal.oras(&format!("pull {}/a:1 -o out", registry.host()));
    let (bars, rest) = ended(&terminal);
    assert!(row(&bars, "bad.txt").starts_with("✗ Downloading bad.txt"), "{bars:#?}");
    assert!(rest[0].starts_with("Error: "), "{rest:#?}");
    assert!(rest.contains(&"[exit 1]".to_owned()), "{rest:#?}");
}

#[test]
fn without_bars_there_are_lines_and_without_a_terminal_too() {
    let sandbox = Sandbox::new();
    let Some(terminal) = Terminal::open(&sandbox, 80, 24) else { return };
    let server = OrasServer::start(&sandbox);
    sandbox.write("hi.txt", "hi");
    terminal.oras(&format!("push --no-tty {}/a:1 hi.txt", server.host()));
    let rows = terminal.wait_for("[exit 0]");
    assert_eq!(rows[0], "Preparing hi.txt");
    row(&rows, "Uploaded  8f434346648f hi.txt");
    terminal.oras(&format!("pull {}/a:1 -o out 2> errors", server.host()));
    let rows = terminal.wait_for("[exit 0]");
    row(&rows, "Downloaded  8f434346648f hi.txt");
    assert_eq!(sandbox.text("errors"), "");
    terminal.oras(&format!("pull {}/a:1 -o out > lines", server.host()));
    let (bars, _) = ended(&terminal);
    assert!(row(&bars, "hi.txt").starts_with("✓ "), "{bars:#?}");
    assert!(sandbox.text("lines").starts_with("Pulled [registry] "), "{}", sandbox.text("lines"));
}

#[test]
fn a_pull_says_where_it_goes_on_what_it_waits_for_and_what_it_moved() {
    let sandbox = Sandbox::new();
    let Some(terminal) = Terminal::open(&sandbox, 100, 24) else { return };
    let server = OrasServer::start(&sandbox);
    write_large(&sandbox);
    sandbox.oras(&format!("push {}/a:1 big.bin", server.host())).succeeds();
    // Some of the file comes, and then each connection ends at once.
    let proxy = Proxy::start(server.address(), |number| {
        Fault::Cut(Direction::Down, if number == 0 { 12 << 20 } else { 100 })
    });
    terminal.oras(&format!("pull {}/a:1 -o out", proxy.host()));
    terminal.wait_until(|rows| {
        let says = |row: &String| row.starts_with("… ") && row.contains("; again in ");
        rows.iter().any(says)
    });
    terminal.press("C-c");
    terminal.wait_for("[exit 1]");

    terminal.oras(&format!("pull {}/a:1 -o out", server.host()));
    let rows = terminal.wait_for("[exit 0]");
    let digest = rows.iter().find(|row| row.contains("resumed from 1"));
    assert!(digest.is_some_and(|row| row.starts_with("  └─ ")), "{rows:#?}");
    let last = row(&rows, "Sent 0 B, received ");
    assert!(last.contains("moved before 1"), "{last}");
}

#[test]
fn a_pull_says_what_it_takes_from_the_cache() {
    let sandbox = Sandbox::new();
    let Some(terminal) = Terminal::open(&sandbox, 100, 24) else { return };
    let server = OrasServer::start(&sandbox);
    sandbox.write("hi.txt", "hi");
    sandbox.oras(&format!("push {}/a:1 hi.txt", server.host())).succeeds();
    let pull = |output: &str| {
        let program = binary().display().to_string();
        let line = format!("ORAS_CACHE=cache {program} pull {}/a:1 -o {output}", server.host());
        terminal.type_line(&line);
        terminal.wait_for("[exit 0]")
    };
    let rows = pull("one");
    assert!(!rows.iter().any(|row| row.contains("from the cache")), "{rows:#?}");
    let rows = pull("two");
    row(&rows, "  └─ 8f434346648f from the cache");
    row(&rows, ", saved ");
}
