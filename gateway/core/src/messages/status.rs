//! What an enhanced status code (RFC 3463) says about an address and about the sending, in one table.

use super::BounceAction;
use crate::failures::FailureClass;
use std::time::Duration;

/// Soft bounces of an address within [`SOFT_WINDOW`] that count as a hard one.
pub const SOFT_LIMIT: usize = 3;

/// How long a soft bounce counts.
pub const SOFT_WINDOW: Duration = Duration::from_secs(7 * 24 * 3600);

/// What follows from a bounce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Weight {
    /// The address takes no mail: don't use it again.
    Hard,
    /// It may take mail another day.
    Soft,
    /// Our message is at fault (too large, malformed): the address is not.
    Content,
    /// They will not have mail from us: the address is not at fault; an operator must look.
    Policy,
    /// The code says nothing that is known.
    Unknown,
}

impl Weight {
    /// Why the sending failed, in the words of [`FailureClass`].
    pub const fn class(self) -> FailureClass {
        match self {
            Self::Hard => FailureClass::BadRecipient,
            Self::Content => FailureClass::BadContent,
            Self::Soft | Self::Policy | Self::Unknown => FailureClass::Refused,
        }
    }
}

/// The weight of a code for the address. The action decides whether the sending is over, the code what the
/// address is worth: a sending that failed after days of trying has a code that begins with 4.
pub fn weight(action: BounceAction, status: Option<&str>) -> Weight {
    if action != BounceAction::Failed {
        return Weight::Unknown;
    }
    let mut parts = status.unwrap_or_default().split('.');
    let class = parts.next().unwrap_or_default();
    let subject = parts.next().unwrap_or_default();
    let detail = parts.next().unwrap_or_default();
    match (class, subject, detail) {
        ("5", "1", "0" | "1" | "2" | "3" | "4" | "6" | "10") | ("5", "2", "1") => Weight::Hard,
        (_, "2", "2") | ("5", "4", "4" | "6") | ("4", ..) => Weight::Soft,
        ("5", "2" | "3", "3" | "4") | ("5", "5" | "6", _) => Weight::Content,
        ("5", "7", _) => Weight::Policy,
        _ => Weight::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_weighs_what_the_table_says() {
        let failed = |status| weight(BounceAction::Failed, Some(status));
        for status in ["5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.4", "5.1.6", "5.1.10", "5.2.1"] {
            assert_eq!(failed(status), Weight::Hard, "{status}");
        }
        for status in ["4.2.2", "5.2.2", "4.3.0", "4.4.1", "4.4.7", "5.4.4", "5.4.6", "4.7.1"] {
            assert_eq!(failed(status), Weight::Soft, "{status}");
        }
        for status in ["5.2.3", "5.3.4", "5.5.2", "5.6.1"] {
            assert_eq!(failed(status), Weight::Content, "{status}");
        }
        for status in ["5.7.0", "5.7.1", "5.7.26", "5.7.515"] {
            assert_eq!(failed(status), Weight::Policy, "{status}");
        }
        for status in ["5.0.0", "9.9.9", "", "5", "text"] {
            assert_eq!(failed(status), Weight::Unknown, "{status}");
        }
    }

    #[test]
    fn a_delay_says_nothing_about_the_address() {
        assert_eq!(weight(BounceAction::Delayed, Some("4.4.1")), Weight::Unknown);
        assert_eq!(weight(BounceAction::Delivered, Some("2.1.5")), Weight::Unknown);
    }
}
