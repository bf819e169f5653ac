//! A small disk, to be filled and to be frozen: a file with a file system in it. Root may mount it; others skip.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

const MEBIBYTES: u64 = 48;

/// The disk; it goes with the test.
pub(crate) struct Disk {
    image: PathBuf,
    pub(crate) path: PathBuf,
}

impl Disk {
    /// Mounts one in a folder. `None`, with a message: this machine or this user cannot.
    pub(crate) fn mount(folder: &Path) -> Option<Self> {
        let disk = Self { image: folder.join("disk.img"), path: folder.join("disk") };
        fs::create_dir_all(&disk.path).expect("a folder");
        fs::File::create(&disk.image).and_then(|file| file.set_len(MEBIBYTES << 20)).expect("a file");
        let (image, path) = (disk.image.to_str().expect("a path"), disk.path.to_str().expect("a path"));
        if run(&["mkfs.ext4", "-q", image]) && run(&["mount", "-o", "loop", image, path]) {
            return Some(disk);
        }
        super::child::say("skipped: a small disk cannot be mounted here");
        None
    }

    /// From here on whoever writes waits.
    pub(crate) fn freeze(&self) {
        assert!(run(&["fsfreeze", "-f", self.path.to_str().expect("a path")]));
    }

    pub(crate) fn thaw(&self) -> bool {
        run(&["fsfreeze", "-u", self.path.to_str().expect("a path")])
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // It may be neither frozen nor mounted.
        let _was_frozen = self.thaw();
        let _was_mounted = run(&["umount", "-l", self.path.to_str().expect("a path")]);
    }
}

fn run(command: &[&str]) -> bool {
    let status = Command::new(command[0]).args(&command[1..]).stdin(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Writes a file until there is no room left.
pub(crate) fn fill(path: &Path) {
    let mut file = fs::File::create(path).expect("a file");
    for size in [1 << 20, 4096, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}
