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
        pub priority: i64,
        pub position: i64,
        pub device: Option<String>,
        pub memory_bytes: Option<i64>,
        pub seconds: Option<f64>,
        pub place: Option<String>,
        pub cause: Option<String>,
        #[sea_orm(column_type = "Json")]
        pub history: Json,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// What a job needs before it can start.
pub mod job_dependency {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "job_dependency")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub job_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub needs_id: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// How many jobs people may have.
pub mod job_limit {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "job_limit")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub user_id: Option<i64>,
        pub running: Option<i64>,
        pub waiting: Option<i64>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Devices that do not take jobs as they would.
pub mod device {
    use sea_orm::entity::prelude::*;

    use crate::db::kinds::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "device")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub owner: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub state: DeviceState,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
