//! First start, sign-in, sessions and API keys.

use serde::{Deserialize, Serialize};

/// What a member may do in a project; each role may do all that the later ones may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Manages the server: users, keys, plugins.
    Admin,
    /// Manages a project: taxonomies, corpora, runs.
    Manager,
    /// Accepts and rejects annotations.
    Reviewer,
    /// Assigns labels.
    Annotator,
    /// Reads.
    Viewer,
}

/// A person who can sign in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct User {
    /// Id of the user.
    pub id: i64,
    /// Name to sign in with.
    pub name: String,
    /// What the person may do.
    pub role: Role,
}

/// `GET /api/v1/session`, public: who asks, and whether the first start is still due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Session {
    /// Who is signed in, if anybody.
    pub user: Option<User>,
    /// True until the administrator's password is set.
    pub first_start: bool,
    /// Version of the server.
    pub version: String,
}

/// `POST /api/v1/session` (sign-in). `DELETE /api/v1/session` signs out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignIn {
    /// Name of the user.
    pub name: String,
    /// Password of the user.
    pub password: String,
}

/// `POST /api/v1/first-start`: the token comes from the link on the console (`/first-start?token=…`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FirstStart {
    /// The one-time token of the link.
    pub token: String,
    /// Name of the first administrator.
    pub name: String,
    /// Password of the first administrator.
    pub password: String,
}

/// `POST /api/v1/keys`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewKey {
    /// What the key is for.
    pub name: String,
    /// What the key may do.
    pub role: Role,
}

/// `GET /api/v1/keys?limit=&cursor=` → `{"keys":[…],"next"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Key {
    /// Id of the key.
    pub id: i64,
    /// What the key is for.
    pub name: String,
    /// What the key may do.
    pub role: Role,
    /// When it was made.
    pub created_at: String,
    /// When it was last used.
    #[serde(default)]
    pub last_used_at: Option<String>,
}

/// `GET /api/v1/keys`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeyList {
    /// Newest first.
    pub keys: Vec<Key>,
    /// Cursor of the next page; none on the last.
    pub next: Option<String>,
}

/// Answer of `POST /api/v1/keys` and of `arborist keys create`: the only time that the secret is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedKey {
    /// Goes into `Authorization: Bearer …`.
    pub key: String,
    /// Id of the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
}
