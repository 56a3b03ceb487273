//! Files that are whole or not there: an interrupted command leaves what was there before.

use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::Error;

/// Writes a file in place of what is there.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Error> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let failed = || Error::io("write", path);
    let file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")));
    let mut file = file.map_err(failed())?;
    file.write_all(text.as_bytes()).map_err(failed())?;
    file.as_file().set_permissions(Permissions::from_mode(0o644)).map_err(failed())?;
    // A power failure leaves the old file or the new one, not an empty one.
    file.as_file().sync_all().map_err(failed())?;
    file.persist(path).map_err(|error| failed()(error.error))?;
    Ok(())
}
