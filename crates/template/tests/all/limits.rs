//! No template and no value makes rendering go on without end, or overflow the stack.

use std::thread;

use oras_template::Template;
use serde_json::{Value, json};

/// Renders on a thread whose stack is half as large as those of async runtimes.
fn render(text: &str, value: Value) -> Result<String, String> {
    let text = text.to_owned();
    let rendering = thread::Builder::new().stack_size(1 << 20).spawn(move || {
        let template = Template::parse("t", &text).map_err(|error| error.to_string())?;
        template.render(&value).map_err(|error| error.to_string())
    });
    rendering.expect("a thread").join().expect("no panic, no overflow")
}

fn refuses(text: &str, value: Value, message: &str) {
    let error = render(text, value).expect_err("beyond a limit");
    assert!(error.contains(message), "{}", &error[error.len().saturating_sub(300)..]);
}

#[test]
fn stops_templates_that_call_themselves() {
    let depth = "exceeded maximum template depth (300)";
    refuses(r#"{{define "a"}}{{template "a" .}}{{end}}{{template "a" .}}"#, Value::Null, depth);
    refuses(r#"{{template "t" .}}"#, Value::Null, depth);
    let through_everything = r#"{{range (list 1)}}{{if (with_ (not (not true)))}}{{with (list 2)}}{{template "t" (first (list .))}}{{end}}{{end}}{{end}}"#;
    refuses(&through_everything.replace("with_", "print"), Value::Null, depth);
}

#[test]
fn stops_at_deep_nests_of_any_kind() {
    let nested = |open: &str, inner: &str, close: &str, times: usize| {
        format!("{}{inner}{}", open.repeat(times), close.repeat(times))
    };
    let deep = "nested deeper than 100 levels";
    for times in [90, 10_000] {
        let blocks: Vec<_> = (0..times).map(|i| format!("{{{{block \"{i}\" .}}}}")).collect();
        let texts = [
            format!("{{{{{}}}}}", nested("(", "1", ")", times)),
            format!("{{{{{}}}}}", nested("print (", "1", ")", times)),
            nested("{{if true}}", "x", "{{end}}", times),
            nested("{{with 1}}", "x", "{{end}}", times),
            nested("{{range 1}}", "x", "{{end}}", times),
            nested("{{range 1}}{{else}}", "x", "{{end}}", times),
            format!("{{{{if true}}}}{}{{{{end}}}}", "{{else if true}}".repeat(times)),
            format!("{}x{}", blocks.join(""), "{{end}}".repeat(times)),
        ];
        for text in texts {
            match render(&text, Value::Null) {
                Ok(_) => assert_eq!(times, 90),
                Err(error) => {
                    assert!(times > 90 && error.ends_with(deep), "{text:.80} {error:.200}");
                }
            }
        }
    }
}

#[test]
fn stops_at_values_that_are_nested_too_deep() {
    let nest = "{{$x := list}}{{range until 100000}}{{$x = list $x}}{{end}}";
    let deep = "nested deeper than 200 levels";
    for text in ["{{$x}}", "{{toString $x}}", "{{deepCopy $x}}", "{{mustToJson $x}}"] {
        refuses(&format!("{nest}{text}"), Value::Null, deep);
    }
    refuses(
        &format!("{nest}{}{{{{deepEqual $x $y}}}}", nest.replace("$x", "$y")),
        Value::Null,
        deep,
    );
    assert_eq!(render(&format!("{nest}{{{{len $x}}}}"), Value::Null).as_deref(), Ok("1"));
    let dicts = "{{$a := dict}}{{$b := dict}}{{range until 100000}}{{$a = dict \"k\" $a}}{{$b = dict \"k\" $b}}{{end}}";
    refuses(&format!("{dicts}{{{{merge $a $b}}}}"), Value::Null, deep);
    let mut value = json!(1);
    for _ in 0..1000 {
        value = json!([value]);
    }
    let error = Template::parse("t", "x").unwrap().render(&value).unwrap_err();
    assert!(error.to_string().ends_with(deep), "{error}");
}

#[test]
fn refuses_dicts_that_would_contain_themselves() {
    refuses(r#"{{$d := dict}}{{set $d "self" $d}}"#, Value::Null, "a dict cannot contain itself");
    refuses(
        r#"{{$d := dict}}{{set $d "l" (list (dict "x" $d))}}"#,
        Value::Null,
        "a dict cannot contain itself",
    );
    refuses(
        r#"{{$d := dict}}{{merge $d (dict "x" $d)}}"#,
        Value::Null,
        "a dict cannot contain itself",
    );
}

#[test]
fn stops_at_large_texts() {
    let large = "the text exceeds 67108864 bytes";
    let texts = [
        "{{repeat 1000000000 \"x\"}}",
        "{{repeat 9223372036854775807 (repeat 1000 \"xy\")}}",
        "{{indent 100000000 \"x\"}}",
        "{{$s := repeat 1000000 \"x\"}}{{replace \"x\" $s $s}}",
        "{{$s := repeat 1000000 \"x\"}}{{replace \"\" $s $s}}",
        "{{$s := repeat 1000000 \"x\"}}{{regexReplaceAll \"x\" $s $s}}",
        "{{$s := repeat 100000 \"x \"}}{{wrapWith 1 $s $s}}",
        "{{$s := repeat 1000000 \"x\"}}{{join $s (until 1000)}}",
        "{{$s := repeat 1000000 \"x\"}}{{range until 100}}{{$s}}{{end}}",
        "{{range until 100}}{{printf \"%1000000d\" 1}}{{end}}",
        "{{printf (repeat 100 \"%1000000[1]v\") 1}}",
        "{{$s := repeat 40000000 \"x\"}}{{cat $s $s}}",
        "{{$s := repeat 40000000 \"x\"}}{{print $s $s}}",
        "{{$s := repeat 10000000 \"x\"}}{{mustToJson (list $s $s $s $s $s $s $s)}}",
    ];
    for text in texts {
        refuses(text, Value::Null, large);
    }
}

#[test]
fn stops_at_long_lists() {
    let long = "the list exceeds 4194304 items";
    refuses("{{until 1000000000}}", Value::Null, long);
    refuses("{{untilStep 0 -1000000000 -1}}", Value::Null, long);
    refuses("{{seq 9223372036854775807}}", Value::Null, long);
    refuses(
        "{{$l := until 1000}}{{range until 100}}{{$l = concat $l $l}}{{end}}",
        Value::Null,
        long,
    );
}

#[test]
fn stops_comparing_what_is_too_large() {
    let text = "{{$x := list 1}}{{$y := list 1}}{{range until 100}}{{$x = list $x $x}}{{$y = list $y $y}}{{end}}{{deepEqual $x $y}}";
    refuses(text, Value::Null, "the values are too large to compare");
}
