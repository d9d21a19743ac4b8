use super::*;

#[tokio::test(start_paused = true)]
async fn heavy_work_waits_while_the_battery_is_low_and_is_made_up_for() {
    let laptop = tempfile::tempdir().expect("a directory");
    let battery = |charge: u32| {
        let dir = laptop.path().join("sys/class/power_supply/BAT0");
        std::fs::create_dir_all(&dir).expect("made");
        let says =
            format!("POWER_SUPPLY_TYPE=Battery\nPOWER_SUPPLY_STATUS=Discharging\nPOWER_SUPPLY_CAPACITY={charge}\n");
        std::fs::write(dir.join("uevent"), says).expect("written");
    };
    battery(12);
    let heavy = fake_of(Spec { heavy: true, ..SPEC }, "heavy", Tier::Daily, &["system.uptime"], |cx| {
        Ok(vec![number("system.uptime", 1.0, cx)])
    });
    let light = fake("light", Tier::Minute, &["endpoint.memory.available"], |cx| {
        Ok(vec![number("endpoint.memory.available", 2.0, cx)])
    });
    let mut story = Story::of_machine(laptop.path(), vec![heavy, light]);
    for _ in 0..30 {
        story.batch("light").await;
    }
    assert_eq!((story.schedule.cost_table()[0].runs, story.schedule.cost_table()[0].put_off), (0, 1));
    let section = story.schedule.collect_section(Section::Performance, Duration::from_secs(10)).await;
    assert!(section.readings.iter().any(|one| &*one.series.signal == "system.uptime"), "somebody waits for a pull");
    story.schedule.slots[0].put_off();
    battery(80);
    story.batch("heavy").await;
}

impl Story {
    /// A schedule on the machine that the files below `root` tell of.
    fn of_machine(root: &std::path::Path, probes: Vec<Arc<dyn Probe>>) -> Self {
        let mut story = Self::idle_at(root, Settings::default(), probes);
        let (out, outputs) = mpsc::channel(64);
        story.outputs = outputs;
        story.running = tokio::spawn(Arc::clone(&story.schedule).run(out, story.stop.clone()));
        story
    }
}
