//! Reads the format of `printf`, with all the ways to get it wrong.

use super::{Flags, Printer};
use crate::error::Failure;
use crate::value::Value;

/// Formats values as Go's `Sprintf`. Mistakes are told in the text.
pub(crate) fn printf(format: &[u8], values: &[Value]) -> Result<Vec<u8>, Failure> {
    let mut formatter = Formatter {
        printer: Printer::default(),
        rest: format,
        values,
        next: 0,
        reordered: false,
        index_is_good: true,
    };
    formatter.run()?;
    Ok(formatter.printer.out.into_bytes())
}

/// The largest width or precision.
const MAX_SIZE: i128 = 1_000_000;

struct Formatter<'f> {
    printer: Printer,
    /// What of the format is still to come.
    rest: &'f [u8],
    values: &'f [Value],
    /// The value that the next verb takes.
    next: usize,
    /// The format took values in another order at least once.
    reordered: bool,
    /// The index in the current directive, if any, is one of a value.
    index_is_good: bool,
}

impl Formatter<'_> {
    fn run(&mut self) -> Result<(), Failure> {
        while !self.rest.is_empty() {
            let length = self.rest.iter().position(|&byte| byte == b'%').unwrap_or(self.rest.len());
            let (text, rest) = self.rest.split_at(length);
            self.printer.out.push(text)?;
            self.rest = rest.get(1..).unwrap_or_default();
            if !rest.is_empty() && !self.directive()? {
                break;
            }
        }
        self.printer.flags = Flags::default();
        if self.reordered || self.next >= self.values.len() {
            return Ok(());
        }
        self.printer.out.push("%!(EXTRA ")?;
        for (index, value) in self.values[self.next..].iter().enumerate() {
            if index > 0 {
                self.printer.out.push(", ")?;
            }
            if value.is_nil() {
                self.printer.out.push("<nil>")?;
            } else {
                self.printer.out.push(value.type_name())?;
                self.printer.out.push("=")?;
                self.printer.argument(value, 'v')?;
            }
        }
        self.printer.out.push(")")
    }

    /// Formats one directive, whose `%` is gone. False if the format ends in its middle.
    fn directive(&mut self) -> Result<bool, Failure> {
        self.index_is_good = true;
        self.flags();
        let mut after_index = self.index();
        after_index = self.width(after_index)?;
        after_index = self.precision(after_index)?;
        if !after_index {
            self.index();
        }
        let Some((verb, length)) = first_character(self.rest) else {
            self.printer.out.push("%!(NOVERB)")?;
            return Ok(false);
        };
        self.rest = &self.rest[length..];
        match verb {
            '%' => self.printer.out.push("%")?,
            _ if !self.index_is_good => self.printer.out.push(format!("%!{verb}(BADINDEX)"))?,
            _ if self.next >= self.values.len() => {
                self.printer.out.push(format!("%!{verb}(MISSING)"))?;
            }
            _ => {
                if matches!(verb, 'v' | 'w') {
                    let flags = &mut self.printer.flags;
                    flags.source = std::mem::take(&mut flags.sharp);
                    flags.plus = false;
                }
                self.printer.argument(&self.values[self.next], verb)?;
                self.next += 1;
            }
        }
        Ok(true)
    }

    fn flags(&mut self) {
        let mut flags = Flags::default();
        while let [byte, rest @ ..] = self.rest {
            match byte {
                b'#' => flags.sharp = true,
                b'0' => flags.zero = true,
                b'+' => flags.plus = true,
                b'-' => flags.minus = true,
                b' ' => flags.space = true,
                _ => break,
            }
            self.rest = rest;
        }
        self.printer.flags = flags;
    }

    /// Reads `[3]`, which makes the third value the next. Tells whether there was one.
    fn index(&mut self) -> bool {
        if !self.rest.starts_with(b"[") {
            return false;
        }
        self.reordered = true;
        let Some(end) =
            self.rest.iter().position(|&byte| byte == b']').filter(|_| self.rest.len() >= 3)
        else {
            self.index_is_good = false;
            self.rest = &self.rest[1..];
            return false;
        };
        let (inside, rest) = (&self.rest[1..end], &self.rest[end + 1..]);
        self.rest = rest;
        let index = number(inside).filter(|(_, length)| *length == inside.len());
        match index {
            Some((index, _)) if (1..=self.values.len()).contains(&index) => {
                self.next = index - 1;
                true
            }
            _ => {
                self.index_is_good = false;
                index.is_some()
            }
        }
    }

    fn width(&mut self, after_index: bool) -> Result<bool, Failure> {
        if let Some(rest) = self.rest.strip_prefix(b"*") {
            self.rest = rest;
            let width = self.size();
            if width.is_none() {
                self.printer.out.push("%!(BADWIDTH)")?;
            }
            let flags = &mut self.printer.flags;
            if width.is_some_and(|width| width < 0) {
                flags.minus = true;
                flags.zero = false;
            }
            flags.width = width.map(|width| usize::try_from(width.abs()).unwrap_or(0));
            return Ok(false);
        }
        let width = self.number();
        if after_index && width.is_some() {
            self.index_is_good = false;
        }
        self.printer.flags.width = width;
        Ok(after_index)
    }

    fn precision(&mut self, after_index: bool) -> Result<bool, Failure> {
        if self.rest.len() < 2 || self.rest[0] != b'.' {
            return Ok(after_index);
        }
        self.rest = &self.rest[1..];
        if after_index {
            self.index_is_good = false;
        }
        let after_index = self.index();
        if let Some(rest) = self.rest.strip_prefix(b"*") {
            self.rest = rest;
            let precision = self.size().and_then(|size| usize::try_from(size).ok());
            if precision.is_none() {
                self.printer.out.push("%!(BADPREC)")?;
            }
            self.printer.flags.precision = precision;
            return Ok(false);
        }
        self.printer.flags.precision = Some(self.number().unwrap_or(0));
        Ok(after_index)
    }

    /// Takes the next value as a width or a precision.
    fn size(&mut self) -> Option<i128> {
        let value = self.values.get(self.next)?;
        self.next += 1;
        value.as_integer().filter(|size| size.abs() <= MAX_SIZE)
    }

    /// Reads a number off the format; one that is too large takes the rest of the format with it.
    fn number(&mut self) -> Option<usize> {
        if let Some((value, length)) = number(self.rest) {
            self.rest = &self.rest[length..];
            return Some(value);
        }
        if self.rest.first().is_some_and(u8::is_ascii_digit) {
            self.rest = &[];
        }
        None
    }
}

/// Reads a number and tells its length; nothing if there is none, or it is too large.
fn number(text: &[u8]) -> Option<(usize, usize)> {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let digits = std::str::from_utf8(&text[..length]).ok()?;
    let value: i128 = digits.parse().ok()?;
    // Go gives up only when it meets a digit behind a number that is too large already.
    (value / 10 <= MAX_SIZE).then(|| (usize::try_from(value).unwrap_or(0), length))
}

fn first_character(text: &[u8]) -> Option<(char, usize)> {
    let first = text.utf8_chunks().next()?;
    match first.valid().chars().next() {
        Some(character) => Some((character, character.len_utf8())),
        None => Some((char::REPLACEMENT_CHARACTER, 1)),
    }
}
