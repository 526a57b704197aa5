//! What one source sets: a tree of values, each of which knows where it comes from.

use ::config::{ConfigError, Map, Source, Value, ValueKind};

use super::keys::segments;

/// What a file, the environment or the flags set.
#[derive(Clone, Debug)]
pub(super) struct Layer(Value);

impl Layer {
    /// A source that sets what `table` does.
    pub(super) fn new(table: Map<String, Value>) -> Self {
        Self(Value::new(None, table))
    }

    /// Everything in it.
    pub(super) fn value(&self) -> &Value {
        &self.0
    }

    pub(super) fn value_mut(&mut self) -> &mut Value {
        &mut self.0
    }

    /// Sets the value at the end of a path. Whether that was possible: not where
    /// something else is in its place, or in its way.
    pub(super) fn set(&mut self, path: &[&str], value: Value) -> bool {
        let Some((last, way)) = path.split_last() else {
            return false;
        };
        let mut inner = &mut self.0;
        for name in way {
            let ValueKind::Table(table) = &mut inner.kind else {
                return false;
            };
            let empty = || Value::new(None, Map::<String, Value>::new());
            inner = table.entry((*name).to_owned()).or_insert_with(empty);
        }
        match &mut inner.kind {
            ValueKind::Table(table) if !table.contains_key(*last) => {
                table.insert((*last).to_owned(), value);
                true
            }
            _ => false,
        }
    }

    /// Takes away what is at `path`; in a list, all of the list, so that the places of
    /// its other items stay true. Whether there was anything.
    pub(super) fn remove(&mut self, path: &str) -> bool {
        let table_path = path.split_once('[').map_or(path, |(list, _)| list);
        let (way, last) = match table_path.rsplit_once('.') {
            Some((way, last)) => (find_mut(&mut self.0, way), last),
            None => (Some(&mut self.0), table_path),
        };
        match way.map(|way| &mut way.kind) {
            Some(ValueKind::Table(table)) => table.remove(last).is_some(),
            _ => false,
        }
    }

    /// Takes away everything.
    pub(super) fn clear(&mut self) {
        self.0 = Value::new(None, Map::<String, Value>::new());
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        self.0.clone().into_table()
    }
}

/// What is at `path`.
pub(super) fn find<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    segments(path).try_fold(value, |value, name| match &value.kind {
        ValueKind::Table(table) => table.get(name),
        ValueKind::Array(items) => items.get(name.parse::<usize>().ok()?),
        _ => None,
    })
}

fn find_mut<'a>(value: &'a mut Value, path: &str) -> Option<&'a mut Value> {
    segments(path).try_fold(value, |value, name| match &mut value.kind {
        ValueKind::Table(table) => table.get_mut(name),
        _ => None,
    })
}

/// Where what is at `path` comes from, or if it isn't there, the nearest thing around
/// it.
pub(super) fn origin<'a>(root: &'a Value, path: &str) -> Option<&'a str> {
    let mut path = path;
    loop {
        if let Some(origin) = find(root, path).and_then(Value::origin) {
            return Some(origin);
        }
        path = &path[..path.rfind(['.', '['])?];
    }
}

/// A value as people write it.
pub(super) fn shown(value: &Value) -> String {
    match &value.kind {
        ValueKind::String(text) => format!("{text:?}"),
        ValueKind::Array(_) => "a list".to_owned(),
        ValueKind::Table(_) => "a table".to_owned(),
        _ => value.to_string(),
    }
}

/// How many values a tree has, lists being one.
pub(super) fn count(value: &Value) -> usize {
    match &value.kind {
        ValueKind::Nil => 0,
        ValueKind::Table(table) => table.values().map(count).sum(),
        _ => 1,
    }
}
