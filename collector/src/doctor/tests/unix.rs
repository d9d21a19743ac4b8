use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};

use super::{House, within};

#[tokio::test]
async fn keys_and_a_folder_that_others_may_use_are_named() {
    let house = House::build().await;
    for (path, mode, right) in
        [("authority/root.key", 0o644, 0o600), ("firstline.sqlite", 0o664, 0o600), ("", 0o777, 0o700)]
    {
        let path = within(&house, path);
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("changed");
        let found = house.suffers("permissions").await;
        assert!(found.remedy.starts_with("chmod"), "{found:?}");
        fs::set_permissions(&path, Permissions::from_mode(right)).expect("changed");
        assert!(!house.examine().await.has("permissions"), "{} is right again", path.display());
    }
}

/// What root has left in a service's folder cannot be read by the service. Only root can play that.
#[tokio::test]
async fn files_of_another_owner_are_named() {
    let house = House::build().await;
    if rustix::process::geteuid().is_root() {
        chown(within(&house, "authority/naming.key"), Some(65_534), Some(65_534)).expect("root may");
        let found = house.suffers("owner").await;
        assert!(found.what.contains("naming.key"), "{found:?}");
    } else {
        assert!(!house.examine().await.has("owner"), "everything is ours");
    }
}
