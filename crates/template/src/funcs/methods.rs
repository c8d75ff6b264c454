//! The methods of dates and versions.

use std::cmp::Ordering;
use std::rc::Rc;

use super::dates::date_value;
use super::{Call, Function, Type};
use crate::date::{Date, Zone};
use crate::error::Failure;
use crate::value::Value;
use crate::version::Version;

use Type::{Date as Moment, Int, Text as Str, Version as Other};

/// The function that makes versions, whose methods stand below, and the one that compares them.
pub(super) const FUNCTIONS: &[Function] = &[
    Function::fixed("semver", &[Str], |call| {
        Version::parse(&call.str(0)).map(version_value).map_err(Failure::from)
    }),
    Function::fixed("semverCompare", &[Str, Str], |call| {
        let constraints = crate::version::Constraints::parse(&call.str(0))?;
        let version = Version::parse(&call.str(1))?;
        Ok(Value::Bool(constraints.allow(&version)))
    }),
];

/// The receiver is the first value of a method's call; parameters count from the one behind it.
const OF_DATES: &[Function] = &[
    Function::fixed("Format", &[Str], |call| Ok(Value::text(call.date(0).format(&call.str(1))))),
    Function::fixed("String", &[], |call| Ok(Value::text(call.date(0).to_string()))),
    Function::fixed("Year", &[], |call| Ok(Value::Int(call.date(0).civil().year))),
    Function::fixed("Day", &[], |call| Ok(Value::Int(call.date(0).civil().day))),
    Function::fixed("YearDay", &[], |call| Ok(Value::Int(call.date(0).year_day()))),
    Function::fixed("Hour", &[], |call| Ok(Value::Int(call.date(0).civil().second / 3600))),
    Function::fixed("Minute", &[], |call| Ok(Value::Int(call.date(0).civil().second / 60 % 60))),
    Function::fixed("Second", &[], |call| Ok(Value::Int(call.date(0).civil().second % 60))),
    Function::fixed("Nanosecond", &[], |call| {
        Ok(Value::Int(i64::from(call.date(0).nanoseconds())))
    }),
    Function::fixed("Unix", &[], |call| Ok(Value::Int64(call.date(0).unix()))),
    Function::fixed("UnixMilli", &[], |call| Ok(Value::Int64(unix_in(call.date(0), 1_000)))),
    Function::fixed("UnixMicro", &[], |call| Ok(Value::Int64(unix_in(call.date(0), 1_000_000)))),
    Function::fixed("UnixNano", &[], |call| Ok(Value::Int64(unix_in(call.date(0), 1_000_000_000)))),
    Function::fixed("IsZero", &[], |call| {
        Ok(Value::Bool(call.date(0).is_same_moment(&Date::ZERO)))
    }),
    Function::fixed("UTC", &[], |call| Ok(date_value(call.date(0).in_zone(Zone::Utc)))),
    Function::fixed("Local", &[], |call| {
        Ok(date_value(call.date(0).in_zone(call.session.zone("Local"))))
    }),
    Function::fixed("Before", &[Moment], |call| {
        Ok(Value::Bool(call.date(0).instant() < call.date(1).instant()))
    }),
    Function::fixed("After", &[Moment], |call| {
        Ok(Value::Bool(call.date(0).instant() > call.date(1).instant()))
    }),
    Function::fixed("Equal", &[Moment], |call| {
        Ok(Value::Bool(call.date(0).is_same_moment(call.date(1))))
    }),
    Function::fixed("AddDate", &[Int, Int, Int], |call| {
        Ok(date_value(call.date(0).plus_calendar(call.int(1), call.int(2), call.int(3))))
    }),
];

const OF_VERSIONS: &[Function] = &[
    Function::fixed("Major", &[], |call| Ok(Value::Uint64(call.version(0)?.major))),
    Function::fixed("Minor", &[], |call| Ok(Value::Uint64(call.version(0)?.minor))),
    Function::fixed("Patch", &[], |call| Ok(Value::Uint64(call.version(0)?.patch))),
    Function::fixed("Prerelease", &[], |call| Ok(Value::text(&*call.version(0)?.prerelease))),
    Function::fixed("Metadata", &[], |call| Ok(Value::text(&*call.version(0)?.metadata))),
    Function::fixed("Original", &[], |call| Ok(Value::text(&*call.version(0)?.original))),
    Function::fixed("String", &[], |call| Ok(Value::text(call.version(0)?.to_string()))),
    Function::fixed("IncMajor", &[], |call| Ok(version_value(call.version(0)?.next_major()))),
    Function::fixed("IncMinor", &[], |call| Ok(version_value(call.version(0)?.next_minor()))),
    Function::fixed("IncPatch", &[], |call| Ok(version_value(call.version(0)?.next_patch()))),
    Function::fixed("Compare", &[Other], |call| Ok(Value::Int(i64::from(compare(call)? as i8)))),
    Function::fixed("Equal", &[Other], |call| {
        Ok(Value::Bool(!call.any(1).is_nil() && compare(call)?.is_eq()))
    }),
    Function::fixed("LessThan", &[Other], |call| Ok(Value::Bool(compare(call)?.is_lt()))),
    Function::fixed("LessThanEqual", &[Other], |call| Ok(Value::Bool(compare(call)?.is_le()))),
    Function::fixed("GreaterThan", &[Other], |call| Ok(Value::Bool(compare(call)?.is_gt()))),
    Function::fixed("GreaterThanEqual", &[Other], |call| Ok(Value::Bool(compare(call)?.is_ge()))),
];

/// Finds the method of a value by its name.
pub(crate) fn method(value: &Value, name: &str) -> Option<&'static Function> {
    let methods = match value {
        Value::Date(_) => OF_DATES,
        Value::Version(_) => OF_VERSIONS,
        _ => &[],
    };
    methods.iter().find(|method| method.name == name)
}

fn version_value(version: Version) -> Value {
    Value::Version(Rc::new(version))
}

fn compare(call: &Call<'_>) -> Result<Ordering, Failure> {
    Ok(call.version(0)?.compare(call.version(1)?))
}

/// The time since 1970 in parts of a second; wraps around where Go does.
fn unix_in(date: &Date, parts: i64) -> i64 {
    let fraction = i64::from(date.nanoseconds()) / (1_000_000_000 / parts);
    date.unix().wrapping_mul(parts).wrapping_add(fraction)
}
