//! Go templates over reports, which see the variables and the clock that the user sees.

use oras_template::{TemplateError, World};

use crate::env::Environment;
use crate::error::{CliError, Result};

/// The name that messages call every template by, as `oras` does.
const NAME: &str = "format output";

/// A template that parses.
#[derive(Debug)]
pub(crate) struct Template {
    template: oras_template::Template,
    environment: Environment,
}

impl Template {
    /// Parses `source`.
    ///
    /// # Errors
    ///
    /// About the first mistake in it, as Go says it; functions and variables that do not exist
    /// are mistakes too.
    pub(crate) fn parse(source: &str, environment: &Environment) -> Result<Self> {
        let template =
            oras_template::Template::parse(NAME, source).map_err(|error| told(&error))?;
        Ok(Self { template, environment: environment.clone() })
    }

    /// Applies it to `data`.
    ///
    /// # Errors
    ///
    /// If what it wants to do cannot be done with the data.
    pub(crate) fn render(&self, data: &serde_json::Value) -> Result<String> {
        let world = World::new()
            .with_now(self.environment.now())
            .with_variables(|name| self.environment.variable(name)?.to_str().map(str::to_owned));
        self.template.render_in(data, &world).map_err(|error| told(&error))
    }
}

fn told(error: &TemplateError) -> CliError {
    CliError::new(error.to_string())
}

#[cfg(test)]
mod tests;
