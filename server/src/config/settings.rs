//! Backends' own settings in environment variables.

use toml::{Table, Value, map::Entry};

use super::Problem;
use crate::Error;

/// The start of their names.
pub(super) const PREFIX: &str = "SER__MODELS__SETTINGS__";

/// What `variables` set, as a configuration file would. Their types are the
/// backend's business, so that a value is one of TOML: `4`, `[1, 64]`, `{ min = 1 }`.
/// What is none is text, which needs no quotes here.
///
/// # Errors
///
/// [`Error::Config`] of two variables that want one key to be different things.
pub(super) fn from_variables(
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Table, Error> {
    let mut variables: Vec<_> = variables.into_iter().collect();
    variables.sort();
    let mut settings = Table::new();
    for (name, text) in &variables {
        let keys = name.strip_prefix(PREFIX).unwrap_or(name).to_lowercase();
        if !insert(&mut settings, &keys, value(text)) {
            let reason = "another variable sets what this one is in; expected one of them";
            let problem = Problem::new("", reason).from(format!("environment variable {name}"));
            return Err(Error::Config(vec![problem]));
        }
    }
    let models = Table::from_iter([("settings".to_owned(), Value::Table(settings))]);
    Ok(Table::from_iter([(
        "models".to_owned(),
        Value::Table(models),
    )]))
}

fn value(text: &str) -> Value {
    let line = format!("value = {text}").parse::<Table>();
    let alone = line.ok().filter(|table| table.len() == 1);
    alone
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(|| Value::String(text.to_owned()))
}

/// Whether there was room for `value` at `keys`, which stand between double
/// underscores.
fn insert(table: &mut Table, keys: &str, value: Value) -> bool {
    let Some((key, rest)) = keys.split_once("__") else {
        return match table.entry(keys) {
            Entry::Vacant(place) => {
                place.insert(value);
                true
            }
            Entry::Occupied(_) => false,
        };
    };
    let inner = table.entry(key).or_insert_with(|| Table::new().into());
    inner
        .as_table_mut()
        .is_some_and(|inner| insert(inner, rest, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Result<Table, Error> {
        from_variables(
            variables
                .iter()
                .map(|&(name, value)| (format!("{PREFIX}{name}"), value.to_owned())),
        )
    }

    #[test]
    fn values_are_those_of_toml_or_text() {
        let table = settings(&[
            ("ONNX__BUCKETS", "[1, 64]"),
            ("ONNX__DEVICE_ID", "1"),
            ("ONNX__LIBRARY", "/opt/lib.so"),
            ("ONNX__TENSORRT__ALLOW_FP16", "true"),
            ("ONNX__TENSORRT__PROFILE", "{ min = 1, opt = 8, max = 64 }"),
            ("MINE__NOTE", "1\nother = 2"),
        ]);
        let expected = "
            [models.settings.onnx]
            buckets = [1, 64]
            device_id = 1
            library = '/opt/lib.so'
            tensorrt = { allow_fp16 = true, profile = { min = 1, opt = 8, max = 64 } }
            [models.settings.mine]
            note = \"1\\nother = 2\"
        ";
        assert_eq!(table.unwrap(), expected.parse::<Table>().unwrap());
    }

    #[test]
    fn one_key_is_one_thing() {
        let error = settings(&[("ONNX__CUDA", "1"), ("ONNX__CUDA__ARENA_LIMIT_MIB", "2")]);
        assert_eq!(
            error.unwrap_err().to_string(),
            "environment variable SER__MODELS__SETTINGS__ONNX__CUDA__ARENA_LIMIT_MIB: another \
             variable sets what this one is in; expected one of them"
        );
    }
}
