//! Sessions: the cookie, and finding out who asks.

use actix_web::HttpRequest;
use actix_web::cookie::time::Duration as CookieDuration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header;
use chrono::TimeDelta;

use super::store::{self, UserRow};
use super::{Caller, CallerKind, secret};
use crate::App;
use crate::db::{DbErr, now};
use crate::http::problem::ApiError;

const COOKIE: &str = "arborist_session";
/// A session that is not used for so long ends.
const LIFETIME: TimeDelta = TimeDelta::days(14);
/// The row of a session or key that is in use is written at most so often.
const TOUCH_AFTER: TimeDelta = TimeDelta::minutes(5);

/// Signs a person in: the session's row, and the cookie that names it.
pub(super) async fn open(app: &App, user: &UserRow) -> Result<Cookie<'static>, DbErr> {
    let secret = secret::generate();
    store::insert_session(app.db.write(), user.id, secret::hash(&secret), LIFETIME).await?;
    Ok(cookie(
        app,
        secret,
        CookieDuration::seconds(LIFETIME.num_seconds()),
    ))
}

/// Signs out; answers the cookie that removes the cookie.
pub(super) async fn close(app: &App, caller: Option<&Caller>) -> Result<Cookie<'static>, DbErr> {
    if let Some(CallerKind::User { session, .. }) = caller.map(|caller| caller.kind) {
        store::delete_session(app.db.write(), session).await?;
        app.callers.clear();
    }
    Ok(cookie(app, String::new(), CookieDuration::ZERO))
}

fn cookie(app: &App, value: String, age: CookieDuration) -> Cookie<'static> {
    Cookie::build(COOKIE, value)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(app.options.is_https())
        .max_age(age)
        .finish()
}

/// Removes sessions that have ended by themselves.
///
/// # Errors
/// When the database does not answer.
pub async fn forget_expired_sessions(app: &App) -> Result<(), DbErr> {
    store::delete_expired_sessions(app.db.write())
        .await
        .map(|_| ())
}

/// Who sent the request: the owner of the key if there is an `Authorization` header, else of the session cookie.
///
/// # Errors
/// When the database does not answer.
pub async fn identify(app: &App, request: &HttpRequest) -> Result<Option<Caller>, ApiError> {
    if let Some(authorization) = request.headers().get(header::AUTHORIZATION) {
        let key = authorization.to_str().ok().and_then(|value| {
            let (scheme, key) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
        });
        return match key {
            Some(key) => Ok(by_key(app, secret::hash(key)).await?),
            None => Ok(None),
        };
    }
    match request.cookie(COOKIE) {
        Some(cookie) if !cookie.value().is_empty() => {
            Ok(by_session(app, secret::hash(cookie.value())).await?)
        }
        _ => Ok(None),
    }
}

async fn by_key(app: &App, hash: String) -> Result<Option<Caller>, DbErr> {
    if let Some(caller) = app.callers.find(&hash) {
        return Ok(Some(caller));
    }
    let Some(key) = store::find_key(app.db.read(), &hash).await? else {
        return Ok(None);
    };
    if key.last_used_at.is_none_or(|at| now() - at > TOUCH_AFTER) {
        store::touch_key(app.db.write(), key.id).await?;
    }
    let caller = Caller {
        kind: CallerKind::Key { id: key.id },
        name: key.name,
        role: key.role,
    };
    app.callers.remember(hash, caller.clone());
    Ok(Some(caller))
}

async fn by_session(app: &App, hash: String) -> Result<Option<Caller>, DbErr> {
    if let Some(caller) = app.callers.find(&hash) {
        return Ok(Some(caller));
    }
    let Some(session) = store::find_session(app.db.read(), &hash).await? else {
        return Ok(None);
    };
    if now() - session.last_seen_at > TOUCH_AFTER {
        store::touch_session(app.db.write(), session.id, LIFETIME).await?;
    }
    let user = session.user;
    let caller = Caller {
        kind: CallerKind::User {
            id: user.id,
            session: session.id,
        },
        name: user.name,
        role: user.role,
    };
    app.callers.remember(hash, caller.clone());
    Ok(Some(caller))
}
