//! `--distribution-spec`: how the referrers of a manifest are found and recorded.

use oras_client::remote::ReferrersMode;

use super::remote::Side;
use crate::command::Invocation;
use crate::flag::{Choice, Flag};

const BY_TAG: &str = "v1.1-referrers-tag";
const BY_API: &str = "v1.1-referrers-api";
const SPEC: Choice = Choice { noun: "distribution specification", words: &[BY_TAG, BY_API] };

/// Declares the flag.
pub(crate) fn flag(side: Side) -> Flag {
    Flag::choice(
        side.flag("distribution-spec"),
        &SPEC,
        "[Preview] set OCI distribution spec version and API option for target. Options: \
         v1.1-referrers-api, v1.1-referrers-tag",
    )
    .default("unknown")
}

/// Reads the flag, where it is declared.
pub(super) fn read(invocation: &Invocation, side: Side) -> ReferrersMode {
    let name = side.flag("distribution-spec");
    if !invocation.parsed.declares(&name) {
        return ReferrersMode::Automatic;
    }
    match invocation.parsed.text(&name) {
        BY_TAG => ReferrersMode::Tag,
        BY_API => ReferrersMode::Api,
        _ => ReferrersMode::Automatic,
    }
}
