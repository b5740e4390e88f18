//! A piece of media as it goes to a server: bytes with a content type; also as a data URL or as a file.
//!
//! A file is named after its content and written aside first, so that it is whole whenever it is there, however many processes
//! write it, and so that a changed recipe can never find a stale one. Rejected: files named after the recipe, which
//! go stale with every change of the code that cooks it.

use std::io::Write;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use sha2::{Digest, Sha256};

use crate::{MediaError, MediaErrorKind};

/// Bytes of media with their content type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    name: &'static str,
    extension: &'static str,
    content_type: &'static str,
    bytes: Vec<u8>,
}

impl Encoded {
    pub(crate) fn new(
        name: &'static str,
        extension: &'static str,
        content_type: &'static str,
        bytes: Vec<u8>,
    ) -> Self {
        Self {
            name,
            extension,
            content_type,
            bytes,
        }
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes, given away.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The content type, as `image/png`.
    pub fn content_type(&self) -> &'static str {
        self.content_type
    }

    /// The usual ending of a file's name, as `png`.
    pub fn extension(&self) -> &'static str {
        self.extension
    }

    /// The bytes in base64, as JSON bodies carry them.
    pub fn base64(&self) -> String {
        base64::engine::general_purpose::STANDARD.encode(&self.bytes)
    }

    /// As a `data:` URL.
    pub fn data_url(&self) -> String {
        format!("data:{};base64,{}", self.content_type, self.base64())
    }

    /// A name that says what it is and which: `picture-1f0c….png`.
    pub fn file_name(&self) -> String {
        let digest = Sha256::digest(&self.bytes);
        let digest: String = digest.iter().take(8).map(|b| format!("{b:02x}")).collect();
        format!("{}-{digest}.{}", self.name, self.extension)
    }

    /// As a file in a folder, which is made if need be. A file that is there with the same content is used; one with
    /// another (cut off by a full disk, say) is replaced.
    ///
    /// # Errors
    /// When the folder or the file cannot be written.
    pub fn file(&self, folder: &Path) -> Result<PathBuf, MediaError> {
        let path = folder.join(self.file_name());
        if std::fs::read(&path).is_ok_and(|there| there == self.bytes) {
            return Ok(path);
        }
        let failed = |what: &str, e: &dyn std::fmt::Display| {
            MediaError::new(
                MediaErrorKind::File,
                "media file",
                format!("{} could not be {what}: {e}", path.display()),
            )
        };
        std::fs::create_dir_all(folder).map_err(|e| failed("made (its folder)", &e))?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(".tribunal-media-");
        // A server in a container reads it as somebody else.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
        let mut aside = builder
            .tempfile_in(folder)
            .map_err(|e| failed("written", &e))?;
        aside
            .write_all(&self.bytes)
            .map_err(|e| failed("written", &e))?;
        aside
            .persist(&path)
            .map_err(|e| failed("put in its place", &e.error))?;
        Ok(path)
    }
}
