//! A report in the form that `--format` asks for.

use oras_spec::json;
use serde::Serialize;

use super::Printer;
use crate::args::format::Format;
use crate::error::{CliError, Result};

/// Prints `report` as JSON or through the template; as text, prints `text`.
///
/// # Errors
///
/// If the template cannot be applied, or printing fails.
pub(crate) fn render(
    printer: &Printer,
    format: &Format,
    report: &impl Serialize,
    text: impl FnOnce() -> Result<()>,
) -> Result<()> {
    match format {
        Format::Text => text(),
        Format::Json => json_line(printer, report),
        Format::Template(template) => {
            let data = serde_json::to_value(report)
                .map_err(|error| CliError::new(format!("describe the result: {error}")))?;
            printer.bytes(template.render(&data)?.as_bytes())
        }
    }
}

/// Prints `value` as indented JSON, with a line end.
///
/// # Errors
///
/// If printing fails.
pub(crate) fn json_line(printer: &Printer, value: &impl Serialize) -> Result<()> {
    let mut bytes = json::to_vec_pretty(value);
    bytes.push(b'\n');
    printer.bytes(&bytes)
}

/// Prints `value` as `--descriptor` does: on one line without an end, or indented with one.
///
/// # Errors
///
/// If printing fails.
pub(crate) fn descriptor(printer: &Printer, value: &impl Serialize, pretty: bool) -> Result<()> {
    if pretty { json_line(printer, value) } else { printer.bytes(&json::to_vec(value)) }
}

/// Prints a document as it is, or indented with a line end.
///
/// # Errors
///
/// If it is to be indented and is no JSON, or printing fails.
pub(crate) fn document(printer: &Printer, bytes: &[u8], pretty: bool) -> Result<()> {
    if !pretty {
        return printer.bytes(bytes);
    }
    let mut indented = json::indent(bytes)
        .map_err(|error| CliError::new(format!("failed to prettify: {error}")))?;
    indented.push(b'\n');
    printer.bytes(&indented)
}
