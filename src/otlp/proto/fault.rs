//! What can be wrong with a message, and where.

use std::error::Error;
use std::fmt;

use crate::otlp::read::Problem;

/// Why bytes are no message, or none that [`metrics::data`](crate::metrics::data) can hold.
///
/// The text says where: by the fields that lead there, with a number from 0 on where there may be several, as
/// in `scope_metrics[0].metrics[3].sum.data_points[1].flags: …`. It repeats nothing of what the bytes say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError(Fault);

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fault { problem, way } = &self.0;
        f.write_str("no ResourceMetrics: ")?;
        for (position, (field, index)) in way.iter().rev().enumerate() {
            let dot = if position > 0 { "." } else { "" };
            write!(f, "{dot}{field}")?;
            if let Some(index) = index {
                write!(f, "[{index}]")?;
            }
        }
        let colon = if way.is_empty() { "" } else { ": " };
        write!(f, "{colon}{problem}")
    }
}

impl Error for DecodeError {}

impl From<Fault> for DecodeError {
    fn from(fault: Fault) -> Self {
        Self(fault)
    }
}

/// What is wrong, and the way there from the innermost field outwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    problem: Problem,
    way: Vec<(&'static str, Option<usize>)>,
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        Self { problem, way: Vec::new() }
    }
}

/// Says that a fault is in this field.
pub(super) fn at<E: Into<Fault>>(field: &'static str) -> impl FnOnce(E) -> Fault {
    step(field, None)
}

/// Says that a fault is in one of the fields of this name.
pub(super) fn nth<E: Into<Fault>>(field: &'static str, index: usize) -> impl FnOnce(E) -> Fault {
    step(field, Some(index))
}

fn step<E: Into<Fault>>(field: &'static str, index: Option<usize>) -> impl FnOnce(E) -> Fault {
    move |error| {
        let mut fault = error.into();
        fault.way.push((field, index));
        fault
    }
}
