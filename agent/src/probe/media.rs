//! Displays, sound and cameras, as far as the machine knows of them.
//!
//! Which loudspeaker a person chose and whether it is muted is known to their session alone, which the agent does not
//! enter. No stream is ever opened.

use std::time::Duration;

use firstline_diagnosis::vocabulary::Attributes;
use firstline_proto::v1::Section;

use super::{Collected, Context, Gather, Probe, ProbeError, Right, Spec, Tier};
use crate::os::proc::asound;
use crate::os::{native, read};

static MEDIA: Spec = Spec {
    name: "media",
    section: Section::Peripheral,
    tier: Tier::Change,
    deadline: Duration::from_secs(5),
    priority: 6,
    waits: false,
    heavy: false,
    signals: &[
        "endpoint.display.count",
        "endpoint.display.resolution",
        "endpoint.audio.playback.count",
        "endpoint.audio.capture.count",
        "endpoint.audio.in_use",
        "endpoint.camera.count",
    ],
};

static CAMERA: Spec = Spec {
    name: "camera-use",
    section: Section::Peripheral,
    tier: Tier::Demand,
    deadline: Duration::from_secs(5),
    priority: 7,
    waits: false,
    heavy: true,
    signals: &["endpoint.camera.in_use"],
};

/// Counts displays, sound devices and cameras.
pub(crate) struct Media;

impl Probe for Media {
    fn spec(&self) -> &'static Spec {
        &MEDIA
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let mut gather = Gather::new(cx);
        match native::displays(&cx.root) {
            Ok(displays) => {
                gather.single("endpoint.display.count", displays.len() as u64);
                for (connector, resolution) in displays {
                    let none = ProbeError::Failed("the display does not say what it can show".to_owned());
                    let attributes = [("display.connector", connector.as_str())];
                    gather.outcome("endpoint.display.resolution", attributes, resolution.ok_or(none));
                }
            }
            Err(why) => gather.unknown("endpoint.display.count", [], why),
        }
        // The kernel has the list as soon as it knows one card.
        let sound = read(&cx.root, "proc/asound/pcm").map(|pcm| asound::endpoints(&pcm));
        let sound = sound.map_err(|why| why.or_not_present("sound card that the kernel knows"));
        let counted = |of: fn(asound::Endpoints) -> u64| sound.clone().map(of);
        gather.outcome("endpoint.audio.playback.count", Attributes::none(), counted(|sound| sound.playback));
        gather.outcome("endpoint.audio.capture.count", Attributes::none(), counted(|sound| sound.capture));
        for (direction, letter) in [("playback", 'p'), ("capture", 'c')] {
            let runs = sound.clone().map(|_| native::sound_runs(&cx.root, letter));
            gather.outcome("endpoint.audio.in_use", [("direction", direction)], runs);
        }
        gather.outcome("endpoint.camera.count", Attributes::none(), native::cameras(&cx.root));
        Ok(gather.done())
    }
}

/// Looks whether a camera is held open, for a ticket only: every open file of every process has to be looked at.
pub(crate) struct Camera;

impl Probe for Camera {
    fn spec(&self) -> &'static Spec {
        &CAMERA
    }

    fn rights(&self) -> &'static [Right] {
        &[Right::Processes]
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        if native::cameras(&cx.root)? == 0 {
            return Err(ProbeError::NotPresent("camera"));
        }
        let mut gather = Gather::new(cx);
        gather.outcome("endpoint.camera.in_use", Attributes::none(), native::camera_in_use(&cx.root));
        Ok(gather.done())
    }
}
