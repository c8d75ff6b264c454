//! Go's `text/template` with the functions of [sprig], over JSON.

mod ast;
mod buffer;
mod constant;
mod date;
mod decimal;
mod error;
mod exec;
mod funcs;
mod lexer;
mod number;
mod parser;
mod pattern;
mod print;
mod quote;
mod token;
mod value;
mod version;
mod world;

use std::collections::BTreeMap;

use crate::ast::List;
pub use crate::error::TemplateError;
use crate::value::Value;
pub use crate::world::World;
use crate::world::Session;

/// A template, ready to render any number of values.
#[derive(Debug)]
pub struct Template {
    name: String,
    text: String,
    templates: BTreeMap<String, List>,
}

impl Template {
    /// Reads a template.
    pub fn parse(name: &str, text: &str) -> Result<Self, TemplateError> {
        let templates = parser::parse(name, text)?;
        Ok(Self { name: name.to_owned(), text: text.to_owned(), templates })
    }

    /// Renders a value.
    pub fn render(&self, value: &serde_json::Value) -> Result<String, TemplateError> {
        self.render_in(value, &World::new())
    }

    /// Renders a value in a world.
    pub fn render_in(&self, value: &serde_json::Value, world: &World<'_>) -> Result<String, TemplateError> {
        let session = Session::new(world);
        let data = Value::from_json(value, 0)
            .map_err(|failure| TemplateError::execution(0, 0, format!("template: {}: {failure}", self.name)))?;
        let data = if data.is_nil() { Value::Missing } else { data };
        let bytes = exec::render(&self.name, &self.text, &self.templates, data, &session)?;
        Ok(String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }
}
