//! What propagators read headers from and write them to.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;

/// A carrier that headers are read from, such as an incoming request.
///
/// Names of headers are compared without regard to ASCII case, as HTTP does.
///
/// ```
/// use nanospan::propagation::{BaggagePropagator, Getter};
///
/// struct Request { headers: Vec<(&'static str, &'static [u8])> }
///
/// impl Getter for Request {
///     fn for_each_value(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
///         for (found, value) in &self.headers {
///             if found.eq_ignore_ascii_case(name) {
///                 visit(value);
///             }
///         }
///     }
/// }
///
/// let request = Request { headers: vec![("Baggage", b"tenant=blue")] };
/// let baggage = BaggagePropagator::new().extract(&request).unwrap();
/// assert_eq!(baggage.get("tenant"), Some("blue"));
/// ```
pub trait Getter {
    /// Calls `visit` with the value of each header called `name`, in order of appearance.
    ///
    /// Every one counts: a list may be spread over several headers, and a `traceparent` that
    /// appears twice is not one. Values are bytes, for HTTP does not promise UTF-8.
    fn for_each_value(&self, name: &str, visit: &mut dyn FnMut(&[u8]));
}

/// A carrier that headers are written to, such as an outgoing request.
pub trait Setter {
    /// Sets the header `name` to `value`, in place of all headers that it had by that name.
    ///
    /// `name` is in lowercase, and `value` is printable ASCII.
    fn set(&mut self, name: &str, value: &str);
}

impl<T: Getter + ?Sized> Getter for &T {
    fn for_each_value(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        (**self).for_each_value(name, visit);
    }
}

impl<T: Setter + ?Sized> Setter for &mut T {
    fn set(&mut self, name: &str, value: &str) {
        (**self).set(name, value);
    }
}

impl<K: AsRef<str>, V: AsRef<[u8]>> Getter for [(K, V)] {
    fn for_each_value(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        visit_matching(self.iter().map(|(key, value)| (key, value)), name, visit);
    }
}

impl<K: AsRef<str>, V: AsRef<[u8]>, const N: usize> Getter for [(K, V); N] {
    fn for_each_value(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        self.as_slice().for_each_value(name, visit);
    }
}

impl<K: AsRef<str>, V: AsRef<[u8]>> Getter for Vec<(K, V)> {
    fn for_each_value(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        self.as_slice().for_each_value(name, visit);
    }
}

/// Keys that differ only in case are visited in no particular order.
impl<K: AsRef<str>, V: AsRef<[u8]>, S> Getter for HashMap<K, V, S> {
    fn for_each_value(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        visit_matching(self.iter(), name, visit);
    }
}

/// Keys that differ only in case are visited in the order of the map.
impl<K: AsRef<str>, V: AsRef<[u8]>> Getter for BTreeMap<K, V> {
    fn for_each_value(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        visit_matching(self.iter(), name, visit);
    }
}

fn visit_matching<'a, K: AsRef<str> + 'a, V: AsRef<[u8]> + 'a>(
    headers: impl Iterator<Item = (&'a K, &'a V)>,
    name: &str,
    visit: &mut dyn FnMut(&[u8]),
) {
    for (key, value) in headers {
        if key.as_ref().eq_ignore_ascii_case(name) {
            visit(value.as_ref());
        }
    }
}

impl Setter for Vec<(String, String)> {
    fn set(&mut self, name: &str, value: &str) {
        self.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
        self.push((name.to_owned(), value.to_owned()));
    }
}

impl<S: BuildHasher> Setter for HashMap<String, String, S> {
    fn set(&mut self, name: &str, value: &str) {
        self.retain(|key, _| !key.eq_ignore_ascii_case(name));
        self.insert(name.to_owned(), value.to_owned());
    }
}

impl Setter for BTreeMap<String, String> {
    fn set(&mut self, name: &str, value: &str) {
        self.retain(|key, _| !key.eq_ignore_ascii_case(name));
        self.insert(name.to_owned(), value.to_owned());
    }
}
