//! Receivers that answer, answer late, or never, and what becomes of their events.

use std::collections::VecDeque;
use std::time::SystemTime;

use oras_spec::image::MediaType;
use oras_spec::{Digest, Tag};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::*;
use crate::change::ChangeKind;

/// A receiver: what it answers in turn, then 204 for ever.
#[derive(Debug, Default)]
struct Receiver {
    answers: Mutex<VecDeque<Result<u16, String>>>,
    /// Whether it never answers at all.
    is_silent: AtomicBool,
    got: Mutex<Vec<Request<Bytes>>>,
}

#[async_trait::async_trait]
impl Messenger for Receiver {
    async fn send(&self, request: Request<Bytes>) -> Result<StatusCode, String> {
        self.got.lock().expect("whole").push(request);
        if self.is_silent.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        let answer = self.answers.lock().expect("whole").pop_front().unwrap_or(Ok(204));
        answer.map(|status| StatusCode::from_u16(status).expect("a status"))
    }
}

struct Scene {
    receiver: Arc<Receiver>,
    webhooks: Webhooks,
    metrics: Arc<Metrics>,
    reported: Arc<Mutex<Vec<Undelivered>>>,
}

impl Scene {
    fn new(hooks: Vec<Webhook>) -> Self {
        let (receiver, metrics) = (Arc::new(Receiver::default()), Arc::new(Metrics::default()));
        let reported = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&reported);
        let report = move |lost: &Undelivered| heard.lock().expect("whole").push(lost.clone());
        let messenger: Arc<dyn Messenger> = Arc::<Receiver>::clone(&receiver);
        let source = "https://registry.example/";
        let webhooks = Webhooks::new(messenger, source, Arc::clone(&metrics), Arc::new(report));
        webhooks.replace(hooks);
        Self { receiver, webhooks, metrics, reported }
    }

    fn answering(answers: impl IntoIterator<Item = Result<u16, String>>) -> Self {
        let scene = Self::new(vec![hook()]);
        scene.receiver.answers.lock().expect("whole").extend(answers);
        scene
    }

    fn bodies(&self) -> Vec<Value> {
        let got = self.receiver.got.lock().expect("whole");
        got.iter().map(|got| serde_json::from_slice(got.body()).expect("JSON")).collect()
    }

    fn reasons(&self) -> Vec<String> {
        let reported = self.reported.lock().expect("whole");
        reported.iter().map(|lost| lost.reason.clone()).collect()
    }

    #[track_caller]
    fn counted(&self, outcome: &str, count: u64) {
        let text = self.metrics.text(0);
        let line = format!("oras_webhook_events_total{{outcome=\"{outcome}\"}} {count}\n");
        assert!(text.contains(&line), "{line} is not in {text}");
    }
}

fn hook() -> Webhook {
    Webhook::new("https://hooks.example/path?token=secret").expect("an address")
}

fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

fn tag(text: &str) -> Tag {
    text.parse().expect("a tag")
}

fn change(repository: &str, kind: ChangeKind) -> Change {
    Change {
        at: SystemTime::UNIX_EPOCH + Duration::from_millis(1_800_000_000_500),
        repository: repository.parse().expect("a name"),
        kind,
        user: Some("ada".to_owned()),
        request_id: "abc".to_owned(),
    }
}

fn deleted(name: &str) -> Change {
    change("team/app", ChangeKind::TagDeleted { tag: tag(name) })
}

/// Time enough for everything; it costs none.
const AGES: Duration = Duration::from_hours(10);

#[tokio::test(start_paused = true)]
async fn an_event_says_what_happened_as_cloud_events_do_and_is_signed() {
    let scene = Scene::new(vec![hook().with_secret("open sesame")]);
    let (old, new) = (digest("old"), digest("new"));
    for kind in [
        ChangeKind::ManifestPushed {
            digest: new.clone(),
            media_type: MediaType::IMAGE_MANIFEST,
            size: 7,
        },
        ChangeKind::TagCreated { tag: tag("v1"), digest: new.clone() },
        ChangeKind::TagMoved { tag: tag("v1"), digest: new.clone(), previous: old.clone() },
        ChangeKind::TagDeleted { tag: tag("v1") },
        ChangeKind::ManifestDeleted { digest: new.clone() },
    ] {
        scene.webhooks.observe(&change("team/app", kind));
    }
    scene.webhooks.drain(AGES).await;
    let mut bodies = scene.bodies();
    let first = bodies[0].as_object_mut().expect("an object");
    let id = first.remove("id").expect("an id");
    assert!(id.as_str().is_some_and(|id| id.starts_with("abc-")), "{id}");
    assert_eq!(
        bodies[0],
        json!({
            "specversion": "1.0",
            "source": "https://registry.example/v2/team/app",
            "type": "land.oras.manifest.pushed",
            "subject": new.as_str(),
            "time": "2027-01-15T08:00:00.500Z",
            "datacontenttype": "application/json",
            "data": {
                "repository": "team/app", "digest": new.as_str(), "size": 7, "user": "ada",
                "mediaType": "application/vnd.oci.image.manifest.v1+json", "requestId": "abc",
            },
        })
    );
    let told: Vec<_> = bodies.iter().map(|body| (&body["type"], &body["subject"])).collect();
    assert_eq!(told[1], (&json!("land.oras.tag.created"), &json!("v1")));
    assert_eq!(told[2], (&json!("land.oras.tag.moved"), &json!("v1")));
    assert_eq!(bodies[2]["data"]["previous"], old.as_str());
    assert_eq!(told[3], (&json!("land.oras.tag.deleted"), &json!("v1")));
    assert_eq!(told[4], (&json!("land.oras.manifest.deleted"), &json!(new.as_str())));
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"open sesame");
    for got in scene.receiver.got.lock().expect("whole").iter() {
        assert_eq!(got.method(), http::Method::POST);
        assert_eq!(got.uri(), "https://hooks.example/path?token=secret");
        let header = |name: &str| got.headers()[name].to_str().expect("text").to_owned();
        assert_eq!(header("content-type"), "application/cloudevents+json; charset=utf-8");
        let signature = header("x-hub-signature-256");
        let digits = signature.strip_prefix("sha256=").expect("the algorithm");
        let bytes = (0..64).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16));
        let bytes: Vec<u8> = bytes.map(|byte| byte.expect("hexadecimal")).collect();
        ring::hmac::verify(&key, got.body(), &bytes).expect("signed");
    }
    scene.counted("delivered", 5);
}

#[tokio::test(start_paused = true)]
async fn a_webhook_hears_of_what_it_asked_for_alone() {
    let table = |text: &str| {
        let read: WebhookTable = toml::from_str(text).expect("a table");
        read.read()
    };
    let url = "url = \"http://hooks.example\"\n";
    let picky = "repositories = [\"team/*\"]\nevents = [\"tag.created\", \"tag.moved\"]";
    let scene = Scene::new(vec![table(&format!("{url}{picky}")).expect("a webhook")]);
    let created = |name: &str| ChangeKind::TagCreated { tag: tag(name), digest: digest("x") };
    scene.webhooks.observe(&change("team/app", created("yes")));
    scene.webhooks.observe(&change("other/app", created("no")));
    scene.webhooks.observe(&deleted("no"));
    scene.webhooks.drain(AGES).await;
    let bodies = scene.bodies();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    assert_eq!(bodies[0]["subject"], "yes");
    for bad in ["events = [\"tag.*\"]", "repositories = [\"a b\"]"] {
        assert!(table(&format!("{url}{bad}")).is_err(), "{bad}");
    }
    for bad in ["", "hooks.example", "ftp://hooks.example", "https://me:pw@hooks.example", "/x"] {
        assert!(Webhook::new(bad).is_err(), "{bad}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_did_not_arrive_is_sent_again_and_nothing_overtakes_it() {
    let down = || Err("connection refused".to_owned());
    let scene = Scene::answering([down(), Ok(503), Ok(429), Ok(408), Ok(200)]);
    scene.webhooks.observe(&deleted("first"));
    scene.webhooks.observe(&deleted("second"));
    scene.webhooks.drain(AGES).await;
    let bodies = scene.bodies();
    let subjects: Vec<_> = bodies.iter().map(|body| body["subject"].as_str()).collect();
    let first = Some("first");
    assert_eq!(subjects, [first, first, first, first, first, Some("second")]);
    assert!(bodies[..5].iter().all(|body| body["id"] == bodies[0]["id"]), "{bodies:?}");
    assert_ne!(bodies[0]["id"], bodies[5]["id"]);
    assert_eq!(scene.reasons(), [""; 0]);
    scene.counted("delivered", 2);
    scene.counted("retried", 4);
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_or_never_arrives_is_given_up() {
    for status in [400, 404, 410, 302, 307] {
        let scene = Scene::answering([Ok(status)]);
        scene.webhooks.observe(&deleted("v1"));
        scene.webhooks.drain(AGES).await;
        assert_eq!(scene.bodies().len(), 1, "{status}");
        assert!(scene.reasons()[0].contains(&status.to_string()), "{:?}", scene.reasons());
        scene.counted("given_up", 1);
    }
    let scene = Scene::answering([]);
    scene.receiver.is_silent.store(true, Ordering::Relaxed);
    scene.webhooks.observe(&deleted("v1"));
    scene.webhooks.drain(AGES).await;
    assert_eq!(scene.bodies().len(), 9);
    assert_eq!(scene.reasons(), ["no answer in time"]);
    let lost = scene.reported.lock().expect("whole")[0].clone();
    assert_eq!(lost.receiver, "https://hooks.example", "and nothing that may be secret");
    scene.counted("given_up", 1);
}

#[tokio::test(start_paused = true)]
async fn a_dead_receiver_slows_nobody_and_fills_no_memory() {
    let other = Webhook::new("https://other.example").expect("an address");
    let scene = Scene::new(vec![hook(), other]);
    scene.receiver.is_silent.store(true, Ordering::Relaxed);
    for _ in 0..3 * QUEUE {
        // Not asynchronous: it has no way to wait.
        scene.webhooks.observe(&deleted("v1"));
    }
    let dropped = 2 * 2 * u64::try_from(QUEUE).expect("small");
    scene.counted("dropped", dropped);
    assert_eq!(scene.reasons().len(), 2, "once for each: {:?}", scene.reasons());
    // It comes back, and hears of what waits.
    scene.receiver.is_silent.store(false, Ordering::Relaxed);
    scene.webhooks.drain(AGES).await;
    scene.counted("delivered", 2 * u64::try_from(QUEUE).expect("small"));
    assert!(scene.metrics.text(0).contains("oras_webhook_events_waiting 0\n"));
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_what_is_queued_but_not_for_ever() {
    let scene = Scene::answering([]);
    scene.receiver.is_silent.store(true, Ordering::Relaxed);
    for name in ["a", "b", "c"] {
        scene.webhooks.observe(&deleted(name));
    }
    sleep(Duration::from_secs(1)).await;
    scene.webhooks.drain(Duration::from_secs(5)).await;
    let reasons = scene.reasons();
    assert_eq!(reasons.len(), 3, "{reasons:?}");
    assert!(reasons.iter().all(|reason| reason.contains("stopped before")), "{reasons:?}");
    scene.counted("given_up", 3);
    assert!(!scene.webhooks.is_interested());
    scene.webhooks.observe(&deleted("late"));
    assert_eq!(scene.reasons().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn webhooks_that_stay_keep_their_queues_and_others_are_told_what_waits() {
    let scene = Scene::answering([Err("not yet".to_owned()), Ok(200)]);
    scene.webhooks.observe(&deleted("a"));
    let other = Webhook::new("https://other.example").expect("an address");
    scene.webhooks.replace(vec![other.clone(), hook()]);
    scene.webhooks.replace(vec![other]);
    scene.webhooks.observe(&deleted("b"));
    scene.webhooks.drain(AGES).await;
    let got = scene.receiver.got.lock().expect("whole");
    let mut hosts: Vec<_> = got.iter().filter_map(|got| got.uri().host()).collect();
    hosts.sort_unstable();
    assert_eq!(hosts, ["hooks.example", "hooks.example", "other.example"]);
}

#[test]
fn shows_no_secret() {
    let shown = format!("{:?}", hook().with_secret("open sesame"));
    assert_eq!(shown, "Webhook(\"https://hooks.example\")");
}
