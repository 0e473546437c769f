//! One JSON object whose keys must all be known.

use serde_json::{Map, Value};

/// What is left to read of an object, and everything that was wrong so far.
#[derive(Debug)]
pub(super) struct Section<'a> {
    /// The keys that lead here, each with a dot behind it.
    path: String,
    left: Map<String, Value>,
    known: Vec<&'static str>,
    errors: &'a mut Vec<String>,
}

impl<'a> Section<'a> {
    /// Reads an object with `fill`, then complains about what that did not ask for. `null` is an empty
    /// object.
    pub(super) fn read(
        path: &str,
        value: &Value,
        errors: &'a mut Vec<String>,
        fill: impl FnOnce(&mut Section<'_>),
    ) {
        let left = match value {
            Value::Null => Map::new(),
            Value::Object(object) => object.clone(),
            other => {
                let whole = if path.is_empty() { "the whole" } else { path.trim_end_matches('.') };
                errors.push(format!("{whole}: expected an object, found {}", shown(other)));
                return;
            }
        };
        let mut section = Section { path: path.to_owned(), left, known: Vec::new(), errors };
        fill(&mut section);
        let Section { path, left, known, errors } = section;
        for key in left.keys() {
            let known = known.join(", ");
            errors.push(format!("{path}{}: unknown key; known are {known}", printable(key)));
        }
    }

    /// The value of a key, if it is there and right. `read` says what was expected.
    pub(super) fn get<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Value) -> Result<T, String>,
    ) -> Option<T> {
        self.known.push(key);
        let value = self.left.remove(key)?;
        self.taken(key, &value, read)
    }

    /// A key whose value is an object.
    pub(super) fn nested(&mut self, key: &'static str, fill: impl FnOnce(&mut Section<'_>)) {
        self.known.push(key);
        if let Some(value) = self.left.remove(key) {
            Section::read(&format!("{}{key}.", self.path), &value, self.errors, fill);
        }
    }

    /// All keys that were not asked for, whatever they are. `read` is given key and value.
    pub(super) fn rest<T>(&mut self, read: impl Fn(&str, &Value) -> Result<T, String>) -> Vec<(String, T)> {
        let left = std::mem::take(&mut self.left);
        left.into_iter()
            .filter_map(|(key, value)| {
                Some((key.clone(), self.taken(&key, &value, |value| read(&key, value))?))
            })
            .collect()
    }

    fn taken<T>(
        &mut self,
        key: &str,
        value: &Value,
        read: impl FnOnce(&Value) -> Result<T, String>,
    ) -> Option<T> {
        let complain = |expected| {
            let (path, key) = (&self.path, printable(key));
            self.errors.push(format!("{path}{key}: expected {expected}, found {}", shown(value)));
        };
        read(value).map_err(complain).ok()
    }
}

/// A value as an error shows it.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

/// A key as an error shows it.
fn printable(key: &str) -> String {
    let harmless = key.chars().all(|c| c.is_ascii_graphic());
    if harmless && !key.is_empty() { key.to_owned() } else { format!("{key:?}") }
}
