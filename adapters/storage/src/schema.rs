//! The schema: migrations embedded in the binary, and a look at what they made.

use crate::Storage;
use crate::connect::{PATIENCE, Source};
use crate::errors::store_error;
use crate::statement::{Statement, statements};
use messo_core::ports::StoreError;
use sqlx::migrate::MigrateError;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};
use std::collections::{BTreeMap, BTreeSet};

static LITE: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/sqlite");
static POSTGRES: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/postgres");

/// Tables with their columns, without sqlx's own table of migrations.
pub type Schema = BTreeMap<String, BTreeSet<String>>;

statements! {
    COLUMNS = differs(
        "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c \
         WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE '_sqlx%'",
        "SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT) \
         FROM information_schema.columns \
         WHERE table_schema = current_schema() AND table_name NOT LIKE '\\_sqlx%'",
    );
}

impl Storage {
    /// Brings the schema to this release. Several processes may try at once on PostgreSQL; on SQLite
    /// one at a time.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let migrated = match &self.source {
            // sqlx knows how to migrate, so for once it holds the file. The writer has set it up.
            Source::Lite(source) => {
                let options = SqliteConnectOptions::new().filename(&source.path).foreign_keys(true);
                let connection = options.busy_timeout(PATIENCE).disable_statement_logging();
                let mut connection = connection.connect().await.map_err(store_error)?;
                let migrated = LITE.run(&mut connection).await;
                connection.close().await.map_err(store_error)?;
                migrated
            }
            Source::Postgres(options) => {
                let mut connection =
                    PgConnection::connect_with(options).await.map_err(store_error)?;
                let migrated = POSTGRES.run(&mut connection).await;
                connection.close().await.map_err(store_error)?;
                migrated
            }
        };
        migrated.map_err(|error| match error {
            MigrateError::Execute(fault) | MigrateError::ExecuteMigration(fault, _) => {
                store_error(fault)
            }
            // Version numbers and checksums alone: nothing of the rows.
            other => StoreError::Unwritable(format!("the schema cannot be brought up: {other}")),
        })
    }

    /// The tables and columns as they are.
    pub async fn schema(&self) -> Result<Schema, StoreError> {
        let mut schema = Schema::new();
        for mut row in self.readers.rows(COLUMNS, &[]).await? {
            schema.entry(row.text()?).or_default().insert(row.text()?);
        }
        Ok(schema)
    }

    /// Prepares every statement without running it; the first that the database refuses is named.
    pub async fn prepare_all(&self) -> Result<(), (Statement, StoreError)> {
        let mut connection = match self.source.connect().await {
            Ok(connection) => connection,
            Err(error) => return Err((COLUMNS, error)),
        };
        for statement in crate::statements() {
            connection.prepare(statement).await.map_err(|error| (statement, error))?;
        }
        connection.close().await;
        Ok(())
    }
}
