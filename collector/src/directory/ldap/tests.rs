use super::*;

#[test]
fn a_name_cannot_become_a_part_of_the_question() {
    let asked = filter("a*)(uid=\\x\0");
    assert!(asked.contains("(mail=a\\2a\\29\\28uid=\\5cx\\00)"), "{asked}");
    assert!(asked.contains("(sAMAccountName=x\\00)"), "{asked}");
    assert!(filter("CORP\\ana").contains("(sAMAccountName=ana)"));
}

#[tokio::test]
async fn a_directory_that_does_not_answer_is_away_and_not_waited_for() {
    rustls::crypto::ring::default_provider().install_default().ok();
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("secret"), "Aa1!").expect("written");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address");
    let settings = DirectorySettings {
        name: "corp".to_owned(),
        url: format!("ldaps://{closed}"),
        user: "firstline@corp.test".to_owned(),
        secret_file: "secret".into(),
        ..DirectorySettings::default()
    };
    let directory = ActiveDirectory::new(&settings, folder.path()).expect("a directory");
    let trouble = directory.look("ana", Timestamp(0)).await.expect_err("nobody is there");
    assert_eq!(trouble.kind, TroubleKind::Away, "{trouble}");
    assert!(!format!("{directory:?}").contains("Aa1!"), "the password is not printed");
}
