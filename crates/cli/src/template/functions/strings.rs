//! Strings: cut, joined, quoted, compared.

use gotmpl::Value;

use super::{Function, Outcome, exactly, integer, list, shown, text};

pub(super) const FUNCTIONS: [(&str, Function); 26] = [
    ("b64dec", |values| {
        use base64::Engine as _;
        let [encoded] = exactly(values)?;
        let decoded = base64::engine::general_purpose::STANDARD.decode(shown(encoded));
        Ok(match decoded {
            Ok(bytes) => text(&String::from_utf8_lossy(&bytes)),
            Err(error) => text(&error.to_string()),
        })
    }),
    ("b64enc", |values| {
        use base64::Engine as _;
        let [plain] = exactly(values)?;
        Ok(text(&base64::engine::general_purpose::STANDARD.encode(shown(plain))))
    }),
    ("cat", |values| {
        let words: Vec<String> = values.iter().map(shown).collect();
        Ok(text(&words.join(" ")))
    }),
    ("contains", |values| asks(values, |part, whole| whole.contains(part))),
    ("hasPrefix", |values| asks(values, |part, whole| whole.starts_with(part))),
    ("hasSuffix", |values| asks(values, |part, whole| whole.ends_with(part))),
    ("indent", |values| {
        let [width, lines] = exactly(values)?;
        let pad = " ".repeat(usize::try_from(integer(width)).unwrap_or(0).min(MAX_PAD));
        Ok(text(&format!("{pad}{}", shown(lines).replace('\n', &format!("\n{pad}")))))
    }),
    ("join", |values| {
        let [separator, all] = exactly(values)?;
        let words: Vec<String> = match all {
            Value::List(all) => all.iter().map(shown).collect(),
            other => vec![shown(other)],
        };
        Ok(text(&words.join(&shown(separator))))
    }),
    ("lower", |values| maps(values, str::to_lowercase)),
    ("nindent", |values| {
        let [width, lines] = exactly(values)?;
        let pad = " ".repeat(usize::try_from(integer(width)).unwrap_or(0).min(MAX_PAD));
        Ok(text(&format!("\n{pad}{}", shown(lines).replace('\n', &format!("\n{pad}")))))
    }),
    ("quote", |values| {
        let words: Vec<String> = values
            .iter()
            .filter(|value| !matches!(value, Value::Nil))
            .map(|value| oras_spec::Quoted(&shown(value)).to_string())
            .collect();
        Ok(text(&words.join(" ")))
    }),
    ("replace", |values| {
        let [old, new, whole] = exactly(values)?;
        Ok(text(&shown(whole).replace(&shown(old), &shown(new))))
    }),
    ("splitList", |values| {
        let [separator, whole] = exactly(values)?;
        let (separator, whole) = (shown(separator), shown(whole));
        Ok(list(whole.split(&separator).map(text).collect()))
    }),
    ("squote", |values| {
        let words: Vec<String> = values.iter().map(|value| format!("'{}'", shown(value))).collect();
        Ok(text(&words.join(" ")))
    }),
    ("substr", |values| {
        let [from, to, whole] = exactly(values)?;
        let whole = shown(whole);
        let from = usize::try_from(integer(from)).unwrap_or(0);
        let to = usize::try_from(integer(to)).unwrap_or(usize::MAX).min(whole.len());
        Ok(text(whole.get(from..to).unwrap_or_default()))
    }),
    ("title", |values| {
        maps(values, |words| {
            let mut begins = true;
            let letter = |letter: char| {
                let spelled =
                    if begins { letter.to_uppercase().next().unwrap_or(letter) } else { letter };
                begins = letter.is_whitespace();
                spelled
            };
            words.chars().map(letter).collect()
        })
    }),
    ("toString", |values| exactly(values).map(|[value]| text(&shown(value)))),
    ("toStrings", |values| {
        let [all] = exactly(values)?;
        Ok(list(super::items(all)?.iter().map(|value| text(&shown(value))).collect()))
    }),
    ("trim", |values| maps(values, |whole| whole.trim().to_owned())),
    ("trimAll", |values| cuts(values, |cut, whole| whole.trim_matches(|c| cut.contains(c)))),
    ("trimPrefix", |values| cuts(values, |cut, whole| whole.strip_prefix(cut).unwrap_or(whole))),
    ("trimSuffix", |values| cuts(values, |cut, whole| whole.strip_suffix(cut).unwrap_or(whole))),
    ("trunc", |values| {
        let [length, whole] = exactly(values)?;
        let (length, whole) = (integer(length), shown(whole));
        let size = usize::try_from(length.unsigned_abs()).unwrap_or(usize::MAX);
        let cut = if length < 0 {
            whole.len().checked_sub(size).and_then(|start| whole.get(start..))
        } else {
            whole.get(..size)
        };
        Ok(text(cut.unwrap_or(&whole)))
    }),
    ("upper", |values| maps(values, str::to_uppercase)),
    ("base", |values| maps(values, |path| path.rsplit('/').next().unwrap_or_default().to_owned())),
    ("dir", |values| {
        maps(values, |path| path.rsplit_once('/').map_or(".", |(parent, _)| parent).to_owned())
    }),
];

/// The widest indentation a template may ask for.
const MAX_PAD: usize = 1024;

fn maps(values: &[Value], map: fn(&str) -> String) -> Outcome {
    let [whole] = exactly(values)?;
    Ok(text(&map(&shown(whole))))
}

fn asks(values: &[Value], ask: fn(&str, &str) -> bool) -> Outcome {
    let [part, whole] = exactly(values)?;
    Ok(Value::Bool(ask(&shown(part), &shown(whole))))
}

fn cuts(values: &[Value], cut: for<'a> fn(&str, &'a str) -> &'a str) -> Outcome {
    let [part, whole] = exactly(values)?;
    Ok(text(cut(&shown(part), &shown(whole))))
}
