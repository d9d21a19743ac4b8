use tempfile::TempDir;

use super::standin::{CLIENT, SECRET, StandIn, TENANT};
use super::*;

async fn connected(tenant: &StandIn, secret: &str) -> (Entra, TempDir) {
    rustls::crypto::ring::default_provider().install_default().ok();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let routes = tenant.routes();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("secret"), secret).expect("written");
    let settings = DirectorySettings {
        name: "cloud".to_owned(),
        kind: crate::config::DirectoryKind::Entra,
        url: url.clone(),
        sign_in_url: url,
        tenant: TENANT.to_owned(),
        client_id: CLIENT.to_owned(),
        secret_file: "secret".into(),
        ..DirectorySettings::default()
    };
    (Entra::new(&settings, folder.path()).expect("a directory"), folder)
}

const NOW: Timestamp = Timestamp(1_768_472_430_000);

#[tokio::test]
async fn an_account_is_found_by_its_address_and_by_its_sign_in_name() {
    let tenant = StandIn::default();
    let (entra, _folder) = connected(&tenant, SECRET).await;
    for name in ["ana.silva@corp.example", "ANA@corp.example", "asilva", "ana"] {
        let account = entra.look(name, NOW).await.expect(name);
        assert_eq!((account.sign_in.as_str(), &account.disabled), ("asilva", &Answer::Known(false)), "{name}");
        assert!(matches!(&account.locked, Answer::Unknown(unknown) if unknown.why == Why::Unsupported));
    }
    assert_eq!(entra.look("bob", NOW).await.expect("bob").disabled, Answer::Known(true));
    assert_eq!(tenant.held().sign_ins, 1, "one token served all of them");
}

#[tokio::test]
async fn a_name_cannot_become_a_part_of_the_question_and_several_are_not_guessed_at() {
    let (entra, _folder) = connected(&StandIn::default(), SECRET).await;
    assert_eq!(entra.look("o'hara@corp.example", NOW).await.expect("one").sign_in, "o'hara@corp.example");
    let none = entra.look("x' or mail eq 'bob@corp.example", NOW).await.expect_err("no such name");
    assert!(matches!(none.kind, TroubleKind::NotFound | TroubleKind::Refused), "{none:?}");
    let several = entra.look("shared@corp.example", NOW).await.expect_err("two fit");
    assert_eq!(several.kind, TroubleKind::Refused);
    assert!(several.said.contains("eve@corp.example"), "{several}");
}

#[tokio::test]
async fn a_token_that_ran_out_is_renewed_once() {
    let tenant = StandIn::default();
    let (entra, _folder) = connected(&tenant, SECRET).await;
    entra.look("bob", NOW).await.expect("bob");
    tenant.held().tokens.clear();
    entra.look("bob", NOW).await.expect("bob again");
    assert_eq!(tenant.held().sign_ins, 2);
}

#[tokio::test]
async fn what_is_missing_is_told_in_the_terms_of_entra() {
    let (entra, _folder) = connected(&StandIn::default(), "wr0ng").await;
    let wrong = entra.look("bob", NOW).await.expect_err("the secret is wrong");
    assert_eq!(wrong.kind, TroubleKind::Unauthorized);
    assert!(wrong.said.contains("AADSTS7000215"), "{wrong}");

    let tenant = StandIn::default();
    tenant.held().consented = false;
    let (entra, _folder) = connected(&tenant, SECRET).await;
    let mut steps = Steps::default();
    entra.walk(Some("bob"), NOW, &mut steps).await;
    let steps = steps.into_list();
    assert_eq!(steps.len(), 1, "what follows a failed step is not tried");
    assert!(steps[0].said.contains("User.Read.All"), "{steps:?}");

    tenant.held().consented = true;
    tenant.held().limited = true;
    assert_eq!(entra.look("bob", NOW).await.expect_err("limited").kind, TroubleKind::RateLimited);
}

#[tokio::test]
async fn a_directory_that_is_set_up_well_passes_every_step() {
    let (entra, _folder) = connected(&StandIn::default(), SECRET).await;
    let mut steps = Steps::default();
    entra.walk(Some("bob"), NOW, &mut steps).await;
    assert!(steps.passed());
    assert_eq!(steps.into_list().len(), 2);
}
