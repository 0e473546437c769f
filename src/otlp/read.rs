//! Protobuf's wire format, read (protobuf documentation, "Encoding").
//!
//! The bytes come from outside. Whatever they are, reading them takes time in proportion to their number,
//! allocates nothing and never panics.

/// What is wrong with bytes that are no message.
pub(super) type Problem = &'static str;

/// What a field holds, as far as the wire format says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// A number of variable length.
    Varint(u64),
    /// Eight bytes, as a number.
    Fixed64(u64),
    /// Bytes: a text, a message, or numbers one behind the other.
    Bytes(&'a [u8]),
    /// Four bytes, which no field that is read here has.
    Fixed32,
}

/// A field of a message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'a> {
    /// From 1 to [`NUMBER_MAX`].
    pub(super) number: u32,
    pub(super) value: Value<'a>,
    /// All of it, its tag included.
    #[cfg_attr(
        not(any(feature = "otlp-grpc", feature = "otlp-http")),
        expect(dead_code, reason = "the client cuts messages")
    )]
    pub(super) raw: &'a [u8],
}

/// The largest number of a field.
const NUMBER_MAX: u64 = (1 << 29) - 1;

impl Field<'_> {
    /// The field's tag, if it is one of one byte; 0, which is the tag of no field, otherwise.
    pub(super) fn tag(&self) -> u8 {
        let wire_type = match self.value {
            Value::Varint(_) => 0,
            Value::Fixed64(_) => 1,
            Value::Bytes(_) => 2,
            Value::Fixed32 => 5,
        };
        u8::try_from(self.number << 3 | wire_type).ok().filter(|tag| *tag < 0x80).unwrap_or(0)
    }
}

/// The fields of a message, in the order in which they stand there. The last one of a number counts
/// (protobuf documentation, "Encoding", section "Last One Wins"). Behind an error there is nothing.
#[derive(Debug, Clone)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

/// The fields of `message`.
pub(super) fn fields(message: &[u8]) -> Fields<'_> {
    Fields { rest: message }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = field(&mut self.rest);
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

fn field<'a>(rest: &mut &'a [u8]) -> Result<Field<'a>, Problem> {
    let before = *rest;
    let tag = varint(rest)?;
    let value = match tag & 7 {
        0 => Value::Varint(varint(rest)?),
        1 => Value::Fixed64(fixed64(rest)?),
        2 => {
            let length = varint(rest)?;
            Value::Bytes(take(rest, length)?)
        }
        5 => take(rest, 4).map(|_| Value::Fixed32)?,
        _ => return Err("a field has a wire type that is not in use"),
    };
    let number = tag >> 3;
    if number == 0 || number > NUMBER_MAX {
        return Err("a field has a number that none can have");
    }
    // The length of what was taken off the front.
    let raw = &before[..before.len() - rest.len()];
    Ok(Field { number: number as u32, value, raw })
}

/// Takes `length` bytes off the front of `rest`.
fn take<'a>(rest: &mut &'a [u8], length: u64) -> Result<&'a [u8], Problem> {
    let taken = usize::try_from(length).ok().and_then(|length| rest.split_at_checked(length));
    let (taken, left) = taken.ok_or("a field ends behind the message that it is in")?;
    *rest = left;
    Ok(taken)
}

/// Takes eight bytes off the front of `rest`.
pub(super) fn fixed64(rest: &mut &[u8]) -> Result<u64, Problem> {
    let (taken, left) = rest.split_first_chunk().ok_or("a field ends behind the message that it is in")?;
    *rest = left;
    Ok(u64::from_le_bytes(*taken))
}

/// Takes a varint off the front of `rest`.
pub(super) fn varint(rest: &mut &[u8]) -> Result<u64, Problem> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let Some((byte, left)) = rest.split_first() else {
            return Err("the message ends within a number");
        };
        *rest = left;
        // Of the tenth byte one bit is left; what does not fit is cut off, as elsewhere.
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err("a number has more than ten bytes")
}
