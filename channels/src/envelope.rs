//! What every provider checks and fills in alike when it packs an envelope.

use messo_core::addresses::Channel;
use messo_core::attempts::Failure;
use messo_core::failures::FailureClass;
use messo_core::ports::{Envelope, Outbound};

/// Refuses an address of another channel.
pub(crate) fn address_serves(outbound: &Outbound, channel: Channel) -> Result<(), Failure> {
    if outbound.to.serves(channel) {
        return Ok(());
    }
    let detail = format!("the address is not one of the channel {channel}");
    Err(Failure::new(FailureClass::BadRecipient, "messo:wrong_channel", &detail))
}

/// The failure for a rendition of another channel.
pub(crate) fn wrong_rendition(channel: Channel) -> Failure {
    let detail = format!("what was rendered is not for the channel {channel}");
    Failure::new(FailureClass::BadContent, "messo:wrong_rendition", &detail)
}

/// An envelope whose reference is the attempt alone.
pub(crate) fn keyed(outbound: &Outbound, from: String, bytes: Vec<u8>) -> Envelope {
    let reference = format!("m1.{}", outbound.attempt.0.simple());
    Envelope { reference, from, to: outbound.to.line(), bytes }
}

/// Refuses an envelope over the provider's limit.
pub(crate) fn within(envelope: Envelope, max_bytes: u64) -> Result<Envelope, Failure> {
    let size = envelope.bytes.len() as u64;
    if size <= max_bytes {
        return Ok(envelope);
    }
    let detail = format!("the message has {size} bytes, the provider takes {max_bytes}");
    Err(Failure::new(FailureClass::BadContent, "messo:too_large", &detail))
}
