//! The texts of association tests: published ones, and those of a file.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;

use crate::error::{Error, Result, nearest_name};

/// The keys of the four sets: targets x and y, attributes a and b.
pub const SETS: [&str; 4] = ["x", "y", "a", "b"];

/// The texts of one test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssociationTest {
    /// What it is called.
    pub name: String,
    /// What the sets x, y, a, b are.
    pub names: [String; 4],
    /// Where the texts are from.
    pub source: Option<String>,
    /// The texts of x, y, a, b, each once.
    pub sets: [Vec<String>; 4],
}

impl AssociationTest {
    fn new(name: &str, names: [String; 4], source: Option<String>, sets: [Vec<String>; 4]) -> Result<Self> {
        let sets = sets.map(|texts| {
            let mut seen = BTreeSet::new();
            texts.into_iter().filter(|text| seen.insert(text.clone())).collect::<Vec<_>>()
        });
        if let Some(at) = sets.iter().position(Vec::is_empty) {
            return Err(Error::input(format!("the set {} of the test {name} is empty", names[at]))
                .with_code("empty-set")
                .advice("give texts to each of the four sets"));
        }
        Ok(AssociationTest { name: name.to_owned(), names, source, sets })
    }
}

/// The entries of a JSON object in the order of the file.
struct Entries(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Entries;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Entries, A::Error> {
                let mut all = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    all.push(entry);
                }
                Ok(Entries(all))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// A text, or words and the sentences that each is put in.
#[derive(Deserialize)]
#[serde(untagged)]
enum Item {
    Text(String),
    Words {
        words: Vec<String>,
        #[serde(rename = "in")]
        sentences: Vec<String>,
    },
}

/// A test in this crate's form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Own {
    x: Vec<Item>,
    y: Vec<Item>,
    a: Vec<Item>,
    b: Vec<Item>,
    source: Option<String>,
    names: Option<Names>,
}

#[derive(Deserialize)]
struct Names {
    x: String,
    y: String,
    a: String,
    b: String,
}

/// A test in the form of sent-bias.
#[derive(Deserialize)]
struct SentBias {
    targ1: Category,
    targ2: Category,
    attr1: Category,
    attr2: Category,
}

#[derive(Deserialize)]
struct Category {
    category: String,
    examples: Vec<String>,
}

/// A query in the form of WEFE.
#[derive(Deserialize)]
struct Query {
    target_sets: [Vec<String>; 2],
    attribute_sets: [Vec<String>; 2],
    target_sets_names: Option<[String; 2]>,
    attribute_sets_names: Option<[String; 2]>,
}

/// The tests of Caliskan et al. (2017), `weat1` to `weat10`, and those of May et al. (2019): more sets of words, and all
/// of them as sentences, `seat1` to `seat10` and `seat-..`. English, names and words of the United States.
///
/// # Errors
/// None in practice.
///
/// ```
/// let tests = embedlab::bias::published()?;
/// assert_eq!((tests.len(), tests[0].names[0].as_str(), tests[0].sets[0].len()), (38, "flowers", 25));
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn published() -> Result<Vec<AssociationTest>> {
    sets_from_json(include_str!("published.json"), "published", &[])
}

/// The tests of a file: this crate's form, one object `{NAME: {"x": [..], "y": [..], "a": [..], "b": [..]}}` with an
/// optional `source` and `names` of the sets, in which an item is a text or `{"words": [..], "in": ["This is {}."]}`;
/// a test of sent-bias (`targ1`, `targ2`, `attr1`, `attr2`), which is called `name`; a query of WEFE (`target_sets`,
/// `attribute_sets`); or WEFE's sets of words by name, of which `chosen` names four. With other forms, `chosen` are the
/// tests to keep; none named keeps all.
///
/// # Errors
/// When the text is no such JSON, a set is empty, or what is chosen is not there.
///
/// ```
/// let json = r#"{"tea": {"x": ["green tea"], "y": ["coffee"], "a": ["calm"], "b": ["awake"]}}"#;
/// assert_eq!(embedlab::bias::sets_from_json(json, "mine", &[])?[0].sets[3], ["awake"]);
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn sets_from_json(json: &str, name: &str, chosen: &[String]) -> Result<Vec<AssociationTest>> {
    let no_sets = || {
        Error::input("no sets for association tests").with_code("sets-invalid").advice(
            r#"the form is {"NAME": {"x": ["rose"], "y": ["ant"], "a": ["good"], "b": ["bad"]}}; files of WEFE and sent-bias are read too"#,
        )
    };
    let Entries(all) = serde_json::from_str(json).map_err(|error| no_sets().source(error))?;
    if all.iter().any(|(key, _)| key == "targ1" || key == "target_sets") {
        return Ok(vec![one(name, Value::Object(all.into_iter().collect()))?]);
    }
    if !all.is_empty() && all.iter().all(|(_, value)| value.is_array()) {
        return Ok(vec![of_named_lists(&all, chosen)?]);
    }
    let tests: Vec<AssociationTest> =
        all.into_iter().map(|(name, value)| one(&name, value)).collect::<Result<_>>()?;
    if tests.is_empty() {
        return Err(no_sets().seen("an empty object"));
    }
    if chosen.is_empty() {
        return Ok(tests);
    }
    let known: Vec<&str> = tests.iter().map(|test| test.name.as_str()).collect();
    if let Some(unknown) = chosen.iter().find(|name| !known.contains(&name.as_str())) {
        let error = Error::argument(format!("no test {unknown}")).with_code("test-not-found");
        return Err(match nearest_name(unknown, known.iter().copied()) {
            Some(near) => error.advice(format!("did you mean {near}?")),
            None => error.advice(format!("the tests are {}", known.join(", "))),
        });
    }
    Ok(tests.into_iter().filter(|test| chosen.contains(&test.name)).collect())
}

fn one(name: &str, value: Value) -> Result<AssociationTest> {
    let failed = |error: serde_json::Error| {
        Error::input(format!("the test {name} has not the four sets x, y, a, b"))
            .with_code("sets-invalid")
            .source(error)
    };
    if value.get("targ1").is_some() {
        let SentBias { targ1, targ2, attr1, attr2 } = serde_json::from_value(value).map_err(failed)?;
        let sets = [targ1, targ2, attr1, attr2];
        let names = [0, 1, 2, 3].map(|at: usize| sets[at].category.clone());
        return AssociationTest::new(name, names, None, sets.map(|set| set.examples));
    }
    let plain = SETS.map(str::to_owned);
    if value.get("target_sets").is_some() {
        let Query { target_sets: [x, y], attribute_sets: [a, b], target_sets_names, attribute_sets_names } =
            serde_json::from_value(value).map_err(failed)?;
        let [of_x, of_y, of_a, of_b] = plain;
        let [of_x, of_y] = target_sets_names.unwrap_or([of_x, of_y]);
        let [of_a, of_b] = attribute_sets_names.unwrap_or([of_a, of_b]);
        return AssociationTest::new(name, [of_x, of_y, of_a, of_b], None, [x, y, a, b]);
    }
    let Own { x, y, a, b, source, names } = serde_json::from_value(value).map_err(failed)?;
    let names = names.map_or(plain, |names| [names.x, names.y, names.a, names.b]);
    AssociationTest::new(
        name,
        names,
        source,
        [x, y, a, b].map(|items| items.into_iter().flat_map(texts).collect()),
    )
}

fn texts(item: Item) -> Vec<String> {
    match item {
        Item::Text(text) => vec![text],
        Item::Words { words, sentences } => {
            words.iter().flat_map(|word| sentences.iter().map(move |sentence| put(sentence, word))).collect()
        }
    }
}

/// A word put in a sentence, which begins with a capital.
fn put(sentence: &str, word: &str) -> String {
    let text = sentence.replace("{}", word);
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn of_named_lists(all: &[(String, Value)], chosen: &[String]) -> Result<AssociationTest> {
    let known = || all.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
    let Ok(names) = <[String; 4]>::try_from(chosen.to_vec()) else {
        return Err(Error::argument("a file of word lists needs the names of four of them")
            .with_code("sets-invalid")
            .seen(format!("the lists {}", known()))
            .advice("name x, y, a and b with --test X,Y,A,B"));
    };
    let mut sets = Vec::new();
    for name in &names {
        let (_, list) = all.iter().find(|(known, _)| known == name).ok_or_else(|| {
            Error::argument(format!("no list {name}"))
                .with_code("test-not-found")
                .advice(format!("the lists are {}", known()))
        })?;
        sets.push(serde_json::from_value(list.clone()).map_err(|error| {
            Error::input(format!("the list {name} holds more than texts"))
                .with_code("sets-invalid")
                .source(error)
        })?);
    }
    let sets: [Vec<String>; 4] = sets.try_into().unwrap_or_default();
    AssociationTest::new(&format!("{} and {}", names[0], names[1]), names, None, sets)
}
