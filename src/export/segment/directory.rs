//! The directory that a writer owns: made private, locked, and held open.

use std::ffi::CString;
use std::fs::{DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::lock::{LockError, WriterLock};
use super::name::{Listing, SegmentName};
use crate::export::{ExportError, ExportErrorKind};
use crate::raw::os;

const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// Write permission for the group or for everybody.
const WRITABLE_BY_OTHERS: u32 = 0o022;

const LOCK_NAME: &str = "writer.lock";

/// A segment directory of which this process is the only writer.
///
/// Files are opened relative to the directory that was checked, so whoever may rename it cannot
/// put another in its place between two steps.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    handle: File,
    /// Given up when the directory is dropped.
    _lock: WriterLock,
}

impl Directory {
    /// Opens the directory `path` for writing, creating it and its parents if they are missing.
    pub(super) fn open(path: &Path) -> Result<Self, ExportError> {
        // Without its trailing slashes and dots: after `link/`, a symbolic link would be followed
        // whatever the flags say.
        let path: PathBuf = path.components().collect();
        let handle = open_or_create(&path)?;
        let metadata = handle.metadata().map_err(|error| failed("look at", &path, error))?;
        refuse_unless_private(&path, &metadata)?;
        let lock = WriterLock::acquire(&handle, || open_lock_file(&handle))
            .map_err(|error| lock_refused(&path, error))?;
        Ok(Self { path, handle, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the segment `name` is.
    pub(super) fn path_of(&self, name: SegmentName) -> PathBuf {
        self.path.join(name.to_string())
    }

    pub(super) fn list(&self) -> Result<Listing, ExportError> {
        Listing::of(&self.path).map_err(|error| failed("list", &self.path, error))
    }

    /// The bytes of all segments but `excepted`.
    pub(super) fn bytes_without(&self, excepted: Option<SegmentName>) -> Result<u64, ExportError> {
        let mut bytes = 0_u64;
        for name in self.list()?.segments {
            if Some(name) != excepted {
                // One that is gone by now takes no room.
                let metadata = self.path_of(name).symlink_metadata();
                bytes = bytes.saturating_add(metadata.map_or(0, |metadata| metadata.len()));
            }
        }
        Ok(bytes)
    }

    /// Creates the segment `name`, which must not exist, for appending.
    pub(super) fn create(&self, name: SegmentName) -> io::Result<File> {
        let flags = libc::O_WRONLY | libc::O_APPEND | libc::O_CREAT | libc::O_EXCL | libc::O_NOFOLLOW;
        let file = os::open_at(&self.handle, &c_name(name), flags, FILE_MODE)?;
        // The process's umask may have taken away what the mode gives.
        file.set_permissions(Permissions::from_mode(FILE_MODE))?;
        Ok(file)
    }

    /// Opens the existing segment `name`, for reading and for cutting it.
    pub(super) fn open_segment(&self, name: SegmentName) -> io::Result<File> {
        // Not to wait for the other end, should it be a pipe after all.
        let flags = libc::O_RDWR | libc::O_NOFOLLOW | libc::O_NONBLOCK;
        let file = os::open_at(&self.handle, &c_name(name), flags, 0)?;
        require_regular(&file)?;
        Ok(file)
    }

    /// Gives the open segment `name` its sealed name, which this returns.
    pub(super) fn seal(&self, name: SegmentName) -> io::Result<SegmentName> {
        let sealed = name.sealed();
        // Renaming replaces. Only this writer gives names in this directory and none twice, so a
        // file of that name was put there by hand; it stays.
        let flags = libc::O_RDONLY | libc::O_NOFOLLOW | libc::O_NONBLOCK;
        match os::open_at(&self.handle, &c_name(sealed), flags, 0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                os::rename_at(&self.handle, &c_name(name), &c_name(sealed))?;
                Ok(sealed)
            }
            Err(error) => Err(error),
            Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
        }
    }

    /// Removes the segment `name`.
    pub(super) fn remove(&self, name: SegmentName) -> io::Result<()> {
        os::remove_at(&self.handle, &c_name(name))
    }

    /// Waits until the names given so far are on the device.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.handle.sync_all()
    }
}

fn c_name(name: SegmentName) -> CString {
    CString::new(name.to_string()).expect("a segment's name is made of digits and fixed text")
}

fn failed(what: &str, path: &Path, error: io::Error) -> ExportError {
    let message = format!("cannot {what} the segment directory {}", path.display());
    ExportError::new(ExportErrorKind::Io, message).with_source(error)
}

fn insecure(path: &Path, why: &str) -> ExportError {
    let message = format!("refused the segment directory {}: {why}", path.display());
    ExportError::new(ExportErrorKind::Insecure, message)
}

fn open_or_create(path: &Path) -> Result<File, ExportError> {
    match open_directory(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(path),
        Err(error) => Err(refused_or_failed(path, error)),
        Ok(handle) => Ok(handle),
    }
}

fn open_directory(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_DIRECTORY | libc::O_NOFOLLOW).open(path)
}

fn create(path: &Path) -> Result<File, ExportError> {
    DirBuilder::new()
        .recursive(true)
        .mode(DIRECTORY_MODE)
        .create(path)
        .map_err(|error| failed("create", path, error))?;
    let private = Permissions::from_mode(DIRECTORY_MODE);
    let handle = match open_directory(path) {
        // A umask that takes away the owner's own rights leaves no way but the path.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            std::fs::set_permissions(path, private.clone())
                .map_err(|error| failed("set the permissions of", path, error))?;
            open_directory(path)
        }
        opened => opened,
    };
    let handle = handle.map_err(|error| refused_or_failed(path, error))?;
    handle.set_permissions(private).map_err(|error| failed("set the permissions of", path, error))?;
    Ok(handle)
}

/// Systems disagree on the error that a symbolic link gets, so the text comes from a second look.
fn refused_or_failed(path: &Path, error: io::Error) -> ExportError {
    match path.symlink_metadata() {
        Ok(metadata) if metadata.is_symlink() => insecure(
            path,
            "it is a symbolic link, whose target somebody else may choose; name the target itself",
        ),
        Ok(metadata) if !metadata.is_dir() => insecure(path, "it is not a directory"),
        _ => failed("open", path, error),
    }
}

fn refuse_unless_private(path: &Path, metadata: &Metadata) -> Result<(), ExportError> {
    let mode = metadata.permissions().mode();
    if mode & WRITABLE_BY_OTHERS != 0 {
        let why = format!(
            "its mode {:04o} lets other users delete or replace segments; take their write \
             permission away (chmod go-w) or name a subdirectory, which is then created private",
            mode & 0o7777
        );
        return Err(insecure(path, &why));
    }
    // Whoever owns the directory can give everybody that permission at any time.
    let owner = metadata.uid();
    let user = os::effective_user();
    if owner != user && owner != 0 {
        let why = format!(
            "it belongs to user {owner}, who could delete or replace segments, and not to user \
             {user}, who writes them"
        );
        return Err(insecure(path, &why));
    }
    Ok(())
}

fn open_lock_file(directory: &File) -> io::Result<File> {
    let name = CString::new(LOCK_NAME).expect("a fixed text without a NUL");
    let flags = libc::O_RDWR | libc::O_CREAT | libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = os::open_at(directory, &name, flags, FILE_MODE)?;
    require_regular(&file)?;
    file.set_permissions(Permissions::from_mode(FILE_MODE))?;
    Ok(file)
}

fn require_regular(file: &File) -> io::Result<()> {
    match file.metadata()?.is_file() {
        true => Ok(()),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")),
    }
}

fn lock_refused(path: &Path, error: LockError) -> ExportError {
    let holder = match error {
        LockError::HeldHere => "this process".to_owned(),
        LockError::HeldBy(Some(pid)) => format!("process {pid}"),
        LockError::HeldBy(None) => "another process".to_owned(),
        LockError::Unknown => "an unknown part of the process that this one was forked from".into(),
        LockError::Io(error) => {
            return refused_or_failed_lock(path, error);
        }
    };
    let message = format!("the segment directory {} already has a writer: {holder}", path.display());
    ExportError::new(ExportErrorKind::Locked, message)
}

fn refused_or_failed_lock(directory: &Path, error: io::Error) -> ExportError {
    let path = directory.join(LOCK_NAME);
    let message = format!("cannot lock {}", path.display());
    match path.symlink_metadata() {
        Ok(metadata) if !metadata.is_file() => {
            let why = "it is not a regular file, as only its writer may make it";
            ExportError::new(ExportErrorKind::Insecure, format!("{message}: {why}"))
        }
        _ => ExportError::new(ExportErrorKind::Io, message).with_source(error),
    }
}
