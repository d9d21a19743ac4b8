//! Heat, power and firmware of machines that are directories of files.

use super::*;

fn series<'a>(readings: &'a [Reading], signal: &str) -> Vec<&'a Reading> {
    readings.iter().filter(|reading| &*reading.series.signal == signal).collect()
}

#[test]
fn reads_the_heat_of_a_laptop_without_waking_its_second_graphics_card() {
    let thermal = collect("thermal", &machine("laptop"));
    assert_eq!(number(&thermal, r#"hw.temperature{hw.id="coretemp",sensor="Package id 0"}"#), 61.0);
    assert_eq!(number(&thermal, r#"hw.temperature{hw.id="nvme0",sensor="Composite"}"#), 38.85);
    assert_eq!(number(&thermal, r#"hw.temperature{hw.id="pch_skylake",sensor="zone"}"#), 52.5);
    let limit =
        |kind: &str| format!(r#"hw.temperature.limit{{hw.id="nvme0",hw.limit_type="{kind}",sensor="Composite"}}"#);
    assert_eq!(number(&thermal, &limit("high.degraded")), 82.85);
    assert_eq!(number(&thermal, &limit("high.critical")), 84.85);
    assert_eq!(number(&thermal, r#"hw.fan.speed{hw.id="thinkpad",sensor="fan1"}"#), 2417.0);
    assert_eq!(why(&thermal, r#"hw.temperature{hw.id="amdgpu",sensor="edge"}"#), Why::Asleep);
    assert_eq!(why(&thermal, r#"hw.temperature{hw.id="thinkpad",sensor="GPU"}"#), Why::NotPresent);
    assert_eq!(why(&thermal, r#"hw.fan.speed{hw.id="thinkpad",sensor="fan2"}"#), Why::NotPresent);
}

#[test]
fn says_each_heat_once() {
    let thermal = collect("thermal", &machine("laptop"));
    let said: Vec<String> =
        series(&thermal, "hw.temperature").iter().map(|reading| reading.series.to_string()).collect();
    assert!(!said.iter().any(|one| one.contains("Core 0") || one.contains("Sensor 1")), "{said:?}");
    assert!(!said.iter().any(|one| one.contains("x86_pkg_temp") || one.contains("INT3400")), "{said:?}");
    assert_eq!(said.iter().filter(|one| one.contains("acpitz")).count(), 1, "{said:?}");
}

#[test]
fn a_disk_that_nobody_uses_is_not_kept_from_falling_asleep() {
    let root = tempfile::tempdir().expect("temporary directory");
    let write = |path: &str, text: &str| {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().expect("below the root")).expect("made");
        std::fs::write(path, text).expect("written");
    };
    write("sys/class/hwmon/hwmon0/name", "drivetemp\n");
    write("sys/class/hwmon/hwmon0/temp1_input", "33000\n");
    write("sys/class/hwmon/hwmon0/device/block/sda/removable", "0\n");
    write("sys/block/sda/stat", "10 0 80 5 0 0 0 0 0 5 5\n");
    let cx = Context { root: root.path().to_owned(), ..this_machine() };
    let thermal = probe("thermal");
    let look = || thermal.collect(&cx).expect("read").readings;
    let sensor = r#"hw.temperature{hw.id="sda",sensor="temp1"}"#;
    assert_eq!(why(&look(), sensor), Why::Asleep);
    assert_eq!(why(&look(), sensor), Why::Asleep, "nobody used it since");
    write("sys/block/sda/stat", "11 0 88 6 0 0 0 0 0 6 6\n");
    assert_eq!(number(&look(), sensor), 33.0);
    assert_eq!(why(&look(), sensor), Why::Asleep);
}

#[test]
fn reads_how_a_processor_is_held_back() {
    let throttle = collect("throttle", &machine("laptop"));
    assert_eq!(number(&throttle, "endpoint.cpu.performance_limit"), 0.5);
    assert_eq!(number(&throttle, "endpoint.thermal.throttle_events"), 14.0);
    assert_eq!(number(&throttle, "endpoint.thermal.throttle_time"), 5.25);
}

#[test]
fn reads_the_battery_of_a_laptop_and_not_that_of_its_mouse() {
    let power = collect("power", &machine("laptop"));
    assert_eq!(text(&power, "endpoint.power.source"), "battery");
    assert_eq!(number(&power, r#"hw.battery.charge{hw.id="BAT0"}"#), 0.72);
    assert_eq!(number(&power, r#"hw.battery.charge.limit{hw.id="BAT0"}"#), 0.8);
    assert_eq!(text(&power, r#"endpoint.battery.state{hw.id="BAT0"}"#), "discharging");
    assert_eq!(number(&power, r#"endpoint.battery.rate{hw.id="BAT0"}"#), -7.352);
    assert_eq!(number(&power, r#"endpoint.battery.full_capacity{hw.id="BAT0"}"#), 45.6);
    assert_eq!(number(&power, r#"endpoint.battery.design_capacity{hw.id="BAT0"}"#), 57.0);
    assert_eq!(number(&power, r#"endpoint.battery.cycle_count{hw.id="BAT0"}"#), 214.0);
    assert_eq!(why(&power, r#"endpoint.battery.condition{hw.id="BAT0"}"#), Why::Unsupported);
    assert_eq!(series(&power, "hw.battery.charge").len(), 1);
    assert_eq!(text(&collect("power-mode", &machine("laptop")), "endpoint.power.mode"), "balanced");
}

#[test]
fn reads_the_firmware_of_a_laptop() {
    let firmware = collect("firmware", &machine("laptop"));
    assert_eq!(text(&firmware, "endpoint.firmware.date"), "2023-11-08");
    assert_eq!(text(&firmware, "endpoint.serial_number"), "PF3XK2Z9");
    assert_eq!(text(&firmware, "endpoint.tpm.state"), "2.0");
    assert_eq!(*outcome(&firmware, "endpoint.secure_boot"), Ok(Value::Flag(true)));
}

#[test]
fn counts_what_the_hardware_reported() {
    let errors = collect("hardware-errors", &machine("laptop"));
    let count = |kind: &str| number(&errors, &format!(r#"endpoint.hw_errors{{kind="{kind}"}}"#));
    assert_eq!([count("memory_ce"), count("memory_ue"), count("cpu"), count("pcie")], [4.0, 2.0, 1.0, 7.0]);
    let memory = collect("memory-detail", &machine("laptop"));
    assert_eq!(number(&memory, "endpoint.memory.kernel_pool"), 310_000.0 * 1024.0);
    assert_eq!(number(&memory, "endpoint.memory.compressed"), 281_018_368.0 + 20_000.0 * 1024.0);
}

#[test]
fn a_machine_that_lacks_a_thing_says_that_it_lacks_it() {
    let root = tempfile::tempdir().expect("temporary directory");
    for dir in ["sys/class/power_supply", "sys/class/hwmon", "sys/class/tpm", "sys/firmware"] {
        std::fs::create_dir_all(root.path().join(dir)).expect("made");
    }
    let cx = Context { root: root.path().to_owned(), ..this_machine() };
    let power = collect("power", &cx);
    assert_eq!(text(&power, "endpoint.power.source"), "ac");
    assert_eq!(why(&power, "hw.battery.charge"), Why::NotPresent);
    assert_eq!(why(&collect("thermal", &cx), "hw.temperature"), Why::NotPresent);
    let firmware = collect("firmware", &cx);
    assert_eq!(why(&firmware, "endpoint.secure_boot"), Why::NotPresent);
    assert_eq!(why(&firmware, "endpoint.tpm.state"), Why::NotPresent);
}

#[test]
fn reads_what_the_volumes_of_a_laptop_are_made_of() {
    let cx = machine("laptop");
    let errors = collect("volume-errors", &cx);
    let of = |point: &str, role: &str| {
        format!(r#"endpoint.filesystem.errors{{mountpoint="{point}",role="{role}",type="ext4"}}"#)
    };
    assert_eq!(number(&errors, &of("/", "system")), 3.0);
    assert_eq!(number(&errors, &of("/home", "home")), 0.0);
    assert_eq!(number(&errors, r#"endpoint.raid.missing_disks{system.device="md127"}"#), 1.0);
    let encryption = collect("encryption", &cx);
    assert_eq!(text(&encryption, r#"endpoint.security.encryption{volume="system"}"#), "off");
    let media = collect("disk-media", &cx);
    assert_eq!(text(&media, r#"endpoint.disk.firmware{system.device="nvme0n1"}"#), "4B2QGXA7");
}

#[test]
fn a_disk_that_may_not_be_asked_says_why_and_has_no_health() {
    let health = collect("disk-health", &machine("laptop"));
    assert_eq!(why(&health, r#"endpoint.smart.passed{system.device="nvme0n1"}"#), Why::Unsupported);
    assert_eq!(health.len(), series(&health, "endpoint.smart.passed").len(), "nothing is invented");
}

#[test]
fn names_the_program_that_writes() {
    use std::io::Write as _;
    // Below the target of the build, which is on a disk; what is written to memory counts for nobody.
    let dir = std::env::current_exe().expect("known").parent().expect("a directory").to_owned();
    let piece = vec![7; 64 * 1024];
    let mut file = tempfile::tempfile_in(dir).expect("a file");
    let stop = std::sync::atomic::AtomicBool::new(false);
    let readings = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                file.write_all(&piece).and_then(|()| file.sync_data()).expect("written");
            }
        });
        let readings = probe("top-writers").collect(&this_machine());
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        readings
    });
    let own = std::env::current_exe().expect("known");
    let own = own.file_name().expect("a name").to_string_lossy().into_owned();
    let readings = readings.expect("read").readings;
    let series = format!(r#"endpoint.disk.top_writers{{process.executable.name="{own}"}}"#);
    assert!(number(&readings, &series) > 0.0);
}
