//! Upper and lower case, words, and lines of words.

use super::{Call, Function, Type};
use crate::buffer::Buffer;
use crate::error::Failure;
use crate::value::Value;

use Type::{Int, Text as Str};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::fixed("upper", &[Str], |call| mapped(call, upper)),
    Function::fixed("lower", &[Str], |call| mapped(call, lower)),
    Function::fixed("title", &[Str], title),
    Function::fixed("untitle", &[Str], untitle),
    Function::fixed("swapcase", &[Str], swap_case),
    Function::fixed("snakecase", &[Str], |call| separated(&call.str(0), '_')),
    Function::fixed("kebabcase", &[Str], |call| separated(&call.str(0), '-')),
    Function::fixed("camelcase", &[Str], |call| Ok(camel_case(&call.str(0)))),
    Function::fixed("initials", &[Str], initials),
    Function::fixed("nospace", &[Str], without_space),
    Function::fixed("wrap", &[Int, Str], |call| wrap(call.bytes(1), call.int(0), b"\n", false)),
    Function::fixed("wrapWith", &[Int, Str, Str], |call| {
        let newline = if call.bytes(1).is_empty() { b"\n" } else { call.bytes(1) };
        wrap(call.bytes(2), call.int(0), newline, true)
    }),
];

/// The upper case of a character, if that is one character; Go knows no other.
fn upper(character: char) -> char {
    let mut upper = character.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(only), None) => only,
        _ => character,
    }
}

/// The lower case of a character: the first of it, as Go has it.
fn lower(character: char) -> char {
    character.to_lowercase().next().unwrap_or(character)
}

fn mapped(call: &Call<'_>, map: fn(char) -> char) -> Result<Value, Failure> {
    Ok(Value::text(call.str(0).chars().map(map).collect::<String>()))
}

/// Makes the first letter of each word upper case.
fn title(call: &Call<'_>) -> Result<Value, Failure> {
    let mut in_word = false;
    let text = call.str(0);
    let titled = text.chars().map(|character| {
        let starts = !std::mem::replace(&mut in_word, is_in_word(character));
        if starts { upper(character) } else { character }
    });
    Ok(Value::text(titled.collect::<String>()))
}

/// Tells whether a character belongs to a word: of those beyond ASCII all but blanks do.
fn is_in_word(character: char) -> bool {
    match character {
        '_' => true,
        c if c.is_ascii() => c.is_ascii_alphanumeric(),
        c => !c.is_whitespace(),
    }
}

/// Makes the first letter behind each blank lower case.
fn untitle(call: &Call<'_>) -> Result<Value, Failure> {
    let mut starts = true;
    let text = call.str(0);
    let changed = text.chars().map(|character| {
        if character.is_whitespace() {
            starts = true;
            return character;
        }
        if std::mem::take(&mut starts) { lower(character) } else { character }
    });
    Ok(Value::text(changed.collect::<String>()))
}

fn swap_case(call: &Call<'_>) -> Result<Value, Failure> {
    let mut behind_space = true;
    let text = call.str(0);
    let swapped = text.chars().map(|character| {
        if character.is_uppercase() {
            behind_space = false;
            lower(character)
        } else if character.is_lowercase() {
            behind_space = false;
            upper(character)
        } else {
            behind_space = character.is_whitespace();
            character
        }
    });
    Ok(Value::text(swapped.collect::<String>()))
}

/// Reads each byte as a character, as the Go library does.
fn first_letters(bytes: &[u8]) -> impl Iterator<Item = (bool, char)> {
    let mut behind_space = true;
    bytes.iter().map(move |&byte| {
        let character = char::from(byte);
        let starts = std::mem::replace(&mut behind_space, character.is_whitespace());
        (starts, character)
    })
}

fn initials(call: &Call<'_>) -> Result<Value, Failure> {
    let letters = first_letters(call.bytes(0))
        .filter(|(starts, character)| *starts && !character.is_whitespace())
        .map(|(_, character)| character);
    Ok(Value::text(letters.collect::<String>()))
}

fn without_space(call: &Call<'_>) -> Result<Value, Failure> {
    let bytes = call.bytes(0);
    if !bytes.iter().any(|&byte| char::from(byte).is_whitespace()) {
        return Ok(call.any(0).clone());
    }
    let kept = first_letters(bytes).map(|(_, c)| c).filter(|c| !c.is_whitespace());
    Ok(Value::text(kept.collect::<String>()))
}

fn is_connector(character: char) -> bool {
    matches!(character, '-' | '_') || character.is_whitespace()
}

/// `http_server` becomes `HttpServer`.
fn camel_case(text: &str) -> Value {
    let first = text.trim_start_matches(is_connector);
    let mut out = text[..text.len() - first.len()].to_owned();
    let mut characters = first.chars();
    let Some(first) = characters.next() else {
        // The Go library writes the last connector twice.
        out.extend(text.chars().next_back());
        return Value::text(out);
    };
    let mut in_capitals = first.is_uppercase();
    let mut last = upper(first);
    for character in characters {
        let mut next = character;
        match (is_connector(last), is_connector(character)) {
            (true, true) => out.push(last),
            (true, false) => {
                in_capitals = character.is_uppercase();
                next = upper(character);
            }
            (false, _) => {
                if in_capitals && character.is_uppercase() {
                    next = lower(character);
                } else {
                    in_capitals = false;
                }
                out.push(last);
            }
        }
        last = next;
    }
    out.push(last);
    Value::text(out)
}

/// What a run of characters is, for the cutting of words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Connector,
    Letters,
    None,
    Number,
    Other,
    Punctuation,
    /// Capitals, or one capital and what follows.
    Upper,
}

/// Cuts text into words.
struct Words<'w>(&'w str);

impl<'w> Words<'w> {
    fn next(&mut self) -> (Word, &'w str) {
        let Some(first) = self.0.chars().next() else { return (Word::None, "") };
        let kind = kind_of(first);
        let length = match kind {
            Word::Upper => self.upper_length(),
            Word::Letters => self.run(|c| kind_of(c) == Word::Letters),
            // Of connectors, those that are signs go on with other signs.
            Word::Punctuation => self.run(is_punctuation),
            kind => self.run(move |c| kind_of(c) == kind),
        };
        let (word, rest) = self.0.split_at(length);
        self.0 = rest;
        (kind, word)
    }

    fn run(&self, belongs: impl Fn(char) -> bool) -> usize {
        self.0.find(|c| !belongs(c)).unwrap_or(self.0.len())
    }

    /// Of `HTTPStatus` the `S` belongs to the next word.
    fn upper_length(&self) -> usize {
        let capitals = self.run(|c| kind_of(c) == Word::Upper);
        let behind = &self.0[capitals..];
        let letters =
            behind.len() - behind.trim_start_matches(|c| kind_of(c) == Word::Letters).len();
        let last = self.0[..capitals].chars().next_back().map_or(0, char::len_utf8);
        match (letters, capitals > last) {
            (0, _) => capitals,
            (_, true) => capitals - last,
            (_, false) => capitals + letters,
        }
    }
}

fn kind_of(character: char) -> Word {
    match character {
        c if is_connector(c) => Word::Connector,
        c if is_punctuation(c) => Word::Punctuation,
        c if c.is_uppercase() => Word::Upper,
        c if c.is_alphabetic() && !is_without_words(c) => Word::Letters,
        c if c.is_numeric() => Word::Number,
        _ => Word::Other,
    }
}

/// Scripts that the Go library takes for symbols.
fn is_without_words(character: char) -> bool {
    matches!(
        character,
        '\u{3400}'..='\u{4d85}' | '\u{4e00}'..='\u{9fcc}' | '\u{20000}'..='\u{2b81d}'
    )
}

/// Unicode's punctuation, as far as it stands in ASCII, Latin-1 and the general blocks.
fn is_punctuation(character: char) -> bool {
    match character {
        c if c.is_ascii() => c.is_ascii_punctuation() && !"$+<=>^`|~".contains(c),
        c => {
            let general = '\u{2010}'..='\u{2027}';
            "¡§«¶·»¿、。〃".contains(c) || general.contains(&c) || ('‰'..='⁞').contains(&c)
        }
    }
}

/// `HTTPServer` becomes `http_server`. A number goes with the letters before it, unless letters
/// follow.
fn separated(text: &str, connector: char) -> Result<Value, Failure> {
    let mut words = Words(text);
    let mut out = Joined { out: Buffer::default(), connector };
    let (mut kind, mut word) = words.next();
    while !words.0.is_empty() {
        if kind != Word::Connector {
            out.word(kind, word)?;
        }
        let (last_kind, last_word) = (kind, word);
        (kind, word) = words.next();
        match last_kind {
            Word::Number => (kind, word) = out.run(&mut words, kind, word)?,
            Word::Connector => out.word(last_kind, last_word)?,
            Word::Punctuation => {}
            _ if kind != Word::Number => out.connect_to(kind)?,
            _ if words.0.is_empty() => {}
            _ => {
                let number = word;
                (kind, word) = words.next();
                if kind == Word::Letters {
                    out.connect()?;
                    out.word(Word::Number, number)?;
                    (kind, word) = out.run(&mut words, kind, word)?;
                } else {
                    out.word(Word::Number, number)?;
                    out.connect_to(kind)?;
                }
            }
        }
    }
    out.word(kind, word)?;
    Ok(out.out.into_value())
}

/// Words in lower case with connectors between them.
struct Joined {
    out: Buffer,
    connector: char,
}

impl Joined {
    fn word(&mut self, kind: Word, word: &str) -> Result<(), Failure> {
        let changed: String = match kind {
            Word::Upper => word.chars().map(lower).collect(),
            Word::Connector => word.chars().map(|_| self.connector).collect(),
            _ => return self.out.push(word),
        };
        self.out.push(changed)
    }

    fn connect(&mut self) -> Result<(), Failure> {
        self.out.push(self.connector.encode_utf8(&mut [0; 4]))
    }

    /// Connects to a word that brings no sign of its own.
    fn connect_to(&mut self, kind: Word) -> Result<(), Failure> {
        match kind {
            Word::Connector | Word::Punctuation => Ok(()),
            _ => self.connect(),
        }
    }

    /// Writes letters and numbers as one word, and connects to what follows.
    fn run<'w>(
        &mut self,
        words: &mut Words<'w>,
        mut kind: Word,
        mut word: &'w str,
    ) -> Result<(Word, &'w str), Failure> {
        while matches!(kind, Word::Letters | Word::Number) {
            self.word(kind, word)?;
            (kind, word) = words.next();
        }
        if kind != Word::None {
            self.connect_to(kind)?;
        }
        Ok((kind, word))
    }
}

/// Breaks lines at blanks, so that none is longer than `width` bytes if that can be.
fn wrap(text: &[u8], width: i64, newline: &[u8], breaks_words: bool) -> Result<Value, Failure> {
    let width = usize::try_from(width).unwrap_or(1).max(1);
    let mut out = Buffer::default();
    let mut rest = text;
    while rest.len() > width {
        if let Some(behind) = rest.strip_prefix(b" ") {
            rest = behind;
            continue;
        }
        let blank = rest[..=width].iter().rposition(|&byte| byte == b' ');
        let (length, skipped) = match blank {
            Some(index) => (index, 1),
            None if breaks_words => (width, 0),
            None => match rest[width..].iter().position(|&byte| byte == b' ') {
                Some(index) => (width + index, 1),
                None => break,
            },
        };
        out.push(&rest[..length])?;
        out.push(newline)?;
        rest = &rest[length + skipped..];
    }
    out.push(rest)?;
    Ok(out.into_value())
}
