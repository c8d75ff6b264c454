//! Finds the mistakes in a template that its parser lets pass until it is too late.

use gotmpl::FuncMap;
use gotmpl::parse::{BranchNode, Expr, ListNode, Node, Parser, PipeNode, Pos};
use oras_spec::Quoted;

use super::{NAME, described};
use crate::error::{CliError, Result};

/// What is put behind the source, to see whether the parser got that far.
const END: &str = "<end of the template>";

/// Functions that every template has.
const BUILTIN: [&str; 19] = [
    "and", "call", "eq", "ge", "gt", "html", "index", "js", "le", "len", "lt", "ne", "not", "or",
    "print", "printf", "println", "slice", "urlquery",
];

/// Checks that all functions and variables exist and that no `{{end}}` is too many.
///
/// # Errors
///
/// About the first mistake, as Go says it.
pub(super) fn check(source: &str, functions: &FuncMap) -> Result<()> {
    let source = format!("{source}{END}");
    let parsed = Parser::with_name(Some(NAME), &source, "{{", "}}").and_then(Parser::parse);
    let (main, definitions) = parsed.map_err(|error| described(&error))?;
    let mut checker = Checker { functions, variables: Vec::new() };
    for list in definitions.iter().map(|define| &define.body).chain([&main]) {
        checker.variables = vec!["$".to_owned()];
        checker.list(list)?;
    }
    match main.nodes.last() {
        Some(Node::Text(text)) if text.text.ends_with(END) => Ok(()),
        // The parser takes an end that nothing began for that of the template.
        _ => Err(CliError::new(format!("template: {NAME}: unexpected {{{{end}}}}"))),
    }
}

struct Checker<'a> {
    functions: &'a FuncMap,
    /// Those that can be seen, the innermost last.
    variables: Vec<String>,
}

impl Checker<'_> {
    fn list(&mut self, list: &ListNode) -> Result<()> {
        let seen = self.variables.len();
        list.nodes.iter().try_for_each(|node| self.node(node))?;
        self.variables.truncate(seen);
        Ok(())
    }

    fn node(&mut self, node: &Node) -> Result<()> {
        match node {
            Node::List(list) => self.list(list),
            Node::Action(action) => self.pipe(&action.pipe),
            Node::If(branch) | Node::Range(branch) | Node::With(branch) => self.branch(branch),
            Node::Template(call) => call.pipe.as_ref().map_or(Ok(()), |pipe| self.pipe(pipe)),
            Node::Define(define) => self.list(&define.body),
            Node::Text(_) | Node::Break(_) | Node::Continue(_) => Ok(()),
        }
    }

    fn branch(&mut self, branch: &BranchNode) -> Result<()> {
        let seen = self.variables.len();
        self.pipe(&branch.pipe)?;
        self.list(&branch.body)?;
        branch.else_body.as_ref().map_or(Ok(()), |list| self.list(list))?;
        self.variables.truncate(seen);
        Ok(())
    }

    fn pipe(&mut self, pipe: &PipeNode) -> Result<()> {
        let arguments = pipe.commands.iter().flat_map(|command| &command.args);
        arguments.into_iter().try_for_each(|argument| self.expression(argument))?;
        for name in &pipe.decl {
            let name = format!("${}", name.trim_start_matches('$'));
            if pipe.is_assign {
                self.variable(pipe.pos, &name)?;
            } else {
                self.variables.push(name);
            }
        }
        Ok(())
    }

    fn expression(&mut self, expression: &Expr) -> Result<()> {
        match expression {
            Expr::Identifier(position, name) => {
                let is_known =
                    BUILTIN.contains(&name.as_str()) || self.functions.contains_key(name.as_str());
                let wrong = || format!("function {} not defined", Quoted(name));
                if is_known { Ok(()) } else { Err(mistake(*position, &wrong())) }
            }
            Expr::Variable(position, name, _) => {
                self.variable(*position, &format!("${}", name.trim_start_matches('$')))
            }
            Expr::Pipe(_, pipe) => self.pipe(pipe),
            Expr::Chain(_, inner, _) => self.expression(inner),
            _ => Ok(()),
        }
    }

    fn variable(&self, position: Pos, name: &String) -> Result<()> {
        if self.variables.contains(name) {
            return Ok(());
        }
        Err(mistake(position, &format!("undefined variable {}", Quoted(name))))
    }
}

fn mistake(position: Pos, what: &str) -> CliError {
    CliError::new(format!("template: {NAME}:{}: {what}", position.line))
}
