//! JSON inside of a `<script>` element.

use serde_json::Value;

/// JSON that no HTML parser mistakes for markup. The content of a script element is not text: it
/// ends at the first `</script`, and `<!--` followed by `<script` hides that end. Both need a `<`,
/// which JSON can write as an escape; `>` and `&` are escaped for readers in XHTML, U+2028 and
/// U+2029 because older JavaScript ends a line there. Any JSON parser reads the same value.
pub(crate) fn embedded(value: &Value) -> String {
    escaped(&value.to_string())
}

/// As [`embedded`], of a JSON text.
pub(crate) fn escaped(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '<' => safe.push_str("\\u003c"),
            '>' => safe.push_str("\\u003e"),
            '&' => safe.push_str("\\u0026"),
            '\u{2028}' => safe.push_str("\\u2028"),
            '\u{2029}' => safe.push_str("\\u2029"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_end_of_a_script_cannot_be_written_in_data() {
        let safe = embedded(&json!({"</script>": "<!--<script>", "a": "]]>&amp;\u{2028}"}));
        assert!(!safe.contains(['<', '>', '&', '\u{2028}']), "{safe}");
    }

    proptest! {
        #[test]
        fn embedded_json_is_the_same_value(text in any::<String>(), key in any::<String>()) {
            let value = json!({ key: text });
            prop_assert_eq!(serde_json::from_str::<Value>(&embedded(&value)).unwrap(), value);
        }
    }
}
