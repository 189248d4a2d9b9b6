//! Projects and members.

/// Projects.
pub mod project {
    use sea_orm::entity::prelude::*;

    use crate::db::Timestamp;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "project")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub name: String,
        pub created_by: Option<i64>,
        pub created_at: Timestamp,
        pub updated_at: Timestamp,
        pub archived_at: Option<Timestamp>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Who may do what in a project.
pub mod member {
    use sea_orm::entity::prelude::*;

    use crate::db::Timestamp;
    use crate::db::kinds::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "member")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub project_id: i64,
        pub role: Role,
        pub created_at: Timestamp,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
