//! File names: how names from keys are spelled on disk, the same on every file system.
//!
//! A name is spelled as it is, but for two things. A slash, which repositories have, becomes `+`.
//! Capital letters, which tags have and some file systems cannot tell from small ones, become
//! small, and a suffix says which they were: `~` and a bit mask in hexadecimal, lowest bit first.
//! No name has a `+` or a `~` of its own.

/// Spells `name` as a file name of at most 255 bytes: names are shorter, and only tags, of at most
/// 128 bytes, have capital letters.
pub(super) fn print(name: &str) -> String {
    let mut file_name = name.replace('/', "+").to_ascii_lowercase();
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        file_name.push('~');
        for group in name.as_bytes().chunks(4) {
            let bits = group.iter().enumerate().filter(|(_, byte)| byte.is_ascii_uppercase());
            let digit: u32 = bits.map(|(index, _)| 1 << index).sum();
            file_name.extend(char::from_digit(digit, 16));
        }
        let length = file_name.trim_end_matches('0').len();
        file_name.truncate(length);
    }
    file_name
}

/// Reads the name back; nothing if [`print()`] does not spell any name so.
pub(super) fn parse(file_name: &str) -> Option<String> {
    let (small, mask) = file_name.split_once('~').unwrap_or((file_name, ""));
    let mut name = small.replace('+', "/").into_bytes();
    for (group, digit) in mask.chars().enumerate() {
        let digit = digit.to_digit(16)?;
        for bit in (0..4).filter(|bit| digit & (1 << bit) != 0) {
            name.get_mut(group * 4 + bit)?.make_ascii_uppercase();
        }
    }
    let name = String::from_utf8(name).ok()?;
    // Hidden files are somebody else's: no name begins with a dot.
    (!name.starts_with('.') && print(&name) == file_name).then_some(name)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spells_names_as_documented() {
        for (name, file_name) in [
            ("latest", "latest"),
            ("a/b-c", "a+b-c"),
            ("V1", "v1~1"),
            ("v1", "v1"),
            ("aBcDe", "abcde~a"),
            ("aaaaA", "aaaaa~01"),
        ] {
            assert_eq!(print(name), file_name);
            assert_eq!(parse(file_name).as_deref(), Some(name));
        }
        for bad in ["V1", "v1~", "v1~0", "v1~10", "v1~2", "v1~x", "v1~1~1", "a/b", ".hidden"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_longest_names_fit() {
        assert!(print(&"A".repeat(128)).len() <= 255);
        assert!(print(&"a/".repeat(127)).len() <= 255);
    }

    proptest! {
        #[test]
        fn no_two_names_share_a_file_even_where_case_is_folded(
            names in prop::collection::hash_set("[aAbB]{1,3}(/[ab])?", 1..40),
        ) {
            let files: HashSet<String> =
                names.iter().map(|name| print(name).to_lowercase()).collect();
            prop_assert_eq!(files.len(), names.len());
            for name in &names {
                prop_assert_eq!(parse(&print(name)), Some(name.clone()));
            }
        }
    }
}
