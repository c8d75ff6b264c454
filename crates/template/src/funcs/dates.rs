//! Dates and durations. The present comes from the caller's clock.

use std::rc::Rc;

use super::{Call, Function, Type};
use crate::date::{Date, Zone, duration};
use crate::error::Failure;
use crate::value::Value;

use Type::{Any, Date as Moment, Text as Str};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::fixed("now", &[], |call| call.session.now().map(date_value)),
    Function::fixed("ago", &[Any], ago),
    Function::fixed("date", &[Str, Any], |call| shown_in(call, call.any(1), "Local", &call.str(0))),
    Function::fixed("dateInZone", &[Str, Any, Str], |call| {
        shown_in(call, call.any(1), &call.str(2), &call.str(0))
    }),
    Function::fixed("date_in_zone", &[Str, Any, Str], |call| {
        shown_in(call, call.any(1), &call.str(2), &call.str(0))
    }),
    Function::fixed("htmlDate", &[Any], |call| shown_in(call, call.any(0), "Local", HTML_DATE)),
    Function::fixed("htmlDateInZone", &[Any, Str], |call| {
        shown_in(call, call.any(0), &call.str(1), HTML_DATE)
    }),
    Function::fixed("dateModify", &[Str, Moment], |call| modify(call, false)),
    Function::fixed("date_modify", &[Str, Moment], |call| modify(call, false)),
    Function::fixed("mustDateModify", &[Str, Moment], |call| modify(call, true)),
    Function::fixed("must_date_modify", &[Str, Moment], |call| modify(call, true)),
    Function::fixed("toDate", &[Str, Str], |call| {
        Ok(date_value(parse(call).unwrap_or(Date::ZERO)))
    }),
    Function::fixed("mustToDate", &[Str, Str], |call| {
        parse(call).map(date_value).map_err(Failure::from)
    }),
    Function::fixed("unixEpoch", &[Moment], |call| {
        Ok(Value::text(call.date(0).unix().to_string()))
    }),
    Function::fixed("duration", &[Any], |call| {
        let seconds = match call.any(0) {
            Value::Text(text) => number_of(&text.to_str()),
            Value::Int64(seconds) => *seconds,
            _ => 0,
        };
        Ok(Value::text(duration::to_text(seconds.wrapping_mul(duration::SECOND))))
    }),
    Function::fixed("durationRound", &[Any], |call| {
        let nanoseconds = match call.any(0) {
            Value::Text(text) => duration::parse(&text.to_str()).unwrap_or(0),
            Value::Int64(nanoseconds) => *nanoseconds,
            Value::Date(date) => call.session.now()?.since(date),
            _ => 0,
        };
        Ok(Value::text(duration::rough_text(nanoseconds)))
    }),
];

/// How forms of the web write dates.
const HTML_DATE: &str = "2006-01-02";

pub(super) fn date_value(date: Date) -> Value {
    Value::Date(Rc::new(date))
}

/// The number in a text; the nearest, if it is too large.
fn number_of(text: &str) -> i64 {
    match crate::number::parse_int(text, 10) {
        Ok(number) | Err(crate::number::NumberError::Range(number)) => number,
        Err(crate::number::NumberError::Syntax) => 0,
    }
}

/// The moment that a value stands for: a date, or seconds since 1970. Everything else is now.
fn moment(call: &Call<'_>, value: &Value) -> Result<Date, Failure> {
    match value {
        Value::Date(date) => Ok(Date::clone(date)),
        Value::Int(seconds) | Value::Int64(seconds) => Ok(Date::from_unix(*seconds, 0)),
        _ => call.session.now(),
    }
}

fn shown_in(call: &Call<'_>, value: &Value, zone: &str, layout: &str) -> Result<Value, Failure> {
    let date = moment(call, value)?.in_zone(call.session.zone(zone));
    Ok(Value::text(date.format(layout)))
}

fn ago(call: &Call<'_>) -> Result<Value, Failure> {
    let past = call.session.now()?.since(&moment(call, call.any(0))?);
    Ok(Value::text(duration::to_text(duration::rounded_to_seconds(past))))
}

fn modify(call: &Call<'_>, must: bool) -> Result<Value, Failure> {
    match duration::parse(&call.str(0)) {
        Ok(nanoseconds) => Ok(date_value(call.date(1).plus(nanoseconds))),
        Err(_) if !must => Ok(call.any(1).clone()),
        Err(message) => Err(message.into()),
    }
}

fn parse(call: &Call<'_>) -> Result<Date, String> {
    let zone: Zone = call.session.zone("Local");
    Date::parse(&call.str(0), &call.str(1), &zone)
}
