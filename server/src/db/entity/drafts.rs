//! Drafts of taxonomies, and what became of them.

/// Drafts.
pub mod draft {
    use sea_orm::entity::prelude::*;

    use crate::db::Timestamp;
    use crate::db::kinds::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "draft")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub project_id: i64,
        pub taxonomy_id: i64,
        pub name: String,
        pub state: DraftState,
        pub revision: i64,
        pub job_id: Option<i64>,
        pub created_by: Option<i64>,
        pub author: String,
        pub created_at: Timestamp,
        pub updated_at: Timestamp,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// What was done to drafts.
pub mod draft_entry {
    use sea_orm::entity::prelude::*;

    use crate::db::Timestamp;
    use crate::db::kinds::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "draft_entry")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub draft_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub revision: i64,
        pub kind: EntryKind,
        pub of: i64,
        #[sea_orm(column_type = "Json")]
        pub edit: Json,
        pub created_by: Option<i64>,
        pub author: String,
        pub created_at: Timestamp,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Versions that came out of others.
pub mod publication {
    use sea_orm::entity::prelude::*;

    use crate::db::Timestamp;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "publication")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub taxonomy_id: i64,
        pub base_id: i64,
        pub draft_id: Option<i64>,
        pub restores_id: Option<i64>,
        pub corpus_id: Option<i64>,
        pub base_corpus_id: Option<i64>,
        pub n_migrated: i64,
        pub n_review: i64,
        #[sea_orm(column_type = "Json")]
        pub diff: Json,
        pub n_changes: i64,
        pub created_by: Option<i64>,
        pub author: String,
        pub created_at: Timestamp,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Documents of a corpus version that wait for a person.
pub mod review {
    use sea_orm::entity::prelude::*;

    use crate::db::kinds::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "review")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub corpus_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub document_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub label: String,
        pub reason: ReviewReason,
        #[sea_orm(column_type = "Json")]
        pub path: Json,
        #[sea_orm(column_type = "Json")]
        pub candidates: Json,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
