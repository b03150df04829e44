//! What a release will cost, before it happens.

use crate::config::Prices;
use messo_core::addresses::Address;
use messo_core::plans::Plan;

/// Thousandths of a euro for one recipient: every way of the first step that has an address. Later steps
/// are paid only if they are needed, which nobody knows beforehand.
pub fn cost(prices: &Prices, plan: &Plan, addresses: &[Address]) -> u64 {
    plan.steps
        .first()
        .into_iter()
        .flat_map(|step| &step.ways)
        .filter(|way| addresses.iter().any(|address| address.serves(way.channel)))
        .map(|way| prices.millieuro.get(way.channel.word()).copied().unwrap_or(0))
        .sum()
}
