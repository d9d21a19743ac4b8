use std::os::unix::fs::PermissionsExt as _;

use super::*;

#[test]
fn keeps_keys_for_their_owner() {
    let folder = tempfile::tempdir().expect("folder");
    authority(folder.path());
    for key in ["root.key", "agents.key", "people.key", "naming.key"] {
        let mode = std::fs::metadata(folder.path().join("authority").join(key)).expect("key").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{key}");
    }
}

#[test]
fn refuses_a_key_that_others_can_read() {
    let folder = tempfile::tempdir().expect("folder");
    authority(folder.path());
    let key = folder.path().join("authority/root.key");
    std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o640)).expect("set");
    let refused =
        Authority::open(Place::within(folder.path()), &Listen::default(), NOW).expect_err("readable by others");
    assert!(refused.to_string().contains("mode 640"), "{refused}");
}
