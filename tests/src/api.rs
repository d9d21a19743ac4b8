//! A program that is signed in to a collector's API.

use std::time::Duration;

use serde_json::{Value, json};

use crate::Collector;
use crate::collector::{ADMINISTRATOR, insecure};

/// How long an event may take.
const EVENT: Duration = Duration::from_mins(3);

/// Events as they come.
#[derive(Debug)]
pub struct Events {
    answer: reqwest::Response,
    text: String,
}

impl Events {
    /// The document of the next event of this kind; others are passed over.
    pub async fn next_of(&mut self, kind: &str) -> Value {
        loop {
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
                let found =
                    (field("event") == Some(kind)).then(|| serde_json::from_str(field("data").unwrap_or("null")));
                self.text = String::from(rest);
                if let Some(document) = found {
                    return document.expect("events carry JSON");
                }
            }
            let more = self.answer.chunk().await.expect("the events go on").expect("the events go on");
            self.text.push_str(&String::from_utf8_lossy(&more));
        }
    }
}

/// A session of the API.
#[derive(Debug, Clone)]
pub struct Api {
    client: reqwest::Client,
    address: String,
    token: String,
}

impl Api {
    /// Signs in as the administrator.
    pub async fn sign_in(collector: &Collector) -> Self {
        let nobody = Self { client: insecure(), address: collector.address(), token: String::new() };
        let order = json!({ "name": ADMINISTRATOR, "password": collector.password });
        let answer = nobody.post("/api/v1/sign-in", &order).await;
        let token = answer["token"].as_str().unwrap_or_else(|| panic!("no token in {answer}"));
        Self { token: token.to_owned(), ..nobody }
    }

    /// The document at `path`, which must be there.
    pub async fn get(&self, path: &str) -> Value {
        let (status, document) = self.try_get(path).await;
        assert_eq!(status, 200, "{path}: {document}");
        document
    }

    /// Status and document at `path`.
    pub async fn try_get(&self, path: &str) -> (u16, Value) {
        self.sent(self.client.get(format!("{}{path}", self.address))).await
    }

    /// Status at `path`, and after how many seconds to come again, if that is said.
    pub async fn asked(&self, path: &str) -> (u16, Option<u64>) {
        let request = self.client.get(format!("{}{path}", self.address)).bearer_auth(&self.token);
        let answer = request.send().await.expect("the collector answers");
        let retry = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        (answer.status().as_u16(), retry)
    }

    /// Sends an order, which must be accepted.
    pub async fn post(&self, path: &str, order: &Value) -> Value {
        let (status, document) = self.try_post(path, order).await;
        assert!((200..300).contains(&status), "{path}: {status} {document}");
        document
    }

    /// Sends an order; status and answer.
    pub async fn try_post(&self, path: &str, order: &Value) -> (u16, Value) {
        self.sent(self.client.post(format!("{}{path}", self.address)).json(order)).await
    }

    /// The bytes at `path`, which must be there.
    pub async fn bytes(&self, path: &str) -> Vec<u8> {
        let request = self.client.get(format!("{}{path}", self.address)).bearer_auth(&self.token);
        let answer = request.send().await.expect("the collector answers");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.bytes().await.expect("the answer arrives").to_vec()
    }

    /// Follows the events at `path`.
    pub async fn watch(&self, path: &str) -> Events {
        let request = self.client.get(format!("{}{path}", self.address)).bearer_auth(&self.token);
        let answer = request.timeout(EVENT).send().await.expect("the collector answers");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        Events { answer, text: String::new() }
    }

    async fn sent(&self, request: reqwest::RequestBuilder) -> (u16, Value) {
        let request = if self.token.is_empty() { request } else { request.bearer_auth(&self.token) };
        let answer = request.send().await.expect("the collector answers");
        let status = answer.status().as_u16();
        let text = answer.text().await.expect("the answer arrives");
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }
}
