//! A small file system that can be filled.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An ext4 image on a loop device, mounted for as long as the value lives. Needs root.
#[derive(Debug)]
pub struct Volume {
    image: PathBuf,
    mountpoint: PathBuf,
}

impl Volume {
    /// Makes and mounts one of `size_mib` under `folder`.
    ///
    /// # Panics
    /// With a sentence when this process may not mount; a test that needs a volume has no other way.
    pub fn mount(folder: &Path, name: &str, size_mib: u64) -> Self {
        let root = rustix::process::geteuid().is_root();
        assert!(root, "a small file system can only be mounted by root: start the tests as root");
        let image = folder.join(format!("{name}.img"));
        let mountpoint = folder.join(name);
        fs::create_dir_all(&mountpoint).expect("the mount point can be made");
        let file = fs::File::create(&image).expect("the image can be made");
        file.set_len(size_mib * 1024 * 1024).expect("the image can be sized");
        let (image_text, mountpoint_text) = (image.display().to_string(), mountpoint.display().to_string());
        run("mkfs.ext4", &["-q", "-F", "-m", "0", &image_text]);
        run("mount", &["-o", "loop", &image_text, &mountpoint_text]);
        Self { image, mountpoint }
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        &self.mountpoint
    }

    /// Writes until nothing more fits.
    pub fn fill(&self) {
        let mut file = fs::File::create(self.ballast()).expect("the volume takes a file");
        let block = vec![0x5a; 256 * 1024];
        while std::io::Write::write_all(&mut file, &block).is_ok() {}
        file.sync_all().ok();
        // What the file system held back for its own books comes free with the sync.
        let crumb = vec![0x5a; 512];
        while std::io::Write::write_all(&mut file, &crumb).and_then(|()| file.sync_all()).is_ok() {}
    }

    /// Takes away what `fill` wrote.
    pub fn free(&self) {
        fs::remove_file(self.ballast()).expect("the ballast can be removed");
        run("sync", &["-f", &self.mountpoint.display().to_string()]);
    }

    /// Makes it read-only beneath whoever uses it, or writable again.
    pub fn set_writable(&self, writable: bool) {
        let how = if writable { "remount,rw" } else { "remount,ro" };
        run("mount", &["-o", how, &self.mountpoint.display().to_string()]);
    }

    /// Lets the file system find that it is broken: it takes no more writes, as after an I/O error.
    pub fn abort(&self) {
        run("mount", &["-o", "remount,abort", &self.mountpoint.display().to_string()]);
    }

    /// Repairs it and mounts it again. Nobody may use it meanwhile.
    pub fn repair(&self) {
        let (image, mountpoint) = (self.image.display().to_string(), self.mountpoint.display().to_string());
        run("umount", &[&mountpoint]);
        let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
        let status = Command::new("e2fsck").args(["-f", "-y", &image]).env("PATH", path).output();
        let status = status.expect("e2fsck starts").status.code().unwrap_or(8);
        assert!(status <= 2, "e2fsck could not repair {image}: status {status}");
        run("mount", &["-o", "loop", &image, &mountpoint]);
    }

    /// Takes the disk away under the file system: what is not in memory fails from now on with an I/O error.
    pub fn break_disk(&self) {
        let image = fs::File::options().write(true).open(&self.image).expect("the image is there");
        image.set_len(0).expect("the image can be cut");
        let mounts = fs::read_to_string("/proc/self/mounts").expect("Linux has a list of mounts");
        let here = self.mountpoint.display().to_string();
        let mut devices =
            mounts.lines().filter_map(|line| line.split_once(' ')).filter(|(_, rest)| rest.starts_with(&here));
        let (device, _) = devices.next().expect("it is mounted");
        run("losetup", &["--set-capacity", device]);
        fs::write("/proc/sys/vm/drop_caches", "1").ok();
    }

    /// Whether it is mounted: its root lies on another device than its parent.
    pub fn is_mounted(&self) -> bool {
        let device = |path: &Path| fs::metadata(path).map(|metadata| metadata.dev()).ok();
        device(&self.mountpoint) != self.mountpoint.parent().and_then(device)
    }

    fn ballast(&self) -> PathBuf {
        self.mountpoint.join("ballast")
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        // Lazy: an agent under test may be reading it at this very moment.
        Command::new("umount").arg("-l").arg(&self.mountpoint).status().ok();
        fs::remove_file(&self.image).ok();
    }
}

/// A loop device whose image was cut off, so that reading it fails. Needs root.
#[derive(Debug)]
pub struct FailingDisk {
    image: PathBuf,
    device: String,
}

impl FailingDisk {
    /// Makes one with its image at `image`.
    ///
    /// # Panics
    /// When this process may not make loop devices.
    pub fn new(image: &Path) -> Self {
        let file = fs::File::create(image).expect("the image can be made");
        file.set_len(8 * 1024 * 1024).expect("the image can be sized");
        let device = run("losetup", &["-f", "--show", &image.display().to_string()]);
        file.set_len(0).expect("the image can be cut");
        Self { image: image.to_owned(), device: device.trim().to_owned() }
    }

    /// Its name, as the kernel says it.
    pub fn name(&self) -> &str {
        self.device.rsplit('/').next().unwrap_or_default()
    }

    /// Reads it in vain.
    pub fn read(&self) {
        let mut first = [0; 4096];
        let read = fs::File::open(&self.device).and_then(|mut file| std::io::Read::read_exact(&mut file, &mut first));
        assert!(read.is_err(), "{} can be read", self.device);
    }
}

impl Drop for FailingDisk {
    fn drop(&mut self) {
        Command::new("/usr/sbin/losetup").args(["-d", &self.device]).status().ok();
        fs::remove_file(&self.image).ok();
    }
}

/// What `program` prints.
fn run(program: &str, arguments: &[&str]) -> String {
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let output = Command::new(program).args(arguments).env("PATH", path).output();
    let output = output.unwrap_or_else(|error| panic!("{program} does not start: {error} (tests/run installs it)"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
