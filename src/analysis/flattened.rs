//! Options that are made of several structs.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The fields of one of the structs, taken out of those of all: `serde` cannot refuse unknown fields of flattened structs.
pub(super) fn part<T>(all: &mut Map<String, Value>) -> Result<T, serde_json::Error>
where
    T: Default + Serialize + DeserializeOwned,
{
    let default = serde_json::to_value(T::default())?;
    let names = default.as_object().into_iter().flat_map(Map::keys);
    let own: Map<String, Value> = names.filter_map(|name| Some((name.clone(), all.remove(name)?))).collect();
    serde_json::from_value(Value::Object(own))
}

/// The fields of two structs, which are all that there are.
pub(super) fn two_parts<A, B>(mut all: Map<String, Value>) -> Result<(A, B), serde_json::Error>
where
    A: Default + Serialize + DeserializeOwned,
    B: DeserializeOwned,
{
    Ok((part(&mut all)?, serde_json::from_value(Value::Object(all))?))
}
