//! A list whose items are used again.

use std::fmt;
use std::ops::{Deref, DerefMut};

/// Becomes as new, and keeps the memory that it has.
pub trait Clear: Default {
    /// Empties it. Afterwards it equals its [default](Default::default), but that a metric's
    /// [`Data`](super::Data) stays of its kind, without points: so it has buffers for that kind.
    fn clear(&mut self);
}

/// A list that keeps its items when it is cleared, so that [`push`](List::push) finds one with buffers of
/// the right size: filled again with as much as before, it allocates nothing.
///
/// What it has once needed it has until it is dropped: it grows to the largest collection, and no further.
///
/// It dereferences to the slice of what is in it.
///
/// ```
/// use nanospan::metrics::data::{List, NumberPoint};
///
/// let mut points: List<NumberPoint> = List::new();
/// points.push().value = Some(7.into());
/// points.clear();
/// assert!(points.is_empty());
/// assert_eq!(points.push(), &NumberPoint::default());
/// ```
pub struct List<T> {
    /// The first `len` are in the list; the others wait to be used again.
    items: Vec<T>,
    len: usize,
}

impl<T> List<T> {
    /// An empty list, which has no memory yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { items: Vec::new(), len: 0 }
    }

    /// Empties the list and keeps its items.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// Keeps the first `len` items, and all that are in it if it has no more.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Keeps the items that `is_wanted` says yes to, in their order.
    pub fn retain(&mut self, mut is_wanted: impl FnMut(&T) -> bool) {
        let mut kept = 0;
        for index in 0..self.len {
            if is_wanted(&self.items[index]) {
                self.items.swap(kept, index);
                kept += 1;
            }
        }
        self.len = kept;
    }
}

impl<T: Clear> List<T> {
    /// Adds an item that is [clear](Clear::clear), to be filled.
    pub fn push(&mut self) -> &mut T {
        match self.items.get_mut(self.len) {
            Some(used) => used.clear(),
            None => self.items.push(T::default()),
        }
        self.len += 1;
        &mut self.items[self.len - 1]
    }
}

impl<T: Clone> Clone for List<T> {
    /// A list of copies of what is in this one: what waits to be used again stays here.
    fn clone(&self) -> Self {
        self.to_vec().into()
    }
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Clear for List<T> {
    fn clear(&mut self) {
        self.len = 0;
    }
}

impl<T> Deref for List<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.items[..self.len]
    }
}

impl<T> DerefMut for List<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.items[..self.len]
    }
}

impl<T> Extend<T> for List<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, items: I) {
        self.items.truncate(self.len);
        self.items.extend(items);
        self.len = self.items.len();
    }
}

impl<T> FromIterator<T> for List<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let items: Vec<T> = items.into_iter().collect();
        Self { len: items.len(), items }
    }
}

impl<T> From<Vec<T>> for List<T> {
    fn from(items: Vec<T>) -> Self {
        Self { len: items.len(), items }
    }
}

impl<'a, T> IntoIterator for &'a List<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a, T> IntoIterator for &'a mut List<T> {
    type Item = &'a mut T;
    type IntoIter = std::slice::IterMut<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

impl<T: PartialEq> PartialEq for List<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: fmt::Debug> fmt::Debug for List<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&**self).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::data::{KeyValue, Metric, NumberPoint, Temporality};

    #[test]
    fn a_list_in_a_list_is_pushed_again_empty_and_with_its_memory() {
        let mut lists: List<List<u8>> = List::new();
        lists.push().extend([1, 2, 3]);
        let buffer = lists[0].as_ptr();
        lists.clear();
        let list = lists.push();
        assert!(list.is_empty());
        assert_eq!(list.as_ptr(), buffer);
    }

    #[test]
    fn an_item_that_is_pushed_again_is_as_new_and_has_the_memory_of_the_one_before() {
        let mut points: List<NumberPoint> = List::new();
        let first = points.push();
        first.attributes.add("http.route", "/cart");
        first.value = Some(1.5.into());
        let buffer = first.attributes.as_ptr();

        points.clear();
        assert!(points.is_empty());
        let second = points.push();
        assert_eq!(second, &NumberPoint::default());
        second.attributes.add("http.route", "/");
        assert_eq!(second.attributes[0], KeyValue::new("http.route", "/"));
        assert_eq!(second.attributes.as_ptr(), buffer);
    }

    #[test]
    fn a_metric_that_is_cleared_keeps_its_kind_and_nothing_else() {
        let mut metric = Metric { name: "shop.orders".into(), ..Metric::default() };
        metric.metadata.add("origin", "test");
        let sum = metric.data.sum();
        (sum.is_monotonic, sum.temporality) = (true, Temporality::Delta);
        sum.points.push();
        metric.clear();
        let mut expected = Metric::default();
        expected.data.sum();
        assert_eq!(metric, expected);
    }

    #[test]
    fn what_waits_to_be_used_again_is_not_in_the_list() {
        let mut list: List<KeyValue> = [KeyValue::new("a", 1), KeyValue::new("b", 2)].into_iter().collect();
        list.truncate(1);
        assert_eq!(list, List::from(vec![KeyValue::new("a", 1)]));
        assert_eq!(format!("{list:?}").matches("KeyValue").count(), 1);
        assert_eq!(list.clone().items.len(), 1);
        list.extend([KeyValue::new("c", 3)]);
        assert_eq!(list.iter().map(|pair| &*pair.key).collect::<Vec<_>>(), ["a", "c"]);
        list.truncate(5);
        assert_eq!(list.len(), 2);
    }

    #[test]
    fn what_is_retained_stays_in_order_and_all_else_waits_to_be_used_again() {
        let mut list: List<KeyValue> =
            ["a", "b", "c", "d"].map(|key| KeyValue::new(key, "value")).into_iter().collect();
        list.retain(|pair| pair.key != "a" && pair.key != "c");
        assert_eq!(list.iter().map(|pair| &*pair.key).collect::<Vec<_>>(), ["b", "d"]);
        assert_eq!((list.items.len(), list.push()), (4, &mut KeyValue::default()));
        list.retain(|_| false);
        assert!(list.is_empty());
    }

    #[test]
    fn a_value_of_another_type_takes_the_place_of_the_text_before() {
        let mut list: List<KeyValue> = List::new();
        list.add("key", "text");
        list.clear();
        list.add("key", 7_i64);
        list.clear();
        list.add("key", true);
        assert_eq!(list[0], KeyValue::new("key", true));
    }
}
