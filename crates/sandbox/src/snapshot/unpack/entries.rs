//! What each kind of entry makes.

use std::os::fd::AsFd;

use lightship_oci::layer::LayerReader;
use lightship_oci::rootfs::{Body, IndexEntry, Meta};
use lightship_oci::tar::path::{MAX_PATH_BYTES, RootPath};
use lightship_oci::tar::{Entry, TarReader};
use rustix::fs::{AtFlags, Dev, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::super::attributes::{Refused, Setter, Thing};
use super::super::content;
use super::super::folders::{TOO_MANY_FOLDERS, split};
use super::super::walker::{Missing, Stop};
use super::{Failure, Unpacker, stopped};

impl Unpacker<'_> {
    /// Makes what an entry says.
    pub(super) fn make(
        &mut self,
        indexed: &IndexEntry,
        entry: &Entry,
        tar: &mut TarReader<LayerReader>,
    ) -> Result<(), Failure> {
        let IndexEntry { path, body, meta } = indexed;
        match body {
            Body::Ignored => Ok(()),
            Body::Whiteout => {
                self.whiteouts.push(path.as_bytes().to_vec());
                self.imply(&path.parent().unwrap_or_default())
            }
            Body::Opaque => {
                self.opaques.push(path.as_bytes().to_vec());
                self.imply(path)
            }
            Body::Directory => self.folder(path, meta),
            Body::File { .. } => self.file(path, meta, entry, tar),
            Body::HardLink(target) => self.hard_link(path, target, meta),
            Body::Symlink(target) => self.symlink(path, target, meta),
            Body::Fifo => self.fifo(path, meta),
            Body::CharDevice(..) | Body::BlockDevice(..) => self.leave_out(path),
        }
    }

    /// Goes to the folder that an entry belongs in, making it where it is missing.
    fn place<'p>(&mut self, path: &'p RootPath) -> Result<&'p [u8], Failure> {
        let (parent, _) = path.split_last().expect("only folders may be the root");
        let name = path.file_name().expect("only folders may be the root");
        let entered = self.walker.enter(&parent, Missing::Make);
        self.note_made()?;
        entered.map_err(stopped)?;
        if self.walker.left_missing() {
            return obstacle("lies behind links that leave folders which the layer does not have");
        }
        if self.walker.path().len() + 1 + name.len() > MAX_PATH_BYTES {
            return Err(stopped(Stop::TooLong));
        }
        Ok(name)
    }

    fn note_made(&mut self) -> Result<(), Failure> {
        let made = self.walker.take_made();
        self.weight.names += made.len() as u64;
        let too_many = |_| Failure::Invalid(TOO_MANY_FOLDERS.to_owned());
        self.folders.implied(made).map_err(too_many)
    }

    /// The folder that a whiteout stands in exists afterwards, where it can.
    fn imply(&mut self, folder: &RootPath) -> Result<(), Failure> {
        let entered = self.walker.enter(folder, Missing::Make);
        self.note_made()?;
        match entered {
            Err(Stop::Os(error)) => Err(Refused("open the folder of", error).into()),
            _ if self.walker.left_missing() => {
                obstacle("lies behind links that leave folders which the layer does not have")
            }
            _ => Ok(()),
        }
    }

    fn folder(&mut self, path: &RootPath, meta: &Meta) -> Result<(), Failure> {
        if path.is_root() {
            self.declare_again(b"", meta);
            return Ok(());
        }
        let name = self.place(path)?;
        let real = self.walker.path_of(name);
        if self.folders.contains(&real) {
            self.declare_again(&real, meta);
            return Ok(());
        }
        match rustix::fs::mkdirat(self.walker.here(), name, Mode::RWXU) {
            Ok(()) => {}
            Err(Errno::EXIST) => {
                return obstacle("is a folder in the place of something of the same layer");
            }
            Err(error) => return Err(refused("create the folder")(error)),
        }
        self.weight.names += 1;
        self.folders.declared(real, meta.clone());
        Ok(())
    }

    fn declare_again(&mut self, real: &[u8], meta: &Meta) {
        if let Some(folder) = self.folders.get(real) {
            folder.meta = Some(meta.clone());
        }
    }

    fn file(
        &mut self,
        path: &RootPath,
        meta: &Meta,
        entry: &Entry,
        tar: &mut TarReader<LayerReader>,
    ) -> Result<(), Failure> {
        let name = self.place(path)?;
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Setter::creation_mode(meta);
        let file = loop {
            match rustix::fs::openat(self.walker.here(), name, flags, mode) {
                Ok(file) => break file,
                Err(Errno::EXIST) => self.make_room(name)?,
                Err(error) => return Err(refused("create")(error)),
            }
        };
        content::write(&file, entry, &mut tar.data())?;
        self.about.dropped_xattrs += self.setter.new_file(file.as_fd(), meta)?;
        self.weight.names += 1;
        self.weight.bytes += entry.real_size;
        self.note_owner(name, meta)
    }

    fn symlink(&mut self, path: &RootPath, target: &[u8], meta: &Meta) -> Result<(), Failure> {
        let name = self.place(path)?;
        loop {
            match rustix::fs::symlinkat(target, self.walker.here(), name) {
                Ok(()) => break,
                Err(Errno::EXIST) => self.make_room(name)?,
                Err(error) => return Err(refused("create the symbolic link")(error)),
            }
        }
        self.attributes(name, meta, Thing::Symlink)
    }

    fn fifo(&mut self, path: &RootPath, meta: &Meta) -> Result<(), Failure> {
        let name = self.place(path)?;
        loop {
            let (kind, none) = (FileType::Fifo, Dev::default());
            match rustix::fs::mknodat(self.walker.here(), name, kind, Mode::RUSR, none) {
                Ok(()) => break,
                Err(Errno::EXIST) => self.make_room(name)?,
                Err(error) => return Err(refused("create the pipe")(error)),
            }
        }
        self.attributes(name, meta, Thing::Fifo)
    }

    fn attributes(&mut self, name: &[u8], meta: &Meta, thing: Thing) -> Result<(), Failure> {
        self.about.dropped_xattrs += self.setter.set(self.walker.here(), name, meta, thing)?;
        self.weight.names += 1;
        self.note_owner(name, meta)
    }

    /// A second name for something of this layer, and its attributes once more.
    fn hard_link(
        &mut self,
        path: &RootPath,
        target: &RootPath,
        meta: &Meta,
    ) -> Result<(), Failure> {
        let name = self.place(path)?;
        let (folder, real) = (self.walker.hold(), self.walker.path_of(name));
        let Some((target_folder, target_name)) = target.split_last() else {
            return obstacle("is a hard link to the root");
        };
        match self.walker.enter(&target_folder, Missing::Refuse) {
            Ok(()) => {}
            Err(Stop::Os(error)) => {
                return Err(Refused("open the target's folder of", error).into());
            }
            Err(_) => return foreign_link(),
        }
        let real_target = self.walker.path_of(target_name);
        if self.devices.contains(&real_target) {
            return self.leave_out(path);
        }
        if self.folders.contains(&real_target) {
            return obstacle("is a hard link to a folder");
        }
        loop {
            let from = self.walker.here();
            match rustix::fs::linkat(from, target_name, &folder, name, AtFlags::empty()) {
                Ok(()) => break,
                Err(Errno::NOENT) => return foreign_link(),
                Err(Errno::EXIST) => {
                    // To make room means to stand there.
                    self.walker.enter_real(split(&real).0).map_err(stopped)?;
                    self.make_room(name)?;
                    let parent = split(&real_target).0;
                    match self.walker.enter_real(parent) {
                        Ok(()) => {}
                        Err(_) => return foreign_link(),
                    }
                }
                Err(error) => return Err(refused("link")(error)),
            }
        }
        let thing = content::kind(folder.as_fd(), name).map_err(refused("look at"))?;
        self.about.dropped_xattrs += self.setter.set(folder.as_fd(), name, meta, thing)?;
        self.weight.names += 1;
        self.note_owner_of(&real, meta, true)?;
        self.note_owner_of(&real_target, meta, true)
    }

    /// A device is not made; it hides what lower layers have there all the same. Until the end an empty
    /// file stands in for it, so that nothing can be put below.
    fn leave_out(&mut self, path: &RootPath) -> Result<(), Failure> {
        let name = self.place(path)?;
        let real = self.walker.path_of(name);
        loop {
            let (kind, none) = (FileType::RegularFile, Dev::default());
            match rustix::fs::mknodat(self.walker.here(), name, kind, Mode::empty(), none) {
                Ok(()) => break,
                Err(Errno::EXIST) => self.make_room(name)?,
                Err(error) => return Err(refused("create a stand-in for")(error)),
            }
        }
        self.whiteouts.push(real.clone());
        self.devices.insert(real.clone());
        self.about.skipped.add(real);
        Ok(())
    }

    /// Takes the stand-ins away.
    pub(super) fn remove_devices(&mut self) -> Result<(), (Vec<u8>, Refused)> {
        for path in std::mem::take(&mut self.devices) {
            let (parent, name) = split(&path);
            let gone =
                |error: Errno| (path.clone(), Refused("remove the stand-in for", error.into()));
            self.walker.enter_real(parent).map_err(|_| gone(Errno::NOENT))?;
            rustix::fs::unlinkat(self.walker.here(), name, AtFlags::empty()).map_err(gone)?;
        }
        Ok(())
    }

    /// Removes what this layer itself put there before.
    fn make_room(&mut self, name: &[u8]) -> Result<(), Failure> {
        self.replaced = true;
        let real = self.walker.path_of(name);
        if self.folders.contains(&real) {
            return obstacle("takes the place of a folder of the same layer");
        }
        self.devices.remove(&real);
        rustix::fs::unlinkat(self.walker.here(), name, AtFlags::empty()).map_err(refused("replace"))
    }

    fn note_owner(&mut self, name: &[u8], meta: &Meta) -> Result<(), Failure> {
        if self.owners.is_some() && (self.replaced || (meta.uid, meta.gid) != (0, 0)) {
            let real = self.walker.path_of(name);
            return self.note_owner_of(&real, meta, self.replaced);
        }
        Ok(())
    }

    /// Root is not noted, unless it may be somebody else's successor.
    fn note_owner_of(&mut self, real: &[u8], meta: &Meta, always: bool) -> Result<(), Failure> {
        match &mut self.owners {
            Some(owners) if always || (meta.uid, meta.gid) != (0, 0) => owners
                .note(real, meta.uid, meta.gid)
                .map_err(|error| Refused("note the owner of", error).into()),
            _ => Ok(()),
        }
    }
}

fn obstacle<T>(reason: &str) -> Result<T, Failure> {
    Err(Failure::Obstacle(reason.to_owned()))
}

fn refused(action: &'static str) -> impl FnOnce(Errno) -> Failure {
    move |error| Failure::Refused(Refused(action, error.into()))
}

/// Of something that is not in this layer.
fn foreign_link() -> Result<(), Failure> {
    obstacle("is a hard link to something that the layer does not have")
}
