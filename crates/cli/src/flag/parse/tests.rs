//! pflag's rules, one test per rule.

use proptest::prelude::*;

use super::*;

const SPEC: Choice = Choice { noun: "image specification", words: &["v1.1", "v1.0"] };

fn flags() -> Vec<Flag> {
    vec![
        Flag::switch("recursive", "").short('r'),
        Flag::switch("debug", "").short('d'),
        Flag::text("output", "").short('o').default("."),
        Flag::text("config", ""),
        Flag::number("concurrency", "5", ""),
        Flag::list("annotation", "").short('a'),
        Flag::comma_list("media-type", ""),
        Flag::choice("image-spec", &SPEC, ""),
        Flag::switch("verbose", "").short('v').deprecated("and is gone soon."),
    ]
}

fn read(arguments: &[&str]) -> Result<Parsed, String> {
    let arguments: Vec<String> = arguments.iter().map(|&text| text.to_owned()).collect();
    Parsed::read(flags(), &arguments, &mut Vec::new())
}

#[test]
fn flags_and_arguments_mix_and_two_dashes_end_the_flags() {
    let parsed = read(&["a", "--output", "x", "b", "-r", "-", "-:t/t", "--", "-d", "--", "c"])
        .expect("good");
    assert_eq!(parsed.arguments, ["a", "b", "-", "-:t/t", "-d", "--", "c"]);
    assert_eq!(parsed.text("output"), "x");
    assert!(parsed.switch("recursive") && !parsed.switch("debug"));
}

#[test]
fn every_spelling_of_a_value_is_read() {
    for spelling in
        [&["--output=v"][..], &["--output", "v"], &["-o", "v"], &["-ov"], &["-o=v"], &["-rov"]]
    {
        assert_eq!(read(spelling).expect("good").text("output"), "v", "{spelling:?}");
    }
    assert_eq!(read(&["-o="]).expect("good").text("output"), "=");
    assert_eq!(read(&["--output="]).expect("good").text("output"), "");
    assert_eq!(read(&["--output", "--debug"]).expect("good").text("output"), "--debug");
}

#[test]
fn switches_combine_and_take_no_separate_word() {
    let parsed = read(&["-rd", "false"]).expect("good");
    assert!(parsed.switch("recursive") && parsed.switch("debug"));
    assert_eq!(parsed.arguments, ["false"]);
    for no in ["false", "0", "f", "F", "FALSE", "False"] {
        let parsed = read(&["-r", &format!("--recursive={no}")]).expect("good");
        assert!(!parsed.switch("recursive") && parsed.given("recursive"));
    }
    assert!(read(&["-r=T"]).expect("good").switch("recursive"));
}

#[test]
fn the_last_scalar_wins_and_lists_grow() {
    let parsed = read(&["-o", "1", "-o", "2", "-a", "x=1,2", "--annotation=y"]).expect("good");
    assert_eq!(parsed.text("output"), "2");
    assert_eq!(parsed.list("annotation"), ["x=1,2", "y"]);
    let parsed = read(&["--media-type", "a,b", "--media-type=c", "--media-type="]).expect("good");
    assert_eq!(parsed.list("media-type"), ["a", "b", "c"]);
}

#[test]
fn what_is_not_given_has_its_default() {
    let parsed = read(&[]).expect("good");
    assert_eq!((parsed.text("output"), parsed.number("concurrency")), (".", 5));
    assert!(!parsed.given("output") && parsed.some_text("config").is_none());
    assert!(parsed.list("annotation").is_empty());
}

#[test]
fn numbers_are_read_as_go_reads_them() {
    for (text, number) in
        [("7", 7), ("-1", -1), ("+3", 3), ("0x1F", 31), ("010", 8), ("0b11", 3), ("1_000", 1000)]
    {
        let parsed = read(&["--concurrency", text]).expect("good");
        assert_eq!(parsed.number("concurrency"), number);
    }
    for text in ["x", "", "1.5", "-", "1_", "0x", "_1", "1__0", " 1"] {
        assert_eq!(
            read(&["--concurrency", text]).expect_err("bad"),
            format!(
                "invalid argument \"{text}\" for \"--concurrency\" flag: \
                 strconv.ParseInt: parsing \"{text}\": invalid syntax"
            )
        );
    }
    assert!(
        read(&["--concurrency=9223372036854775808"])
            .expect_err("bad")
            .ends_with("value out of range")
    );
}

#[test]
fn says_what_is_wrong_in_the_words_of_pflag() {
    for (arguments, message) in [
        (&["--oci-lay"][..], "unknown flag: --oci-lay"),
        (&["--out=x"], "unknown flag: --out"),
        (&["-x"], "unknown shorthand flag: 'x' in -x"),
        (&["-rxd"], "unknown shorthand flag: 'x' in -xd"),
        (&["--config"], "flag needs an argument: --config"),
        (&["-ro"], "flag needs an argument: 'o' in -o"),
        (&["--=x"], "bad flag syntax: --=x"),
        (&["---x"], "bad flag syntax: ---x"),
        (
            &["-v=maybe"],
            "invalid argument \"maybe\" for \"-v, --verbose\" flag: \
             strconv.ParseBool: parsing \"maybe\": invalid syntax",
        ),
        (
            &["--image-spec", "v2"],
            "invalid argument \"v2\" for \"--image-spec\" flag: \
             unknown image specification flag: v2\nAvailable options: v1.1, v1.0",
        ),
    ] {
        assert_eq!(read(arguments).expect_err("bad"), message, "{arguments:?}");
    }
}

#[test]
fn a_deprecated_flag_is_noticed_even_if_a_later_one_is_wrong() {
    let mut notices = Vec::new();
    let arguments = ["-v".to_owned(), "--bogus".to_owned()];
    Parsed::read(flags(), &arguments, &mut notices).expect_err("bad");
    assert_eq!(notices, ["Flag --verbose has been deprecated, and is gone soon."]);
}

proptest! {
    /// Whatever is given is read or refused, and what is neither flag nor value is kept in order.
    #[test]
    fn reads_or_refuses_anything(
        arguments in prop::collection::vec("[-=rdoavx,.1 ü\\PC]{0,6}|--(output|config|debug)(=[-=x]*)?", 0..8)
    ) {
        match Parsed::read(flags(), &arguments, &mut Vec::new()) {
            Ok(parsed) => {
                let mut rest = arguments.iter();
                for kept in &parsed.arguments {
                    prop_assert!(rest.any(|argument| argument == kept));
                }
                parsed.number("concurrency");
            }
            Err(message) => prop_assert!(!message.is_empty()),
        }
    }
}
