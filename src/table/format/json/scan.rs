//! The parts of JSON values where they are in the text, without building values.
//!
//! A vector is thousands of numbers that [`parse_vector`](crate::table::parse_vector) reads faster than any
//! general parser, and Python writes `NaN` into JSON, which general parsers refuse.

use std::borrow::Cow;

use memchr::{memchr, memchr2, memchr3};

use crate::error::{Error, Result, excerpt};

/// A piece of text that is not JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::table) struct NoJson {
    seen: String,
}

impl From<NoJson> for Error {
    fn from(error: NoJson) -> Self {
        Error::input("invalid JSON")
            .with_code("json-invalid")
            .seen(error.seen)
            .advice("check how the file was written")
    }
}

/// A key and its value.
type Member<'a> = (Cow<'a, str>, &'a [u8]);

/// The keys and values of an object, in order, as they are in the text.
pub(in crate::table) fn members(object: &[u8]) -> impl Iterator<Item = Result<Member<'_>, NoJson>> {
    let mut items = Items::new(object, b'{', b'}');
    std::iter::from_fn(move || items.next_member().transpose())
}

/// The values of an array, in order, as they are in the text.
pub(in crate::table) fn elements(array: &[u8]) -> impl Iterator<Item = Result<&[u8], NoJson>> {
    let mut items = Items::new(array, b'[', b']');
    std::iter::from_fn(move || items.next_element().transpose())
}

/// The values of a text one after the other, with space between them.
pub(in crate::table) fn sequence(text: &[u8]) -> impl Iterator<Item = Result<&[u8], NoJson>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        at += text[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        if at == text.len() {
            return None;
        }
        let Some(end) = value_end(text, at) else {
            let fault = no_json(&text[at..]);
            at = text.len();
            return Some(Err(fault));
        };
        let value = &text[at..end];
        at = end;
        Some(Ok(value))
    })
}

/// The value of a key of an object, as it is in the text; the last, if the key occurs twice.
pub(in crate::table) fn member<'a>(object: &'a [u8], key: &str) -> Result<Option<&'a [u8]>, NoJson> {
    let mut found = None;
    for member in members(object) {
        let (name, value) = member?;
        if name == key {
            found = Some(value);
        }
    }
    Ok(found)
}

/// The characters of a string, given with its quotes.
pub(in crate::table) fn string(value: &[u8]) -> Result<Cow<'_, str>, NoJson> {
    let inside = match value {
        [b'"', inside @ .., b'"'] => inside,
        _ => return Err(no_json(value)),
    };
    if memchr(b'\\', inside).is_some() {
        return serde_json::from_slice(value).map(Cow::Owned).map_err(|_| no_json(value));
    }
    simdutf8::basic::from_utf8(inside).map(Cow::Borrowed).map_err(|_| no_json(value))
}

struct Items<'a> {
    text: &'a [u8],
    at: usize,
    open: u8,
    close: u8,
    state: State,
}

#[derive(PartialEq, Eq)]
enum State {
    Start,
    Inside,
    Ended,
}

impl<'a> Items<'a> {
    fn new(text: &'a [u8], open: u8, close: u8) -> Self {
        Items { text, at: 0, open, close, state: State::Start }
    }

    fn next_member(&mut self) -> Result<Option<Member<'a>>, NoJson> {
        let Some(key) = self.next_value()? else { return Ok(None) };
        let key = self.or_end(string(key))?;
        let colon = self.expect(b':');
        self.or_end(colon)?;
        let value = self.value();
        Ok(Some((key, self.or_end(value)?)))
    }

    fn next_element(&mut self) -> Result<Option<&'a [u8]>, NoJson> {
        self.next_value()
    }

    /// The value after the opening bracket or the next comma.
    fn next_value(&mut self) -> Result<Option<&'a [u8]>, NoJson> {
        let value = self.step();
        self.or_end(value)
    }

    fn step(&mut self) -> Result<Option<&'a [u8]>, NoJson> {
        let at_close = self.peek() == Some(self.close);
        match self.state {
            State::Ended => return Ok(None),
            State::Start => {
                self.expect(self.open)?;
                self.state = State::Inside;
                if self.peek() == Some(self.close) {
                    return self.end();
                }
            }
            State::Inside if at_close => return self.end(),
            State::Inside => self.expect(b',')?,
        }
        self.value().map(Some)
    }

    /// Nothing but space may follow the closing bracket.
    fn end(&mut self) -> Result<Option<&'a [u8]>, NoJson> {
        self.at += 1;
        self.state = State::Ended;
        if self.peek().is_some() { Err(no_json(&self.text[self.at..])) } else { Ok(None) }
    }

    /// No item comes after an error.
    fn or_end<T>(&mut self, result: Result<T, NoJson>) -> Result<T, NoJson> {
        if result.is_err() {
            self.state = State::Ended;
        }
        result
    }

    fn expect(&mut self, byte: u8) -> Result<(), NoJson> {
        if self.peek() == Some(byte) {
            self.at += 1;
            return Ok(());
        }
        Err(no_json(&self.text[self.at..]))
    }

    fn peek(&mut self) -> Option<u8> {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    fn value(&mut self) -> Result<&'a [u8], NoJson> {
        self.peek();
        let end = value_end(self.text, self.at).ok_or_else(|| no_json(&self.text[self.at..]))?;
        let value = &self.text[self.at..end];
        self.at = end;
        Ok(value)
    }
}

/// Where the value that starts at `at` ends; `None` when it does not, or none starts there.
fn value_end(text: &[u8], at: usize) -> Option<usize> {
    match text.get(at)? {
        b'"' => string_end(text, at),
        b'[' | b'{' => nested_end(text, at),
        _ => {
            let length = text[at..]
                .iter()
                .position(|byte| byte.is_ascii_whitespace() || b",:]}[{\"".contains(byte))
                .unwrap_or(text.len() - at);
            (length > 0).then_some(at + length)
        }
    }
}

fn string_end(text: &[u8], at: usize) -> Option<usize> {
    let mut from = at + 1;
    loop {
        let found = from + memchr2(b'"', b'\\', text.get(from..)?)?;
        if text[found] == b'"' {
            return Some(found + 1);
        }
        from = found + 2;
    }
}

fn nested_end(text: &[u8], at: usize) -> Option<usize> {
    let mut open = Vec::new();
    let mut from = at;
    loop {
        match text.get(from)? {
            b'"' => {
                from = string_end(text, from)?;
                continue;
            }
            b'[' => match flat_array_end(text, from) {
                Some(end) if open.is_empty() => return Some(end),
                Some(end) => {
                    from = end;
                    continue;
                }
                None => open.push(b']'),
            },
            b'{' => open.push(b'}'),
            close @ (b']' | b'}') => {
                if open.pop() != Some(*close) {
                    return None;
                }
                if open.is_empty() {
                    return Some(from + 1);
                }
            }
            _ => {}
        }
        from += 1;
    }
}

/// The end of an array that holds neither strings nor brackets, as a vector does not.
fn flat_array_end(text: &[u8], at: usize) -> Option<usize> {
    let inside = &text[at + 1..];
    // The nearest of the three first, so that deep nesting is not searched again at each depth.
    let end = memchr3(b']', b'[', b'"', inside).filter(|end| inside[*end] == b']')?;
    memchr(b'{', &inside[..end]).is_none().then_some(at + 1 + end + 1)
}

fn no_json(at: &[u8]) -> NoJson {
    if at.trim_ascii().is_empty() {
        return NoJson { seen: "it ends too early".to_owned() };
    }
    NoJson { seen: excerpt(&String::from_utf8_lossy(&at[..at.len().min(200)])) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn all_members(object: &str) -> Result<Vec<(String, String)>, NoJson> {
        members(object.as_bytes())
            .map(|member| {
                let (key, value) = member?;
                Ok((key.into_owned(), String::from_utf8(value.to_vec()).unwrap()))
            })
            .collect()
    }

    #[test]
    fn members_are_found_as_they_stand() {
        let members = all_members(r#" {"a": [1, NaN], "b\n" :{"c": ["]", {}]}, "d":"}\"", "e": null } "#);
        let expected = [("a", "[1, NaN]"), ("b\n", r#"{"c": ["]", {}]}"#), ("d", r#""}\"""#), ("e", "null")];
        let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(members.unwrap(), expected);
        assert_eq!(all_members("{}").unwrap(), []);
        assert_eq!(member(br#"{"a": 1, "b": 2}"#, "b").unwrap(), Some(&b"2"[..]));
    }

    #[test]
    fn what_is_no_object_is_an_error() {
        for text in [
            "",
            "[1]",
            "{",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1",
            "{\"a\":1} x",
            "{\"a\":1,}",
            "{a:1}",
            "{\"a\":[1}",
            "{\"a\":[{]}}",
            "{\"a\":\"x}",
            "{\"a\" 1}",
            "{\"a\":1 2}",
        ] {
            assert!(all_members(text).is_err(), "{text}");
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a\"\\\\\\[\\]{},: \u{e9}\n]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 30, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec(("[a\"\\]}é]{0,3}", inner), 0..5)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn arrays_and_objects_come_apart_as_serde_reads_them(
            values in prop::collection::vec(value(), 0..6),
            pretty in any::<bool>(),
        ) {
            let write = |value: &Value| match pretty {
                true => serde_json::to_string_pretty(value).unwrap(),
                false => value.to_string(),
            };
            let read = |text: &[u8]| serde_json::from_slice::<Value>(text).unwrap();
            let array = write(&Value::from(values.clone()));
            let parts: Vec<Value> = elements(array.as_bytes()).map(|part| read(part.unwrap())).collect();
            prop_assert_eq!(&parts, &values);
            let object: serde_json::Map<String, Value> =
                values.into_iter().enumerate().map(|(i, value)| (format!("\"{i}"), value)).collect();
            let text = write(&Value::Object(object.clone()));
            let parts: serde_json::Map<String, Value> = members(text.as_bytes())
                .map(|part| part.map(|(key, value)| (key.into_owned(), read(value))).unwrap())
                .collect();
            prop_assert_eq!(parts, object);
        }

        #[test]
        fn no_bytes_make_it_panic(text in "[\\[\\]{}\",:\\\\a1 ]{0,20}") {
            let _ = all_members(&text);
            elements(text.as_bytes()).for_each(drop);
        }
    }
}
