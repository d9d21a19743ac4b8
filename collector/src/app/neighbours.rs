//! What this collector and the other replicas tell each other. Nothing runs here when it is alone.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use super::App;
use crate::feed::{Feed, FeedItem, Watched};
use crate::replica::{Incoming, Message, Replicas, Reply};

/// Messages that may wait to be taken in; when there are more, they are lost, and what they told is looked up.
const WAITING: usize = 4096;

/// Listens to the others, and tells them what happens here.
pub(super) fn start(app: &Arc<App>, tasks: &TaskTracker, stop: &CancellationToken) {
    if app.replicas.is_alone() {
        return;
    }
    let (sender, incoming) = mpsc::channel(WAITING);
    let (replicas, token) = (app.replicas.clone(), stop.clone());
    tasks.spawn(async move { replicas.carry(sender, token).await });
    tasks.spawn(listen(Arc::clone(app), incoming));
    let tell = tell(app.feed.clone(), app.replicas.clone());
    let token = stop.clone();
    tasks.spawn(async move {
        token.run_until_cancelled(tell).await;
    });
}

/// Tells the others of everything that people watch here.
async fn tell(feed: Feed, replicas: Replicas) {
    let mut watch = feed.subscribe();
    while let Some(watched) = watch.next().await {
        match watched {
            Watched::Entry(entry) if entry.is_foreign => {}
            Watched::Entry(entry) => replicas.tell(Message::Feed { item: Box::new(entry.item.clone()) }),
            // What was lost on the way here is no news to the others.
            Watched::Lagged if watch.fell_behind() => replicas.tell(Message::FeedLagged),
            Watched::Lagged => {}
        }
    }
}

/// Takes in what the others tell, until nobody carries it any more.
async fn listen(app: Arc<App>, mut incoming: mpsc::Receiver<Incoming>) {
    while let Some(incoming) = incoming.recv().await {
        match incoming {
            Incoming::Message(Message::IsThere { endpoint_id, agent_run }, Some(reply)) => {
                // It takes as long as the endpoint takes to answer.
                tokio::spawn(answer(Arc::clone(&app), endpoint_id, agent_run, reply));
            }
            Incoming::Message(message, _) => take(&app, message).await,
            Incoming::Lost => {
                app.pulls.forget_seen();
                app.feed.lag();
            }
        }
    }
}

/// Says whether another machine is on the endpoint's stream. Who does not hold that says nothing.
async fn answer(app: Arc<App>, endpoint_id: String, agent_run: String, reply: Reply) {
    if app.fleet.is_connected(&endpoint_id) {
        let answer = match app.fleet.is_rival_here(&endpoint_id, agent_run).await {
            Some((hardware, can_fork)) => Message::IsHere { hardware, can_fork },
            None => Message::IsNotHere,
        };
        app.replicas.answer(reply, answer).await;
    }
}

async fn take(app: &App, message: Message) {
    match message {
        Message::Feed { item } => {
            if let FeedItem::Pull(pull) = &*item {
                app.pulls.saw(pull);
            }
            app.feed.publish_foreign(*item);
        }
        Message::FeedLagged => app.feed.lag(),
        Message::Forks { endpoint_id, permit } => app.fleet.forks(&endpoint_id, permit),
        // Answers go to who asked; a question without an address cannot be answered.
        Message::IsThere { .. } | Message::IsHere { .. } | Message::IsNotHere => {}
        Message::Pulls { endpoint_id } => {
            if let Err(cause) = app.pulls.attend(Some(&endpoint_id)).await {
                warn!(host.id = %endpoint_id, error = %cause, "Pulls of endpoint {endpoint_id} wait for the next look");
            }
        }
        Message::Holds { endpoint_id, epoch } => {
            app.fleet.moved(&endpoint_id, epoch);
            app.detect.moved(&endpoint_id, epoch).await;
        }
        Message::Roots => {
            if let Err(cause) = app.fleet.adopt_roots().await {
                warn!(error = %cause, "The authority's new roots are taken over at the next look: {cause}");
            }
        }
        Message::Revoked { endpoint_id } => {
            if let Err(cause) = app.fleet.revoked(&endpoint_id).await {
                warn!(host.id = %endpoint_id, error = %cause, "The certificates of endpoint {endpoint_id} are refused later");
            }
        }
    }
}
