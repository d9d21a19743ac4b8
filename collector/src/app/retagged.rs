//! Whoever judges an endpoint hears that its tags changed, wherever somebody changed them: other files of checks may be for
//! it. News that are lost on the way are made up for when the endpoint connects again.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::App;
use crate::feed::{FeedItem, Watched};

/// Follows the feed, in which other replicas' news are, too.
pub(super) fn start(app: &Arc<App>, tasks: &TaskTracker, stop: &CancellationToken) {
    let (app, stop) = (Arc::clone(app), stop.clone());
    let mut watch = app.feed.subscribe();
    tasks.spawn(async move {
        let follow = async {
            while let Some(watched) = watch.next().await {
                let Watched::Entry(entry) = watched else { continue };
                if let FeedItem::Endpoint { id, state: None } = &entry.item {
                    app.detect.retagged(id).await;
                }
            }
        };
        stop.run_until_cancelled(follow).await;
    });
}
