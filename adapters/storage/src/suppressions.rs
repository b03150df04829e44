//! Addresses that do not take mail.

use crate::session::{Readers, args};
use crate::statement::statements;
use crate::writer::group::Writing;
use messo_core::addresses::Channel;
use messo_core::ids::{BodyId, MessageId};
use messo_core::messages::Suppression;
use messo_core::ports::StoreError;

statements! {
    WRITE_SUPPRESSION = same(
        "INSERT INTO suppression (body_id, channel, address, message_id, at_us, hard, code) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
    );
    SUPPRESSIONS = same(
        "SELECT message_id, at_us, hard, code FROM suppression \
         WHERE body_id = $1 AND channel = $2 AND address = $3 ORDER BY at_us DESC LIMIT 100",
    );
}

pub(crate) async fn write_suppression(
    writing: &mut Writing<'_>,
    suppression: &Suppression,
) -> Result<(), StoreError> {
    let args = args![
        suppression.body.0,
        suppression.channel.word(),
        suppression.address.as_str(),
        suppression.message.0,
        suppression.at,
        suppression.hard,
        suppression.code.as_str(),
    ];
    writing.run(WRITE_SUPPRESSION, args).await.map(|_| ())
}

pub(crate) async fn suppressions(
    readers: &Readers,
    body: BodyId,
    channel: Channel,
    address: &str,
) -> Result<Vec<Suppression>, StoreError> {
    let rows = readers.rows(SUPPRESSIONS, args![body.0, channel.word(), address]).await?;
    rows.into_iter()
        .map(|mut row| {
            Ok(Suppression {
                body,
                channel,
                address: address.to_owned(),
                message: MessageId(row.uuid()?),
                at: row.instant()?,
                hard: row.int()? != 0,
                code: row.text()?,
            })
        })
        .collect()
}
