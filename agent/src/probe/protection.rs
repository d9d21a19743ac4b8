//! Programs against malware: whether one is there, whether it runs, and how old what it knows is.
//!
//! A product is there when its folder is, and on when its process runs. How old its signatures are is told where they lie
//! in files; most makers keep that in forms of their own.

use std::time::Duration;

use firstline_proto::v1::Section;

use super::process::Programs;
use super::{Collected, Context, Gather, Probe, ProbeError, Right, Spec, Tier};
use crate::os::{exists, modified_seconds};

static SPEC: Spec = Spec {
    name: "protection",
    section: Section::Trust,
    tier: Tier::QuarterHour,
    deadline: Duration::from_secs(5),
    priority: 4,
    waits: false,
    heavy: false,
    signals: &["endpoint.security.av", "endpoint.security.av.signature_age"],
};

/// A product, where it is installed, and the process without which it protects nothing.
const PRODUCTS: [(&str, &str, &[&str]); 11] = [
    (CLAMAV, "usr/sbin/clamd", &["clamd"]),
    ("defender", "opt/microsoft/mdatp", &["wdavdaemon"]),
    ("crowdstrike", "opt/CrowdStrike", &["falcon-sensor", "falcon-sensor-bpf"]),
    ("sentinelone", "opt/sentinelone", &["s1-agent"]),
    ("sophos", "opt/sophos-spl", &["sophos_watchdog"]),
    ("eset", "opt/eset/eea", &["oaeventd"]),
    ("trendmicro", "opt/ds_agent", &["ds_agent"]),
    ("carbonblack", "opt/carbonblack/psc", &["cbagentd"]),
    ("kaspersky", "opt/kaspersky/kesl", &["kesl"]),
    ("elastic", "opt/Elastic/Endpoint", &["elastic-endpoint"]),
    ("cortex", "opt/traps", &["pmd"]),
];

const CLAMAV: &str = "clamav";

/// Either is there: the list as it was fetched whole, or with the changes since.
const CLAMAV_SIGNATURES: [&str; 2] = ["var/lib/clamav/daily.cld", "var/lib/clamav/daily.cvd"];

/// Looks for products.
pub(crate) struct Protection {
    programs: Programs,
}

impl Protection {
    /// With what it shares.
    pub(crate) fn new(programs: Programs) -> Self {
        Self { programs }
    }
}

impl Probe for Protection {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn rights(&self) -> &'static [Right] {
        &[Right::Processes]
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let running = self.programs.running(cx, PRODUCTS.iter().flat_map(|(.., programs)| programs.iter().copied()))?;
        let mut gather = Gather::new(cx);
        let mut is_any = false;
        for (product, folder, programs) in PRODUCTS {
            let is_on = programs.iter().any(|program| running.contains(program));
            if !is_on && !exists(&cx.root, folder) {
                continue;
            }
            is_any = true;
            let attributes = || [("product", product)];
            gather.value("endpoint.security.av", attributes(), if is_on { "on" } else { "off" });
            gather.outcome("endpoint.security.av.signature_age", attributes(), signature_age(cx, product));
        }
        if is_any { Ok(gather.done()) } else { Err(ProbeError::NotPresent("protection against malware")) }
    }
}

fn signature_age(cx: &Context, product: &str) -> Result<f64, ProbeError> {
    if product != CLAMAV {
        return Err(ProbeError::Unsupported("the age of this product's signatures"));
    }
    let newest = CLAMAV_SIGNATURES.iter().filter_map(|file| modified_seconds(&cx.root, file).ok()).max();
    let newest = newest.ok_or(ProbeError::NotPresent("signature yet"))?;
    Ok(((cx.clock.now().unix_ms() / 1000) as f64 - newest as f64).max(0.0))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use firstline_diagnosis::vocabulary::Value;
    use tokio::sync::watch;

    use super::*;
    use crate::probe::Pseudonyms;
    use crate::settings::Settings;

    fn told(root: &Path) -> Result<Vec<String>, ProbeError> {
        let (_, settings) = watch::channel(Settings::default());
        let cx = Context { root: root.to_owned(), ..Context::this_machine(settings, Pseudonyms::new(b"test")) };
        let readings = Protection::new(Programs::default()).collect(&cx)?.readings;
        let words = |outcome: &Result<Value, _>| match outcome {
            Ok(Value::Number(age)) => format!("{:.0} h", age / 3600.0),
            Ok(other) => format!("{other:?}"),
            Err(_) => "unknown".to_owned(),
        };
        Ok(readings.iter().map(|reading| format!("{} {}", reading.series, words(&reading.outcome))).collect())
    }

    fn put(root: &Path, file: &str, text: &str) {
        let path = root.join(file);
        fs::create_dir_all(path.parent().expect("below the root")).expect("made");
        fs::write(path, text).expect("written");
    }

    #[test]
    fn a_product_that_does_not_run_is_off_and_says_how_old_it_is() {
        let root = tempfile::tempdir().expect("temporary directory");
        put(root.path(), "proc/1/stat", "1 (systemd) S 0 1 1 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 3 0 0\n");
        assert_eq!(told(root.path()), Err(ProbeError::NotPresent("protection against malware")));
        put(root.path(), "usr/sbin/clamd", "");
        put(root.path(), "var/lib/clamav/daily.cld", "ClamAV-VDB");
        put(root.path(), "opt/CrowdStrike/falcon-sensor", "");
        let expected = [
            "endpoint.security.av{product=\"clamav\"} Text(\"off\")",
            "endpoint.security.av.signature_age{product=\"clamav\"} 0 h",
            "endpoint.security.av{product=\"crowdstrike\"} Text(\"off\")",
            "endpoint.security.av.signature_age{product=\"crowdstrike\"} unknown",
        ];
        assert_eq!(told(root.path()).expect("two products"), expected);
    }
}
