//! Go templates over JSON, with the functions that users of `oras` know from sprig.

mod check;
mod functions;

use std::sync::Arc;

use gotmpl::{TemplateError, Value};

use crate::error::{CliError, Result};

/// The name that messages call every template by, as `oras` does.
const NAME: &str = "format output";

/// A template that parses.
pub(crate) struct Template(gotmpl::Template);

impl Template {
    /// Parses `source`.
    ///
    /// # Errors
    ///
    /// About the first mistake in it, as Go says it; functions and variables that do not exist
    /// are mistakes too.
    pub(crate) fn parse(source: &str) -> Result<Self> {
        let functions = functions::all();
        let template = gotmpl::Template::new(NAME).funcs(functions.clone());
        let template = template.parse(source).map_err(|error| described(&error))?;
        check::check(source, &functions)?;
        Ok(Self(template))
    }

    /// Applies it to `data`.
    ///
    /// # Errors
    ///
    /// If what it wants to do cannot be done with the data.
    pub(crate) fn render(&self, data: &serde_json::Value) -> Result<String> {
        self.0.execute_to_string(&to_value(data)).map_err(|error| described(&error))
    }
}

impl std::fmt::Debug for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Template")
    }
}

fn described(error: &TemplateError) -> CliError {
    CliError::new(match error {
        TemplateError::Parse { line, message, .. } | TemplateError::Lex { line, message, .. } => {
            format!("template: {NAME}:{line}: {message}")
        }
        other => format!("template: {NAME}: executing \"{NAME}\": {other}"),
    })
}

/// Numbers are floats, as in Go where JSON goes through an interface.
fn to_value(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Nil,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => {
            number.as_f64().map_or_else(|| text(&number.to_string()), Value::Float)
        }
        serde_json::Value::String(value) => text(value),
        serde_json::Value::Array(values) => Value::List(values.iter().map(to_value).collect()),
        serde_json::Value::Object(fields) => {
            let fields = fields.iter().map(|(key, value)| (key.as_str().into(), to_value(value)));
            Value::Map(Arc::new(fields.collect()))
        }
    }
}

fn text(text: &str) -> Value {
    Value::String(text.into())
}

#[cfg(test)]
mod tests;
