//! Users, sessions and keys.

/// People who sign in.
pub mod user {
    use sea_orm::entity::prelude::*;

    use crate::db::Timestamp;
    use crate::db::kinds::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "user")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        #[sea_orm(unique)]
        pub name: String,
        pub password_hash: String,
        pub role: Role,
        pub created_at: Timestamp,
        pub updated_at: Timestamp,
        pub disabled_at: Option<Timestamp>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Browsers that are signed in.
pub mod session {
    use sea_orm::entity::prelude::*;

    use crate::db::Timestamp;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "session")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        #[sea_orm(unique)]
        pub secret_hash: String,
        pub user_id: i64,
        pub created_at: Timestamp,
        pub last_seen_at: Timestamp,
        pub expires_at: Timestamp,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Keys of programs.
pub mod api_key {
    use sea_orm::entity::prelude::*;

    use crate::db::Timestamp;
    use crate::db::kinds::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "api_key")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub name: String,
        pub role: Role,
        #[sea_orm(unique)]
        pub secret_hash: String,
        pub created_by: Option<i64>,
        pub created_at: Timestamp,
        pub last_used_at: Option<Timestamp>,
        pub revoked_at: Option<Timestamp>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
