//! Reading an answer within a bound, also when it is compressed.

use std::fmt;
use std::io::{self, Read};

use bytes::{Buf, Bytes, buf::Chain};
use flate2::read::MultiGzDecoder;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::HeaderMap;
use hyper::body::Body;

use super::failure::{Failure, chain};
use crate::export::ExportErrorKind;

/// The body of a request: what frames it, and the encoded message, which all attempts share.
pub(super) type Payload = Full<Chain<Bytes, Bytes>>;

/// The body that is `frame` and, behind it, `content`.
pub(super) fn payload(frame: Bytes, content: Bytes) -> Payload {
    Full::new(frame.chain(content))
}

/// Why the body of an answer cannot be had.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// It is larger than this many bytes, as sent or unpacked.
    TooLarge(usize),
    /// The connection broke before its end.
    BrokenOff(String),
    /// It is not compressed in the way that it claims, or in one that was not offered.
    Packed(String),
}

impl From<Unreadable> for Failure {
    fn from(unreadable: Unreadable) -> Self {
        let message = unreadable.to_string();
        match unreadable {
            Unreadable::BrokenOff(_) => Failure::unanswered(message),
            Unreadable::TooLarge(_) | Unreadable::Packed(_) => Failure::last(ExportErrorKind::Other, message),
        }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unreadable::TooLarge(limit) => {
                write!(f, "the answer is larger than the {limit} bytes that are allowed")
            }
            Unreadable::BrokenOff(cause) => write!(f, "the answer broke off: {cause}"),
            Unreadable::Packed(cause) => write!(f, "the answer cannot be unpacked: {cause}"),
        }
    }
}

/// Reads a body of at most `limit` bytes, and the trailers behind it.
pub(super) async fn read<B>(body: B, limit: usize) -> Result<(Bytes, HeaderMap), Unreadable>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    match Limited::new(body, limit).collect().await {
        Ok(whole) => {
            let trailers = whole.trailers().cloned().unwrap_or_default();
            Ok((whole.to_bytes(), trailers))
        }
        Err(error) if error.is::<LengthLimitError>() => Err(Unreadable::TooLarge(limit)),
        Err(error) => Err(Unreadable::BrokenOff(chain(error.as_ref()))),
    }
}

/// Unpacks what was compressed as `encoding` says, to at most `limit` bytes.
///
/// Nothing beyond the limit is unpacked, so an answer made to burst memory is merely refused.
pub(super) fn unpack(bytes: Bytes, encoding: Option<&[u8]>, limit: usize) -> Result<Bytes, Unreadable> {
    match encoding.unwrap_or(b"identity").trim_ascii() {
        name if name.eq_ignore_ascii_case(b"identity") => Ok(bytes),
        name if name.eq_ignore_ascii_case(b"gzip") || name.eq_ignore_ascii_case(b"x-gzip") => {
            match inflate(&bytes, limit) {
                Ok(Some(unpacked)) => Ok(unpacked.into()),
                Ok(None) => Err(Unreadable::TooLarge(limit)),
                Err(error) => Err(Unreadable::Packed(error.to_string())),
            }
        }
        name => {
            let name = name.get(..32).unwrap_or(name).escape_ascii();
            Err(Unreadable::Packed(format!("{name} was not offered")))
        }
    }
}

/// `None` if there is more than `limit`.
fn inflate(bytes: &[u8], limit: usize) -> io::Result<Option<Vec<u8>>> {
    let mut unpacked = Vec::new();
    let beyond = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    MultiGzDecoder::new(bytes).take(beyond).read_to_end(&mut unpacked)?;
    Ok((unpacked.len() <= limit).then_some(unpacked))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use hyper::body::Frame;
    use std::io::Write;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    fn gzip(bytes: &[u8]) -> Bytes {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap().into()
    }

    /// A body that breaks off behind its first byte.
    #[derive(Default)]
    struct Torn {
        is_begun: bool,
    }

    impl Body for Torn {
        type Data = Bytes;
        type Error = std::io::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
            Poll::Ready(Some(if std::mem::replace(&mut self.is_begun, true) {
                Err(std::io::Error::other("the line is dead"))
            } else {
                Ok(Frame::data(Bytes::from_static(b"{")))
            }))
        }
    }

    #[test]
    fn an_answer_that_breaks_off_is_worth_no_more_than_none() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let error = runtime.block_on(read(Torn::default(), 100)).unwrap_err();
        assert_eq!(error.to_string(), "the answer broke off: the line is dead");
        assert_eq!(Failure::from(error).again(), Some(None));
    }

    #[test]
    fn an_answer_is_unpacked_up_to_the_limit_and_not_beyond() {
        let packed = gzip(&[7; 1000]);
        assert_eq!(unpack(packed.clone(), Some(b"gzip"), 1000).unwrap(), vec![7; 1000]);
        assert_eq!(unpack(packed.clone(), Some(b" X-GZIP"), 1000).unwrap(), vec![7; 1000]);
        assert!(matches!(unpack(packed, Some(b"gzip"), 999), Err(Unreadable::TooLarge(999))));
    }

    #[test]
    fn nothing_beyond_the_limit_is_unpacked() {
        let mut bomb = gzip(&vec![0; 4 << 20]);
        assert!(bomb.len() < 100_000);
        // Whoever unpacked it all would come upon its broken end.
        bomb.truncate(bomb.len() / 2);
        assert!(inflate(&bomb, 4096).unwrap().is_none());
        assert!(inflate(&bomb, 4 << 20).is_err());
    }

    #[test]
    fn what_is_not_compressed_is_handed_on_and_the_unknown_refused() {
        let bytes = Bytes::from_static(b"plain");
        assert_eq!(unpack(bytes.clone(), None, 5).unwrap(), bytes);
        assert_eq!(unpack(bytes.clone(), Some(b"identity"), 5).unwrap(), bytes);
        let error = unpack(bytes.clone(), Some(b"br"), 5).unwrap_err();
        assert_eq!(error.to_string(), "the answer cannot be unpacked: br was not offered");
        let error = unpack(bytes, Some(b"gzip"), 5).unwrap_err();
        assert!(matches!(error, Unreadable::Packed(_)), "{error}");
        assert_eq!(Failure::from(error).again(), None);
    }
}
