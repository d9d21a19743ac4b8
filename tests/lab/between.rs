//! Whoever stands between the pc and the world: portals and proxies.

use firstline_tests::Lab;

use crate::faults::assert_first_failing;

#[tokio::test]
async fn a_network_that_wants_a_sign_in_first_is_a_portal() {
    let mut lab = Lab::open().await;
    lab.catch();
    let look = lab.look().await;
    assert_first_failing(&look, "portal");
    assert_eq!(look.text("endpoint.probe.http_portal", &[]), "redirected", "{look}");
}

#[tokio::test]
async fn a_proxy_that_is_shown_what_it_wants_works() {
    let mut lab = Lab::open().await;
    lab.proxy(Some("diag:secret"), Some("diag:secret")).await;
    let look = lab.look().await;
    assert_eq!(look.first_failing(), "none", "{look}");
    assert_eq!(look.text("endpoint.network.layer", &[("layer", "proxy")]), "ok", "{look}");
    assert!(look.flag("endpoint.proxy.connect.ok", &[]), "{look}");
}

#[tokio::test]
async fn a_proxy_that_wants_other_credentials_or_is_gone_is_the_proxy() {
    let mut lab = Lab::open().await;
    lab.proxy(Some("diag:secret"), Some("diag:wrong")).await;
    let look = lab.look().await;
    assert_first_failing(&look, "proxy");
    assert_eq!(look.text("endpoint.proxy.connect.error", &[]), "credentials", "{look}");
    lab.stop_proxy();
    let look = lab.look().await;
    assert_first_failing(&look, "proxy");
    assert_eq!(look.text("endpoint.proxy.connect.error", &[]), "refused", "{look}");
}

#[tokio::test]
async fn behind_a_proxy_that_is_the_only_way_out_nothing_fails() {
    let mut lab = Lab::open().await;
    lab.proxy(None, None).await;
    lab.forward("iifname eth0 tcp dport '!=' 3128 drop");
    let look = lab.look().await;
    assert_eq!(look.text("endpoint.network.layer", &[("layer", "internet")]), "ok", "{look}");
    assert_eq!(look.text("endpoint.network.layer", &[("layer", "tls")]), "ok", "{look}");
    assert_eq!(look.first_failing(), "none", "{look}");
}
