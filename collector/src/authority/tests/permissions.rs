use std::os::unix::fs::PermissionsExt as _;

use super::authority;

#[test]
fn keeps_keys_for_their_owner() {
    let folder = tempfile::tempdir().expect("folder");
    authority(folder.path());
    for key in ["root.key", "agents.key", "people.key", "naming.key"] {
        let mode = std::fs::metadata(folder.path().join("authority").join(key)).expect("key").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{key}");
    }
}
