//! Runs and comparisons.

/// Runs.
pub mod run {
    use sea_orm::entity::prelude::*;

    use crate::db::Timestamp;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "run")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub project_id: i64,
        pub job_id: i64,
        pub corpus_id: i64,
        pub taxonomy_id: i64,
        pub method: String,
        pub plugin_version: String,
        pub preset: Option<String>,
        #[sea_orm(column_type = "Json")]
        pub hyperparameters: Json,
        pub encoder: Option<String>,
        pub word_vectors_id: Option<i64>,
        pub seed: i64,
        pub device: String,
        pub epochs: Option<i64>,
        pub train_seconds: Option<f64>,
        pub train_docs_per_s: Option<f64>,
        pub peak_memory_bytes: Option<i64>,
        pub created_by: Option<i64>,
        pub created_at: Timestamp,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Epochs of runs.
pub mod epoch {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "epoch")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub run_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub epoch: i64,
        pub step: i64,
        #[sea_orm(column_type = "Json")]
        pub losses: Json,
        #[sea_orm(column_type = "Json")]
        pub validation: Json,
        pub learning_rate: f64,
        pub documents_per_second: f64,
        pub seconds: f64,
        pub peak_memory_bytes: i64,
        pub selected: bool,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Figures of runs: the headline, and all of them as JSON.
pub mod run_metrics {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "run_metrics")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub run_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub split: String,
        pub micro_f1: f64,
        pub macro_f1: f64,
        pub hierarchical_f1: f64,
        pub exact_match: f64,
        pub metrics: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Comparisons.
pub mod comparison {
    use sea_orm::entity::prelude::*;

    use crate::db::Timestamp;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "comparison")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub project_id: i64,
        pub split: String,
        pub result: String,
        pub created_by: Option<i64>,
        pub created_at: Timestamp,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Groups of runs that were asked for together.
pub mod run_group {
    use sea_orm::entity::prelude::*;

    use crate::db::Timestamp;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "run_group")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub project_id: i64,
        pub name: String,
        #[sea_orm(column_type = "Json", nullable)]
        pub rule: Option<Json>,
        pub created_by: Option<i64>,
        pub created_at: Timestamp,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Which runs are in a group; those of one trial differ in nothing but their seed.
pub mod run_group_member {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "run_group_member")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub run_id: i64,
        pub group_id: i64,
        pub trial: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
