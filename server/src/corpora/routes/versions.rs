//! Addresses of what a corpus version is made of: statistics, differences, checks; and of what people said unknown labels
//! mean.

use actix_web::{get, put, web};
use arborist_shared::api::accounts::Role;
use arborist_shared::api::corpora::{
    Choice, CorpusChecks, CorpusDiff, CorpusStatistics, LabelChoice, LabelChoices,
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::App;
use crate::accounts::Caller;
use crate::corpora::{checks_file, diff, in_project, statistics, store, visible};
use crate::http::problem::{ApiError, Code};

/// Labels that are said something about at once.
const MAX_CHOICES: usize = 10_000;

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(show_statistics)
        .service(show_diff)
        .service(show_checks)
        .service(show_choices)
        .service(remember_choices);
}

/// Support of labels and levels, labels and words per document, labels that occur together. Counted when first asked for.
#[utoipa::path(tag = "corpora", params(("id" = i64, Path)), responses((status = 200, body = CorpusStatistics)))]
#[get("/corpora/{id}/statistics")]
async fn show_statistics(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
) -> Result<web::Json<CorpusStatistics>, ApiError> {
    let row = visible(&app, &caller, *id).await?;
    Ok(web::Json(statistics::of(&app, &row).await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ShowDiff {
    /// Another version of the project; the one before unless told otherwise, and for the first one itself.
    from: Option<i64>,
}

/// What leads from another version to this one: documents that came and went, texts and labels that changed.
#[utoipa::path(tag = "corpora", params(("id" = i64, Path), ShowDiff), responses((status = 200, body = CorpusDiff)))]
#[get("/corpora/{id}/diff")]
async fn show_diff(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    query: web::Query<ShowDiff>,
) -> Result<web::Json<CorpusDiff>, ApiError> {
    let to = visible(&app, &caller, *id).await?;
    let from = match query.from {
        Some(from) => in_project(&app, to.project_id, from).await?,
        None => {
            let before = store::list(app.db.read(), to.project_id, Some(to.version), 1).await?;
            // The first version has nothing before it and is its own beginning.
            Some(before.into_iter().next().unwrap_or_else(|| to.clone()))
        }
    };
    let from = from.ok_or_else(|| {
        ApiError::new(
            Code::CorpusNotFound,
            format!(
                "project {} has no such version to compare corpus {} with",
                to.project_id, to.id
            ),
        )
    })?;
    Ok(web::Json(diff::between(&app, &from, &to).await?))
}

/// Rows of the imported file with the text of another one, with other labels, in another part.
#[utoipa::path(tag = "corpora", params(("id" = i64, Path)), responses((status = 200, body = CorpusChecks)))]
#[get("/corpora/{id}/checks")]
async fn show_checks(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
) -> Result<web::Json<CorpusChecks>, ApiError> {
    let row = visible(&app, &caller, *id).await?;
    match tokio::fs::read(checks_file(&app, row.id)).await {
        Ok(kept) => Ok(web::Json(
            serde_json::from_slice(&kept).map_err(ApiError::internal)?,
        )),
        // A version that no import made has nothing to tell.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Ok(web::Json(CorpusChecks::default()))
        }
        Err(error) => Err(error.into()),
    }
}

/// What people said unknown labels mean, for all imports of the project.
#[utoipa::path(tag = "corpora", params(("id" = i64, Path, description = "project")), responses((status = 200, body = LabelChoices)))]
#[get("/projects/{id}/label-choices")]
async fn show_choices(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
) -> Result<web::Json<LabelChoices>, ApiError> {
    caller.in_project(&app, *id, Role::Viewer).await?;
    show_choices_of(&app, *id).await
}

/// Remember what unknown labels mean; other labels keep what was said of them.
#[utoipa::path(tag = "corpora", params(("id" = i64, Path, description = "project")), request_body = LabelChoices,
    responses((status = 200, body = LabelChoices)))]
#[put("/projects/{id}/label-choices")]
async fn remember_choices(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
    body: web::Json<LabelChoices>,
) -> Result<web::Json<LabelChoices>, ApiError> {
    caller.in_project(&app, *id, Role::Manager).await?;
    if body.choices.len() > MAX_CHOICES {
        return Err(ApiError::field(
            "/choices",
            format!(
                "found {} choices, expected at most {MAX_CHOICES}",
                body.choices.len()
            ),
        ));
    }
    let rows = body.into_inner().choices.into_iter().map(|it| {
        let choice = match it.choice {
            Choice::Label(label) => Some(Some(label)),
            Choice::Ignore => Some(None),
            Choice::Forget => None,
        };
        (it.label, choice)
    });
    store::remember(&app.db, *id, rows.collect()).await?;
    show_choices_of(&app, *id).await
}

async fn show_choices_of(app: &App, project: i64) -> Result<web::Json<LabelChoices>, ApiError> {
    let rows = store::choices(app.db.read(), project).await?;
    let choices = rows.into_iter().map(|(label, chosen)| LabelChoice {
        label,
        choice: chosen.map_or(Choice::Ignore, Choice::Label),
    });
    Ok(web::Json(LabelChoices {
        choices: choices.collect(),
    }))
}
