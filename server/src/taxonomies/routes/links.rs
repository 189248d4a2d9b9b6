//! Addresses of links by which other tools read a taxonomy.

use actix_web::http::header;
use actix_web::web::{self, Json};
use actix_web::{HttpResponse, delete, get, post};
use arborist_shared::api::accounts::Role;
use arborist_shared::api::taxonomies::{
    CreatedTaxonomyLink, NewTaxonomyLink, RemoteItems, TaxonomyLink, TaxonomyLinkList,
};
use utoipa_actix_web::service_config::ServiceConfig;

use super::super::{links, newest_row, store};
use crate::App;
use crate::accounts::{Caller, secret};
use crate::db::rfc3339;
use crate::http::paging::{self, PageQuery};
use crate::http::problem::{ApiError, Code};

/// Adds the addresses.
pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_links)
        .service(create_link)
        .service(revoke_link)
        .service(show_remote_taxonomy);
}

fn show(row: store::links::LinkRow) -> TaxonomyLink {
    TaxonomyLink {
        id: row.id,
        project: row.project_id,
        name: row.name,
        created_at: rfc3339(row.created_at),
    }
}

/// Links by which other tools read the newest taxonomy of a project, newest first.
#[utoipa::path(tag = "taxonomies", params(("id" = i64, Path, description = "project"), PageQuery),
    responses((status = 200, body = TaxonomyLinkList)))]
#[get("/projects/{id}/taxonomy-links")]
async fn list_links(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    page: web::Query<PageQuery>,
) -> Result<web::Json<TaxonomyLinkList>, ApiError> {
    caller.in_project(&app, *id, Role::Viewer).await?;
    let (before, limit) = (page.before()?, page.limit());
    let mut rows = store::links::list(app.db.read(), *id, before, limit + 1).await?;
    let next = paging::cut(&mut rows, limit, |row| row.id);
    Ok(web::Json(TaxonomyLinkList {
        links: rows.into_iter().map(show).collect(),
        next,
    }))
}

/// Make a link. The answer is the only place that shows its address, which works for everybody who knows it.
#[utoipa::path(tag = "taxonomies", params(("id" = i64, Path, description = "project")),
    responses((status = 201, body = CreatedTaxonomyLink)))]
#[post("/projects/{id}/taxonomy-links")]
async fn create_link(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    body: Json<NewTaxonomyLink>,
) -> Result<HttpResponse, ApiError> {
    caller.in_project(&app, *id, Role::Manager).await?;
    let token = secret::generate();
    let hash = secret::hash(&token);
    let row = store::links::insert(
        app.db.write(),
        *id,
        body.name.trim(),
        &hash,
        caller.user_id(),
    )
    .await?;
    Ok(HttpResponse::Created().json(CreatedTaxonomyLink {
        link: show(row),
        path: format!("/api/v1/remote-taxonomies/{token}"),
    }))
}

/// Revoke a link: its address leads nowhere from now on.
#[utoipa::path(tag = "taxonomies", params(("id" = i64, Path)), responses((status = 204)))]
#[delete("/taxonomy-links/{id}")]
async fn revoke_link(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
) -> Result<HttpResponse, ApiError> {
    let not_found = || {
        ApiError::new(
            Code::LinkNotFound,
            format!("there is no link {} for you", *id),
        )
    };
    let row = store::links::find(app.db.read(), *id)
        .await?
        .ok_or_else(not_found)?;
    match caller.in_project(&app, row.project_id, Role::Manager).await {
        Err(error) if error.code() == Code::ProjectNotFound => return Err(not_found()),
        Err(error) => return Err(error),
        Ok(_) => {}
    }
    store::links::revoke(app.db.write(), row.id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The newest taxonomy of a project as Label Studio reads remote ones: the items below the root, or below
/// `?path=A&path=B`. Public for everybody who knows the address.
#[utoipa::path(tag = "taxonomies", security(()),
    params(("token" = String, Path, description = "the secret of the link"), ("path" = Option<Vec<String>>, Query, description = "ids from below the root to the label whose children are asked for")),
    responses((status = 200, body = RemoteItems, headers(("Access-Control-Allow-Origin" = String)))))]
#[get("/remote-taxonomies/{token}")]
async fn show_remote_taxonomy(
    app: web::Data<App>,
    token: web::Path<String>,
    query: web::Query<Vec<(String, String)>>,
) -> Result<HttpResponse, ApiError> {
    let gone = || {
        ApiError::new(
            Code::LinkNotFound,
            "there is no such link, or it was revoked",
        )
    };
    let project = store::links::project_of(app.db.read(), &secret::hash(&token))
        .await?
        .ok_or_else(gone)?;
    let newest = newest_row(app.db.read(), project).await?;
    let items = match newest {
        None => RemoteItems::default(),
        Some(newest) => {
            let path = query.iter().filter(|(name, _)| name == "path");
            let path: Vec<&str> = path.map(|(_, id)| id.as_str()).collect();
            links::items(&*super::super::load(&app, newest.id).await?, &path)?
        }
    };
    Ok(HttpResponse::Ok()
        // Asked for by pages of another tool, which show nothing to us and get nothing but labels.
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .json(items))
}
