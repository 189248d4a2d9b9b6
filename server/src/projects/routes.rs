//! Addresses of projects.

use actix_web::{HttpResponse, get, post, web};
use arborist_shared::api::accounts::Role;
use arborist_shared::api::projects::{NewProject, Overview, Project, ProjectAnswer, ProjectList};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{overview, show, store, visible};
use crate::App;
use crate::accounts::Caller;
use crate::http::paging::{self, PageQuery};
use crate::http::problem::{ApiError, Code};

const MAX_NAME: usize = 200;

/// Adds the addresses.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_projects)
        .service(create_project)
        .service(show_project)
        .service(show_overview);
}

/// Projects that you may see, newest first.
#[utoipa::path(tag = "projects", params(PageQuery), responses((status = 200, body = ProjectList)))]
#[get("/projects")]
async fn list_projects(
    app: web::Data<App>,
    caller: Caller,
    page: web::Query<PageQuery>,
) -> Result<web::Json<ProjectList>, ApiError> {
    let (before, limit) = (page.before()?, page.limit());
    let among = visible(&app, &caller).await?;
    let mut rows = store::list(app.db.read(), among.as_deref(), before, limit + 1).await?;
    let next = paging::cut(&mut rows, limit, |row| row.id);
    let roles = match caller.user_id() {
        Some(user) if !caller.sees_all_projects() => store::roles_of(app.db.read(), user).await?,
        _ => Vec::new(),
    };
    let projects = rows.into_iter().map(|row| {
        let role = roles
            .iter()
            .find(|(project, _)| *project == row.id)
            .map_or(caller.role, |&(_, role)| role);
        show(row, role)
    });
    Ok(web::Json(ProjectList {
        projects: projects.collect(),
        next,
    }))
}

/// Make a project; you become its administrator.
#[utoipa::path(tag = "projects", responses((status = 201, body = ProjectAnswer)))]
#[post("/projects")]
async fn create_project(
    app: web::Data<App>,
    caller: Caller,
    body: web::Json<NewProject>,
) -> Result<HttpResponse, ApiError> {
    let name = body.name.trim();
    let length = name.chars().count();
    if length == 0 || length > MAX_NAME || name.chars().any(char::is_control) {
        return Err(ApiError::field(
            "/name",
            format!("found {length} characters, expected 1 to {MAX_NAME} on one line"),
        ));
    }
    let project = super::create(&app, &caller, name).await?;
    let location = format!("/api/v1/projects/{}", project.id);
    Ok(HttpResponse::Created()
        .insert_header(("Location", location))
        .json(ProjectAnswer { project }))
}

/// A project.
#[utoipa::path(tag = "projects", params(("id" = i64, Path)), responses((status = 200, body = ProjectAnswer)))]
#[get("/projects/{id}")]
async fn show_project(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
) -> Result<web::Json<ProjectAnswer>, ApiError> {
    Ok(web::Json(ProjectAnswer {
        project: find(&app, &caller, *id).await?,
    }))
}

/// What a project has: newest taxonomy and corpus, best run, jobs.
#[utoipa::path(tag = "projects", params(("id" = i64, Path)), responses((status = 200, body = Overview)))]
#[get("/projects/{id}/overview")]
async fn show_overview(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
) -> Result<web::Json<Overview>, ApiError> {
    let project = find(&app, &caller, *id).await?;
    Ok(web::Json(overview::of(&app, project).await?))
}

async fn find(app: &App, caller: &Caller, id: i64) -> Result<Project, ApiError> {
    let role = caller.in_project(app, id, Role::Viewer).await?;
    let row = store::find(app.db.read(), id).await?;
    let row = row.ok_or_else(|| {
        ApiError::new(
            Code::ProjectNotFound,
            format!("there is no project {id} for you"),
        )
    })?;
    Ok(show(row, role))
}
