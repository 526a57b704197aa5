//! The JSON Schema of the configuration, from the structs and their doc comments.

use schemars::{
    Schema,
    generate::SchemaSettings,
    transform::{Transform, transform_subschemas},
};
use serde_json::Value;

use super::Config;

/// The schema of a configuration file, as text. An editor that knows it completes
/// keys and shows what they are for.
#[must_use]
pub fn json() -> String {
    let json = serde_json::to_string_pretty(&read());
    json.expect("a schema is JSON") + "\n"
}

/// Of what is read: every key may be missing that has a default.
pub(super) fn read() -> Value {
    generate(SchemaSettings::draft2020_12())
}

/// Of what is written: no key is missing, and they have an order.
pub(super) fn written() -> Value {
    generate(SchemaSettings::draft2020_12().for_serialize())
}

fn generate(settings: SchemaSettings) -> Value {
    let settings = settings.with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<Config>();
    WithoutNull.transform(&mut schema);
    schema.insert("title".to_owned(), "Configuration of ser-server".into());
    schema.into()
}

/// TOML knows no null: a key without a value is left out.
#[derive(Clone, Debug)]
struct WithoutNull;

impl Transform for WithoutNull {
    fn transform(&mut self, schema: &mut Schema) {
        if schema.get("default").is_some_and(Value::is_null) {
            schema.remove("default");
        }
        if let Some(Value::Array(types)) = schema.get_mut("type") {
            types.retain(|name| name != "null");
            if let [one] = &types[..] {
                let one = one.clone();
                schema.insert("type".to_owned(), one);
            }
        }
        if let Some(Value::Array(mut choices)) = schema.remove("anyOf") {
            choices.retain(|choice| choice["type"] != "null");
            match (&choices[..], schema.as_object_mut()) {
                // What the field says of itself goes over what its type does.
                ([Value::Object(one)], Some(object)) => {
                    for (key, value) in one {
                        object.entry(key).or_insert_with(|| value.clone());
                    }
                }
                _ => drop(schema.insert("anyOf".to_owned(), choices.into())),
            }
        }
        transform_subschemas(self, schema);
    }
}
