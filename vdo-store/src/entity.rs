//! The tables whose rows are read whole, as entities; and the rows of joined queries.
//!
//! Never the source of the schema: see [`crate::migration`].
#![allow(unreachable_pub, missing_docs)]

/// A revision.
pub(crate) mod revision {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "revisions")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub job_id: i64,
        pub number: i64,
        pub base_id: Option<i64>,
        pub chain: i64,
        pub cause: String,
        pub created: i64,
        pub root_hash: Vec<u8>,
        pub author: String,
        pub also: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A step.
pub(crate) mod step {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "steps")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub job_id: i64,
        pub key: String,
        pub state: i64,
        pub epoch: i64,
        pub request_hash: Option<Vec<u8>>,
        pub len: Option<i64>,
        pub codec: Option<i64>,
        pub answer: Option<Vec<u8>>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A call.
pub(crate) mod call {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "calls")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub job_id: i64,
        pub step: String,
        pub number: i64,
        pub state: i64,
        pub started: i64,
        pub ended: Option<i64>,
        pub reserved: Option<i64>,
        pub cost: Option<i64>,
        pub usage_known: bool,
        pub usage_input: i64,
        pub usage_cache_read: i64,
        pub usage_cache_write: i64,
        pub usage_cache_write_long: i64,
        pub usage_output: i64,
        pub usage_reasoning: i64,
        pub usage_estimated: bool,
        pub outcome: Option<i64>,
        pub provider: String,
        pub model: String,
        pub prompt: String,
        pub edit_format: Option<String>,
        pub request_hash: Vec<u8>,
        pub prompt_hash: Vec<u8>,
        pub failure: Option<String>,
        pub first_ms: Option<i64>,
        pub tier: i64,
        pub priced: Option<String>,
        pub decision: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A report.
pub(crate) mod check {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "checks")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub job_id: i64,
        pub phase: String,
        pub attempt: i64,
        pub len: i64,
        pub codec: i64,
        pub report: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// An event.
pub(crate) mod event {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "events")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub job_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub seq: i64,
        pub at: i64,
        pub len: i64,
        pub codec: i64,
        pub kind: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A job with its parents and its newest revision, as [`crate::sql::SELECT_JOBS`] gives it.
#[derive(Debug, sea_orm::FromQueryResult)]
pub(crate) struct JobRow {
    pub id: i64,
    pub depth: i64,
    pub root_id: i64,
    pub kind: String,
    pub status: String,
    pub version: i64,
    pub cost: i64,
    pub reserved: i64,
    pub usage_input: i64,
    pub usage_cache_read: i64,
    pub usage_cache_write: i64,
    pub usage_cache_write_long: i64,
    pub usage_output: i64,
    pub usage_reasoning: i64,
    pub usage_estimated: bool,
    pub cancel_requested: bool,
    pub stamps: i64,
    pub budget: Option<i64>,
    pub autonomy: String,
    pub rating: Option<i64>,
    pub is_reference: bool,
    pub created: i64,
    pub updated: i64,
    pub reason: Option<String>,
    pub branch: Option<String>,
    pub note: Option<String>,
    pub title: String,
    pub repo: Option<String>,
    pub github_repo_url: Option<String>,
    pub template: Option<String>,
    pub project: Option<String>,
    pub idempotency_key: Option<String>,
    pub tags: Option<String>,
    pub checks: Option<String>,
    pub parameters: Option<String>,
    pub description: String,
    pub merge_policy: Option<String>,
    pub parents: String,
    pub head_id: Option<i64>,
    pub head_number: i64,
    pub head_base_id: Option<i64>,
    pub head_cause: Option<String>,
    pub head_created: Option<i64>,
    pub head_root_hash: Option<Vec<u8>>,
    pub head_author: Option<String>,
    pub head_also: Option<String>,
    pub priority: i64,
    pub not_before: Option<i64>,
    pub crashes: i64,
    pub tries_transient: i64,
    pub tries_fatal: i64,
    pub tries_verdict: i64,
    pub tries_infrastructure: i64,
}

/// Calls of one provider and model, summed.
#[derive(Debug, sea_orm::FromQueryResult)]
pub(crate) struct SpendSum {
    pub provider: String,
    pub model: String,
    pub calls: i64,
    pub usage_input: i64,
    pub usage_cache_read: i64,
    pub usage_cache_write: i64,
    pub usage_cache_write_long: i64,
    pub usage_output: i64,
    pub usage_reasoning: i64,
    pub usage_estimated: i64,
    pub cost: i64,
    pub reserved: i64,
    pub unpriced: i64,
}
