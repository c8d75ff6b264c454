//! Base64, Base32 and checksums.

use std::fmt::Write as _;

use sha2::Digest as _;

use super::{Function, Type};
use crate::value::Value;

use Type::Text as Str;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::fixed("b64enc", &[Str], |call| Ok(Value::text(encode(call.bytes(0), ALPHABET64)))),
    Function::fixed("b64dec", &[Str], |call| Ok(decoded("base64", decode64(call.bytes(0))))),
    Function::fixed("b32enc", &[Str], |call| Ok(Value::text(encode(call.bytes(0), ALPHABET32)))),
    Function::fixed("b32dec", &[Str], |call| Ok(decoded("base32", decode32(call.bytes(0))))),
    Function::fixed("sha1sum", &[Str], |call| {
        Ok(Value::text(hexadecimal(&sha1::Sha1::digest(call.bytes(0)))))
    }),
    Function::fixed("sha256sum", &[Str], |call| {
        Ok(Value::text(hexadecimal(&sha2::Sha256::digest(call.bytes(0)))))
    }),
    Function::fixed("sha512sum", &[Str], |call| {
        Ok(Value::text(hexadecimal(&sha2::Sha512::digest(call.bytes(0)))))
    }),
    Function::fixed("adler32sum", &[Str], |call| {
        Ok(Value::text(adler32(call.bytes(0)).to_string()))
    }),
];

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string does not fail");
        text
    })
}

fn adler32(bytes: &[u8]) -> u32 {
    let (low, high) = bytes.iter().fold((1, 0), |(low, high), &byte| {
        let low = (low + u32::from(byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    high << 16 | low
}

const ALPHABET64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const ALPHABET32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Writes bytes with the digits of an alphabet of 32 or 64, in whole groups.
fn encode(bytes: &[u8], alphabet: &[u8]) -> String {
    // Three bytes are four digits of six bits; five bytes are eight digits of five bits.
    let (group_bytes, group_digits) = if alphabet.len() == 64 { (3, 4) } else { (5, 8) };
    let digit_bits = group_bytes * 8 / group_digits;
    let mut text = String::with_capacity(bytes.len().div_ceil(group_bytes) * group_digits);
    for group in bytes.chunks(group_bytes) {
        let bits = group.iter().fold(0, |bits: usize, &byte| bits << 8 | usize::from(byte));
        let bits = bits << (8 * (group_bytes - group.len()));
        let digits = (group.len() * 8).div_ceil(digit_bits);
        for index in 0..group_digits {
            let digit = bits >> (digit_bits * (group_digits - 1 - index)) & (alphabet.len() - 1);
            text.push(if index < digits { char::from(alphabet[digit]) } else { '=' });
        }
    }
    text
}

/// Decodes, and makes Go's message of what cannot be decoded, as sprig does.
fn decoded(name: &str, result: Result<Vec<u8>, usize>) -> Value {
    match result {
        Ok(bytes) => Value::text(bytes),
        Err(place) => Value::text(format!("illegal {name} data at input byte {place}")),
    }
}

/// The digits of one group.
#[derive(Default)]
struct Group {
    bits: u64,
    count: usize,
}

impl Group {
    fn push(&mut self, digit: usize, digit_bits: usize) {
        self.bits = self.bits << digit_bits | u64::try_from(digit).unwrap_or(0);
        self.count += 1;
    }

    /// Returns the whole bytes that the digits make.
    fn bytes(&self, digit_bits: usize) -> Vec<u8> {
        let bits = self.count * digit_bits;
        let shifted = self.bits << (64 - bits.clamp(1, 64));
        shifted.to_be_bytes()[..bits / 8].to_vec()
    }
}

fn digit_of(byte: u8, alphabet: &[u8]) -> Option<usize> {
    alphabet.iter().position(|&digit| digit == byte)
}

/// Decodes Base64, with line breaks anywhere. Fails with the place that Go blames.
fn decode64(text: &[u8]) -> Result<Vec<u8>, usize> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let mut group = Group::default();
    let mut place = 0;
    while let Some(&byte) = text.get(place) {
        place += 1;
        match digit_of(byte, ALPHABET64) {
            Some(digit) => group.push(digit, 6),
            None if is_line_break(byte) => {}
            None if byte == b'=' && group.count >= 2 => {
                end64(text, place, group.count)?;
                bytes.extend(group.bytes(6));
                return Ok(bytes);
            }
            None => return Err(place - 1),
        }
        if group.count == 4 {
            bytes.extend(std::mem::take(&mut group).bytes(6));
        }
    }
    if group.count == 0 { Ok(bytes) } else { Err(place - group.count) }
}

fn is_line_break(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

/// Checks what follows the first sign of padding.
fn end64(text: &[u8], place: usize, count: usize) -> Result<(), usize> {
    let skip = |place: usize| {
        place + text[place..].iter().take_while(|&&byte| is_line_break(byte)).count()
    };
    let mut place = skip(place);
    if count == 2 {
        match text.get(place) {
            None => return Err(text.len()),
            Some(b'=') => place = skip(place + 1),
            Some(_) => return Err(place - 1),
        }
    }
    if place < text.len() { Err(place) } else { Ok(()) }
}

/// Decodes Base32, without line breaks. Fails with the place that Go blames.
fn decode32(text: &[u8]) -> Result<Vec<u8>, usize> {
    let text: Vec<u8> = text.iter().copied().filter(|&byte| !is_line_break(byte)).collect();
    let mut bytes = Vec::with_capacity(text.len() / 8 * 5);
    let mut group = Group::default();
    for (index, &byte) in text.iter().enumerate() {
        let rest = &text[index + 1..];
        if byte == b'=' && group.count >= 2 && rest.len() < 8 {
            let missing = 7 - group.count;
            if rest.len() < missing {
                return Err(text.len());
            }
            if let Some(other) = rest[..missing].iter().position(|&byte| byte != b'=') {
                return Err(index + other);
            }
            if matches!(group.count, 3 | 6) {
                return Err(index);
            }
            bytes.extend(group.bytes(5));
            return Ok(bytes);
        }
        group.push(digit_of(byte, ALPHABET32).ok_or(index)?, 5);
        if group.count == 8 {
            bytes.extend(std::mem::take(&mut group).bytes(5));
        }
    }
    if group.count == 0 { Ok(bytes) } else { Err(text.len() - group.count) }
}
