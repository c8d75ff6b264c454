//! Prints numbers and text with every verb and flag.

use super::{Flags, Printer};
use crate::buffer::append;
use crate::error::Failure;
use crate::number::format_float;
use crate::quote;
use crate::value::Value;

impl Printer {
    /// Prints a whole number.
    pub(super) fn integer(
        &mut self,
        magnitude: u64,
        negative: bool,
        verb: char,
        value: &Value,
    ) -> Result<(), Failure> {
        let signed = matches!(value, Value::Int(_) | Value::Int64(_));
        match verb {
            'v' if self.flags.source && !signed => {
                self.flags.sharp = true;
                let written = self.digits(magnitude, false, 'x');
                self.flags.sharp = false;
                written
            }
            'v' | 'd' | 'b' | 'o' | 'O' | 'x' | 'X' => self.digits(magnitude, negative, verb),
            'c' => self.pad(character(magnitude, negative).encode_utf8(&mut [0; 4]).as_bytes()),
            'q' => {
                let quoted = quote::quote_char(character(magnitude, negative), self.flags.plus);
                self.pad(quoted.as_bytes())
            }
            'U' => self.code_point(if negative { magnitude.wrapping_neg() } else { magnitude }),
            _ => self.bad_verb(value, verb),
        }
    }

    fn digits(&mut self, magnitude: u64, negative: bool, verb: char) -> Result<(), Failure> {
        let flags = self.flags;
        if flags.precision == Some(0) && magnitude == 0 {
            return self.out.fill(b' ', flags.width.unwrap_or(0));
        }
        let digits = match verb {
            'b' => format!("{magnitude:b}"),
            'o' | 'O' => format!("{magnitude:o}"),
            'x' => format!("{magnitude:x}"),
            'X' => format!("{magnitude:X}"),
            _ => magnitude.to_string(),
        };
        let sign = sign(negative, flags);
        let least = match (flags.precision, flags.width) {
            (Some(precision), _) => precision,
            (None, Some(width)) if flags.zero && !flags.minus => width.saturating_sub(sign.len()),
            _ => 0,
        };
        let zeros = "0".repeat(least.saturating_sub(digits.len()));
        let prefix = match verb {
            'b' if flags.sharp => "0b",
            'x' if flags.sharp => "0x",
            'X' if flags.sharp => "0X",
            'O' if flags.sharp && zeros.is_empty() && !digits.starts_with('0') => "0o0",
            'O' => "0o",
            'o' if flags.sharp && zeros.is_empty() && !digits.starts_with('0') => "0",
            _ => "",
        };
        self.pad_with_blanks(&format!("{sign}{prefix}{zeros}{digits}"))
    }

    fn code_point(&mut self, code: u64) -> Result<(), Failure> {
        let least = self.flags.precision.unwrap_or(0).max(4);
        let mut text = format!("U+{code:0least$X}");
        let character = u32::try_from(code).ok().and_then(char::from_u32);
        if let Some(character) = character.filter(|&c| self.flags.sharp && quote::is_print(c)) {
            append(&mut text, format_args!(" '{character}'"));
        }
        self.pad_with_blanks(&text)
    }

    /// Prints a floating-point number.
    pub(super) fn float(&mut self, float: f64, verb: char, value: &Value) -> Result<(), Failure> {
        let flags = self.flags;
        let (style, precision) = match verb {
            'v' => ('g', flags.precision),
            'b' | 'g' | 'G' | 'x' | 'X' => (verb, flags.precision),
            'f' | 'e' | 'E' => (verb, flags.precision.or(Some(6))),
            'F' => ('f', flags.precision.or(Some(6))),
            _ => return self.bad_verb(value, verb),
        };
        let mut text = format_float(float, style, precision.map(|p| p.min(1_000_000)));
        let negative = text.starts_with('-');
        let unsigned = text.split_off(usize::from(text.starts_with(['-', '+'])));
        let mut sign = sign(negative, flags);
        if !float.is_finite() {
            // Go prints +Inf with its sign, but NaN without.
            if float.is_infinite() && sign.is_empty() {
                sign = "+";
            }
            return self.pad_with_blanks(&format!("{sign}{unsigned}"));
        }
        let unsigned = if flags.sharp && style != 'b' {
            with_point(&unsigned, style, precision)
        } else {
            unsigned
        };
        let missing = flags.width.unwrap_or(0).saturating_sub(sign.len() + unsigned.len());
        if flags.zero && !flags.minus && !sign.is_empty() && missing > 0 {
            self.out.push(sign)?;
            self.out.fill(b'0', missing)?;
            return self.out.push(unsigned);
        }
        self.pad(format!("{sign}{unsigned}").as_bytes())
    }

    /// Prints text.
    pub(super) fn text(&mut self, text: &[u8], verb: char, value: &Value) -> Result<(), Failure> {
        match verb {
            'v' if self.flags.source => self.quoted(shortened(text, self.flags)),
            'v' | 's' => self.pad(shortened(text, self.flags)),
            'x' => self.hexadecimal(text, false),
            'X' => self.hexadecimal(text, true),
            'q' => self.quoted(shortened(text, self.flags)),
            _ => self.bad_verb(value, verb),
        }
    }

    fn quoted(&mut self, text: &[u8]) -> Result<(), Failure> {
        if self.flags.sharp && quote::can_backquote(text) {
            return self.pad(&[b"`", text, b"`"].concat());
        }
        let quoted = if self.flags.plus { quote::quote_ascii(text) } else { quote::quote(text) };
        self.pad(quoted.as_bytes())
    }

    fn hexadecimal(&mut self, text: &[u8], upper: bool) -> Result<(), Failure> {
        let flags = self.flags;
        let taken = &text[..flags.precision.unwrap_or(text.len()).min(text.len())];
        let prefix = if flags.sharp { "0x" } else { "" };
        let mut out = String::with_capacity(2 * taken.len());
        for (index, byte) in taken.iter().enumerate() {
            if index > 0 && flags.space {
                out.push(' ');
            }
            if index == 0 || flags.space {
                out.push_str(prefix);
            }
            append(&mut out, format_args!("{byte:02x}"));
        }
        if upper {
            out.make_ascii_uppercase();
        }
        self.pad(out.as_bytes())
    }

    /// Fills up to the width, with blanks whatever the flags say.
    fn pad_with_blanks(&mut self, text: &str) -> Result<(), Failure> {
        let zero = std::mem::replace(&mut self.flags.zero, false);
        let padded = self.pad(text.as_bytes());
        self.flags.zero = zero;
        padded
    }
}

fn sign(negative: bool, flags: Flags) -> &'static str {
    match (negative, flags) {
        (true, _) => "-",
        (false, Flags { plus: true, .. }) => "+",
        (false, Flags { space: true, .. }) => " ",
        _ => "",
    }
}

/// The character with a code, or the one that stands for none.
fn character(magnitude: u64, negative: bool) -> char {
    let code = u32::try_from(magnitude).ok().filter(|_| !negative);
    code.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// Cuts text to as many characters as the precision says.
fn shortened(text: &[u8], flags: Flags) -> &[u8] {
    let Some(precision) = flags.precision else { return text };
    let mut rest = precision;
    let mut length = 0;
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            if rest == 0 {
                return &text[..length];
            }
            rest -= 1;
            length += character.len_utf8();
        }
        let taken = chunk.invalid().len().min(rest);
        rest -= taken;
        length += taken;
    }
    &text[..length]
}

/// `#`: keeps the decimal point and the zeros behind it.
fn with_point(unsigned: &str, style: char, precision: Option<usize>) -> String {
    let tail = if matches!(style, 'x' | 'X') {
        unsigned.find(['p', 'P'])
    } else {
        unsigned.find(['e', 'E'])
    };
    let (number, tail) = unsigned.split_at(tail.unwrap_or(unsigned.len()));
    let mut number = number.to_owned();
    let significant = |text: &str| {
        let digits = text.chars().filter(|&c| c != '.');
        digits.skip_while(|&c| c == '0').count()
    };
    let wanted = if matches!(style, 'g' | 'G' | 'x') { precision.unwrap_or(6) } else { 0 };
    let mut missing = wanted.saturating_sub(significant(&number));
    if !number.contains('.') {
        if number == "0" {
            missing = missing.saturating_sub(1);
        }
        number.push('.');
    }
    number.extend(std::iter::repeat_n('0', missing));
    number + tail
}
