//! Who may see a page: the API server knows. A bearer token is shown to it (TokenReview), and then it is asked whether that
//! user may do this to this path (SubjectAccessReview on the `nonResourceURL`). Without an answer nobody is let in.
//!
//! Answers are remembered for a moment, by digest of the token: a scrape every few seconds costs the API server two requests
//! a minute. Neither tokens nor names of users are logged.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use k8s_openapi::api::{
    authentication::v1::{TokenReview, TokenReviewSpec, UserInfo},
    authorization::v1::{NonResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec},
};
use kube::{Api, Client, api::PostParams};
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

use crate::output::{category_of, outcomes::Outcomes};

/// How long a yes holds: a right that is taken away is gone after this.
const YES_HOLDS: Duration = Duration::from_secs(30);
/// How long a no holds: a right that is given works after this.
const NO_HOLDS: Duration = Duration::from_secs(5);
/// Most answers that are remembered.
const REMEMBERED: usize = 1_024;
/// Questions to the API server at one time: strangers with made-up tokens must not be able to flood it.
const AT_ONCE: usize = 4;
/// How long one visitor may wait for the answers.
const PATIENCE: Duration = Duration::from_secs(5);

/// Visitors by what became of them.
pub type Admissions = Outcomes;

/// What the API server said of a visitor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Answer {
    Allowed,
    /// The token is nobody's.
    Unauthenticated,
    /// Somebody who may not see this page.
    Forbidden,
}

impl Answer {
    const fn holds(self) -> Duration {
        match self {
            Self::Allowed => YES_HOLDS,
            Self::Unauthenticated | Self::Forbidden => NO_HOLDS,
        }
    }
}

/// The API server did not answer.
struct Silence;

type Key = [u8; 32];

/// Lets in whom the API server allows. Cheap to clone.
#[derive(Clone)]
pub struct Guard {
    tokens: Api<TokenReview>,
    accesses: Api<SubjectAccessReview>,
    known: Arc<Mutex<HashMap<Key, (Answer, Instant)>>>,
    room: Arc<Semaphore>,
    admissions: Admissions,
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Guard")
    }
}

impl Guard {
    /// One that asks through this client and counts whom it lets in.
    pub fn new(client: Client, admissions: Admissions) -> Self {
        Self {
            tokens: Api::all(client.clone()),
            accesses: Api::all(client),
            known: Arc::default(),
            room: Arc::new(Semaphore::new(AT_ONCE)),
            admissions,
        }
    }

    /// Stands before these pages, and before what they lack.
    pub fn before(self, pages: Router) -> Router {
        pages.layer(from_fn_with_state(self, check))
    }

    async fn answer(&self, token: &str, verb: &str, path: &str) -> Result<Answer, Silence> {
        let key = key(&[token, verb, path]);
        if let Some(answer) = self.remembered(&key) {
            return Ok(answer);
        }
        let asked = async {
            let _place = self.room.acquire().await.map_err(|_| Silence)?;
            // Whoever waited may find that another visit of the same user was answered meanwhile.
            match self.remembered(&key) {
                Some(answer) => Ok(answer),
                None => self.ask(token, verb, path).await,
            }
        };
        let answer = tokio::time::timeout(PATIENCE, asked)
            .await
            .map_err(|_| Silence)??;
        self.remember(key, answer);
        Ok(answer)
    }

    async fn ask(&self, token: &str, verb: &str, path: &str) -> Result<Answer, Silence> {
        let review = TokenReview {
            spec: TokenReviewSpec {
                token: token.to_owned(),
                audiences: None,
            },
            ..TokenReview::default()
        };
        let params = PostParams::default();
        let reviewed = self
            .tokens
            .create(&params, &review)
            .await
            .map_err(|e| silence(&e))?;
        let status = reviewed.status.unwrap_or_default();
        let Some(user) = status.user.filter(|_| status.authenticated == Some(true)) else {
            return Ok(Answer::Unauthenticated);
        };
        let review = access(user, verb, path);
        let reviewed = self
            .accesses
            .create(&params, &review)
            .await
            .map_err(|e| silence(&e))?;
        let status = reviewed.status.unwrap_or_default();
        Ok(if status.allowed && status.denied != Some(true) {
            Answer::Allowed
        } else {
            Answer::Forbidden
        })
    }

    fn remembered(&self, key: &Key) -> Option<Answer> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (answer, until) = known.get(key)?;
        (Instant::now() < *until).then_some(*answer)
    }

    fn remember(&self, key: Key, answer: Answer) {
        let now = Instant::now();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.retain(|_, (_, until)| now < *until);
        }
        if known.len() >= REMEMBERED {
            // Made-up tokens alone are that many: what they are told may be forgotten, who may come in not.
            known.retain(|_, (answer, _)| *answer == Answer::Allowed);
        }
        if known.len() < REMEMBERED {
            known.insert(key, (answer, now + answer.holds()));
        }
    }

    fn count(&self, outcome: &'static str) {
        self.admissions.get_or_create(&[("outcome", outcome)]).inc();
    }
}

async fn check(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let verb = request.method().as_str().to_ascii_lowercase();
    let answer = match bearer(request.headers()) {
        Some(token) => guard.answer(token, &verb, request.uri().path()).await,
        None => Ok(Answer::Unauthenticated),
    };
    match answer {
        Ok(Answer::Allowed) => {
            guard.count("allowed");
            next.run(request).await
        }
        Ok(Answer::Unauthenticated) => {
            guard.count("unauthenticated");
            let challenge = (header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            let text = "show a bearer token that the API server knows\n";
            (StatusCode::UNAUTHORIZED, [challenge], text).into_response()
        }
        Ok(Answer::Forbidden) => {
            guard.count("forbidden");
            let text = "this user has no right to this path (nonResourceURLs)\n";
            (StatusCode::FORBIDDEN, text).into_response()
        }
        Err(Silence) => {
            guard.count("unavailable");
            let text = "the API server was asked who you are and did not answer\n";
            (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
        }
    }
}

/// The header for a token that comes through the API server's proxy, which keeps the one that it was shown itself.
const FORWARDED: &str = "x-plimsoll-token";

/// The token of a request: one header, with one token.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    if !headers.contains_key(header::AUTHORIZATION) {
        return forwarded(headers);
    }
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(one), None) = (given.next(), given.next()) else {
        return None;
    };
    let (scheme, token) = one.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

fn forwarded(headers: &HeaderMap) -> Option<&str> {
    let mut given = headers.get_all(FORWARDED).iter();
    let (Some(one), None) = (given.next(), given.next()) else {
        return None;
    };
    one.to_str().ok().map(str::trim).filter(|token| !token.is_empty())
}

fn access(user: UserInfo, verb: &str, path: &str) -> SubjectAccessReview {
    SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            user: user.username,
            uid: user.uid,
            groups: user.groups,
            extra: user.extra,
            non_resource_attributes: Some(NonResourceAttributes {
                path: Some(path.to_owned()),
                verb: Some(verb.to_owned()),
            }),
            resource_attributes: None,
        },
        ..SubjectAccessReview::default()
    }
}

/// Each part with its length, so that no two questions look alike.
fn key(parts: &[&str]) -> Key {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.len().to_be_bytes());
        digest.update(part.as_bytes());
    }
    digest.finalize().into()
}

fn silence(error: &kube::Error) -> Silence {
    tracing::warn!(
        category = category_of(error),
        "cannot ask the API server who a visitor is"
    );
    Silence
}

#[cfg(test)]
pub(super) mod tests;
