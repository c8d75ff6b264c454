//! Properties of what travels in headers and bodies beside the documents.

use std::convert::Infallible;

use oras_spec::distribution::{
    Action, ByteRange, Challenge, ContentRange, ErrorBody, ErrorCode, ErrorEntry, NotAnOperation,
    RepositoryList, Scope, TagList, TokenResponse, UploadId, UploadRange, Warning, next_link,
    parse_next_link,
};
use proptest::prelude::*;

use crate::strategies::{json, repository_name, text};

fn scope(text: &str) -> Scope {
    text.parse().unwrap_or_else(|never: Infallible| match never {})
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        Just(Action::Pull),
        Just(Action::Push),
        Just(Action::Delete),
        Just(Action::All),
        "[a-z]{1,6}".prop_map(|text| Action::from(text.as_str())),
    ]
}

fn byte_range() -> impl Strategy<Value = ByteRange> {
    prop_oneof![
        any::<u64>().prop_map(ByteRange::From),
        any::<(u64, u64)>().prop_map(|(first, last)| ByteRange::Within(first, last)),
        any::<u64>().prop_map(ByteRange::Last),
    ]
}

proptest! {
    #[test]
    fn scopes_parse_as_they_print(
        name in repository_name(),
        actions in prop::collection::vec(action(), 0..4),
    ) {
        let made = Scope::repository(&name, actions);
        prop_assert_eq!(scope(&made.to_string()), made);
    }

    #[test]
    fn any_text_is_a_scope_that_parses_as_it_prints(text in "[a-z:,*() ]{0,20}") {
        let first = scope(&text);
        prop_assert_eq!(scope(&first.to_string()), first);
    }

    #[test]
    fn merging_scopes_loses_nothing_and_merges_once(text in "((a|b|c):(x|y|h:1/z):(pull|push|\\*|pull,push)? ){0,8}") {
        let scopes = Scope::parse_all(&text);
        let merged = Scope::merge(scopes.clone());
        for asked in &scopes {
            let asks_nothing = asked.to_string().ends_with(':');
            prop_assert!(asks_nothing || merged.iter().any(|scope| scope.covers(asked)));
        }
        prop_assert_eq!(Scope::merge(merged.clone()), merged);
    }

    #[test]
    fn whatever_is_a_challenge_parses_as_it_prints(value in "[a-zA-Z =,\"\\\\:/é]{0,40}") {
        for challenge in Challenge::parse_all(&value) {
            prop_assert_eq!(Challenge::parse_all(&challenge.to_string()), [challenge]);
        }
    }

    #[test]
    fn several_challenges_in_one_header_stay_apart(realms in prop::collection::vec("\\PC{0,10}", 1..4)) {
        let challenges: Vec<Challenge> = realms.iter().map(|realm| Challenge::basic(realm)).collect();
        let header: Vec<String> = challenges.iter().map(ToString::to_string).collect();
        prop_assert_eq!(Challenge::parse_all(&header.join(", ")), challenges);
    }

    #[test]
    fn links_parse_as_they_print(target in "[^>]{0,30}") {
        let link = next_link(&target);
        prop_assert_eq!(parse_next_link(&link), Some(target.as_str()));
        let second = format!("</other>; rel=\"prev\", {link}");
        prop_assert_eq!(parse_next_link(&second), Some(target.as_str()));
    }

    #[test]
    fn a_link_is_a_part_of_its_header(value in "[<>;,=\" a-z]{0,30}") {
        if let Some(target) = parse_next_link(&value) {
            let bracketed = format!("<{target}>");
            prop_assert!(value.contains(&bracketed));
        }
    }

    #[test]
    fn byte_ranges_parse_as_they_print(range in byte_range(), size in any::<u64>()) {
        prop_assert_eq!(range.to_string().parse(), Ok(range));
        if let Some((offset, length)) = range.resolve(size) {
            prop_assert!(length > 0);
            prop_assert!(offset.checked_add(length).is_some_and(|end| end <= size));
        }
    }

    #[test]
    fn content_ranges_parse_as_they_print(first in any::<u64>(), more in any::<u64>(), size in any::<Option<u64>>()) {
        let last = first.saturating_add(more);
        let size = size.map(|size| size.max(last)).filter(|size| *size > last);
        let range = ContentRange::Within { first, last, size };
        prop_assert_eq!(range.to_string().parse(), Ok(range));
        let unsatisfied = ContentRange::Unsatisfied(more);
        prop_assert_eq!(unsatisfied.to_string().parse(), Ok(unsatisfied));
        let upload = UploadRange { first, last };
        prop_assert_eq!(upload.to_string().parse(), Ok(upload));
    }

    #[test]
    fn what_an_upload_holds_reads_as_it_prints(size in 0..u64::MAX) {
        prop_assume!(size != 1); // `0-0` says none as well as one; none loses nothing
        prop_assert_eq!(UploadRange::parse_held(&UploadRange::print_held(size)), Some(size));
    }

    #[test]
    fn warnings_parse_as_they_print(text in text()) {
        let warning = Warning::new(&text);
        let header = warning.to_string();
        prop_assert!(!header.contains(char::is_control));
        if !text.is_empty() {
            prop_assert_eq!(Warning::parse(&header), Some(warning));
        }
    }

    #[test]
    fn errors_decode_as_they_encode(
        entries in prop::collection::vec((text(), text(), json()), 0..4)
    ) {
        let entries = entries.into_iter().map(|(code, message, detail)| ErrorEntry {
            code: ErrorCode::from(code),
            message,
            detail,
        });
        let body = ErrorBody { errors: entries.collect() };
        let bytes = oras_spec::json::to_vec(&body);
        prop_assert_eq!(&serde_json::from_slice::<ErrorBody>(&bytes).expect("ours"), &body);
    }

    #[test]
    fn upload_identifiers_parse_as_they_print(text in "[A-Za-z0-9._/-]{0,6}") {
        match text.parse::<UploadId>() {
            Ok(upload) => prop_assert_eq!(upload.to_string(), text),
            Err(error) => prop_assert_eq!(error, NotAnOperation::Upload(text)),
        }
    }

    #[test]
    fn no_text_causes_a_panic(text in text(), range in "(bytes[= ])?[0-9*/=-]{0,24}") {
        for text in [&text, &range] {
            let _ = text.parse::<ByteRange>();
            let _ = text.parse::<ContentRange>();
            let _ = text.parse::<UploadRange>();
            let _ = UploadRange::parse_held(text);
            drop(Warning::parse(&format!("299 - \"{text}\"")));
            drop(Challenge::parse_all(text));
            drop(Scope::merge(Scope::parse_all(text)));
            let _ = parse_next_link(text);
        }
    }

    #[test]
    fn no_body_causes_a_panic(value in json()) {
        let bytes = oras_spec::json::to_vec(&value);
        drop(serde_json::from_slice::<TagList>(&bytes));
        drop(serde_json::from_slice::<RepositoryList>(&bytes));
        drop(serde_json::from_slice::<TokenResponse>(&bytes));
        drop(serde_json::from_slice::<ErrorBody>(&bytes));
    }
}
