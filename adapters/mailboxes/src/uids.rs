//! Sets of UIDs as ranges: what was handed over already, and how commands name messages.
//!
//! Guarantee: [`UidSet::bounded`] keeps the memory of a set under [`MOST_RANGES`] ranges by forgetting all of it; who asks
//! then fetches something twice.

use std::fmt::Write;

/// Most ranges of a set.
pub(crate) const MOST_RANGES: usize = 100_000;

/// UIDs in ascending ranges, both ends included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct UidSet(Vec<(u32, u32)>);

impl UidSet {
    pub(crate) fn contains(&self, uid: u32) -> bool {
        let behind = self.0.partition_point(|(_, to)| *to < uid);
        self.0.get(behind).is_some_and(|(from, _)| *from <= uid)
    }

    pub(crate) fn insert(&mut self, uid: u32) {
        let at = self.0.partition_point(|(_, to)| *to < uid);
        if self.0.get(at).is_some_and(|(from, _)| *from <= uid) {
            return;
        }
        let joins_left = at > 0 && self.0[at - 1].1.checked_add(1) == Some(uid);
        let joins_right = self.0.get(at).is_some_and(|(from, _)| uid.checked_add(1) == Some(*from));
        match (joins_left, joins_right) {
            (true, true) => {
                self.0[at - 1].1 = self.0[at].1;
                self.0.remove(at);
            }
            (true, false) => self.0[at - 1].1 = uid,
            (false, true) => self.0[at].0 = uid,
            (false, false) => self.0.insert(at, (uid, uid)),
        }
    }

    /// Forgets everything when it has become too large.
    pub(crate) fn bounded(&mut self) {
        if self.0.len() > MOST_RANGES {
            self.0 = Vec::new();
        }
    }

    /// As a command names it: `1:3,7`.
    pub(crate) fn wire(&self) -> String {
        let mut text = String::new();
        for (from, to) in &self.0 {
            let comma = if text.is_empty() { "" } else { "," };
            // Writing into a string does not fail.
            let _ = match from == to {
                true => write!(text, "{comma}{from}"),
                false => write!(text, "{comma}{from}:{to}"),
            };
        }
        text
    }
}

impl FromIterator<u32> for UidSet {
    fn from_iter<I: IntoIterator<Item = u32>>(uids: I) -> Self {
        let mut set = Self::default();
        uids.into_iter().for_each(|uid| set.insert(uid));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_become_ranges_in_any_order() {
        let set: UidSet = [5, 1, 3, 2, 9, 2, u32::MAX, 10].into_iter().collect();
        assert_eq!(set.wire(), format!("1:3,5,9:10,{}", u32::MAX));
        for uid in [1, 2, 3, 5, 9, 10, u32::MAX] {
            assert!(set.contains(uid), "{uid}");
        }
        for uid in [0, 4, 6, 8, 11, u32::MAX - 1] {
            assert!(!set.contains(uid), "{uid}");
        }
        assert_eq!(UidSet::default().wire(), "");
    }

    #[test]
    fn a_set_that_grew_too_large_is_forgotten() {
        let count = u32::try_from(MOST_RANGES).unwrap();
        let mut set: UidSet = (0..count).map(|uid| uid * 2).collect();
        set.bounded();
        assert!(set.contains(0));
        set.insert(count * 2);
        set.bounded();
        assert!(!set.contains(0));
    }
}
