//! The queue.

/// Jobs.
pub mod job {
    use sea_orm::entity::prelude::*;

    use crate::db::Timestamp;
    use crate::db::kinds::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "job")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub project_id: i64,
        pub kind: String,
        pub slot: String,
        pub title: String,
        pub status: JobStatus,
        #[sea_orm(column_type = "Json")]
        pub request: Json,
        #[sea_orm(column_type = "Json")]
        pub progress: Json,
        pub error: Option<String>,
        pub result_type: Option<String>,
        pub result_id: Option<i64>,
        pub attempts: i64,
        pub interruptions: i64,
        pub cancel_requested: bool,
        pub lease_owner: Option<String>,
        pub lease_until: Option<Timestamp>,
        pub created_by: Option<i64>,
        pub created_at: Timestamp,
        pub started_at: Option<Timestamp>,
        pub finished_at: Option<Timestamp>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
