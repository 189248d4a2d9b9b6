//! Addresses of accounts.

use actix_web::web::Json;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, delete, get, post, web};
use arborist_shared::api::accounts::{
    CreatedKey, FirstStart, Key, KeyList, NewKey, Role, Session, SignIn, User,
};
use utoipa_actix_web::service_config::ServiceConfig;

use super::caller::CallerKind;
use super::password::{self, NewPassword};
use super::store::{self, UserRow};
use super::{Caller, keys, session};
use crate::App;
use crate::db::rfc3339;
use crate::http::paging::{self, PageQuery};
use crate::http::problem::{ApiError, Code};

/// Adds the addresses.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(show_session)
        .service(sign_in)
        .service(sign_out)
        .service(first_start)
        .service(list_keys)
        .service(create_key)
        .service(revoke_key);
}

/// Who is signed in, and whether the first start is due. Public.
#[utoipa::path(tag = "accounts", security(()), responses((status = 200, body = Session)))]
#[get("/session")]
async fn show_session(app: web::Data<App>, request: HttpRequest) -> web::Json<Session> {
    let caller = request.extensions().get::<Caller>().cloned();
    let user = caller.map(|caller| match caller.kind {
        CallerKind::User { id, .. } | CallerKind::Key { id } => User {
            id,
            name: caller.name,
            role: caller.role,
        },
    });
    web::Json(Session {
        user,
        first_start: app.first_start.is_due(),
        version: crate::VERSION.to_owned(),
    })
}

/// Sign in: sets the session cookie. Public, and limited in number.
#[utoipa::path(tag = "accounts", security(()), responses((status = 200, body = Session)))]
#[post("/session")]
async fn sign_in(
    app: web::Data<App>,
    request: HttpRequest,
    body: Json<SignIn>,
) -> Result<HttpResponse, ApiError> {
    let SignIn { name, password } = body.0;
    let name = name.trim();
    app.sign_in_limit.check(name, address(&request))?;
    let user = store::find_user(app.db.read(), name).await?;
    let is_right = password::verify(
        password,
        user.as_ref().map(|user| user.password_hash.clone()),
    )
    .await?;
    match user {
        Some(user) if is_right => signed_in(&app, &user).await,
        _ => {
            tracing::warn!("a sign-in was refused");
            Err(ApiError::new(
                Code::SignInRefused,
                "check both and try again",
            ))
        }
    }
}

/// Sign out: ends the session. Public, so that a stale cookie can be dropped.
#[utoipa::path(tag = "accounts", security(()), responses((status = 204)))]
#[delete("/session")]
async fn sign_out(app: web::Data<App>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let caller = request.extensions().get::<Caller>().cloned();
    let cookie = session::close(&app, caller.as_ref()).await?;
    Ok(HttpResponse::NoContent().cookie(cookie).finish())
}

/// Set the administrator's name and password, with the token of the link on the console; signs in. Public, works once.
#[utoipa::path(tag = "accounts", security(()), responses((status = 200, body = Session)))]
#[post("/first-start")]
async fn first_start(
    app: web::Data<App>,
    request: HttpRequest,
    body: Json<FirstStart>,
) -> Result<HttpResponse, ApiError> {
    let FirstStart {
        token,
        name,
        password,
    } = body.0;
    app.sign_in_limit.check("", address(&request))?;
    let name = account_name(&name)?;
    let user = app
        .first_start
        .finish(&app.db, &token, &name, NewPassword::new(password)?)
        .await?;
    tracing::info!(user.id = user.id, "the administrator's password was set");
    signed_in(&app, &user).await
}

/// Valid API keys, newest first.
#[utoipa::path(tag = "accounts", params(PageQuery), responses((status = 200, body = KeyList)))]
#[get("/keys")]
async fn list_keys(
    app: web::Data<App>,
    caller: Caller,
    page: web::Query<PageQuery>,
) -> Result<web::Json<KeyList>, ApiError> {
    caller.require(Role::Admin)?;
    let (before, limit) = (page.before()?, page.limit());
    let mut rows = store::list_keys(app.db.read(), before, limit + 1).await?;
    let next = paging::cut(&mut rows, limit, |key| key.id);
    let keys = rows.into_iter().map(|key| Key {
        id: key.id,
        name: key.name,
        role: key.role,
        created_at: rfc3339(key.created_at),
        last_used_at: key.last_used_at.map(rfc3339),
    });
    Ok(web::Json(KeyList {
        keys: keys.collect(),
        next,
    }))
}

/// Make an API key; the answer is the only place that shows it.
#[utoipa::path(tag = "accounts", responses((status = 201, body = CreatedKey)))]
#[post("/keys")]
async fn create_key(
    app: web::Data<App>,
    caller: Caller,
    body: Json<NewKey>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Role::Admin)?;
    let name = account_name(&body.name)?;
    let key = keys::create_key(&app.db, &name, body.role, caller.user_id()).await?;
    Ok(HttpResponse::Created().json(key))
}

/// Revoke an API key.
#[utoipa::path(tag = "accounts", params(("id" = i64, Path)), responses((status = 204)))]
#[delete("/keys/{id}")]
async fn revoke_key(
    app: web::Data<App>,
    caller: Caller,
    id: web::Path<i64>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Role::Admin)?;
    let id = id.into_inner();
    if !store::revoke_key(app.db.write(), id).await? {
        return Err(ApiError::new(
            Code::KeyNotFound,
            format!("there is no valid key {id}"),
        ));
    }
    app.callers.clear();
    Ok(HttpResponse::NoContent().finish())
}

async fn signed_in(app: &App, user: &UserRow) -> Result<HttpResponse, ApiError> {
    let cookie = session::open(app, user).await?;
    let session = Session {
        user: Some(User {
            id: user.id,
            name: user.name.clone(),
            role: user.role,
        }),
        first_start: app.first_start.is_due(),
        version: crate::VERSION.to_owned(),
    };
    Ok(HttpResponse::Ok().cookie(cookie).json(session))
}

fn address(request: &HttpRequest) -> Option<std::net::IpAddr> {
    request.peer_addr().map(|address| address.ip())
}

/// A name of a person or a key: something to read, on one line.
fn account_name(name: &str) -> Result<String, ApiError> {
    let name = name.trim();
    let length = name.chars().count();
    if length == 0 || length > 100 || name.chars().any(char::is_control) {
        return Err(ApiError::field(
            "/name",
            "expected 1 to 100 characters on one line",
        ));
    }
    Ok(name.to_owned())
}
