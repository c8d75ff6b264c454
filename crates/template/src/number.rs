//! Numbers from and to text, as Go's `strconv` reads and writes them.

/// Why text is not the number that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NumberError {
    /// It is a number, but too large; this one is the nearest.
    Range(i64),
    Syntax,
}

/// Reads a whole number with a sign. Base 0 takes the base from a prefix and allows underscores.
pub(crate) fn parse_int(text: &str, base: u32) -> Result<i64, NumberError> {
    let negative = text.starts_with('-');
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let magnitude = match digits_value(digits, base) {
        Some(magnitude) if base != 0 || underscores_separate(text) => magnitude,
        _ => return Err(NumberError::Syntax),
    };
    let value = if negative { -magnitude } else { magnitude };
    i64::try_from(value).map_err(|_| NumberError::Range(if negative { i64::MIN } else { i64::MAX }))
}

/// Reads a whole number without a sign, as [`parse_int`].
pub(crate) fn parse_uint(text: &str, base: u32) -> Result<u64, NumberError> {
    match digits_value(text, base) {
        Some(magnitude) if base != 0 || underscores_separate(text) => {
            u64::try_from(magnitude).map_err(|_| NumberError::Range(i64::MAX))
        }
        _ => Err(NumberError::Syntax),
    }
}

/// Adds up digits; stays at a value that no type can hold once it is beyond.
fn digits_value(text: &str, base: u32) -> Option<i128> {
    let (digits, radix) = match (base, text.as_bytes()) {
        (0, [b'0', b'x' | b'X', ..]) => (&text[2..], 16),
        (0, [b'0', b'o' | b'O', ..]) => (&text[2..], 8),
        (0, [b'0', b'b' | b'B', ..]) => (&text[2..], 2),
        (0, [b'0', _, ..]) => (&text[1..], 8),
        (0, _) => (text, 10),
        _ => (text, base),
    };
    let mut value: Option<i128> = None;
    for character in digits.chars() {
        if character == '_' && base == 0 {
            continue;
        }
        let digit = i128::from(character.to_digit(radix)?);
        value = Some((value.unwrap_or(0) * i128::from(radix) + digit).min(1 << 100));
    }
    value
}

/// Tells whether every underscore stands between digits, or between a prefix and a digit.
fn underscores_separate(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text).as_bytes();
    let prefixed = matches!(digits, [b'0', b'x' | b'X' | b'o' | b'O' | b'b' | b'B', ..]);
    let hexadecimal = matches!(digits, [b'0', b'x' | b'X', ..]);
    let mut before = if prefixed { b'0' } else { b'.' };
    for &byte in &digits[if prefixed { 2 } else { 0 }..] {
        let digit = byte.is_ascii_digit() || (hexadecimal && byte.is_ascii_hexdigit());
        let kind = if digit { b'0' } else { byte };
        if (kind == b'_' && before != b'0') || (before == b'_' && kind != b'0') {
            return false;
        }
        before = kind;
    }
    before != b'_'
}

/// Reads a floating-point number; nothing if it is none, or too large.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    if text.contains('_') && !underscores_separate(text) {
        return None;
    }
    let plain = text.replace('_', "");
    let unsigned = plain.strip_prefix(['-', '+']).unwrap_or(&plain);
    if let Some(hexadecimal) = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X")) {
        let magnitude = parse_hexadecimal(hexadecimal)?;
        return Some(if plain.starts_with('-') { -magnitude } else { magnitude });
    }
    let named = unsigned.starts_with(|c: char| c.is_ascii_alphabetic());
    if named
        && (text.contains('_')
            || (plain.len() > unsigned.len()
                && unsigned.len() == 3
                && unsigned.eq_ignore_ascii_case("nan")))
    {
        return None;
    }
    plain.parse::<f64>().ok().filter(|value| named || value.is_finite())
}

/// Reads `1.8p3`: hexadecimal digits, then a power of two.
fn parse_hexadecimal(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once(['p', 'P'])?;
    let exponent_digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    if exponent_digits.is_empty() || !exponent_digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut power: i32 =
        exponent.parse().unwrap_or(if exponent.starts_with('-') { -9999 } else { 9999 });
    power = power.clamp(-9999, 9999);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value: u64 = 0;
    for (index, character) in whole.chars().chain(fraction.chars()).enumerate() {
        let digit = u64::from(character.to_digit(16)?);
        let in_fraction = index >= whole.len();
        if value >> 58 == 0 {
            value = value << 4 | digit;
            power = power.saturating_sub(if in_fraction { 4 } else { 0 });
        } else {
            // Too far right to be more than a hint which way to round.
            value |= u64::from(digit != 0);
            power = power.saturating_add(if in_fraction { 0 } else { 4 });
        }
    }
    let scaled = scale(uint_to_float(value), power);
    scaled.is_finite().then_some(scaled)
}

/// Multiplies by a power of two in steps that do not overflow by themselves.
fn scale(mut value: f64, mut power: i32) -> f64 {
    while power != 0 && value != 0.0 && value.is_finite() {
        let step = power.clamp(-1000, 1000);
        value *= 2_f64.powi(step);
        power -= step;
    }
    value
}

/// Cuts off the fraction, as Go does on its most common machines: what does not fit becomes the
/// least number.
#[expect(clippy::cast_possible_truncation, reason = "it fits, and the fraction is to go")]
pub(crate) fn float_to_int(value: f64) -> i64 {
    let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value);
    if fits { value as i64 } else { i64::MIN }
}

/// The whole number that a float is, if it is one.
pub(crate) fn exact_int(value: f64) -> Option<i64> {
    let int = float_to_int(value);
    (int_to_float(int).to_bits() == (value + 0.0).to_bits()).then_some(int)
}

/// The nearest floating-point number.
#[expect(clippy::cast_precision_loss, reason = "the nearest is what Go takes")]
pub(crate) fn int_to_float(int: i64) -> f64 {
    int as f64
}

/// The nearest floating-point number.
#[expect(clippy::cast_precision_loss, reason = "the nearest is what Go takes")]
pub(crate) fn uint_to_float(uint: u64) -> f64 {
    uint as f64
}

/// Writes a floating-point number as Go's `FormatFloat`: `verb` is one of `b e E f g G x X`; no
/// precision means as few digits as tell the number apart from all others.
pub(crate) fn format_float(value: f64, verb: char, precision: Option<usize>) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() };
    }
    let sign = if value.is_sign_negative() { "-" } else { "" };
    let magnitude = value.abs();
    let digits = match verb {
        'b' => format_binary(magnitude),
        'x' => format_hexadecimal(magnitude, precision),
        'X' => format_hexadecimal(magnitude, precision).to_uppercase(),
        'f' => format_fixed(magnitude, precision),
        'e' => Digits::of(magnitude, precision).exponential(precision, 'e'),
        'E' => Digits::of(magnitude, precision).exponential(precision, 'E'),
        'G' => format_shorter(magnitude, precision, 'E'),
        _ => format_shorter(magnitude, precision, 'e'),
    };
    format!("{sign}{digits}")
}

/// More digits behind the point than any number has; beyond are zeros.
const MOST_DIGITS: usize = 1100;

fn format_fixed(magnitude: f64, precision: Option<usize>) -> String {
    let Some(precision) = precision else {
        let Digits { digits, exponent } = Digits::of(magnitude, None);
        let point = i64::from(exponent) + 1;
        let count = i64::try_from(digits.len()).unwrap_or(i64::MAX);
        let behind = usize::try_from((count - point).max(0)).unwrap_or(0);
        return format_fixed_digits(&digits, point, behind);
    };
    let mut text = format!("{magnitude:.*}", precision.min(MOST_DIGITS));
    text.extend(std::iter::repeat_n('0', precision.saturating_sub(MOST_DIGITS)));
    text
}

/// `%g`: with an exponent if it is small or large, without otherwise.
fn format_shorter(magnitude: f64, precision: Option<usize>, mark: char) -> String {
    let wanted = precision.map(|precision| precision.max(1));
    let mut digits = Digits::of(magnitude, wanted.map(|wanted| wanted - 1));
    let kept = digits.digits.trim_end_matches('0').len();
    digits.digits.truncate(kept);
    let count = i64::try_from(kept).unwrap_or(i64::MAX);
    let point = if kept == 0 { 0 } else { i64::from(digits.exponent) + 1 };
    let limit = match wanted.map(|wanted| i64::try_from(wanted).unwrap_or(i64::MAX)) {
        None => 6,
        Some(wanted) if wanted > count && count >= point => count,
        Some(wanted) => wanted,
    };
    if point - 1 < -4 || point > limit {
        return digits.exponential(Some(kept.saturating_sub(1)), mark);
    }
    let behind = usize::try_from((count - point).max(0)).unwrap_or(0);
    format_fixed_digits(&digits.digits, point, behind)
}

/// Writes digits with the decimal point behind the `point`th, and `behind` digits after it.
fn format_fixed_digits(digits: &str, point: i64, behind: usize) -> String {
    let mut text = String::new();
    let mut at = |index: i64| {
        let digit = usize::try_from(index).ok().and_then(|index| digits.as_bytes().get(index));
        char::from(*digit.unwrap_or(&b'0'))
    };
    if point <= 0 {
        text.push('0');
    }
    text.extend((0..point).map(&mut at));
    if behind > 0 {
        text.push('.');
        text.extend((point..point + i64::try_from(behind).unwrap_or(0)).map(at));
    }
    text
}

/// The decimal digits of a number: the first, the point, the rest, times a power of ten.
struct Digits {
    digits: String,
    exponent: i32,
}

impl Digits {
    /// Takes `precision` digits behind the first, or as few as tell the number apart.
    fn of(magnitude: f64, precision: Option<usize>) -> Self {
        let text = match precision {
            Some(precision) => format!("{magnitude:.*e}", precision.min(MOST_DIGITS)),
            None => shortest(magnitude),
        };
        let (mantissa, exponent) = text.split_once('e').expect("`e` writes an exponent");
        let exponent = exponent.parse().expect("the exponent is a number");
        Self { digits: mantissa.replace('.', ""), exponent }
    }

    /// Writes `d.ddde±dd`, padded with zeros to the precision.
    fn exponential(&self, precision: Option<usize>, mark: char) -> String {
        let (first, rest) = self.digits.split_at(self.digits.len().min(1));
        let first = if first.is_empty() { "0" } else { first };
        let missing = precision.unwrap_or(0).saturating_sub(rest.len());
        let zeros = "0".repeat(missing);
        let point = if rest.is_empty() && missing == 0 { "" } else { "." };
        let sign = if self.exponent < 0 { '-' } else { '+' };
        format!("{first}{point}{rest}{zeros}{mark}{sign}{:02}", self.exponent.unsigned_abs())
    }
}

/// Writes a number with as few digits as tell it apart from all others: `1.5e3`.
///
/// If two numbers of so few digits are equally near, Go takes the even one.
fn shortest(magnitude: f64) -> String {
    let text = format!("{magnitude:e}");
    let digits = text.find('e').map_or(0, |end| end.saturating_sub(2));
    let even = format!("{magnitude:.digits$e}");
    if even.parse() == Ok(magnitude) { even } else { text }
}

/// Reads a number off a float: digits, times a power of ten.
pub(crate) fn shortest_digits(float: f64) -> (String, i32) {
    let Digits { digits, exponent } = Digits::of(float.abs(), None);
    let behind = i32::try_from(digits.len()).unwrap_or(i32::MAX) - 1;
    (digits, exponent - behind)
}

/// The parts of a float: an integer, times a power of two.
fn mantissa_and_exponent(magnitude: f64) -> (u64, i32) {
    let bits = magnitude.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    match i32::try_from(bits >> 52 & 0x7ff).unwrap_or(0) {
        0 => (fraction, -1074),
        exponent => (fraction | 1 << 52, exponent - 1075),
    }
}

fn format_binary(magnitude: f64) -> String {
    let (mantissa, exponent) = mantissa_and_exponent(magnitude);
    format!("{mantissa}p{exponent:+}")
}

/// Writes `0x1.8p+01`: one bit, then hexadecimal digits, then the power of two.
fn format_hexadecimal(magnitude: f64, precision: Option<usize>) -> String {
    let (mut mantissa, mut exponent) = mantissa_and_exponent(magnitude);
    if mantissa == 0 {
        let zeros = "0".repeat(precision.unwrap_or(0));
        let point = if zeros.is_empty() { "" } else { "." };
        return format!("0x0{point}{zeros}p+00");
    }
    // The leading one goes to bit 60: fifteen digits behind the point.
    let shift = mantissa.leading_zeros().cast_signed() - 3;
    mantissa <<= shift;
    exponent += 60 - shift;
    if let Some(precision) = precision.filter(|&precision| precision < 15) {
        let dropped = (15 - precision) * 4;
        let half = 1_u64 << (dropped - 1);
        let rest = mantissa & ((1 << dropped) - 1);
        mantissa >>= dropped;
        mantissa += u64::from(rest > half || (rest == half && mantissa & 1 == 1));
        mantissa <<= dropped;
        if mantissa >> 61 != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let digits = format!("{:015x}", mantissa & ((1 << 60) - 1));
    let fraction = match precision {
        None => digits.trim_end_matches('0').to_owned(),
        Some(precision) => format!("{digits:0<precision$}")[..precision].to_owned(),
    };
    let point = if fraction.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("0x1{point}{fraction}p{sign}{:02}", exponent.unsigned_abs())
}

#[cfg(test)]
mod tests;
