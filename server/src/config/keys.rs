//! What there is to set, as the structs of this module declare it: one tree that the
//! checks, the example, the printed configuration and the names of environment
//! variables are made from.

use std::sync::LazyLock;

use serde_json::Value;

use super::schema;

/// A key of the configuration, or a section of it.
#[derive(Clone, Debug)]
pub(super) struct Key {
    /// Without its section; empty for items of lists, and for keys whose names the
    /// operator chooses.
    pub(super) name: String,
    /// The doc comment of its field.
    pub(super) doc: String,
    /// Its default, if it has one.
    pub(super) default: Option<Value>,
    /// What it might be set to, where it has no default.
    pub(super) example: Option<Value>,
    /// Whether its table can't do without it.
    pub(super) required: bool,
    pub(super) kind: Kind,
}

/// What a key holds.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// These keys.
    Table(Vec<Key>),
    /// Keys of the operator's choice, all alike.
    Map(Box<Key>),
    List(Box<Key>),
    /// One of these words.
    Choice(Vec<String>),
    Boolean,
    /// A number in a range, both ends included.
    Number {
        integer: bool,
        least: Option<f64>,
        most: Option<f64>,
    },
    /// Text that its own type reads.
    Text,
    /// Whatever a backend makes of it.
    Anything,
}

/// The whole configuration.
pub(super) fn root() -> &'static Key {
    static ROOT: LazyLock<Key> = LazyLock::new(|| {
        let (read, written) = (schema::read(), schema::written());
        Key::new("", &read, &written, true)
    });
    &ROOT
}

impl Key {
    /// Of what the configuration is read from, and of the same thing as it is
    /// written, which alone knows the order of the fields.
    fn new(name: &str, read: &Value, written: &Value, required: bool) -> Self {
        let text = |key: &str| read[key].as_str().unwrap_or_default().to_owned();
        let example = read["examples"].as_array().and_then(|all| all.first());
        Self {
            name: name.to_owned(),
            doc: text("description"),
            default: read.get("default").cloned(),
            example: example.cloned(),
            required,
            kind: Kind::new(read, written),
        }
    }

    /// The key called `name` in this table, map or list.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        match &self.kind {
            Kind::Table(keys) => keys.iter().find(|key| key.name == name),
            Kind::Map(each) | Kind::List(each) => Some(each),
            Kind::Anything => Some(self),
            _ => None,
        }
    }

    /// The key that `path` leads to from here.
    pub(super) fn at(&self, path: &str) -> Option<&Self> {
        segments(path).try_fold(self, |key, name| key.child(name))
    }

    /// The paths of all keys whose names are known, sections included.
    pub(super) fn paths(&self) -> Vec<String> {
        let Kind::Table(keys) = &self.kind else {
            return Vec::new();
        };
        let below = |key: &Self| {
            let inner = key.paths().into_iter();
            let inner = inner.map(|path| format!("{}.{path}", key.name));
            [key.name.clone()]
                .into_iter()
                .chain(inner)
                .collect::<Vec<_>>()
        };
        keys.iter().flat_map(below).collect()
    }
}

impl Kind {
    fn new(read: &Value, written: &Value) -> Self {
        if let Some(words) = words(read) {
            return Self::Choice(words);
        }
        match read["type"].as_str() {
            Some("object") => match (&read["properties"], &read["additionalProperties"]) {
                (Value::Object(_), _) => Self::Table(fields(read, written)),
                (_, each @ Value::Object(_)) => {
                    let written = &written["additionalProperties"];
                    Self::Map(Box::new(Key::new("", each, written, false)))
                }
                _ => Self::Anything,
            },
            Some("array") => {
                let (read, written) = (&read["items"], &written["items"]);
                Self::List(Box::new(Key::new("", read, written, false)))
            }
            Some("boolean") => Self::Boolean,
            Some(number @ ("integer" | "number")) => Self::Number {
                integer: number == "integer",
                least: read["minimum"].as_f64(),
                most: read["maximum"].as_f64(),
            },
            Some("string") => Self::Text,
            _ => Self::Anything,
        }
    }

    /// What was expected, where the kind alone says it.
    pub(super) fn expected(&self) -> Option<String> {
        Some(match self {
            Self::Table(_) | Self::Map(_) => "a table".to_owned(),
            Self::List(_) => "a list".to_owned(),
            Self::Choice(words) => words.join(" or "),
            Self::Boolean => "true or false".to_owned(),
            Self::Number {
                integer,
                least,
                most,
            } => {
                let what = if *integer { "an integer" } else { "a number" };
                match (least, most) {
                    (Some(least), Some(most)) => format!("{what} from {least} to {most}"),
                    (Some(least), None) => format!("{what} of at least {least}"),
                    (None, Some(most)) => format!("{what} of at most {most}"),
                    (None, None) => what.to_owned(),
                }
            }
            Self::Text | Self::Anything => return None,
        })
    }
}

/// The names in a path such as `models.packages[0].backend`.
pub(super) fn segments(path: &str) -> impl Iterator<Item = &str> {
    let pieces = path.split(['.', '[']);
    pieces.map(|piece| piece.trim_end_matches(']'))
}

/// The fields of a struct, in its own order: written, it lacks none of them.
fn fields(read: &Value, written: &Value) -> Vec<Key> {
    let names = |list: &Value| -> Vec<String> {
        let names = list.as_array().into_iter().flatten();
        names.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let required = names(&read["required"]);
    let fields = names(&written["required"]).into_iter().map(|name| {
        let (read, written) = (&read["properties"][&name], &written["properties"][&name]);
        Key::new(&name, read, written, required.contains(&name))
    });
    fields.collect()
}

/// The words of an enumeration, whose variants are either plain or documented.
fn words(schema: &Value) -> Option<Vec<String>> {
    let plain = schema["enum"].as_array();
    let documented = schema["oneOf"].as_array();
    let words = match (plain, documented) {
        (Some(words), _) => words.iter().map(Value::as_str).collect(),
        (_, Some(variants)) => variants.iter().map(|one| one["const"].as_str()).collect(),
        _ => return None,
    };
    let words: Option<Vec<_>> = words;
    words.map(|words| words.into_iter().map(str::to_owned).collect())
}
