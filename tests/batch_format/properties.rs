//! What holds for any batch and any damage, tried on many that are made up.
//!
//! The generator is seeded, so that each run tries the same ones: a failure names its case and
//! comes back.

use nanospan::batch::segment::{SegmentReader, frame_header, padding, valid_prefix};
use nanospan::batch::{BatchBuilder, BatchView};

use crate::random::Random;
use crate::support::{BatchModel, frame, segment};

#[test]
fn whatever_is_written_is_read_back_equal() {
    for case in 0..2000 {
        let model = Random(case).batch();
        let batch = model.write();
        assert_eq!(batch.span_count(), model.spans.len());
        assert_eq!(BatchModel::read(&batch.view()), model, "case {case}");
        let view = BatchView::parse(batch.as_bytes());
        let view = view.unwrap_or_else(|error| panic!("case {case}: {error}"));
        assert_eq!(BatchModel::read(&view), model, "case {case}");
    }
}

#[test]
fn a_builder_that_is_reused_writes_what_a_new_one_writes() {
    let mut random = Random(1);
    let resource = random.pairs();
    let mut builder = BatchBuilder::new(&resource, 7);
    for sequence in 0..500 {
        let model = BatchModel { instance_id: 7, sequence, resource: resource.clone(), ..random.batch() };
        for span in &model.spans {
            span.add_to(&mut builder);
        }
        let batch = builder.finish(sequence, model.created_unix_nanos).expect("the batch is small");
        assert_eq!(batch.as_bytes(), model.write().as_bytes(), "batch {sequence}");
        builder.recycle(batch);
    }
}

#[test]
fn a_batch_is_never_larger_than_its_builder_said() {
    for case in 0..500 {
        let model = Random(case).batch();
        let mut builder = BatchBuilder::new(&model.resource, 0);
        for span in &model.spans {
            span.add_to(&mut builder);
        }
        let said = builder.byte_len();
        let batch = builder.finish(0, 0).expect("the batch is small");
        let size = batch.as_bytes().len();
        assert!(size <= said, "case {case}: {size} bytes, not {said}");
        assert!(size + 300 > said, "case {case}: {size} bytes, far from {said}");
    }
}

#[test]
fn damage_never_makes_up_a_span_and_never_loses_an_intact_frame_in_front_of_it() {
    let mut intact = 0;
    let mut damaged = 0;
    for case in 0..3000 {
        let mut random = Random(case);
        let batches: Vec<_> = (0..4).map(|_| random.batch()).collect();
        let written = segment(&batches);
        let mut bytes = written.clone();
        random.damage(&mut bytes);
        let same = written.iter().zip(&bytes).take_while(|(a, b)| a == b).count();
        let Ok(reader) = SegmentReader::new(&bytes) else {
            assert!(same < 32, "case {case}: refused with an intact header");
            continue;
        };
        let mut in_front = 0;
        for item in reader {
            match item {
                Ok(frame) => {
                    let read = BatchModel::read(&frame.view());
                    assert!(batches.contains(&read), "case {case}: a batch was made up");
                    in_front += usize::from(frame.end() <= same as u64);
                    intact += 1;
                }
                Err(_) => damaged += 1,
            }
        }
        let expected = (0..=4).filter(|&count| segment(&batches[..count]).len() <= same).count();
        assert_eq!(in_front + 1, expected, "case {case}");
        let prefix = valid_prefix(&bytes);
        assert!(prefix.frames >= in_front as u64, "case {case}");
        assert!(prefix.len <= bytes.len() as u64, "case {case}");
    }
    assert!(intact > 1000 && damaged > 1000, "{intact} intact, {damaged} damaged");
}

/// With the checksum made right again, only the checks of the batch itself stand between the damage
/// and the accessors.
#[test]
fn a_damaged_batch_with_the_right_checksum_is_refused_or_can_be_read_in_full() {
    let mut refused = 0;
    let mut accepted = 0;
    for case in 0..20_000 {
        let mut random = Random(case);
        let mut payload = random.batch().write().as_bytes().to_vec();
        random.damage(&mut payload);
        let bytes = [segment(&[]), frame(&payload)].concat();
        let reader = SegmentReader::new(&bytes).expect("the header is intact");
        for item in reader {
            match item {
                Ok(frame) => {
                    let view = frame.view();
                    assert_eq!(view.spans().len(), BatchModel::read(&view).spans.len());
                    assert!(!format!("{view:?}").is_empty());
                    accepted += 1;
                }
                Err(damage) => {
                    assert!(!damage.to_string().is_empty());
                    refused += 1;
                }
            }
        }
    }
    assert!(accepted > 1000 && refused > 1000, "{accepted} accepted, {refused} refused");
}

#[test]
fn bytes_that_are_no_segment_at_all_are_read_without_a_panic() {
    let mut damages = 0;
    for case in 0..3000 {
        let mut random = Random(case);
        let length = random.below(600);
        let mut bytes: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
        if random.below(2) == 0 {
            bytes.splice(0..0, frame_header(&[0; 9]));
            bytes.extend(padding(random.below(9)));
        }
        assert!(BatchView::parse(&bytes).is_err(), "case {case}");
        assert!(SegmentReader::new(&bytes).is_err(), "case {case}");
        for item in SegmentReader::salvage(&bytes) {
            let damage = item.expect_err("there is no batch in it");
            assert!(damage.offset + damage.skipped <= bytes.len() as u64, "case {case}");
            damages += 1;
        }
        assert_eq!(valid_prefix(&bytes).len, 0, "case {case}");
    }
    assert!(damages > 1000);
}
