//! Decisions about documents that waited for a person, and what models propose.

/// Decisions, in force or taken back.
pub mod review_decision {
    use sea_orm::entity::prelude::*;

    use crate::db::Timestamp;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "review_decision")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub corpus_id: i64,
        pub document_id: i64,
        pub explicit: Vec<u8>,
        pub run_id: Option<i64>,
        pub created_by: Option<i64>,
        pub author: String,
        pub created_at: Timestamp,
        pub undone_by: Option<String>,
        pub undone_at: Option<Timestamp>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Proposals for documents that wait.
pub mod review_proposal {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "review_proposal")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub corpus_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub document_id: i64,
        pub run_id: i64,
        #[sea_orm(column_type = "Json")]
        pub labels: Json,
        pub score: Option<f32>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
