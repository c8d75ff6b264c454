//! Go's `text/template` with the functions of [sprig](https://masterminds.github.io/sprig/), over JSON.

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
use crate::world::Session;
pub use crate::world::World;

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
    pub fn render_in(
        &self,
        value: &serde_json::Value,
        world: &World<'_>,
    ) -> Result<String, TemplateError> {
        self.render_with(value, &Session::new(world))
    }

    fn render_with(
        &self,
        value: &serde_json::Value,
        session: &Session<'_>,
    ) -> Result<String, TemplateError> {
        let data = Value::from_json(value, 0).map_err(|failure| {
            TemplateError::execution(0, 0, format!("template: {}: {failure}", self.name))
        })?;
        let data = if data.is_nil() { Value::Missing } else { data };
        let bytes = exec::render(&self.name, &self.text, &self.templates, data, session)?;
        Ok(String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stops(text: &str) {
        let template = Template::parse("t", text).expect("a template");
        let world = World::new();
        let rendered =
            template.render_with(&serde_json::Value::Null, &Session::with_steps(&world, 10_000));
        let error = rendered.expect_err("too many steps").to_string();
        assert!(error.ends_with("the template takes more than 10000 steps"), "{error}");
    }

    #[test]
    fn stops_after_too_many_steps() {
        stops("{{range 9223372036854775807}}{{end}}");
        stops("{{range $i := 1000}}{{range $j := 1000}}{{end}}{{end}}");
        stops("{{until 20000}}");
        stops("{{$l := until 1000}}{{range until 100}}{{$x := reverse $l}}{{end}}");
        stops("{{$s := repeat 20000 \"x\"}}{{splitList \"\" $s}}");
        stops("{{$s := repeat 20000 \"x\"}}{{regexReplaceAll \"x\" $s \"\"}}");
        stops("{{$s := repeat 1000000 \"x\"}}");
        stops("{{$l := until 1000}}{{uniq $l}}");
        let shared = "{{$x := list 1}}{{range until 100}}{{$x = list $x $x}}{{end}}";
        stops(&format!("{shared}{{{{deepCopy $x}}}}"));
    }
}
