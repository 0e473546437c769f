//! The cases: first those of Go's `RunClientTests`, by their names there, and then the others.

use super::messages::Messages;
use super::{Answer, Case, Subject};
use crate::conformance::case::{Citation, Stop, Verdict, brief, ensure};
use crate::conformance::exporting::checks::{context, delivery, failure, flush, preferences, shutdown};
use crate::conformance::exporting::{
    Bench, Exported, Probe, ample, cancelled, cancelled_amid, late, refused, succeeded,
};
use crate::export::{Context, ExportError, ExportErrorKind};
use crate::otlp::proto::ResourceMetrics;
use std::time::Duration;

const GO_UPLOAD: &str = "Go, otlpmetric, Client.UploadMetrics";
const GO_FLUSH: &str = "Go, otlpmetric, Client.ForceFlush";
const GO_SHUTDOWN: &str = "Go, otlpmetric, Client.Shutdown";
const OTLP: &str = "OTLP specification, Partial Success";
/// The documentation of this crate's trait.
const TRAIT: &str = "nanospan::otlp::MetricClient";

const HONORED: &str = "The deadline or cancellation of the passed context must be honored. An appropriate error \
                       should be returned in these situations.";
const RETRY: &str = "All retry logic must be handled by UploadMetrics alone, the Exporter does not implement any \
                     retry logic.";
const CONTEXT: &str = "once its deadline has passed or it is cancelled, the call returns an error of kind \
                       `DeadlineExceeded` or `Cancelled` without starting anything new";
const REFUSED: &str = "Points that the receiver refused are an error of kind `Rejected` that counts them, and a \
                       receiver that took every point and says something is at most an error with which none is \
                       lost. In both cases nothing is sent again.";

const LATE: &str = "with an error of kind DeadlineExceeded";
const CANCELLED: &str = "with an error of kind Cancelled";

const CASES: &[Case] = &[
    Case {
        id: "ClientHonorsContextErrors/Shutdown/DeadlineExceeded",
        citation: Citation::of(GO_SHUTDOWN, HONORED).read_as(LATE),
        check: shutdown::shutdown_honours_a_passed_deadline::<Messages>,
    },
    Case {
        id: "ClientHonorsContextErrors/Shutdown/Canceled",
        citation: Citation::of(GO_SHUTDOWN, HONORED).read_as(CANCELLED),
        check: shutdown::shutdown_honours_a_cancellation::<Messages>,
    },
    Case {
        id: "ClientHonorsContextErrors/ForceFlush/DeadlineExceeded",
        citation: Citation::of(GO_FLUSH, HONORED).read_as(LATE),
        check: flush::flush_honours_a_passed_deadline::<Messages>,
    },
    Case {
        id: "ClientHonorsContextErrors/ForceFlush/Canceled",
        citation: Citation::of(GO_FLUSH, HONORED).read_as(CANCELLED),
        check: flush::flush_honours_a_cancellation::<Messages>,
    },
    Case {
        id: "ClientHonorsContextErrors/UploadMetrics/DeadlineExceeded",
        citation: Citation::of(TRAIT, CONTEXT).read_as("one that has passed already"),
        check: context::export_honours_a_passed_deadline::<Messages>,
    },
    Case {
        id: "ClientHonorsContextErrors/UploadMetrics/Canceled",
        citation: Citation::of(TRAIT, CONTEXT).read_as("one that was cancelled already"),
        check: context::export_honours_a_cancellation::<Messages>,
    },
    Case {
        id: "ForceFlushFlushes",
        citation: Citation::of(GO_FLUSH, "ForceFlush flushes any metric data held by an Client.")
            .read_as("before it returns Ok"),
        check: flush::flush_delivers_what_is_unfinished::<Messages>,
    },
    Case {
        id: "UploadMetrics",
        citation: Citation::of(GO_UPLOAD, "UploadMetrics transmits metric data to an OTLP receiver.")
            .read_as("the message, byte for byte, after a flush"),
        check: upload_metrics,
    },
    Case {
        id: "PartialSuccess",
        citation: Citation::of(
            OTLP,
            "The `rejected_<signal>` field MUST be set to hold the number of rejected data elements",
        )
        .read_as(
            "some that were refused are an error of kind Rejected that counts them; a partial success that is empty, \
             and none, are Ok",
        ),
        check: partial_success,
    },
    Case {
        id: "upload-succeeds",
        citation: Citation::of(TRAIT, "Sends a message, and waits until it is answered for good.")
            .read_as("one that is taken is Ok"),
        check: delivery::export_succeeds::<Messages>,
    },
    Case {
        id: "message-is-delivered-once",
        citation: Citation::of(TRAIT, "Sends a message, and waits until it is answered for good.")
            .read_as("once: not again with a later upload, a flush or the shutdown"),
        check: delivery::item_is_delivered_once::<Messages>,
    },
    Case {
        id: "message-without-points-sends-nothing",
        citation: Citation::of(TRAIT, "A message without points is nothing to send, and succeeds."),
        check: message_without_points_sends_nothing,
    },
    Case {
        id: "message-may-be-reused",
        citation: Citation::of(
            TRAIT,
            "The message is borrowed for the call, and its memory is used again after it. A client that keeps \
             something copies it.",
        ),
        check: delivery::batch_may_be_reused::<Messages>,
    },
    Case {
        id: "no-call-panics",
        citation: Citation::of(TRAIT, "No call panics."),
        check: no_call_panics,
    },
    Case {
        id: "transient-failure-is-retried",
        citation: Citation::of(GO_UPLOAD, RETRY)
            .read_as("a receiver that is unavailable twice and then takes the message gets it within the call"),
        check: transient_failure_is_retried,
    },
    Case {
        id: "retries-end-with-the-context",
        citation: Citation::of(TRAIT, "The context is honoured at every wait").read_as(
            "also between the attempts at a receiver that stays unavailable: its deadline with any error, its \
             cancellation with one of kind Cancelled",
        ),
        check: retries_end_with_the_context,
    },
    Case {
        id: "refusal-is-not-retried",
        citation: Citation::of(GO_UPLOAD, "All returned errors are considered unrecoverable.")
            .read_as("and one that no attempt can change is returned without another"),
        check: refusal_is_not_retried,
    },
    Case {
        id: "failure-is-reported",
        citation: Citation::of(GO_UPLOAD, "All returned errors are considered unrecoverable.")
            .read_as("so what could not be delivered is such an error, whose text is not empty; if the upload only \
                      takes the message over, of the flush after it"),
        check: failure::failure_is_reported::<Messages>,
    },
    Case {
        id: "failure-counts-what-was-lost",
        citation: Citation::of(TRAIT, "Every error is final.")
            .read_as("so it counts as lost what did not arrive, when it is returned by the upload"),
        check: failure::failure_counts_what_was_lost::<Messages>,
    },
    Case {
        id: "what-is-lost-stays-lost",
        citation: Citation::of(TRAIT, "What an error counts as lost is not delivered later"),
        check: failure::what_is_lost_stays_lost::<Messages>,
    },
    Case {
        id: "uploads-go-on-after-a-failure",
        citation: Citation::of(TRAIT, "the uploads after a failure go on as if there had been none"),
        check: failure::exports_go_on_after_a_failure::<Messages>,
    },
    Case {
        id: "partial-success-is-not-sent-again",
        citation: Citation::of(TRAIT, REFUSED).read_as("not with the next upload, a flush or the shutdown"),
        check: partial_success_is_not_sent_again,
    },
    Case {
        id: "words-alone-lose-nothing",
        citation: Citation::of(TRAIT, REFUSED)
            .read_as("words of a receiver that refused nothing: Ok, or an error that counts no point"),
        check: words_alone_lose_nothing,
    },
    Case {
        id: "ended-context-delivers-nothing",
        citation: Citation::of(TRAIT, CONTEXT),
        check: context::ended_context_delivers_nothing::<Messages>,
    },
    Case {
        id: "deadline-ends-a-hang",
        citation: Citation::of(TRAIT, CONTEXT)
            .read_as("also of a receiver that does not answer; if the upload only takes the message over, of the \
                      flush after it"),
        check: context::deadline_ends_a_hang::<Messages>,
    },
    Case {
        id: "cancellation-ends-a-hang",
        citation: Citation::of(TRAIT, CONTEXT)
            .read_as("also of a receiver that does not answer; if the upload only takes the message over, of the \
                      flush after it"),
        check: context::cancellation_ends_a_hang::<Messages>,
    },
    Case {
        id: "flush-succeeds",
        citation: Citation::of(TRAIT, "Completes what earlier uploads left unfinished")
            .read_as("with a receiver that takes everything, and with nothing to do, it is Ok"),
        check: flush::flush_succeeds::<Messages>,
    },
    Case {
        id: "shutdown-succeeds",
        citation: Citation::of(TRAIT, "Completes what is unfinished and releases everything that the client holds.")
            .read_as("with time, it is Ok"),
        check: shutdown::shutdown_succeeds::<Messages>,
    },
    Case {
        id: "shutdown-delivers-what-is-unfinished",
        citation: Citation::of(
            GO_SHUTDOWN,
            "Shutdown flushes all metric data held by a Client and closes any connections it holds open.",
        ),
        check: shutdown::shutdown_delivers_what_is_unfinished::<Messages>,
    },
    Case {
        id: "shutdown-releases-everything",
        citation: Citation::of(
            GO_SHUTDOWN,
            "Therefore all computational resources need to be released after this is called so the Client can be \
             garbage collected.",
        )
        .read_as("also when its context is over; what cannot be interrupted then is released behind it"),
        check: shutdown::shutdown_releases_everything::<Messages>,
    },
    Case {
        id: "shutdown-ends-beside-a-hang",
        citation: Citation::of(GO_SHUTDOWN, HONORED)
            .read_as("also beside a receiver that does not answer; what was not delivered then is an error"),
        check: shutdown_ends_beside_a_hang,
    },
    Case {
        id: "preferences-answer-beside-a-hang",
        citation: Citation::of(TRAIT, "`temporality` and `aggregation` answer at once, whatever else is under way")
            .read_as("also while an upload hangs, for each kind of instrument as before"),
        check: preferences::preferences_answer_beside_a_hang::<Messages>,
    },
    Case {
        id: "preferences-stay",
        citation: Citation::of(TRAIT, "and always the same: a caller may ask once and for all")
            .read_as("on any thread, before, during and after uploads"),
        check: preferences::preferences_answer_to_many_threads::<Messages>,
    },
];

/// Every case, in a fixed order.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    CASES.iter()
}

type ClientBench = Bench<Messages>;

/// A context whose deadline passes while a call waits.
fn soon_over() -> Context {
    Context::with_timeout(Duration::from_millis(50))
}

/// Sets the answers of the receiver.
fn answer(probe: &Probe<Messages>, next: &[Answer], then: Answer) -> Verdict {
    match probe.subject().answer(next, then) {
        true => Ok(()),
        false => Err(Stop::NotApplicable("the subject cannot set what its receiver answers".to_owned())),
    }
}

/// What the receiver has taken.
fn delivered(subject: &dyn Subject) -> Vec<ResourceMetrics> {
    subject.delivered()
}

fn upload_metrics(bench: &ClientBench) -> Verdict {
    let probe = Probe::<Messages>::of(bench)?;
    for (sequence, points) in [(0, 1), (1, 12), (2, 200)] {
        let before = delivered(probe.subject()).len();
        let message = Messages::batch(sequence, points);
        probe.put(&message);
        probe.settle();
        let seen = delivered(probe.subject()).split_off(before);
        // How often it came is another case's matter.
        let found = seen.iter().find(|seen| seen.as_bytes() == message.as_bytes());
        if found.is_none() {
            // What differs is said better of the points than of the bytes.
            Messages::whole(&seen, &message)?;
        }
        ensure(found.is_some(), || {
            let (message, seen) = (brief(&message), brief(&seen));
            format!("a message of {points} data points: expected {message}, seen {seen}")
        })?;
    }
    Ok(())
}

/// What an upload of ten points comes to: Ok, or the kind of its error and how many points it counts.
fn outcome(result: Result<(), ExportError>) -> Result<(), (ExportErrorKind, Option<u32>)> {
    result.map_err(|error| (error.kind(), error.lost_data_points()))
}

fn partial(rejected_data_points: u64, message: &str) -> Answer {
    Answer::Partial { rejected_data_points, message: message.to_owned() }
}

fn partial_success(bench: &ClientBench) -> Verdict {
    let probe = Probe::<Messages>::of(bench)?;
    answer(&probe, &[partial(2, "bad data"), partial(0, "")], Answer::Accept)?;
    for (what, expected) in [
        ("two data points that were refused", Err((ExportErrorKind::Rejected, Some(2)))),
        ("a partial success that is empty", Ok(())),
        ("no partial success", Ok(())),
    ] {
        let seen = outcome(probe.deliver(&ample(), &Messages::batch(0, 10)));
        ensure(seen == expected, || format!("{what}: expected {expected:?}, seen {seen:?}"))?;
    }
    Ok(())
}

fn message_without_points_sends_nothing(bench: &ClientBench) -> Verdict {
    let probe = Probe::<Messages>::of(bench)?;
    let without_points = {
        let mut metrics = crate::metrics::data::ResourceMetrics::default();
        metrics.scopes.push().metrics.push().name = "conformance.nothing".into();
        let mut message = ResourceMetrics::default();
        message.encode(&metrics);
        message
    };
    for message in [Messages::batch(0, 0), ResourceMetrics::default(), without_points] {
        succeeded("an upload of no data points", probe.export(&ample(), &message))?;
        probe.settle();
        let seen = delivered(probe.subject());
        ensure(seen.is_empty(), || {
            format!("an upload of no data points: expected no request, seen {}", brief(&seen))
        })?;
    }
    Ok(())
}

fn no_call_panics(bench: &ClientBench) -> Verdict {
    for last in [late, cancelled, ample] {
        let probe = Probe::<Messages>::of(bench)?;
        for context in [late(), cancelled(), ample()] {
            let _ = probe.force_flush(&context);
            for message in [Messages::odd_batch(), Messages::batch(0, 0), Messages::batch(1, 300)] {
                let _ = probe.export(&context, &message);
            }
        }
        let _ = probe.shutdown(&last());
    }
    Ok(())
}

fn transient_failure_is_retried(bench: &ClientBench) -> Verdict {
    let probe = Probe::<Messages>::of(bench)?;
    answer(&probe, &[Answer::Unavailable, Answer::Unavailable], Answer::Accept)?;
    let message = Messages::batch(0, 10);
    succeeded("an upload to a receiver that is away for a moment", probe.deliver(&ample(), &message))?;
    probe.settled().all_of("a message for a receiver that was away for a moment", &message)
}

fn retries_end_with_the_context(bench: &ClientBench) -> Verdict {
    let probe = Probe::<Messages>::of(bench)?;
    answer(&probe, &[], Answer::Unavailable)?;
    // One that does not return is found by the runner.
    let result = probe.deliver(&soon_over(), &Messages::batch(0, 10));
    ensure(result.is_err(), || {
        "an upload to a receiver that stays away: expected an error, seen Ok".to_owned()
    })?;
    let context = Context::new();
    let (result, has_given_up) =
        cancelled_amid(&context, || probe.deliver(&context, &Messages::batch(1, 10)));
    // That one does not try for so long is another case's matter.
    if has_given_up {
        return Ok(());
    }
    refused("a cancelled upload to a receiver that stays away", ExportErrorKind::Cancelled, result)
}

/// A call that does not return is found by the runner.
fn shutdown_ends_beside_a_hang(bench: &ClientBench) -> Verdict {
    let probe = Probe::<Messages>::of(bench)?;
    let message = Messages::batch(0, 10);
    // One that only takes messages over has this one to complete, from a receiver that does not answer by then.
    probe.put(&message);
    answer(&probe, &[], Answer::Never)?;
    let result = probe.shutdown(&soon_over());
    answer(&probe, &[], Answer::Accept)?;
    let counts = probe.seen().counts(&message);
    ensure(result.is_err() || counts.iter().flatten().all(|&count| count > 0), || {
        "a shutdown whose receiver does not answer: expected an error, or the message delivered, seen Ok and that it \
         was not".to_owned()
    })
}

fn refusal_is_not_retried(bench: &ClientBench) -> Verdict {
    let probe = Probe::<Messages>::of(bench)?;
    answer(&probe, &[Answer::Refuse], Answer::Accept)?;
    let message = Messages::batch(0, 10);
    // What it returns is another case's matter, and so is what comes later.
    let _ = probe.export(&ample(), &message);
    let _ = probe.force_flush(&ample());
    probe.seen().nothing_of("a message that was refused, and would be taken if it were sent again", &message)
}

fn partial_success_is_not_sent_again(bench: &ClientBench) -> Verdict {
    let probe = Probe::<Messages>::of(bench)?;
    answer(&probe, &[partial(2, "bad data"), partial(0, "slow down")], Answer::Accept)?;
    let messages = [Messages::batch(0, 10), Messages::batch(1, 10)];
    for message in &messages {
        probe.put(message);
        probe.settle();
    }
    probe.put(&Messages::batch(2, 10));
    probe.settle();
    let _ = probe.shutdown(&ample());
    for message in &messages {
        let counts = probe.seen().counts(message);
        ensure(counts.iter().flatten().all(|&count| count <= 1), || {
            format!("a message with a partial success: expected it once, seen these counts: {counts:?}")
        })?;
    }
    Ok(())
}

fn words_alone_lose_nothing(bench: &ClientBench) -> Verdict {
    let probe = Probe::<Messages>::of(bench)?;
    answer(&probe, &[partial(0, "slow down")], Answer::Accept)?;
    let seen = outcome(probe.deliver(&ample(), &Messages::batch(0, 10)));
    ensure(matches!(seen, Ok(()) | Err((_, Some(0)))), || {
        format!("words without a refusal: expected Ok, or an error that counts 0 data points, seen {seen:?}")
    })
}
