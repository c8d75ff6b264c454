//! Numbers as Go reads and prints them.

use super::*;

#[test]
fn reads_whole_numbers_with_prefixes() {
    for (text, value) in
        [("0", 0), ("-5", -5), ("0x1F", 31), ("0b101", 5), ("0o17", 15), ("017", 15)]
    {
        assert_eq!(parse_int(text, 0), Ok(value), "{text}");
    }
    assert_eq!(parse_int("1_000", 0), Ok(1000));
    assert_eq!(parse_int("0x_f", 0), Ok(15));
    assert_eq!(parse_int("-9223372036854775808", 10), Ok(i64::MIN));
    for text in ["", "-", "08", "0x", "1__0", "_1", "1_", "1e3", " 1", "0b2"] {
        assert_eq!(parse_int(text, 0), Err(NumberError::Syntax), "{text}");
    }
    assert_eq!(parse_int("1_0", 10), Err(NumberError::Syntax));
    assert_eq!(parse_int("9223372036854775808", 10), Err(NumberError::Range(i64::MAX)));
    assert_eq!(parse_uint("18446744073709551615", 0), Ok(u64::MAX));
}

#[test]
fn reads_floats() {
    for (text, value) in [
        ("1.5", 1.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("0x1p4", 16.0),
        ("-0x.8p1", -1.0),
    ] {
        assert_eq!(parse_float(text), Some(value), "{text}");
    }
    for text in ["", ".", "1e", "1e400", "0x1", "0xp1", "+nan", "x", "1__0.5"] {
        assert_eq!(parse_float(text), None, "{text}");
    }
    assert_eq!(parse_float("-Infinity"), Some(f64::NEG_INFINITY));
    assert_eq!(parse_float("0x1.fffffffffffff8p0"), Some(2.0));
    assert_eq!(parse_float("0x1p-1074"), Some(5e-324));
}

#[test]
fn writes_floats_as_go() {
    let shortest = |value| format_float(value, 'g', None);
    assert_eq!(shortest(584.0), "584");
    assert_eq!(shortest(999_999.0), "999999");
    assert_eq!(shortest(1_234_567.0), "1.234567e+06");
    assert_eq!(shortest(0.0001), "0.0001");
    assert_eq!(shortest(0.00001), "1e-05");
    assert_eq!(shortest(-0.0), "-0");
    assert_eq!(shortest(1e300), "1e+300");
    assert_eq!(format_float(2.5, 'f', Some(0)), "2");
    assert_eq!(format_float(1.0, 'e', Some(2)), "1.00e+00");
    assert_eq!(format_float(123.456, 'g', Some(2)), "1.2e+02");
    assert_eq!(format_float(0.1, 'g', Some(20)), "0.10000000000000000555");
    assert_eq!(format_float(584.0, 'x', None), "0x1.24p+09");
    assert_eq!(format_float(1.999, 'x', Some(1)), "0x1.0p+01");
    assert_eq!(format_float(1.0, 'b', None), "4503599627370496p-52");
    assert_eq!(format_float(f64::NAN, 'f', Some(2)), "NaN");
}

#[test]
fn writes_any_precision_without_harm() {
    assert_eq!(format_float(0.1, 'f', Some(100_000)).len(), 100_002);
    assert_eq!(format_float(0.1, 'e', Some(100_000)).len(), 100_006);
}
