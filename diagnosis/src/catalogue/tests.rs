use super::*;

#[test]
fn the_embedded_catalogue_loads() {
    match Catalogue::with_overlay(&[]) {
        Ok(catalogue) => assert!(catalogue.checks().len() >= 20),
        Err(errors) => panic!("{errors}"),
    }
}
