//! The steps of a copy, named so that tests can end it between any two of them.

use std::io;

/// What has just been done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Folders,
    Locked,
    OldMoved,
    Planned,
    RoomMade,
    FileHalf,
    FileWritten,
    FileSynced,
    FilePlaced,
    LeftoversRemoved,
    SourceUnchanged,
    ManifestWritten,
    FoldersSynced,
    Leased,
    Placed,
    StoreSynced,
}

/// Asked after each step; an error ends the copy there as a crash would: nothing is tidied up.
pub(crate) type Hook<'a> = &'a dyn Fn(Step) -> io::Result<()>;
