use sd_notify::NotifyState;
use tokio::time::{MissedTickBehavior, interval};
use tracing::debug;

/// The collector serves; `status` stands in `systemctl status`. From now on signs of life come as often as they are asked for,
/// from a task like all the others: when tasks do not run any more, nobody is served.
pub(crate) fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
    let Some(patience) = sd_notify::watchdog_enabled() else { return };
    tokio::spawn(async move {
        let mut turns = interval(patience / 3);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            turns.tick().await;
            tell(&[NotifyState::Watchdog]);
        }
    });
}

/// The collector ends on purpose.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Does nothing when nobody wants to hear.
fn tell(state: &[NotifyState<'_>]) {
    if let Err(cause) = sd_notify::notify(state) {
        debug!(error = %cause, "The service manager was not told: {cause}");
    }
}
