//! Keeps the base64 of parts that many messages share, so that an attachment is encoded once a run.
//!
//! Only parts whose bytes someone else holds too are kept. At most [`MAX_BYTES`] are held; when that is
//! passed, all are forgotten and encoded anew. A part is known by its allocation, never by its content.

use super::encode::base64_lines;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Most encoded bytes held at a time.
const MAX_BYTES: usize = 32 * 1024 * 1024;

/// The parts encoded so far.
#[derive(Default)]
pub(crate) struct SharedParts {
    kept: Mutex<Kept>,
}

type KeptPart = (Weak<[u8]>, Arc<[u8]>);

#[derive(Default)]
struct Kept {
    // The weak pointer keeps the allocation's place taken, so that an address names one part only.
    parts: HashMap<usize, KeptPart>,
    bytes: usize,
}

impl SharedParts {
    /// The part in base64 lines; none when nobody shares it or it is too large to keep.
    pub(crate) fn encoded(&self, bytes: &Arc<[u8]>) -> Option<Arc<[u8]>> {
        if Arc::strong_count(bytes) < 2 || bytes.len() > MAX_BYTES / 3 {
            return None;
        }
        let place = bytes.as_ptr() as usize;
        let known = |kept: &Kept| {
            let (part, encoded) = kept.parts.get(&place)?;
            let same = part.upgrade().is_some_and(|part| Arc::ptr_eq(&part, bytes));
            same.then(|| Arc::clone(encoded))
        };
        if let Some(encoded) = known(&self.kept.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Some(encoded);
        }
        let mut lines = Vec::new();
        base64_lines(bytes, &mut lines);
        let encoded: Arc<[u8]> = lines.into();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.bytes + encoded.len() + bytes.len() > MAX_BYTES {
            *kept = Kept::default();
        }
        // The weak pointer holds the raw bytes' memory too: both are counted.
        kept.bytes += encoded.len() + bytes.len();
        kept.parts.insert(place, (Arc::downgrade(bytes), Arc::clone(&encoded)));
        Some(encoded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_part_is_encoded_once() {
        let shared = SharedParts::default();
        let part: Arc<[u8]> = vec![1; 1000].into();
        let other = Arc::clone(&part);
        let first = shared.encoded(&part).unwrap();
        let second = shared.encoded(&other).unwrap();
        assert!(Arc::ptr_eq(&first, &second));
    }

    #[test]
    fn a_part_that_nobody_shares_is_not_kept() {
        let shared = SharedParts::default();
        assert!(shared.encoded(&vec![1; 1000].into()).is_none());
    }

    #[test]
    fn what_is_kept_stays_within_the_limit() {
        let shared = SharedParts::default();
        for fill in 0..40 {
            let part: Arc<[u8]> = vec![fill; 2_000_000].into();
            let _other = Arc::clone(&part);
            shared.encoded(&part).unwrap();
            assert!(shared.kept.lock().unwrap().bytes <= MAX_BYTES);
        }
    }
}
