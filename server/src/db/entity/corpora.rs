//! Documents, corpus versions and assets.

/// Corpus versions.
pub mod corpus {
    use sea_orm::entity::prelude::*;

    use crate::db::Timestamp;
    use crate::db::kinds::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "corpus")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub project_id: i64,
        pub taxonomy_id: i64,
        pub version: Option<i64>,
        #[sea_orm(unique)]
        pub job_id: i64,
        pub state: CorpusState,
        pub content_hash: String,
        pub source_format: String,
        pub source_name: String,
        pub n_documents: i64,
        pub n_annotated: i64,
        pub n_train: i64,
        pub n_validation: i64,
        pub n_test: i64,
        pub n_rejected: i64,
        pub n_labels: i64,
        pub n_train_annotated: i64,
        pub n_train_words: i64,
        pub n_split_kept: i64,
        pub n_committed_lines: i64,
        pub created_at: Timestamp,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Documents of a project.
pub mod document {
    use sea_orm::entity::prelude::*;

    use crate::db::kinds::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "document")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub project_id: i64,
        pub key: String,
        pub text: String,
        pub split: Split,
        pub lang: Option<String>,
        pub source: Option<String>,
        pub date: Option<String>,
        /// A JSON object of texts.
        pub meta: Option<String>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Documents of a corpus version, with their labels as given.
pub mod corpus_document {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "corpus_document")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub corpus_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub document_id: i64,
        pub explicit: Option<Vec<u8>>,
        pub level: Option<i16>,
        pub labelled_in: Option<i64>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Closed label sets, by label.
pub mod document_label {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "document_label")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub corpus_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub label: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub document_id: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// How many documents of a corpus have a label.
pub mod corpus_label {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "corpus_label")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub corpus_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub label: i64,
        pub n_documents: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// What unknown labels mean.
pub mod label_choice {
    use sea_orm::entity::prelude::*;

    use crate::db::Timestamp;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "label_choice")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub project_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub label: String,
        pub choice: Option<String>,
        pub created_at: Timestamp,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Next free ids of tables that are filled in batches.
pub mod counter {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "counter")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub next: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Encoders and word vectors.
pub mod asset {
    use sea_orm::entity::prelude::*;

    use crate::db::Timestamp;
    use crate::db::kinds::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "asset")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub project_id: i64,
        pub kind: AssetKind,
        pub name: String,
        pub content_hash: String,
        pub n_bytes: i64,
        pub summary: String,
        pub created_at: Timestamp,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
