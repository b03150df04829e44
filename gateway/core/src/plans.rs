//! A plan: by which ways a notice goes, which of them together, and which only when others fail.
//!
//! Written as text: `+` joins channels that leave together, `>` starts the next step when the
//! first channel of the step before has failed, `?` marks a channel that is used only where the
//! address is known. `pec>post+email?` reads: by PEC; if that fails, by post, and by e-mail too
//! where there is an address.

use crate::addresses::{Address, Channel};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Steps are tried in order; a later one only when the one before has failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Plan {
    /// At least one, at most [`MAX_STEPS`].
    pub steps: Vec<Step>,
}

/// Channels that leave together. The first is the principal: its outcome is the step's outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// At least one; no channel stands twice in a plan.
    pub ways: Vec<Way>,
}

/// One channel of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// Which channel.
    pub channel: Channel,
    /// Used only where the recipient's address is known (`?`).
    pub optional: bool,
}

/// More steps than channels cannot make sense.
pub const MAX_STEPS: usize = 7;

/// A text that is no plan.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidPlan {
    /// The text is empty or has an empty step.
    #[error("il piano «{0}» ha un passo vuoto: si scrive per esempio email+sms oppure pec>post")]
    EmptyStep(String),
    /// A word that names no channel.
    #[error(
        "nel piano, «{0}» non è un canale: si usano email, pec, sms, fax, post, registered, chat"
    )]
    UnknownChannel(String),
    /// The same channel twice.
    #[error("nel piano, il canale «{0}» compare due volte")]
    Repeated(Channel),
}

/// A leg that the plan asks for, with the address found for it.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedLeg {
    /// Index of the step, from 0.
    pub step: u8,
    /// Which channel.
    pub channel: Channel,
    /// Where to; none when an optional or fallback way has no address.
    pub address: Option<Address>,
}

impl Plan {
    /// The channels, in order.
    pub fn channels(&self) -> impl Iterator<Item = Channel> + '_ {
        self.steps.iter().flat_map(|step| step.ways.iter().map(|way| way.channel))
    }

    /// Finds an address for each way. A required way of the first step without an address is an
    /// error (the channel is returned): the person who releases decides, we don't guess. In later
    /// steps a missing address only means that the fallback cannot be used.
    pub fn legs(&self, addresses: &[Address]) -> Result<Vec<PlannedLeg>, Channel> {
        let mut legs = Vec::new();
        for (index, step) in self.steps.iter().enumerate() {
            for way in &step.ways {
                let address = addresses.iter().find(|address| address.serves(way.channel)).cloned();
                if address.is_none() && index == 0 && !way.optional {
                    return Err(way.channel);
                }
                legs.push(PlannedLeg {
                    step: u8::try_from(index).unwrap_or(u8::MAX),
                    channel: way.channel,
                    address,
                });
            }
        }
        match legs.iter().find(|leg| leg.address.is_some()) {
            Some(_) => Ok(legs),
            None => Err(self.steps[0].ways[0].channel),
        }
    }
}

impl FromStr for Plan {
    type Err = InvalidPlan;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut seen = Vec::new();
        let mut steps = Vec::new();
        for part in text.split('>') {
            let mut ways = Vec::new();
            for word in part.split('+') {
                let word = word.trim();
                let (name, optional) = match word.strip_suffix('?') {
                    Some(name) => (name.trim_end(), true),
                    None => (word, false),
                };
                if name.is_empty() || steps.len() >= MAX_STEPS {
                    return Err(InvalidPlan::EmptyStep(text.to_owned()));
                }
                let channel: Channel = name
                    .to_lowercase()
                    .parse()
                    .map_err(|_| InvalidPlan::UnknownChannel(name.to_owned()))?;
                if seen.contains(&channel) {
                    return Err(InvalidPlan::Repeated(channel));
                }
                seen.push(channel);
                ways.push(Way { channel, optional });
            }
            steps.push(Step { ways });
        }
        Ok(Self { steps })
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (s, step) in self.steps.iter().enumerate() {
            if s > 0 {
                f.write_str(">")?;
            }
            for (w, way) in step.ways.iter().enumerate() {
                let plus = if w > 0 { "+" } else { "" };
                let mark = if way.optional { "?" } else { "" };
                write!(f, "{plus}{}{mark}", way.channel)?;
            }
        }
        Ok(())
    }
}

impl From<Plan> for String {
    fn from(plan: Plan) -> Self {
        plan.to_string()
    }
}

impl TryFrom<String> for Plan {
    type Error = InvalidPlan;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_reads_back_as_it_was_written() {
        for text in ["email", "email+sms", "pec>post+email?", "pec>registered>sms?"] {
            assert_eq!(text.parse::<Plan>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_plan_with_an_unknown_or_repeated_channel_is_refused_by_name() {
        assert_eq!(
            "email+telegrafo".parse::<Plan>(),
            Err(InvalidPlan::UnknownChannel("telegrafo".into()))
        );
        assert_eq!("email>email".parse::<Plan>(), Err(InvalidPlan::Repeated(Channel::Email)));
        assert!(matches!("email+".parse::<Plan>(), Err(InvalidPlan::EmptyStep(_))));
        assert!(matches!("".parse::<Plan>(), Err(InvalidPlan::EmptyStep(_))));
    }
}
