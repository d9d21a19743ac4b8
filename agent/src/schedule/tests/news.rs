//! A probe notices each event once, so that none may be lost on the way.

use super::*;

/// Finds one event in each run, the first of them only when it is let go.
struct Finder {
    hang: Mutex<Option<thread_channel::Receiver<()>>>,
    started: Arc<Notify>,
    runs: Mutex<u32>,
}

static FINDER: Spec = Spec { name: "finder", signals: &["endpoint.disk.errors"], ..SPEC };

impl Probe for Finder {
    fn spec(&self) -> &'static Spec {
        &FINDER
    }
    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let mut runs = self.runs.lock().expect("alone");
        *runs += 1;
        let mut gather = crate::probe::Gather::new(cx);
        gather.event("endpoint.disk.errors", [("kind", format!("{runs}").as_str())], cx.clock.now(), []);
        gather.bookmark("finder", &*runs);
        self.started.notify_one();
        if let Some(hang) = self.hang.lock().expect("alone").take() {
            let _ = hang.recv();
        }
        Ok(gather.done())
    }
}

fn told(events: &[Event], bookmarks: &[Bookmark]) -> (Vec<String>, Vec<String>) {
    let kinds = events.iter().map(|event| event.series.attributes.get("kind").unwrap_or_default().to_owned());
    (kinds.collect(), bookmarks.iter().map(|bookmark| bookmark.place.to_string()).collect())
}

fn strings(words: &[&str]) -> (Vec<String>, Vec<String>) {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    (words.clone(), words)
}

#[tokio::test(start_paused = true)]
async fn what_a_probe_found_that_came_too_late_is_told_with_its_next_run() {
    let (release, hang) = thread_channel::channel::<()>();
    let started = Arc::new(Notify::new());
    let finder = Finder { hang: Mutex::new(Some(hang)), started: Arc::clone(&started), runs: Mutex::default() };
    let mut story = Story::new(vec![Arc::new(finder)]);
    started.notified().await;
    tokio::time::advance(Duration::from_secs(3)).await;
    let late = story.batch("finder").await;
    assert_eq!(told(&late.events, &late.bookmarks), strings(&[]), "nobody waits any more");
    drop(release);
    let next = story.batch("finder").await;
    assert_eq!(told(&next.events, &next.bookmarks), strings(&["1", "2"]));
    let after = story.batch("finder").await;
    assert_eq!(told(&after.events, &after.bookmarks), strings(&["3"]));
}
