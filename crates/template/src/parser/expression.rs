//! Pipelines, commands and what they are made of.

use super::{Parser, Result};
use crate::ast::{Command, Constant, Operand, Pipe, Term};
use crate::constant;
use crate::funcs;
use crate::quote::{quote, unquote};
use crate::token::{Keyword, Token, TokenKind};

impl<'t> Parser<'t> {
    /// Reads a pipeline up to `end`, and `end` itself.
    pub(super) fn pipe(&mut self, context: &str, end: &TokenKind) -> Result<Pipe> {
        let position = self.peek_behind_space().position;
        let mut pipe =
            Pipe { position, assigns: false, variables: Vec::new(), commands: Vec::new() };
        self.declarations(&mut pipe, context)?;
        loop {
            let token = self.advance_behind_space();
            if token.kind == *end {
                self.check(&pipe, context)?;
                return Ok(pipe);
            }
            if !starts_operand(&token.kind) {
                return self.unexpected(&token, context);
            }
            self.next -= 1;
            pipe.commands.push(self.command()?);
        }
    }

    fn declarations(&mut self, pipe: &mut Pipe, context: &str) -> Result<()> {
        while self.peek_behind_space().kind == TokenKind::Variable {
            let start = self.next;
            let variable = self.advance();
            let sign = self.advance_behind_space();
            let is_comma = sign.kind == TokenKind::Char && sign.text == ",";
            if !is_comma && !matches!(sign.kind, TokenKind::Assign | TokenKind::Declare) {
                self.next = start;
                return Ok(());
            }
            pipe.assigns = sign.kind == TokenKind::Assign;
            pipe.variables.push(variable.text.to_owned());
            self.scope.variables.push(variable.text.to_owned());
            if !is_comma {
                return Ok(());
            }
            if context != "range" || pipe.variables.len() > 1 {
                return self.error(&format!("too many declarations in {context}"));
            }
            let next = &self.peek_behind_space().kind;
            if !matches!(
                next,
                TokenKind::Variable | TokenKind::RightDelimiter | TokenKind::RightParenthesis
            ) {
                return self.error("range can only initialize variables");
            }
        }
        Ok(())
    }

    fn check(&self, pipe: &Pipe, context: &str) -> Result<()> {
        if pipe.commands.is_empty() {
            return self.error(&format!("missing value for {context}"));
        }
        let is_value = |command: &Command| {
            let term = &command.operands[0].term;
            matches!(term, Term::Bool(_) | Term::Dot | Term::Nil | Term::Number(_) | Term::Text(_))
        };
        match pipe.commands.iter().skip(1).position(is_value) {
            Some(index) => {
                self.error(&format!("non executable command in pipeline stage {}", index + 2))
            }
            None => Ok(()),
        }
    }

    /// Reads operands up to the end of a command: a pipe sign, which it takes, or a right delimiter
    /// or parenthesis, which it leaves.
    fn command(&mut self) -> Result<Command> {
        let position = self.peek_behind_space().position;
        let mut operands = Vec::new();
        loop {
            self.peek_behind_space();
            operands.extend(self.operand()?);
            let token = self.advance();
            match token.kind {
                TokenKind::Space => continue,
                TokenKind::RightDelimiter | TokenKind::RightParenthesis => self.next -= 1,
                TokenKind::Pipe => {}
                _ => return self.unexpected(&token, "operand"),
            }
            break;
        }
        if operands.is_empty() {
            return self.error("empty command");
        }
        Ok(Command { position, operands })
    }

    /// Reads a term and its fields. Nothing if there is no term.
    fn operand(&mut self) -> Result<Option<Operand>> {
        let Some(operand) = self.term()? else { return Ok(None) };
        let position = self.peek().position;
        let mut fields = Vec::new();
        while self.peek().kind == TokenKind::Field {
            fields.push(self.advance().text[1..].to_owned());
        }
        if fields.is_empty() {
            return Ok(Some(operand));
        }
        let term = match operand.term {
            Term::Field(mut names) => {
                names.append(&mut fields);
                Term::Field(names)
            }
            Term::Variable(mut names) => {
                names.append(&mut fields);
                Term::Variable(names)
            }
            Term::Bool(_) | Term::Text(_) | Term::Number(_) | Term::Nil | Term::Dot => {
                let term = quote(operand.to_string().as_bytes());
                return self.error(&format!("unexpected . after term {term}"));
            }
            _ => Term::Chain(Box::new(operand), fields),
        };
        Ok(Some(Operand { position, term }))
    }

    fn term(&mut self) -> Result<Option<Operand>> {
        let start = self.next;
        let token = self.advance_behind_space();
        let term = match token.kind {
            TokenKind::Identifier => self.function(&token)?,
            TokenKind::Keyword(Keyword::Dot) => Term::Dot,
            TokenKind::Keyword(Keyword::Nil) => Term::Nil,
            TokenKind::Variable => self.variable(&token)?,
            TokenKind::Field => Term::Field(vec![token.text[1..].to_owned()]),
            TokenKind::Bool => Term::Bool(token.text == "true"),
            TokenKind::CharConstant => self.number(constant::character(token.text))?,
            TokenKind::Number => self.number(constant::parse(token.text))?,
            TokenKind::LeftParenthesis => {
                let pipe = self.nested(|parser| {
                    parser.pipe("parenthesized pipeline", &TokenKind::RightParenthesis)
                })?;
                Term::Pipe(Box::new(pipe))
            }
            TokenKind::QuotedText | TokenKind::RawText => match unquote(token.text) {
                Some(bytes) => Term::Text(Constant { quoted: token.text.to_owned(), bytes }),
                None => return self.error("invalid syntax"),
            },
            _ => {
                self.next = start;
                return Ok(None);
            }
        };
        Ok(Some(Operand { position: token.position, term }))
    }

    fn function(&mut self, token: &Token<'t>) -> Result<Term> {
        let name = token.text;
        if let Some(function) = funcs::find(name) {
            return Ok(Term::Function(function));
        }
        let reason = funcs::why_not_offered(name);
        let colon = if reason.is_empty() { "" } else { ": " };
        self.error(&format!("function {} not defined{colon}{reason}", quote(name.as_bytes())))
    }

    fn variable(&mut self, token: &Token<'t>) -> Result<Term> {
        let name = token.text;
        if self.scope.variables.iter().any(|known| known == name) {
            return Ok(Term::Variable(vec![name.to_owned()]));
        }
        self.error(&format!("undefined variable {}", quote(name.as_bytes())))
    }

    fn number(&mut self, number: Result<crate::ast::Number, String>) -> Result<Term> {
        match number {
            Ok(number) => Ok(Term::Number(number)),
            Err(message) => self.error(&message),
        }
    }
}

fn starts_operand(kind: &TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::Bool
            | TokenKind::CharConstant
            | TokenKind::Field
            | TokenKind::Identifier
            | TokenKind::Keyword(Keyword::Dot | Keyword::Nil)
            | TokenKind::LeftParenthesis
            | TokenKind::Number
            | TokenKind::QuotedText
            | TokenKind::RawText
            | TokenKind::Variable
    )
}
