//! What the text of a template is made of.

use crate::quote::quote;

/// One token of a template.
#[derive(Clone, Debug)]
pub(crate) struct Token<'t> {
    pub(crate) kind: TokenKind,
    /// Where it starts, in bytes.
    pub(crate) position: usize,
    /// The line it starts on, from 1.
    pub(crate) line: usize,
    /// Its text; empty for an error.
    pub(crate) text: &'t str,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// `=`
    Assign,
    Bool,
    /// A character with no meaning of its own.
    Char,
    CharConstant,
    /// `:=`
    Declare,
    EndOfText,
    /// The text cannot be cut any further; says why. Always the last.
    Error(String),
    /// `.name`
    Field,
    Identifier,
    Keyword(Keyword),
    LeftDelimiter,
    LeftParenthesis,
    Number,
    Pipe,
    RawText,
    RightDelimiter,
    RightParenthesis,
    Space,
    /// What stands outside of actions.
    Text,
    QuotedText,
    /// `$name`
    Variable,
}

/// A word, or the dot, that cannot name a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keyword {
    Block,
    Break,
    Continue,
    Define,
    Dot,
    Else,
    End,
    If,
    Nil,
    Range,
    Template,
    With,
}

impl Keyword {
    /// The keyword that `word` is, except the dot.
    pub(crate) fn of(word: &str) -> Option<Self> {
        Some(match word {
            "block" => Self::Block,
            "break" => Self::Break,
            "continue" => Self::Continue,
            "define" => Self::Define,
            "else" => Self::Else,
            "end" => Self::End,
            "if" => Self::If,
            "nil" => Self::Nil,
            "range" => Self::Range,
            "template" => Self::Template,
            "with" => Self::With,
            _ => return None,
        })
    }
}

/// How Go names the token in a message.
impl std::fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.kind {
            TokenKind::EndOfText => f.write_str("EOF"),
            TokenKind::Error(message) => f.write_str(message),
            TokenKind::Keyword(_) => write!(f, "<{}>", self.text),
            _ if self.text.len() > 10 => {
                let head: String = self.text.chars().take(10).collect();
                write!(f, "{}...", quote(head.as_bytes()))
            }
            _ => f.write_str(&quote(self.text.as_bytes())),
        }
    }
}
