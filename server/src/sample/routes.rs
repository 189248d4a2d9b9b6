//! Address of the sample project.

use actix_web::{HttpResponse, post, web};
use arborist_shared::api::accounts::Role;
use arborist_shared::api::projects::{Project, SampleProject};
use arborist_shared::corpus::Reading;
use arborist_shared::taxonomy::{TaxonomyFormat, parse};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{DOCUMENTS, PROJECT_NAME, SEED, generate};
use crate::App;
use crate::accounts::Caller;
use crate::corpora::{self, import::Import, parts::Dealing};
use crate::http::problem::ApiError;
use crate::http::upload;
use crate::jobs::{self, JobRequest};
use crate::{projects, taxonomies};

/// Asked twice at once, it is still made once.
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Shares of training, validation and test documents.
const SPLIT: &str = "0.7,0.1,0.2";

/// Adds the address.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(sample_project);
}

/// The sample project: invented local news with a taxonomy of three levels. It is made once; asking again answers the same.
#[utoipa::path(tag = "projects", responses((status = 200, body = SampleProject),
    (status = 202, body = SampleProject, headers(("Location" = String)))))]
#[post("/sample-project")]
async fn sample_project(app: web::Data<App>, caller: Caller) -> Result<HttpResponse, ApiError> {
    let _one_at_a_time = ONE_AT_A_TIME.lock().await;
    let project = match projects::named(&app, &caller, PROJECT_NAME).await? {
        Some(project) => project,
        None => projects::create(&app, &caller, PROJECT_NAME).await?,
    };
    if corpora::newest(&app, project.id).await?.is_some() {
        return Ok(HttpResponse::Ok().json(SampleProject { project, job: None }));
    }
    if let Some(job) = jobs::newest(&app, project.id, 1).await?.first()
        && !job.status.is_final()
    {
        return Ok(accepted(project, job.id));
    }
    // It exists and is empty: an import failed. To try again takes the role that making it took.
    caller.in_project(&app, project.id, Role::Manager).await?;
    let sample = tokio::task::spawn_blocking(|| generate(DOCUMENTS, SEED)).await?;
    let taxonomy = match taxonomies::newest(&app, project.id).await? {
        Some(taxonomy) => taxonomy.id,
        None => {
            let parsed = parse(sample.taxonomy.as_bytes(), Some(TaxonomyFormat::Json));
            let parsed = parsed.map_err(ApiError::internal)?;
            taxonomies::insert(&app, project.id, &parsed.taxonomy, "sample.json").await?
        }
    };
    let upload = upload::keep(&app, "sample.jsonl", sample.corpus.into_bytes()).await?;
    let request = JobRequest::ImportCorpus(Box::new(Import {
        upload,
        taxonomy,
        reading: Reading::default(),
        dealing: Dealing {
            shares: Some(SPLIT.to_owned()),
            seed: SEED,
            ..Dealing::default()
        },
        first_of_text: false,
    }));
    let title = "Import the sample corpus";
    let job = jobs::insert(
        app.db.write(),
        project.id,
        title,
        &request,
        caller.user_id(),
    )
    .await?;
    app.jobs.wake(request.slot(), job);
    Ok(accepted(project, job))
}

fn accepted(project: Project, job: i64) -> HttpResponse {
    HttpResponse::Accepted()
        .insert_header(("Location", format!("/api/v1/jobs/{job}")))
        .json(SampleProject {
            project,
            job: Some(job),
        })
}
