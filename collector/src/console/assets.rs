//! Everything that a page loads, embedded in the program. Names carry a hash of the content, so that browsers keep
//! them for ever and never show a new page with an old style sheet.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use sha2::{Digest, Sha256};

use crate::api::problem::{Fault, Problem};

/// One embedded file.
pub(crate) struct Asset {
    /// Name without the hash.
    name: &'static str,
    media_type: &'static str,
    bytes: &'static [u8],
    /// Name with the hash, `firstline.0123456789ab.css`.
    hashed: String,
}

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

macro_rules! asset {
    ($name:literal, $file:literal, $media_type:expr) => {
        Asset::new($name, $media_type, include_bytes!(concat!("../../assets/", $file)))
    };
}

/// Every asset.
static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    vec![
        asset!("firstline.css", "firstline.css", STYLE),
        asset!("firstline.js", "firstline.js", SCRIPT),
        asset!("icon.svg", "icon.svg", "image/svg+xml"),
        asset!("htmx.js", "vendor/htmx-2.0.11.min.js", SCRIPT),
        asset!("sse.js", "vendor/htmx-ext-sse-2.2.4.min.js", SCRIPT),
        asset!("uplot.js", "vendor/uplot-1.6.32.min.js", SCRIPT),
        asset!("uplot.css", "vendor/uplot-1.6.32.min.css", STYLE),
    ]
});

impl Asset {
    fn new(name: &'static str, media_type: &'static str, bytes: &'static [u8]) -> Self {
        let digest = Sha256::digest(bytes);
        let hash = digest.iter().take(6).fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        let (stem, extension) = name.rsplit_once('.').expect("asset names have an extension");
        Self { name, media_type, bytes, hashed: format!("{stem}.{hash}.{extension}") }
    }
}

/// The address of an asset: `/assets/firstline.0123456789ab.css`.
pub(crate) fn address(name: &str) -> String {
    let asset = ASSETS.iter().find(|asset| asset.name == name).expect("templates name embedded assets only");
    format!("/assets/{}", asset.hashed)
}

/// `GET /assets/{name}`.
pub(crate) async fn serve(Path(name): Path<String>) -> Result<Response, Fault> {
    let asset = ASSETS.iter().find(|asset| asset.hashed == name).ok_or_else(|| Problem::not_found("such file"))?;
    let headers = [
        (header::CONTENT_TYPE, asset.media_type.to_owned()),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable".to_owned()),
        (header::ETAG, format!("\"{}\"", asset.hashed)),
    ];
    Ok((StatusCode::OK, headers, asset.bytes).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vendored_files_are_the_ones_that_were_vendored() {
        let list = include_str!("../../assets/vendor.sha256");
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/vendor");
        let mut listed = Vec::new();
        for line in list.lines() {
            let (hash, name) = line.split_once("  ").expect("hash and name");
            let bytes = std::fs::read(folder.join(name)).expect("listed file");
            let digest = Sha256::digest(&bytes).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
            assert_eq!(digest, hash, "{name}");
            listed.push(name.to_owned());
        }
        for entry in std::fs::read_dir(&folder).expect("folder") {
            let name = entry.expect("entry").file_name().into_string().expect("name");
            assert!(listed.contains(&name), "{name} is not in vendor.sha256");
        }
        for package in ["htmx", "htmx-ext-sse", "uplot"] {
            assert!(listed.contains(&format!("{package}-LICENSE")), "{package} has no licence");
        }
    }

    #[test]
    fn names_change_with_the_content() {
        let one = Asset::new("a.js", SCRIPT, b"1");
        assert_ne!(one.hashed, Asset::new("a.js", SCRIPT, b"2").hashed);
        assert!(one.hashed.starts_with("a.") && one.hashed.len() == 17);
    }
}
