use std::{
    convert::Infallible,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use kube::client::Body;
use serde_json::{Value, json};

use super::*;

/// The token of somebody who may get `/metrics` and nothing else.
pub(in crate::output::server) const YES: &str = "prometheus";
/// The token of somebody who may nothing.
pub(in crate::output::server) const STRANGER: &str = "stranger";

/// An API server that knows two users.
#[derive(Clone, Default)]
pub(in crate::output::server) struct Api {
    asked: Arc<AtomicUsize>,
    down: Arc<AtomicBool>,
}

impl Api {
    pub(in crate::output::server) fn client(&self) -> Client {
        let api = self.clone();
        let service = tower::service_fn(move |request: http::Request<Body>| {
            let api = api.clone();
            async move { Ok::<_, Infallible>(api.answer(request).await) }
        });
        Client::new(service, "default")
    }

    async fn answer(&self, request: http::Request<Body>) -> http::Response<Body> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let path = request.uri().path().to_owned();
        let body = request.into_body().collect_bytes().await.unwrap();
        let mut review: Value = serde_json::from_slice(&body).unwrap();
        if self.down.load(Ordering::SeqCst) {
            let error = json!({"kind": "Status", "status": "Failure", "reason": "InternalError", "code": 500, "message": ""});
            return reply(500, &error);
        }
        let spec = review["spec"].clone();
        review["status"] = if path.ends_with("/tokenreviews") {
            let known = [YES, STRANGER].into_iter().find(|token| spec["token"] == *token);
            match known {
                Some(name) => {
                    json!({"authenticated": true, "user": {"username": name, "groups": ["g"], "extra": {"k": ["v"]}}})
                }
                None => json!({"authenticated": false}),
            }
        } else {
            assert_eq!(
                (&spec["groups"], &spec["extra"]),
                (&json!(["g"]), &json!({"k": ["v"]}))
            );
            let asked = &spec["nonResourceAttributes"];
            json!({"allowed": spec["user"] == YES && *asked == json!({"path": "/metrics", "verb": "get"})})
        };
        reply(201, &review)
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn reply(status: u16, body: &Value) -> http::Response<Body> {
    let body = Body::from(serde_json::to_vec(body).unwrap());
    http::Response::builder().status(status).body(body).unwrap()
}

fn guard(api: &Api) -> Guard {
    Guard::new(api.client(), Admissions::default())
}

#[tokio::test]
async fn answers_are_remembered_for_a_moment_and_each_is_its_own() {
    let api = Api::default();
    let guard = guard(&api);
    for _ in 0..50 {
        let answer = guard.answer(YES, "get", "/metrics").await;
        assert!(matches!(answer, Ok(Answer::Allowed)));
    }
    assert_eq!(api.asked(), 2);
    for (verb, path) in [("post", "/metrics"), ("get", "/metrics/"), ("get", "/METRICS")] {
        let answer = guard.answer(YES, verb, path).await;
        assert!(matches!(answer, Ok(Answer::Forbidden)), "{verb} {path}");
    }
    assert_eq!(api.asked(), 8);
    let answer = guard.answer("nobody", "get", "/metrics").await;
    assert!(matches!(answer, Ok(Answer::Unauthenticated)));
    assert_eq!(api.asked(), 9);
}

#[tokio::test]
async fn a_yes_ends() {
    let api = Api::default();
    let guard = guard(&api);
    let key = key(&[STRANGER, "get", "/metrics"]);
    guard.remember(key, Answer::Allowed);
    assert!(matches!(
        guard.answer(STRANGER, "get", "/metrics").await,
        Ok(Answer::Allowed)
    ));
    let ended = Instant::now();
    guard.known.lock().unwrap().insert(key, (Answer::Allowed, ended));
    assert!(matches!(
        guard.answer(STRANGER, "get", "/metrics").await,
        Ok(Answer::Forbidden)
    ));
}

#[tokio::test]
async fn without_an_answer_nobody_is_let_in() {
    let api = Api::default();
    let guard = guard(&api);
    api.down.store(true, Ordering::SeqCst);
    assert!(guard.answer(YES, "get", "/metrics").await.is_err());
    api.down.store(false, Ordering::SeqCst);
    assert!(
        matches!(guard.answer(YES, "get", "/metrics").await, Ok(Answer::Allowed)),
        "and silence is not remembered"
    );
    api.down.store(true, Ordering::SeqCst);
    assert!(matches!(
        guard.answer(YES, "get", "/metrics").await,
        Ok(Answer::Allowed)
    ));
}

#[test]
fn made_up_tokens_push_nobody_out_and_take_no_room_for_ever() {
    let guard = {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let _inside = runtime.enter();
        guard(&Api::default())
    };
    let allowed = key(&["a"]);
    guard.remember(allowed, Answer::Allowed);
    for n in 0..REMEMBERED * 3 {
        guard.remember(key(&["x", &n.to_string()]), Answer::Unauthenticated);
    }
    assert!(guard.known.lock().unwrap().len() <= REMEMBERED);
    assert_eq!(guard.remembered(&allowed), Some(Answer::Allowed));
}

/// The API server's proxy keeps the token that it was shown: another comes in a header of its own, and never beside one.
#[test]
fn a_token_may_come_through_the_api_servers_proxy() {
    let headers = |given: &[(&'static str, &str)]| {
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    };
    assert_eq!(bearer(&headers(&[(FORWARDED, "abc")])), Some("abc"));
    assert_eq!(
        bearer(&headers(&[("authorization", "Bearer one"), (FORWARDED, "other")])),
        Some("one")
    );
    for wrong in [
        &[("authorization", "Basic x"), (FORWARDED, "abc")][..],
        &[(FORWARDED, "a"), (FORWARDED, "b")],
        &[(FORWARDED, " ")],
    ] {
        assert_eq!(bearer(&headers(wrong)), None, "{wrong:?}");
    }
}

#[test]
fn one_header_with_one_token_counts() {
    let headers = |values: &[&str]| {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, value.parse().unwrap());
        }
        headers
    };
    assert_eq!(bearer(&headers(&["Bearer abc"])), Some("abc"));
    assert_eq!(bearer(&headers(&["bearer  abc"])), Some("abc"));
    for wrong in [
        &[][..],
        &["abc"],
        &["Basic abc"],
        &["Bearer "],
        &["Bearer"],
        &["Bearer a", "Bearer b"],
    ] {
        assert_eq!(bearer(&headers(wrong)), None, "{wrong:?}");
    }
}
