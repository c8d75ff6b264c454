//! The `Flags:` block of a help page.

use std::fmt::Write as _;

use super::{Flag, Kind};
use oras_spec::Quoted;

/// Lists `flags` by name, their descriptions in one column.
pub(crate) fn block(flags: &[Flag]) -> String {
    let mut flags: Vec<&Flag> = flags.iter().filter(|flag| flag.deprecated.is_none()).collect();
    flags.sort_by(|one, other| one.name.cmp(&other.name));
    let left: Vec<String> = flags.iter().map(|flag| left(flag)).collect();
    let column = left.iter().map(String::len).max().unwrap_or(0) + 3;
    let line_end = format!("\n{}", " ".repeat(column));
    let mut block = String::new();
    for (flag, left) in flags.iter().zip(&left) {
        let help = told(flag).replace('\n', &line_end);
        writeln!(block, "{left:column$}{help}{}", default(flag)).expect("a string takes all");
    }
    block
}

/// Returns what a flag is for. The word for its value may be set in backticks there; they do not
/// show.
pub(crate) fn told(flag: &Flag) -> String {
    flag.help.replacen('`', "", 2)
}

fn left(flag: &Flag) -> String {
    let letter = flag.short.map_or("    ".to_owned(), |letter| format!("-{letter}, "));
    let word = if flag.word.is_empty() { String::new() } else { format!(" {}", flag.word) };
    format!("  {letter}--{}{word}", flag.name)
}

/// What stands behind the description of a flag that has a default.
pub(crate) fn default(flag: &Flag) -> String {
    match flag.default.as_ref() {
        "" | "false" => String::new(),
        text if flag.kind == Kind::Number => format!(" (default {text})"),
        text => format!(" (default {})", Quoted(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_aligns_and_shows_defaults_but_not_deprecated_flags() {
        let flags = [
            Flag::text("output", "output directory").short('o').default("."),
            Flag::switch("debug", "output debug logs").short('d'),
            Flag::number("concurrency", "5", "concurrency level"),
            Flag::text("format", "format output\n'json': JSON").default("text"),
            Flag::switch("verbose", "gone").deprecated("it is gone"),
            Flag::text("config", "`path` of the config").word("path"),
        ];
        assert_eq!(
            block(&flags),
            "      --concurrency int   concurrency level (default 5)\n\
             \x20     --config path       path of the config\n\
             \x20 -d, --debug             output debug logs\n\
             \x20     --format string     format output\n\
             \x20                         'json': JSON (default \"text\")\n\
             \x20 -o, --output string     output directory (default \".\")\n"
        );
    }
}
