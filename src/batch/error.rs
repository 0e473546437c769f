//! Why bytes are not a batch, or why a batch could not be made.

use std::error::Error;
use std::fmt;

/// Why bytes could not be read as a batch, or a batch could not be made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BatchError {
    /// The bytes do not carry the file identifier of a batch, or are too short to carry one.
    NotABatch,
    /// The batch was written in a version of the format whose meaning this reader does not know.
    UnknownVersion {
        /// The major version that the batch states.
        major: u16,
        /// The minor version that the batch states.
        minor: u16,
    },
    /// The bytes break a rule of the format.
    Malformed {
        /// The field of the schema in which the rule is broken, such as `spans`.
        field: &'static str,
        /// Which entry of the field, counted from 0; 0 for a field that is not a vector.
        index: usize,
        /// The rule, in words.
        problem: &'static str,
    },
    /// The texts of a batch take more memory than the reader allows when each is copied wherever it
    /// is named: one text may be named many times.
    TooMuchText {
        /// How many bytes of text were allowed.
        limit: usize,
    },
    /// The batch is, or would be, larger than FlatBuffers can address.
    TooLarge {
        /// Its size in bytes.
        bytes: usize,
        /// The largest size that is allowed, in bytes.
        limit: usize,
    },
}

impl BatchError {
    /// A rule broken by the entry `index` of `field`.
    pub(crate) const fn malformed(field: &'static str, index: usize, problem: &'static str) -> Self {
        Self::Malformed { field, index, problem }
    }
}

impl fmt::Display for BatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotABatch => f.write_str("the bytes are not such a batch: its identifier is missing"),
            Self::UnknownVersion { major, minor } => {
                write!(f, "the batch is of format version {major}.{minor}, which this reader does not know")
            }
            Self::Malformed { field, index, problem } => {
                write!(f, "malformed batch: {field}[{index}]: {problem}")
            }
            Self::TooMuchText { limit } => {
                write!(f, "the texts of the batch take more than {limit} bytes where they are copied")
            }
            Self::TooLarge { bytes, limit } => {
                write!(f, "a batch of {bytes} bytes is over the limit of {limit} bytes")
            }
        }
    }
}

impl Error for BatchError {}
