//! Real terminals: `tmux`, at which tests look, and one that only takes down what programs write.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::pty::OpenptFlags;

use crate::Part;
use crate::sandbox::{Outcome, Running, Sandbox, binary};

/// Runs a command to its end, with a terminal of unknown size for its standard error.
pub fn on_terminal(command: &mut Command) -> Outcome {
    let master = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    rustix::pty::grantpt(&master).expect("it is ours");
    rustix::pty::unlockpt(&master).expect("it is ours");
    let name = rustix::pty::ptsname(&master, Vec::new()).expect("it has a name");
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let slave = rustix::fs::open(name, flags, Mode::empty()).expect("open the terminal");
    command.stderr(slave);
    Running::start_with(command, std::fs::File::from(master)).finish()
}

/// How long a test waits for something to show.
const LIMIT: Duration = Duration::from_mins(1);

/// A terminal of a few rows, with a shell in it; gone when dropped.
#[derive(Debug)]
pub struct Terminal<'a> {
    program: PathBuf,
    sandbox: &'a Sandbox,
}

impl<'a> Terminal<'a> {
    /// Opens a terminal; nothing if `tmux` is missing on this machine.
    pub fn open(sandbox: &'a Sandbox, columns: usize, rows: usize) -> Option<Self> {
        let program = Part::Tmux.find()?;
        let terminal = Self { program, sandbox };
        let size = format!("new-session -d -x {columns} -y {rows}");
        let mut words: Vec<&str> = size.split_whitespace().collect();
        // A shell that neither greets nor decorates: what shows is what the program shows.
        words.extend(["env", "PS1=$ ", "sh"]);
        terminal.tell(&words);
        terminal.wait_for("$");
        // The shell goes on with the line when what is in the foreground is interrupted.
        terminal.tell(&["send-keys", "-l", "trap : INT; clear"]);
        terminal.press("Enter");
        Some(terminal)
    }

    /// Types the words of `line` behind the program under test.
    pub fn oras(&self, line: &str) {
        self.type_line(&format!("{} {line}", binary().display()));
    }

    /// Types a line.
    pub fn type_line(&self, line: &str) {
        self.tell(&["send-keys", "-l", "clear"]);
        self.press("Enter");
        self.wait_until(|rows| rows == ["$"]);
        // What was typed is of no interest to those who look.
        let line = format!("clear; {line}; echo \"[exit $?]\"");
        self.tell(&["send-keys", "-l", &line]);
        self.press("Enter");
        self.wait_until(|rows| rows.iter().all(|row| !row.contains("[exit $")));
    }

    /// Presses a key, such as `Enter` or `C-c`.
    pub fn press(&self, key: &str) {
        self.tell(&["send-keys", key]);
    }

    /// Makes the terminal larger or smaller.
    pub fn resize(&self, columns: usize, rows: usize) {
        let size = format!("resize-window -x {columns} -y {rows}");
        self.tell(&size.split_whitespace().collect::<Vec<_>>());
    }

    fn ask(&self, what: &str) -> String {
        self.tell(&["display-message", "-p", what]).trim().to_owned()
    }

    /// Returns the rows that show, up to the last that has text, without blanks behind them.
    pub fn rows(&self) -> Vec<String> {
        let shown = self.tell(&["capture-pane", "-p"]);
        let mut rows: Vec<String> = shown.lines().map(|row| row.trim_end().to_owned()).collect();
        while rows.last().is_some_and(String::is_empty) {
            rows.pop();
        }
        rows
    }

    /// Returns the rows as soon as they are as wanted.
    #[track_caller]
    pub fn wait_until(&self, is_wanted: impl Fn(&[String]) -> bool) -> Vec<String> {
        let begin = Instant::now();
        loop {
            let rows = self.rows();
            if is_wanted(&rows) {
                return rows;
            }
            assert!(begin.elapsed() < LIMIT, "still shows\n{}", rows.join("\n"));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Returns the rows as soon as one of them has `text`.
    #[track_caller]
    pub fn wait_for(&self, text: &str) -> Vec<String> {
        self.wait_until(|rows| rows.iter().any(|row| row.contains(text)))
    }

    /// Tells whether the cursor shows.
    pub fn shows_cursor(&self) -> bool {
        self.ask("#{cursor_flag}") == "1"
    }

    fn tell(&self, words: &[&str]) -> String {
        let mut command: Command = self.sandbox.command(&self.program);
        command.env("LC_ALL", "C.UTF-8").env("TERM", "xterm-256color").args([
            "-u",
            "-f",
            "/dev/null",
        ]);
        command.arg("-S").arg(self.sandbox.root().join("tmux")).args(words);
        self.sandbox.run(&mut command).succeeds()
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        let mut command = self.sandbox.command(&self.program);
        command.arg("-S").arg(self.sandbox.root().join("tmux")).arg("kill-server");
        drop(self.sandbox.run(&mut command));
    }
}
