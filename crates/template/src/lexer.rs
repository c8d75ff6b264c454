//! Cuts the text of a template into tokens.

use crate::quote::{is_print, quote};
use crate::token::{Keyword, Token, TokenKind};

/// Cuts `text` into tokens; the last is the end or an error.
pub(crate) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut lexer = Lexer { text, position: 0, line: 1, tokens: Vec::new() };
    if let Err(error) = lexer.text() {
        let Unreadable { position, line, message } = error;
        let kind = TokenKind::Error(message);
        lexer.tokens.push(Token { kind, position, line, text: "" });
    }
    lexer.tokens
}

/// Where and why the text cannot be cut any further.
struct Unreadable {
    position: usize,
    line: usize,
    message: String,
}

struct Lexer<'t> {
    text: &'t str,
    /// Where the next token starts.
    position: usize,
    /// The line of `position`.
    line: usize,
    tokens: Vec<Token<'t>>,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.position..]
    }

    fn skip(&mut self, length: usize) {
        self.line += self.rest()[..length].matches('\n').count();
        self.position += length;
    }

    fn emit(&mut self, kind: TokenKind, length: usize) {
        let text = &self.rest()[..length];
        self.tokens.push(Token { kind, position: self.position, line: self.line, text });
        self.skip(length);
    }

    fn error<T>(&self, message: impl Into<String>) -> Result<T, Unreadable> {
        Err(Unreadable { position: self.position, line: self.line, message: message.into() })
    }

    /// Reads text and actions, to the end.
    fn text(&mut self) -> Result<(), Unreadable> {
        while let Some(length) = self.rest().find("{{") {
            let (before, action) = self.rest().split_at(length);
            let kept =
                if trims_left(&action[2..]) { before.trim_end_matches(is_space) } else { before };
            if !kept.is_empty() {
                self.emit(TokenKind::Text, kept.len());
            }
            self.skip(length - kept.len());
            self.left_delimiter()?;
        }
        if !self.rest().is_empty() {
            self.emit(TokenKind::Text, self.rest().len());
        }
        self.emit(TokenKind::EndOfText, 0);
        Ok(())
    }

    fn left_delimiter(&mut self) -> Result<(), Unreadable> {
        let marker = if trims_left(&self.rest()[2..]) { 2 } else { 0 };
        if self.rest()[2 + marker..].starts_with("/*") {
            self.skip(2 + marker);
            return self.comment();
        }
        self.emit(TokenKind::LeftDelimiter, 2);
        self.skip(marker);
        self.action()
    }

    fn comment(&mut self) -> Result<(), Unreadable> {
        let Some(length) = self.rest()[2..].find("*/") else {
            return self.error("unclosed comment");
        };
        let Some(delimiter) = right_delimiter(&self.rest()[length + 4..]) else {
            return self.error("comment ends before closing delimiter");
        };
        self.skip(length + 4);
        self.end_action(delimiter, None);
        Ok(())
    }

    /// Goes behind a right delimiter and the space that it trims; emits it if it ends an action.
    fn end_action(&mut self, delimiter: RightDelimiter, kind: Option<TokenKind>) {
        self.skip(delimiter.length() - 2);
        match kind {
            Some(kind) => self.emit(kind, 2),
            None => self.skip(2),
        }
        if delimiter == RightDelimiter::Trimming {
            let kept = self.rest().trim_start_matches(is_space).len();
            self.skip(self.rest().len() - kept);
        }
    }

    /// Reads what stands between delimiters, and the right one.
    fn action(&mut self) -> Result<(), Unreadable> {
        let mut open_parentheses = 0_usize;
        loop {
            if let Some(delimiter) = right_delimiter(self.rest()) {
                if open_parentheses > 0 {
                    return self.error("unclosed left paren");
                }
                self.end_action(delimiter, Some(TokenKind::RightDelimiter));
                return Ok(());
            }
            match self.rest().chars().next() {
                Some('(') => open_parentheses += 1,
                Some(')') if open_parentheses == 0 => return self.error("unexpected right paren"),
                Some(')') => open_parentheses -= 1,
                _ => {}
            }
            self.token()?;
        }
    }

    /// Reads one token of an action.
    fn token(&mut self) -> Result<(), Unreadable> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else {
            return self.error("unclosed action");
        };
        let behind = &rest[first.len_utf8()..];
        match first {
            _ if is_space(first) => self.space(),
            '=' => self.emit(TokenKind::Assign, 1),
            ':' if behind.starts_with('=') => self.emit(TokenKind::Declare, 2),
            ':' => return self.error("expected :="),
            '|' => self.emit(TokenKind::Pipe, 1),
            '"' => return self.quoted('"', TokenKind::QuotedText, "unterminated quoted string"),
            '\'' => {
                return self.quoted(
                    '\'',
                    TokenKind::CharConstant,
                    "unterminated character constant",
                );
            }
            '`' => match behind.find('`') {
                Some(length) => self.emit(TokenKind::RawText, length + 2),
                None => return self.error("unterminated raw quoted string"),
            },
            '$' => return self.name(TokenKind::Variable),
            '.' if !behind.starts_with(|c: char| c.is_ascii_digit()) && !behind.is_empty() => {
                return self.name(TokenKind::Field);
            }
            '.' | '+' | '-' | '0'..='9' => return self.number(),
            '(' => self.emit(TokenKind::LeftParenthesis, 1),
            ')' => self.emit(TokenKind::RightParenthesis, 1),
            _ if is_alphanumeric(first) => return self.identifier(),
            _ if first.is_ascii() && is_print(first) => self.emit(TokenKind::Char, 1),
            _ => {
                return self
                    .error(format!("unrecognized character in action: {}", code_point(first)));
            }
        }
        Ok(())
    }

    fn space(&mut self) {
        let mut length = self.rest().len() - self.rest().trim_start_matches(is_space).len();
        // The last blank may belong to a trimming delimiter.
        if self.rest()[length..].starts_with("-}}") {
            length -= 1;
        }
        self.emit(TokenKind::Space, length);
    }

    fn quoted(&mut self, mark: char, kind: TokenKind, open: &str) -> Result<(), Unreadable> {
        let mut characters = self.rest().char_indices().skip(1);
        while let Some((index, character)) = characters.next() {
            match character {
                '\n' => break,
                '\\' if matches!(characters.next(), None | Some((_, '\n'))) => break,
                _ if character == mark => {
                    self.emit(kind, index + 1);
                    return Ok(());
                }
                _ => {}
            }
        }
        self.error(open)
    }

    /// Reads a name behind the dot or the dollar sign that makes it a field or a variable.
    fn name(&mut self, kind: TokenKind) -> Result<(), Unreadable> {
        let behind = &self.rest()[1..];
        if ends_word(behind) {
            let bare =
                if kind == TokenKind::Field { TokenKind::Keyword(Keyword::Dot) } else { kind };
            self.emit(bare, 1);
            return Ok(());
        }
        let length = 1 + behind.len() - behind.trim_start_matches(is_alphanumeric).len();
        self.ended_word(length)?;
        self.emit(kind, length);
        Ok(())
    }

    fn identifier(&mut self) -> Result<(), Unreadable> {
        let length = self.rest().len() - self.rest().trim_start_matches(is_alphanumeric).len();
        self.ended_word(length)?;
        let word = &self.rest()[..length];
        let kind = match Keyword::of(word) {
            Some(keyword) => TokenKind::Keyword(keyword),
            None if matches!(word, "true" | "false") => TokenKind::Bool,
            None => TokenKind::Identifier,
        };
        self.emit(kind, length);
        Ok(())
    }

    fn ended_word(&self, length: usize) -> Result<(), Unreadable> {
        let behind = &self.rest()[length..];
        match behind.chars().next() {
            Some(character) if !ends_word(behind) => {
                self.error(format!("bad character {}", code_point(character)))
            }
            _ => Ok(()),
        }
    }

    fn number(&mut self) -> Result<(), Unreadable> {
        let length = number_length(self.rest());
        let behind = &self.rest()[length..];
        let bad = match behind.chars().next() {
            Some(character) if is_alphanumeric(character) => length + character.len_utf8(),
            // Go reads on for a complex number here, which is not offered.
            Some('+' | '-') => {
                let length = length + number_length(behind);
                let next = self.rest()[length..].chars().next();
                length + next.filter(|&c| is_alphanumeric(c)).map_or(0, char::len_utf8)
            }
            _ => {
                self.emit(TokenKind::Number, length);
                return Ok(());
            }
        };
        let text = quote(&self.rest().as_bytes()[..bad]);
        self.error(format!("bad number syntax: {text}"))
    }
}

/// How an action ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum RightDelimiter {
    Plain,
    /// Trims the space that follows.
    Trimming,
}

impl RightDelimiter {
    fn length(self) -> usize {
        match self {
            Self::Plain => 2,
            Self::Trimming => 4,
        }
    }
}

fn right_delimiter(text: &str) -> Option<RightDelimiter> {
    if text.starts_with("}}") {
        return Some(RightDelimiter::Plain);
    }
    let trims = text.starts_with(is_space) && text[1..].starts_with("-}}");
    trims.then_some(RightDelimiter::Trimming)
}

fn trims_left(action: &str) -> bool {
    action.strip_prefix('-').is_some_and(|rest| rest.starts_with(is_space))
}

/// Tells whether a word may end here.
fn ends_word(behind: &str) -> bool {
    behind.is_empty()
        || behind.starts_with(is_space)
        || behind.starts_with(['.', ',', '|', ':', ')', '('])
        || behind.starts_with("}}")
}

/// How long the number is that `text` starts with; lenient, the parser looks closer.
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut length = usize::from(text.starts_with(['+', '-']));
    let run = |from: usize, digits: &str| {
        bytes[from..].iter().take_while(|&&byte| digits.contains(char::from(byte))).count()
    };
    let takes = |at: usize, set: &[u8]| usize::from(bytes.get(at).is_some_and(|b| set.contains(b)));
    let prefix = text[length..].get(..2).unwrap_or_default();
    let (digits, exponent): (&str, &[u8]) = match prefix {
        "0x" | "0X" => ("0123456789abcdefABCDEF_", b"pP"),
        "0o" | "0O" => ("01234567_", b""),
        "0b" | "0B" => ("01_", b""),
        _ => ("0123456789_", b"eE"),
    };
    length += if exponent == b"eE" { 0 } else { 2 };
    length += run(length, digits);
    if takes(length, b".") == 1 {
        length += 1;
        length += run(length, digits);
    }
    if takes(length, exponent) == 1 {
        length += 1;
        length += takes(length, b"+-");
        length += run(length, "0123456789_");
    }
    length + takes(length, b"i")
}

pub(crate) fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
}

fn is_alphanumeric(character: char) -> bool {
    character == '_' || character.is_alphanumeric()
}

/// Writes `U+0040 '@'`, as `%#U`.
fn code_point(character: char) -> String {
    let code = u32::from(character);
    if is_print(character) {
        format!("U+{code:04X} '{character}'")
    } else {
        format!("U+{code:04X}")
    }
}
