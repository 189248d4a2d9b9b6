//! Users, their sessions, and API keys. Secrets are stored as hashes only.

use sea_orm_migration::{prelude::*, schema::*};

use crate::{belongs_to, remembers};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("user")
                    .col(big_pk_auto("id"))
                    .col(string_uniq("name"))
                    // PHC string of Argon2id.
                    .col(text("password_hash"))
                    .col(string("role"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .col(timestamp_with_time_zone_null("disabled_at"))
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("session")
                    .col(big_pk_auto("id"))
                    // SHA-256 of the cookie's value.
                    .col(string_uniq("secret_hash"))
                    .col(big_integer("user_id"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("last_seen_at"))
                    .col(timestamp_with_time_zone("expires_at"))
                    .foreign_key(&mut belongs_to("session", "user_id", "user"))
                    .take(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("session_user")
                    .table("session")
                    .col("user_id")
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("api_key")
                    .col(big_pk_auto("id"))
                    .col(string("name"))
                    .col(string("role"))
                    // SHA-256 of the key.
                    .col(string_uniq("secret_hash"))
                    .col(big_integer_null("created_by"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone_null("last_used_at"))
                    .col(timestamp_with_time_zone_null("revoked_at"))
                    .foreign_key(&mut remembers("api_key", "created_by", "user"))
                    .take(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["api_key", "session", "user"] {
            manager
                .drop_table(Table::drop().table(table).take())
                .await?;
        }
        Ok(())
    }
}
