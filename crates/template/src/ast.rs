//! The tree of a template. Every node prints itself as Go prints it in messages.

use std::fmt;

use crate::funcs::Function;
use crate::quote::quote;

/// A sequence of nodes.
#[derive(Debug, Default)]
pub(crate) struct List {
    pub(crate) position: usize,
    pub(crate) nodes: Vec<Node>,
}

/// One node: text, or an action that is not an expression.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) position: usize,
    pub(crate) kind: NodeKind,
}

/// What a node does.
#[derive(Debug)]
pub(crate) enum NodeKind {
    /// Prints the value of a pipeline, or declares variables.
    Action(Pipe),
    Break,
    Continue,
    If(Box<Branch>),
    Range(Box<Branch>),
    Template(Box<Invocation>),
    Text(String),
    With(Box<Branch>),
}

/// The parts of `if`, `range` and `with`.
#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) pipe: Pipe,
    pub(crate) list: List,
    pub(crate) otherwise: Option<List>,
}

/// `{{template "name" pipeline}}`
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(crate) name: String,
    pub(crate) pipe: Option<Pipe>,
}

/// Commands whose results flow from one to the next, and the variables that take the last.
#[derive(Debug)]
pub(crate) struct Pipe {
    pub(crate) position: usize,
    /// The variables exist already: `=`, not `:=`.
    pub(crate) assigns: bool,
    pub(crate) variables: Vec<String>,
    pub(crate) commands: Vec<Command>,
}

/// An operand, with arguments if it is a function or a method. Never empty.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) position: usize,
    pub(crate) operands: Vec<Operand>,
}

/// A term, with its place.
#[derive(Debug)]
pub(crate) struct Operand {
    pub(crate) position: usize,
    pub(crate) term: Term,
}

/// What a command is made of.
#[derive(Debug)]
pub(crate) enum Term {
    Bool(bool),
    /// The fields of what a function or parentheses return.
    Chain(Box<Operand>, Vec<String>),
    Dot,
    Field(Vec<String>),
    Function(&'static Function),
    Nil,
    Number(Number),
    Pipe(Box<Pipe>),
    Text(Constant),
    /// The variable's name, with its dollar sign, and fields of its value.
    Variable(Vec<String>),
}

/// A text constant, as it is written and as it is meant.
#[derive(Debug)]
pub(crate) struct Constant {
    pub(crate) quoted: String,
    pub(crate) bytes: Vec<u8>,
}

/// A number constant, as every type that can hold it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Number {
    pub(crate) text: String,
    pub(crate) int: Option<i64>,
    pub(crate) float: f64,
}

impl List {
    /// Tells whether there is nothing here but space.
    pub(crate) fn is_blank(&self) -> bool {
        self.nodes.iter().all(|node| match &node.kind {
            NodeKind::Text(text) => text.trim().is_empty(),
            _ => false,
        })
    }
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.nodes.iter().try_for_each(|node| node.fmt(f))
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let branch = |f: &mut fmt::Formatter<'_>, word: &str, branch: &Branch| {
            write!(f, "{{{{{word} {}}}}}{}", branch.pipe, branch.list)?;
            if let Some(otherwise) = &branch.otherwise {
                write!(f, "{{{{else}}}}{otherwise}")?;
            }
            f.write_str("{{end}}")
        };
        match &self.kind {
            NodeKind::Action(pipe) => write!(f, "{{{{{pipe}}}}}"),
            NodeKind::Break => f.write_str("{{break}}"),
            NodeKind::Continue => f.write_str("{{continue}}"),
            NodeKind::If(parts) => branch(f, "if", parts),
            NodeKind::Range(parts) => branch(f, "range", parts),
            NodeKind::With(parts) => branch(f, "with", parts),
            NodeKind::Template(invocation) => {
                let Invocation { name, pipe } = &**invocation;
                write!(f, "{{{{template {}", quote(name.as_bytes()))?;
                if let Some(pipe) = pipe {
                    write!(f, " {pipe}")?;
                }
                f.write_str("}}")
            }
            NodeKind::Text(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.variables.is_empty() {
            let sign = if self.assigns { "=" } else { ":=" };
            write!(f, "{} {sign} ", self.variables.join(", "))?;
        }
        for (index, command) in self.commands.iter().enumerate() {
            f.write_str(if index > 0 { " | " } else { "" })?;
            command.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, operand) in self.operands.iter().enumerate() {
            f.write_str(if index > 0 { " " } else { "" })?;
            operand.fmt_argument(f)?;
        }
        Ok(())
    }
}

impl Operand {
    /// Prints the operand as part of something larger, where a pipeline needs parentheses.
    fn fmt_argument(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.term {
            Term::Pipe(pipe) => write!(f, "({pipe})"),
            _ => fmt::Display::fmt(self, f),
        }
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = |f: &mut fmt::Formatter<'_>, names: &[String]| {
            names.iter().try_for_each(|name| write!(f, ".{name}"))
        };
        match &self.term {
            Term::Bool(value) => value.fmt(f),
            Term::Chain(base, names) => {
                base.fmt_argument(f)?;
                fields(f, names)
            }
            Term::Dot => f.write_str("."),
            Term::Field(names) => fields(f, names),
            Term::Function(function) => f.write_str(function.name),
            Term::Nil => f.write_str("nil"),
            Term::Number(number) => f.write_str(&number.text),
            Term::Pipe(pipe) => pipe.fmt(f),
            Term::Text(constant) => f.write_str(&constant.quoted),
            Term::Variable(names) => f.write_str(&names.join(".")),
        }
    }
}
