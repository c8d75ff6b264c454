//! Calls functions and methods: counts, evaluates and checks their arguments.

use std::fmt;

use super::{Execution, Held, Result};
use crate::ast::{Number, Operand, Term};
use crate::funcs::{Body, Call, Function, Type};
use crate::value::{Value, is_true};

impl<'t> Execution<'t> {
    /// Calls a function, or a method of `receiver`.
    ///
    /// `last` is the result of the command before, which becomes the last argument; `at` is what a
    /// message shows if the function fails.
    pub(super) fn call(
        &mut self,
        dot: &Held,
        function: &'static Function,
        receiver: Option<Value>,
        (operands, last): (&'t [Operand], Option<Value>),
        at: (usize, &'t dyn fmt::Display),
    ) -> Result<Value> {
        self.check_count(function, operands.len(), last.is_some())?;
        let body = match function.body {
            Body::Call(body) => body,
            Body::And => return self.decide(dot, operands, last, false),
            Body::Or => return self.decide(dot, operands, last, true),
        };
        let values = self.arguments(dot, function, receiver, (operands, last))?;
        if function.name == "call" {
            return self.call_value(operands.first(), &values, at);
        }
        let result = body(&Call { values: &values, session: self.session });
        let result = result.and_then(|value| {
            self.session.spend(size(&value))?;
            Ok(value)
        });
        result.or_else(|failure| {
            self.set_at(at.0, at.1);
            self.error(format_args!("error calling {}: {failure}", function.name))
        })
    }

    /// Evaluates all arguments, behind the receiver of a method.
    fn arguments(
        &mut self,
        dot: &Held,
        function: &Function,
        receiver: Option<Value>,
        (operands, last): (&'t [Operand], Option<Value>),
    ) -> Result<Vec<Value>> {
        let is_method = receiver.is_some();
        let mut values: Vec<Value> = receiver.into_iter().collect();
        for (index, operand) in operands.iter().enumerate() {
            values.push(self.argument(dot, parameter(function, index), operand)?);
        }
        if let Some(last) = last {
            let parameter = parameter(function, values.len() - usize::from(is_method));
            values.push(self.fitting(Held::concrete(last), parameter)?);
        }
        Ok(values)
    }

    /// Tells what is wrong with `call`: no value that a template can have is a function.
    fn call_value(
        &mut self,
        callee: Option<&'t Operand>,
        values: &[Value],
        at: (usize, &'t dyn fmt::Display),
    ) -> Result<Value> {
        let value = values.first().unwrap_or(&Value::Missing);
        self.set_at(at.0, at.1);
        if value.is_nil() {
            return self.error("error calling call: call of nil");
        }
        let type_name = value.type_name();
        let name = match callee {
            Some(operand) => operand.to_string(),
            None if matches!(value, Value::Text(_)) => self.shown(value)?,
            None => format!("<{type_name} Value>"),
        };
        self.error(format_args!("error calling call: non-function {name} of type {type_name}"))
    }

    fn check_count(&self, function: &Function, operands: usize, has_last: bool) -> Result<()> {
        let name = function.name;
        let given = operands + usize::from(has_last);
        let wanted = function.parameters.len();
        if function.is_variadic && given < wanted - 1 {
            let wanted = wanted - 1;
            return self.error(format_args!(
                "wrong number of args for {name}: want at least {wanted} got {operands}"
            ));
        }
        if !function.is_variadic && given != wanted {
            return self
                .error(format_args!("wrong number of args for {name}: want {wanted} got {given}"));
        }
        Ok(())
    }

    /// Runs `and` and `or`: returns the first argument that decides, or the last.
    fn decide(
        &mut self,
        dot: &Held,
        operands: &'t [Operand],
        last: Option<Value>,
        deciding: bool,
    ) -> Result<Value> {
        let mut value = Value::Missing;
        for operand in operands {
            value = self.argument(dot, Type::Raw, operand)?;
            if is_true(&value) == deciding {
                return Ok(value);
            }
        }
        Ok(last.unwrap_or(value))
    }

    /// Evaluates an argument for a parameter.
    fn argument(&mut self, dot: &Held, parameter: Type, operand: &'t Operand) -> Result<Value> {
        self.set_at(operand.position, operand);
        let value = match &operand.term {
            Term::Dot => dot.clone(),
            Term::Nil if parameter == Type::Raw => return Ok(Value::Missing),
            Term::Nil if parameter.can_be_nil() => return Ok(Value::Nil),
            Term::Nil => {
                return self.error(format_args!("cannot assign nil to {}", parameter.name()));
            }
            Term::Field(_) | Term::Variable(_) | Term::Chain(..) => {
                self.path(dot, operand, &[], None)?
            }
            Term::Pipe(pipe) => Held::concrete(self.pipe(dot, pipe)?),
            Term::Function(function) => {
                let at = (operand.position, operand as &dyn fmt::Display);
                Held::concrete(self.call(dot, function, None, (&[], None), at)?)
            }
            constant => return self.constant_for(constant, parameter, operand),
        };
        self.fitting(value, parameter)
    }

    /// The value of a constant as a parameter wants it.
    fn constant_for(&self, term: &Term, parameter: Type, operand: &Operand) -> Result<Value> {
        match (parameter, term) {
            (Type::Any | Type::Raw, _)
            | (Type::Bool, Term::Bool(_))
            | (Type::Text, Term::Text(_)) => self.constant(term),
            (Type::Int, Term::Number(Number { int: Some(int), .. })) => Ok(Value::Int(*int)),
            (Type::Float, Term::Number(number)) => Ok(Value::Float(number.float)),
            (Type::Bool, _) => self.error(format_args!("expected bool; found {operand}")),
            (Type::Text, _) => self.error(format_args!("expected string; found {operand}")),
            (Type::Int, _) => self.error(format_args!("expected integer; found {operand}")),
            (Type::Float, _) => self.error(format_args!("expected float; found {operand}")),
            (Type::Date | Type::Map | Type::Version, _) => self
                .error(format_args!("can't handle {operand} for arg of type {}", parameter.name())),
        }
    }

    /// Checks that a value is of the type that a parameter wants.
    fn fitting(&self, held: Held, parameter: Type) -> Result<Value> {
        let fits = match (parameter, &held.value) {
            (Type::Raw, _) => return Ok(held.value),
            (_, Value::Missing) if parameter.can_be_nil() => return Ok(Value::Nil),
            (_, Value::Missing) => {
                return self.error(format_args!("invalid value; expected {}", parameter.name()));
            }
            (Type::Any, _)
            | (Type::Bool, Value::Bool(_))
            | (Type::Date, Value::Date(_))
            | (Type::Float, Value::Float(_))
            | (Type::Int, Value::Int(_))
            | (Type::Text, Value::Text(_))
            | (Type::Version, Value::Version(_)) => true,
            (Type::Map, Value::Map(map)) => map.type_name() == parameter.name(),
            _ => false,
        };
        if fits {
            return Ok(held.value);
        }
        let wanted = parameter.name();
        let found = match &held.value {
            Value::Nil => Type::Any.name(),
            value => value.type_name(),
        };
        self.error(format_args!("wrong type for value; expected {wanted}; got {found}"))
    }
}

/// The type of the parameter that takes an argument.
fn parameter(function: &Function, index: usize) -> Type {
    let last = function.parameters.len().saturating_sub(1);
    function.parameters.get(index.min(last)).copied().unwrap_or(Type::Any)
}

/// How many steps it costs to have made a value: one for each item, or for 32 bytes.
fn size(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len() / 32,
        Value::List(list) => list.items().len(),
        Value::Map(map) => map.len(),
        _ => 0,
    }
}
