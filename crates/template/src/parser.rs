//! Makes the tree of a template out of its tokens.

mod expression;

use std::collections::BTreeMap;
use std::mem::replace;

use crate::ast::{Branch, Invocation, List, Node, NodeKind};
use crate::error::TemplateError;
use crate::lexer::tokens;
use crate::quote::{quote, unquote};
use crate::token::{Keyword, Token, TokenKind};

/// Reads the text of a template called `name`: it, and those it defines, by their names.
pub(crate) fn parse(name: &str, text: &str) -> Result<BTreeMap<String, List>, TemplateError> {
    let mut parser = Parser {
        name,
        tokens: tokens(text),
        next: 0,
        templates: BTreeMap::new(),
        scope: Scope::default(),
        depth: 0,
    };
    let root = parser.root()?;
    parser.add(name.to_owned(), root)?;
    Ok(parser.templates)
}

/// How deep actions and parentheses may be nested. Go allows more; every level costs stack here.
pub(crate) const MAX_DEPTH: usize = 100;

struct Parser<'t> {
    /// The name of the template whose text this is, for messages.
    name: &'t str,
    tokens: Vec<Token<'t>>,
    /// The token that comes next.
    next: usize,
    templates: BTreeMap<String, List>,
    scope: Scope,
    depth: usize,
}

/// What belongs to one template, of those that stand in the same text.
struct Scope {
    /// The furthest token that was looked at: messages name its line.
    furthest: usize,
    /// The line that the current action started on; 0 if there is none.
    action_line: usize,
    /// How many `range` are open.
    ranges: usize,
    variables: Vec<String>,
}

impl Default for Scope {
    fn default() -> Self {
        let variables = vec!["$".to_owned()];
        Self { furthest: 0, action_line: 0, ranges: 0, variables }
    }
}

/// What ends a list of nodes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Terminator {
    Else { position: usize },
    End,
}

impl std::fmt::Display for Terminator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Else { .. } => "{{else}}",
            Self::End => "{{end}}",
        })
    }
}

/// A node, or the end of the list that it would stand in.
enum Parsed {
    Node(Node),
    Terminator(Terminator),
}

type Result<T, E = TemplateError> = std::result::Result<T, E>;

impl<'t> Parser<'t> {
    fn peek(&mut self) -> &Token<'t> {
        let index = self.next.min(self.tokens.len() - 1);
        self.scope.furthest = self.scope.furthest.max(index);
        &self.tokens[index]
    }

    fn advance(&mut self) -> Token<'t> {
        let token = self.peek().clone();
        self.next += 1;
        token
    }

    fn peek_behind_space(&mut self) -> &Token<'t> {
        while self.peek().kind == TokenKind::Space {
            self.next += 1;
        }
        self.peek()
    }

    fn advance_behind_space(&mut self) -> Token<'t> {
        self.peek_behind_space();
        self.advance()
    }

    fn error<T>(&self, message: &str) -> Result<T> {
        let line = self.tokens[self.scope.furthest].line;
        Err(TemplateError::syntax(self.name, line, message))
    }

    fn unexpected<T>(&self, token: &Token<'t>, context: &str) -> Result<T> {
        let TokenKind::Error(message) = &token.kind else {
            return self.error(&format!("unexpected {token} in {context}"));
        };
        let line = self.scope.action_line;
        if line == 0 || line == token.line {
            return self.error(message);
        }
        let word = if message.ends_with(" action") { "" } else { " in action" };
        self.error(&format!("{message}{word} started at {}:{line}", self.name))
    }

    fn expect(&mut self, kind: &TokenKind, context: &str) -> Result<Token<'t>> {
        let token = self.advance_behind_space();
        if token.kind == *kind { Ok(token) } else { self.unexpected(&token, context) }
    }

    /// Goes one level deeper, unless that is too deep.
    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth == MAX_DEPTH {
            return self.error(&format!("nested deeper than {MAX_DEPTH} levels"));
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    /// Adds a template. The first of a name stays, unless it is blank.
    fn add(&mut self, name: String, list: List) -> Result<()> {
        if self.templates.get(&name).is_none_or(List::is_blank) {
            self.templates.insert(name, list);
        } else if !list.is_blank() {
            let name = quote(name.as_bytes());
            return self.error(&format!("template: multiple definition of template {name}"));
        }
        Ok(())
    }

    /// Reads a whole text: nodes and definitions.
    fn root(&mut self) -> Result<List> {
        let mut list = List { position: self.peek().position, nodes: Vec::new() };
        while self.peek().kind != TokenKind::EndOfText {
            if self.peek().kind == TokenKind::LeftDelimiter {
                let start = self.next;
                self.next += 1;
                if self.advance_behind_space().kind == TokenKind::Keyword(Keyword::Define) {
                    self.in_scope(Scope::default(), Self::definition)?;
                    continue;
                }
                self.next = start;
            }
            match self.node()? {
                Parsed::Node(node) => list.nodes.push(node),
                Parsed::Terminator(found) => return self.error(&format!("unexpected {found}")),
            }
        }
        Ok(list)
    }

    /// Parses in the scope of another template.
    fn in_scope<T>(
        &mut self,
        scope: Scope,
        parse: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let outer = replace(&mut self.scope, scope);
        let parsed = parse(self);
        self.scope = outer;
        parsed
    }

    /// Reads a definition, whose keyword is gone.
    fn definition(&mut self) -> Result<()> {
        let context = "define clause";
        let token = self.advance_behind_space();
        let name = self.template_name(&token, context)?;
        self.expect(&TokenKind::RightDelimiter, context)?;
        let (list, end) = self.nested(Self::list)?;
        if end != Terminator::End {
            return self.error(&format!("unexpected {end} in {context}"));
        }
        self.add(name, list)
    }

    fn template_name(&mut self, token: &Token<'t>, context: &str) -> Result<String> {
        if !matches!(token.kind, TokenKind::QuotedText | TokenKind::RawText) {
            return self.unexpected(token, context);
        }
        match unquote(token.text) {
            Some(name) => Ok(String::from_utf8_lossy(&name).into_owned()),
            None => self.error("invalid syntax"),
        }
    }

    /// Reads nodes up to `end` or `else`.
    fn list(&mut self) -> Result<(List, Terminator)> {
        let mut list = List { position: self.peek_behind_space().position, nodes: Vec::new() };
        while self.peek_behind_space().kind != TokenKind::EndOfText {
            match self.node()? {
                Parsed::Node(node) => list.nodes.push(node),
                Parsed::Terminator(found) => return Ok((list, found)),
            }
        }
        self.error("unexpected EOF")
    }

    fn node(&mut self) -> Result<Parsed> {
        let token = self.advance_behind_space();
        match token.kind {
            TokenKind::Text => Ok(Parsed::Node(Node {
                position: token.position,
                kind: NodeKind::Text(token.text.to_owned()),
            })),
            TokenKind::LeftDelimiter => {
                self.scope.action_line = token.line;
                let parsed = self.action()?;
                self.scope.action_line = 0;
                Ok(parsed)
            }
            _ => self.unexpected(&token, "input"),
        }
    }

    fn action(&mut self) -> Result<Parsed> {
        let token = self.peek_behind_space().clone();
        let TokenKind::Keyword(keyword) = token.kind else { return self.pipe_action() };
        self.next += 1;
        let kind = match keyword {
            Keyword::Block => return self.block(),
            Keyword::Break => self.jump("{{break}}", NodeKind::Break)?,
            Keyword::Continue => self.jump("{{continue}}", NodeKind::Continue)?,
            Keyword::Else => return self.otherwise().map(Parsed::Terminator),
            Keyword::End => {
                self.expect(&TokenKind::RightDelimiter, "end")?;
                return Ok(Parsed::Terminator(Terminator::End));
            }
            Keyword::If | Keyword::Range | Keyword::With => {
                return self.nested(|parser| parser.control(keyword)).map(Parsed::Node);
            }
            Keyword::Template => return self.template(),
            Keyword::Define | Keyword::Dot | Keyword::Nil => {
                self.next -= 1;
                return self.pipe_action();
            }
        };
        Ok(Parsed::Node(Node { position: token.position, kind }))
    }

    fn pipe_action(&mut self) -> Result<Parsed> {
        let position = self.peek().position;
        let pipe = self.pipe("command", &TokenKind::RightDelimiter)?;
        Ok(Parsed::Node(Node { position, kind: NodeKind::Action(pipe) }))
    }

    fn jump(&mut self, action: &str, kind: NodeKind) -> Result<NodeKind> {
        self.expect(&TokenKind::RightDelimiter, action)?;
        if self.scope.ranges == 0 {
            return self.error(&format!("{action} outside {{{{range}}}}"));
        }
        Ok(kind)
    }

    /// Reads the rest of an `else`; the `if` or `with` that may follow in the same action stays.
    fn otherwise(&mut self) -> Result<Terminator> {
        let token = self.peek_behind_space().clone();
        if !matches!(token.kind, TokenKind::Keyword(Keyword::If | Keyword::With)) {
            self.expect(&TokenKind::RightDelimiter, "else")?;
        }
        Ok(Terminator::Else { position: token.position })
    }

    /// Reads `if`, `range` and `with`, whose keyword is gone.
    fn control(&mut self, keyword: Keyword) -> Result<Node> {
        let known = self.scope.variables.len();
        let word = match keyword {
            Keyword::If => "if",
            Keyword::Range => "range",
            _ => "with",
        };
        let pipe = self.pipe(word, &TokenKind::RightDelimiter)?;
        let position = pipe.position;
        self.scope.ranges += usize::from(keyword == Keyword::Range);
        let (list, terminator) = self.list()?;
        self.scope.ranges -= usize::from(keyword == Keyword::Range);
        let otherwise = match terminator {
            Terminator::End => None,
            Terminator::Else { position } => Some(self.alternative(keyword, position)?),
        };
        self.scope.variables.truncate(known);
        let branch = Box::new(Branch { pipe, list, otherwise });
        let kind = match keyword {
            Keyword::If => NodeKind::If(branch),
            Keyword::Range => NodeKind::Range(branch),
            _ => NodeKind::With(branch),
        };
        Ok(Node { position, kind })
    }

    /// Reads what stands behind `else`. `else if` is an `if` of its own that ends with the outer.
    fn alternative(&mut self, keyword: Keyword, position: usize) -> Result<List> {
        let chained = matches!(keyword, Keyword::If | Keyword::With);
        if chained && self.peek().kind == TokenKind::Keyword(keyword) {
            self.next += 1;
            let node = self.nested(|parser| parser.control(keyword))?;
            return Ok(List { position, nodes: vec![node] });
        }
        match self.list()? {
            (list, Terminator::End) => Ok(list),
            (_, found @ Terminator::Else { .. }) => {
                self.error(&format!("expected end; found {found}"))
            }
        }
    }

    /// Reads a template that is defined where it is used.
    fn block(&mut self) -> Result<Parsed> {
        let context = "block clause";
        let token = self.advance_behind_space();
        let name = self.template_name(&token, context)?;
        let pipe = self.pipe(context, &TokenKind::RightDelimiter)?;
        let scope = Scope { furthest: self.scope.furthest, ..Scope::default() };
        let end = self.in_scope(scope, |parser| {
            let (list, end) = parser.nested(Self::list)?;
            if end == Terminator::End {
                parser.add(name.clone(), list)?;
            }
            Ok(end)
        })?;
        if end != Terminator::End {
            return self.error(&format!("unexpected {end} in {context}"));
        }
        let kind = NodeKind::Template(Box::new(Invocation { name, pipe: Some(pipe) }));
        Ok(Parsed::Node(Node { position: token.position, kind }))
    }

    fn template(&mut self) -> Result<Parsed> {
        let context = "template clause";
        let token = self.advance_behind_space();
        let name = self.template_name(&token, context)?;
        let pipe = if self.peek_behind_space().kind == TokenKind::RightDelimiter {
            self.next += 1;
            None
        } else {
            Some(self.pipe(context, &TokenKind::RightDelimiter)?)
        };
        let kind = NodeKind::Template(Box::new(Invocation { name, pipe }));
        Ok(Parsed::Node(Node { position: token.position, kind }))
    }
}
