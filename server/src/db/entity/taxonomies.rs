//! Taxonomy versions, labels and edges.

/// Taxonomy versions.
pub mod taxonomy {
    use sea_orm::entity::prelude::*;

    use crate::db::Timestamp;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "taxonomy")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub project_id: i64,
        pub version: i64,
        pub content_hash: String,
        pub n_labels: i64,
        pub depth: i64,
        pub n_multi_parent: i64,
        pub source_format: String,
        pub source_name: String,
        #[sea_orm(column_type = "Json")]
        pub notes: Json,
        pub created_at: Timestamp,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Labels of a taxonomy version.
pub mod label {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "label")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub taxonomy_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub position: i64,
        pub key: String,
        pub name: String,
        pub level: i64,
        #[sea_orm(column_type = "Json", nullable)]
        pub details: Option<Json>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Parents of labels, primary parent first.
pub mod label_edge {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "label_edge")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub taxonomy_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub child: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub ordinal: i64,
        pub parent: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Links by which other tools read the newest taxonomy of a project.
pub mod taxonomy_link {
    use sea_orm::entity::prelude::*;

    use crate::db::Timestamp;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "taxonomy_link")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub project_id: i64,
        pub name: String,
        #[sea_orm(unique)]
        pub secret_hash: String,
        pub created_by: Option<i64>,
        pub created_at: Timestamp,
        pub revoked_at: Option<Timestamp>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
