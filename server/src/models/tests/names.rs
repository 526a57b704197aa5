//! How requests name models.

use std::cmp::Ordering;

use proptest::prelude::*;

use super::*;

#[test]
fn a_request_without_a_name_gets_the_default() {
    let registry = registry(&["b/1", "a/1"]);
    let default = registry.resolve(None).unwrap();
    assert_eq!(default.id(), "a/1");
    assert!(registry.is_default(&default));
    assert!(!registry.is_default(&registry.resolve(Some("b")).unwrap()));
}

#[test]
fn a_name_alone_means_the_newest_version() {
    let registry = registry(&["a/9", "a/10", "a/2", "b/1"]);
    assert_eq!(registry.resolve(Some("a")).unwrap().id(), "a/10");
    assert_eq!(registry.resolve(Some("a/9")).unwrap().id(), "a/9");
    assert_eq!(registry.resolve(Some("b")).unwrap().id(), "b/1");
}

#[test]
fn errors_are_worded_as_the_protocol_says() {
    let registry = registry(&["a/1", "b/2"]);
    let wrong = |name: &str| {
        registry
            .resolve(Some(name))
            .unwrap_err()
            .within("options")
            .to_string()
    };
    assert_eq!(
        wrong("A b"),
        r#"options.model: "A b"; expected name or name/version, of [a-z0-9][a-z0-9._-]*"#
    );
    assert_eq!(
        wrong("a/9"),
        r#"options.model: "a/9" is not served; expected one of a/1, b/2"#
    );
    for malformed in ["", "/", "a/", "/1", "a/1/2", ".a", "-a", "a/_1", "ä", "a\n"] {
        let error = registry.resolve(Some(malformed)).unwrap_err();
        assert!(
            matches!(error, Error::Invalid { .. }),
            "{malformed:?}: {error}"
        );
    }
    for unknown in ["c", "a/2", "aa", "a.b-c_9/0"] {
        let error = registry.resolve(Some(unknown)).unwrap_err();
        assert!(
            matches!(error, Error::UnknownModel { .. }),
            "{unknown:?}: {error}"
        );
    }
}

#[test]
fn versions_are_ordered_by_their_numbers() {
    let ascending = [
        "0", "1", "1-rc1", "1.0", "1.2", "1.10", "1.10.1", "2", "010", "11", "a", "a2",
    ];
    for (at, left) in ascending.iter().enumerate() {
        for (other, right) in ascending.iter().enumerate() {
            assert_eq!(
                compare_versions(left, right),
                at.cmp(&other),
                "{left} and {right}"
            );
        }
    }
}

proptest! {
    #[test]
    fn the_order_of_versions_is_total(versions in prop::collection::vec("[a-c0-2][a-c0-2._-]{0,4}", 3)) {
        let [a, b, c] = [&versions[0], &versions[1], &versions[2]];
        prop_assert_eq!(compare_versions(a, b), compare_versions(b, a).reverse());
        prop_assert_eq!(compare_versions(a, b) == Ordering::Equal, a == b);
        if compare_versions(a, b).is_le() && compare_versions(b, c).is_le() {
            prop_assert!(compare_versions(a, c).is_le());
        }
    }
}
