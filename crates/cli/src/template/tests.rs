//! What Go and sprig print for the same templates.

use serde_json::json;

use super::*;

fn render(source: &str) -> String {
    let data = json!({
        "digest": "sha256:abc", "size": 584, "large": 1_234_567, "none": null,
        "referenceAsTags": ["h/r:v1", "h/r:v2"],
        "files": [{"path": "/a", "size": 2}, {"path": "/b"}],
        "annotations": {"b": "<x>", "a": "1"},
    });
    let environment = Environment::new("/work").with("USER", "ada");
    match Template::parse(source, &environment).and_then(|template| template.render(&data)) {
        Ok(text) => text,
        Err(error) => error.to_string(),
    }
}

#[test]
fn prints_what_go_prints() {
    for (source, printed) in [
        ("{{.digest}} {{.size}}", "sha256:abc 584"),
        ("{{.large}} {{printf \"%.0f\" .large}}", "1.234567e+06 1234567"),
        ("{{.nope}} {{.none}}", "<no value> <no value>"),
        ("{{.annotations}} {{.referenceAsTags}}", "map[a:1 b:<x>] [h/r:v1 h/r:v2]"),
        ("{{range .files}}{{println .path}}{{end}}", "/a\n/b\n"),
        ("{{(first .files).path}} {{(last .files).path}}", "/a /b"),
        ("{{index .referenceAsTags 1}}", "h/r:v2"),
        ("{{printf \"%.0f %s\" .size .digest}}", "584 sha256:abc"),
        ("{{toJson .annotations}}", r#"{"a":"1","b":"\u003cx\u003e"}"#),
        (
            "{{.files | toPrettyJson}}",
            "[\n  {\n    \"path\": \"/a\",\n    \"size\": 2\n  },\n  {\n    \"path\": \"/b\"\n  }\n]",
        ),
        ("{{join \", \" .referenceAsTags | upper}}", "H/R:V1, H/R:V2"),
        ("{{.digest | trimPrefix \"sha256:\" | trunc 2 | quote}}", "\"ab\""),
        ("{{range keys .annotations}}{{.}};{{end}}", "a;b;"),
        ("{{splitList \":\" .digest | last | default \"x\"}} {{.nope | default \"x\"}}", "abc x"),
        ("{{if hasPrefix \"sha\" .digest}}y{{end}}{{$x := 1}}{{$x}}", "y1"),
        ("{{env \"USER\"}}{{env \"NOPE\"}} {{now | date \"2006\" | len}}", "ada 4"),
        ("{{define \"t\"}}[{{.}}]{{end}}{{template \"t\" .size}}", "[584]"),
    ] {
        assert_eq!(render(source), printed, "{source}");
    }
}

#[test]
fn mistakes_are_found_before_anything_is_rendered() {
    for (source, message) in [
        ("{{.digest", "template: format output:1: unclosed action"),
        ("a\n{{foo .}}", "template: format output:2: function \"foo\" not defined"),
        (
            "{{if true}}{{else}}{{bar}}{{end}}",
            "template: format output:1: function \"bar\" not defined",
        ),
        ("{{$x}}", "template: format output:1: undefined variable \"$x\""),
        ("{{with $y := 1}}{{end}}{{$y}}", "template: format output:1: undefined variable \"$y\""),
        ("{{end}} more", "template: format output:1: unexpected {{end}}"),
    ] {
        let error = Template::parse(source, &Environment::new("/work")).expect_err(source);
        assert_eq!(error.to_string(), format!("Error: {message}"));
    }
}

#[test]
fn what_cannot_be_done_with_the_data_is_an_error() {
    for source in ["{{index .referenceAsTags 5}}", "{{if gt .size 100}}{{end}}", "{{first .size}}"]
    {
        assert!(render(source).starts_with("Error: template: format output:1:"), "{source}");
    }
}
