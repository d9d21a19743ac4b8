use super::super::found::{between, name, word_after};
use super::Found;

/// Errors that the hardware itself reports, heat, and graphics that had to be restarted.
pub(super) fn meaning(line: &str) -> Option<Found> {
    memory(line).or_else(|| processor(line)).or_else(|| pcie(line)).or_else(|| heat(line)).or_else(|| graphics(line))
}

/// `EDAC MC0: 1 CE memory read error on CPU_SrcID#0_Ha#0_Chan#0_DIMM#0 (channel:0 slot:0 page:0x0 ...)`
fn memory(line: &str) -> Option<Found> {
    if line.starts_with("Memory failure: 0x") {
        return line.contains("recovery action").then(|| error("memory_ue"));
    }
    let rest = line.strip_prefix("EDAC MC")?.split_once(": ")?.1;
    let (count, rest) = rest.split_once(' ')?;
    let kind = if rest.starts_with("CE ") {
        "memory_ce"
    } else if rest.starts_with("UE ") {
        "memory_ue"
    } else {
        return None;
    };
    let found = error(kind).times(count.parse().unwrap_or(1));
    let module = between(rest, " on ", " (").filter(|label| label.len() <= 48 && !label.contains(' '));
    Some(match module {
        Some(module) => found.text("module", module),
        None => found,
    })
}

/// `mce: [Hardware Error]: CPU 2: Machine Check: 0 Bank 5: be00000000800400`;
/// `{1}[Hardware Error]: event severity: corrected`
fn processor(line: &str) -> Option<Found> {
    let rest = line.split_once("[Hardware Error]: ")?.1;
    if line.starts_with("mce: ") && rest.starts_with("CPU ") && rest.contains(": Machine Check") {
        return Some(error("cpu"));
    }
    let severity = rest.strip_prefix("event severity: ")?;
    match severity.trim() {
        "corrected" => Some(error("firmware_ce")),
        "recoverable" | "fatal" => Some(error("firmware_ue")),
        _ => None,
    }
}

/// `pcieport 0000:00:1c.5: AER: Corrected error received: 0000:04:00.0`
fn pcie(line: &str) -> Option<Found> {
    let rest = line.split_once(": AER: ")?.1;
    let rest = rest.strip_prefix("Multiple ").unwrap_or(rest);
    let from_here = rest.contains(" error received") || rest.contains(" error message received");
    let kind = if rest.starts_with("Corrected") || rest.starts_with("Correctable") {
        "pcie_ce"
    } else if rest.starts_with("Uncorrected") || rest.starts_with("Uncorrectable") {
        "pcie_ue"
    } else {
        return None;
    };
    from_here.then(|| error(kind))
}

fn error(kind: &str) -> Found {
    Found::new("endpoint.hw_error").of("kind", kind)
}

/// `CPU3: Core temperature is above threshold, cpu clock is throttled (total events = 12)`, in older kernels after
/// `mce: `, without `is`; `thermal thermal_zone0: acpitz: critical temperature reached, shutting down`
fn heat(line: &str) -> Option<Found> {
    let line = line.strip_prefix("mce: ").unwrap_or(line);
    let kind = if line.starts_with("CPU") && line.contains("temperature") && line.contains("above threshold") {
        "throttled"
    } else if line.contains("critical temperature reached") {
        "critical"
    } else {
        return None;
    };
    Some(Found::new("endpoint.thermal.alarm").of("kind", kind))
}

fn graphics(line: &str) -> Option<Found> {
    intel(line).or_else(|| amd(line)).or_else(|| nvidia(line)).or_else(|| nouveau(line))
}

/// `i915 0000:00:02.0: [drm] GPU HANG: ecode 12:1:84dffffb, in firefox [1234]`
fn intel(line: &str) -> Option<Found> {
    let driver = if line.starts_with("i915 ") || line.starts_with("[drm] GPU HANG") {
        "i915"
    } else if line.starts_with("xe ") {
        "xe"
    } else {
        return None;
    };
    if let Some(code) = word_after(line, "GPU HANG: ecode ") {
        return Some(reset(driver, "hang").text("code", name(code).unwrap_or("unknown")));
    }
    (driver == "xe" && line.contains("Engine reset")).then(|| reset(driver, "hang"))
}

/// `[drm:amdgpu_job_timedout [amdgpu]] *ERROR* ring gfx_0.0.0 timeout, signaled seq=1, emitted seq=3`;
/// `amdgpu 0000:03:00.0: amdgpu: ring gfx_0.0.0 timeout, signaled seq=1, emitted seq=3`
fn amd(line: &str) -> Option<Found> {
    let driver = ["amdgpu", "radeon"].into_iter().find(|driver| line.contains(driver))?;
    let ring = line.split_once(" ring ")?.1.split_once(" timeout")?.0;
    name(ring).map(|_| reset(driver, if line.contains("soft recovered") { "recovered" } else { "hang" }))
}

/// `NVRM: Xid (PCI:0000:01:00): 79, pid=1234, GPU has fallen off the bus.`
fn nvidia(line: &str) -> Option<Found> {
    let code = line.strip_prefix("NVRM: Xid (")?.split_once("): ")?.1.split([',', ' ']).next()?;
    let number: u32 = code.parse().ok()?;
    let kind = if number == 79 { "lost" } else { "fault" };
    Some(reset("nvidia", kind).text("code", &number.to_string()))
}

/// `nouveau 0000:01:00.0: fifo: SCHED_ERROR 08 []`
fn nouveau(line: &str) -> Option<Found> {
    (line.starts_with("nouveau ") && (line.contains("SCHED_ERROR") || line.contains(": fifo: fault ")))
        .then(|| reset("nouveau", "fault"))
}

fn reset(driver: &str, kind: &str) -> Found {
    Found::new("endpoint.gpu.reset").of("driver", driver).text("kind", kind)
}
