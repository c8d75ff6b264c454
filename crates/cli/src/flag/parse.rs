//! Reads arguments by the rules that pflag, the parser of `oras`, has: same freedom, same messages.

use super::{Choice, Flag, Kind};
use oras_spec::Quoted;

/// The arguments of a command, read.
#[derive(Debug)]
pub(crate) struct Parsed {
    flags: Vec<(Flag, Value)>,
    /// The arguments that are not flags, in order.
    pub(crate) arguments: Vec<String>,
}

/// What a flag was given as.
#[derive(Clone, Debug, Default)]
struct Value {
    given: bool,
    /// The last value, or the default.
    text: String,
    /// All values of a list.
    list: Vec<String>,
}

impl Parsed {
    /// Reads `arguments`. What is to be said about deprecated flags is added to `notices`, also
    /// if reading fails further on.
    ///
    /// # Errors
    ///
    /// A message about the first argument that is wrong.
    pub(crate) fn read<'a>(
        flags: Vec<Flag>,
        arguments: impl IntoIterator<Item = &'a String>,
        notices: &mut Vec<String>,
    ) -> Result<Self, String> {
        let with_default = |flag: Flag| {
            let text = flag.default.clone().into_owned();
            (flag, Value { given: false, text, list: Vec::new() })
        };
        let mut parsed =
            Self { flags: flags.into_iter().map(with_default).collect(), arguments: Vec::new() };
        let mut rest = arguments.into_iter();
        while let Some(argument) = rest.next() {
            match argument.strip_prefix('-') {
                None | Some("") => parsed.arguments.push(argument.clone()),
                // Standard input with a media type: no flag has such a letter.
                Some(body) if body.starts_with(':') => parsed.arguments.push(argument.clone()),
                Some("-") => parsed.arguments.extend(rest.by_ref().cloned()),
                Some(body) => match body.strip_prefix('-') {
                    Some(long) => parsed.long(long, &mut rest, notices)?,
                    None => parsed.letters(body, &mut rest, notices)?,
                },
            }
        }
        Ok(parsed)
    }

    /// Reads what stands behind two dashes.
    fn long<'a>(
        &mut self,
        body: &str,
        rest: &mut impl Iterator<Item = &'a String>,
        notices: &mut Vec<String>,
    ) -> Result<(), String> {
        if body.starts_with(['-', '=']) {
            return Err(format!("bad flag syntax: --{body}"));
        }
        let (name, given) = match body.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (body, None),
        };
        let index = self
            .flags
            .iter()
            .position(|(flag, _)| flag.name == name)
            .ok_or_else(|| format!("unknown flag: --{name}"))?;
        let value = match given {
            Some(value) => value,
            None if !self.flags[index].0.takes_word() => "true",
            None => rest.next().ok_or_else(|| format!("flag needs an argument: --{body}"))?,
        };
        self.set(index, value, notices)
    }

    /// Reads what stands behind one dash: letters of switches, the last of which may take a value.
    fn letters<'a>(
        &mut self,
        body: &str,
        rest: &mut impl Iterator<Item = &'a String>,
        notices: &mut Vec<String>,
    ) -> Result<(), String> {
        let mut letters = body;
        while let Some(letter) = letters.chars().next() {
            let index =
                self.flags.iter().position(|(flag, _)| flag.short == Some(letter)).ok_or_else(
                    || format!("unknown shorthand flag: {} in -{letters}", quote_letter(letter)),
                )?;
            let tail = &letters[letter.len_utf8()..];
            let value = match tail.strip_prefix('=') {
                Some(value) if !value.is_empty() => value,
                _ if !self.flags[index].0.takes_word() => {
                    self.set(index, "true", notices)?;
                    letters = tail;
                    continue;
                }
                _ if !tail.is_empty() => tail,
                _ => rest.next().ok_or_else(|| {
                    format!("flag needs an argument: {} in -{letters}", quote_letter(letter))
                })?,
            };
            return self.set(index, value, notices);
        }
        Ok(())
    }

    fn set(&mut self, index: usize, text: &str, notices: &mut Vec<String>) -> Result<(), String> {
        let (flag, value) = &mut self.flags[index];
        accept(flag.kind, text, value).map_err(|why| {
            format!("invalid argument {} for {} flag: {why}", Quoted(text), Quoted(&flag.shown()))
        })?;
        value.given = true;
        if let Some(note) = flag.deprecated {
            notices.push(format!("Flag --{} has been deprecated, {note}", flag.name));
        }
        Ok(())
    }

    /// Tells whether the flag was given, whatever its value.
    pub(crate) fn given(&self, name: &str) -> bool {
        self.value(name).given
    }

    /// Returns the names of the flags that are required and were not given.
    pub(crate) fn missing(&self) -> Vec<&str> {
        let is_missing = |(flag, value): &&(Flag, Value)| flag.required && !value.given;
        self.flags.iter().filter(is_missing).map(|(flag, _)| &*flag.name).collect()
    }

    /// Tells whether the command has such a flag.
    pub(crate) fn declares(&self, name: &str) -> bool {
        self.flags.iter().any(|(flag, _)| flag.name == name)
    }

    /// Returns the text of the flag.
    pub(crate) fn text(&self, name: &str) -> &str {
        &self.value(name).text
    }

    /// Returns the text of the flag if it was given and is not empty.
    pub(crate) fn some_text(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    /// Tells whether the switch is on.
    pub(crate) fn switch(&self, name: &str) -> bool {
        self.text(name) == "true"
    }

    /// Returns all values of the flag, in order.
    pub(crate) fn list(&self, name: &str) -> &[String] {
        &self.value(name).list
    }

    /// Returns the number of the flag.
    pub(crate) fn number(&self, name: &str) -> i64 {
        self.text(name).parse().expect("numbers are checked when they are read")
    }

    fn value(&self, name: &str) -> &Value {
        let found = self.flags.iter().find(|(flag, _)| flag.name == name);
        &found.unwrap_or_else(|| panic!("the command does not declare --{name}")).1
    }
}

/// Takes `text` as a value, or says why not, in the words of Go's `strconv`.
fn accept(kind: Kind, text: &str, value: &mut Value) -> Result<(), String> {
    match kind {
        Kind::Text => text.clone_into(&mut value.text),
        Kind::List => value.list.push(text.to_owned()),
        Kind::CommaList if text.is_empty() => {}
        Kind::CommaList => value.list.extend(text.split(',').map(str::to_owned)),
        Kind::Switch => {
            let switch = match text {
                "1" | "t" | "T" | "TRUE" | "true" | "True" => "true",
                "0" | "f" | "F" | "FALSE" | "false" | "False" => "false",
                _ => {
                    let text = Quoted(text);
                    return Err(format!("strconv.ParseBool: parsing {text}: invalid syntax"));
                }
            };
            switch.clone_into(&mut value.text);
        }
        Kind::Number => {
            let number = number(text)
                .map_err(|why| format!("strconv.ParseInt: parsing {}: {why}", Quoted(text)))?;
            value.text = number.to_string();
        }
        Kind::Choice(Choice { noun, words }) => {
            if !words.contains(&text) {
                let words = words.join(", ");
                return Err(format!("unknown {noun} flag: {text}\nAvailable options: {words}"));
            }
            text.clone_into(&mut value.text);
        }
    }
    Ok(())
}

/// Reads a whole number as Go's `strconv.ParseInt` with base 0: decimal, or with `0x`, `0o`, `0b`
/// or a leading `0`; underscores may separate digits.
fn number(text: &str) -> Result<i64, &'static str> {
    const SYNTAX: &str = "invalid syntax";
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, body) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    let underscores_separate =
        !(body.ends_with('_') || body.contains("__") || (radix == 10 && body.starts_with('_')));
    let body = body.replace('_', "");
    let is_number = !body.is_empty() && body.chars().all(|digit| digit.is_digit(radix));
    if !underscores_separate || !is_number {
        return Err(SYNTAX);
    }
    let signed = if negative { format!("-{body}") } else { body };
    i64::from_str_radix(&signed, radix).map_err(|_| "value out of range")
}

fn quote_letter(letter: char) -> String {
    if letter == '\'' { "'\\''".to_owned() } else { format!("'{letter}'") }
}

#[cfg(test)]
mod tests;
