//! The queries of devices.

use std::collections::BTreeMap;

use arborist_shared::api::queue::DeviceState;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, EntityTrait, QueryFilter};

use crate::db::DbErr;
use crate::db::entity::jobs::device;

/// Devices of a server that somebody has set a state of.
pub(super) async fn states(
    db: &impl ConnectionTrait,
    owner: &str,
) -> Result<BTreeMap<String, DeviceState>, DbErr> {
    let rows = device::Entity::find()
        .filter(device::COLUMN.owner.eq(owner))
        .all(db)
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.name, row.state.into()))
        .collect())
}

pub(super) async fn set_state(
    db: &impl ConnectionTrait,
    owner: &str,
    name: &str,
    state: DeviceState,
) -> Result<(), DbErr> {
    let row = device::ActiveModel {
        owner: Set(owner.to_owned()),
        name: Set(name.to_owned()),
        state: Set(state.into()),
    };
    let replace = OnConflict::columns([device::Column::Owner, device::Column::Name])
        .update_column(device::Column::State)
        .to_owned();
    device::Entity::insert(row)
        .on_conflict(replace)
        .exec_without_returning(db)
        .await
        .map(|_| ())
}
