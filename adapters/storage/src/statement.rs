//! A statement: one SQL text for both databases, with its name.
//!
//! The text keeps to what both understand: `$1…`, `ON CONFLICT`, `RETURNING`, TEXT, BIGINT and bytes.
//! Where that cannot be, the statement is a named exception with two texts; a test counts them.

/// One SQL text, or one for each database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Name of the constant that holds it.
    pub name: &'static str,
    /// What SQLite runs.
    pub lite: &'static str,
    /// What PostgreSQL runs.
    pub postgres: &'static str,
}

impl Statement {
    /// The same text on both.
    pub(crate) const fn same(name: &'static str, sql: &'static str) -> Self {
        Self { name, lite: sql, postgres: sql }
    }

    /// An exception: two texts with the same parameters and columns.
    pub(crate) const fn differs(
        name: &'static str,
        lite: &'static str,
        postgres: &'static str,
    ) -> Self {
        Self { name, lite, postgres }
    }
}

/// Declares the statements of an aggregate and lists them in `ALL`, so that a test can prepare each
/// of them on both databases.
macro_rules! statements {
    ($($name:ident = $kind:ident($($sql:expr),+ $(,)?);)+) => {
        $(const $name: $crate::statement::Statement =
            $crate::statement::Statement::$kind(stringify!($name), $($sql),+);)+
        pub(crate) const ALL: &[$crate::statement::Statement] = &[$($name),+];
    };
}
pub(crate) use statements;
