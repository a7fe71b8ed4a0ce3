//! Where Amp keeps threads.
//!
//! Owns the folder names and which threads are this project's. Must not read more of a thread than
//! its ends.

use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::ENGINE;
use crate::discover::{Found, Os, Places, head, text_in};
use crate::sources::tool::path_of;

/// How much of a thread's end is looked at: where it ran may stand behind its messages.
const END: i64 = 64 * 1024;

/// Returns the folders of threads: the command line's, and the older ones of the editors' extension.
pub(super) fn bases(places: &Places) -> Vec<PathBuf> {
    let mut homes = vec![places.xdg_data().join("amp")];
    homes.extend(places.variable("AMP_DATA_HOME").map(Path::to_owned));
    if places.os == Os::Windows {
        homes.push(places.app_config().join("amp"));
    }
    let mut bases: Vec<PathBuf> = homes.into_iter().map(|home| home.join("threads")).collect();
    let extension = "globalStorage/sourcegraph.amp/threads3";
    bases.extend(places.vscode_users().into_iter().map(|user| user.join(extension)));
    bases
}

/// Returns the project's threads.
pub(super) fn find(places: &Places) -> Vec<Found> {
    bases(places)
        .into_iter()
        .flat_map(|base| fs::read_dir(base).into_iter().flatten())
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|x| x == "json"))
        .filter(|path| {
            let folder = head(path).and_then(|text| folder_in(&text));
            let folder = folder.or_else(|| folder_in(&end(path)?));
            folder.is_some_and(|folder| places.owns(&folder))
        })
        .map(|path| Found { engine: ENGINE, path })
        .collect()
}

/// The address of the first tree. Quotes inside strings are escaped: the bare key is a key.
fn folder_in(text: &str) -> Option<String> {
    let at = text.find("\"trees\"")?;
    path_of(&text_in(&text[at..], "uri")?)
}

fn end(path: &Path) -> Option<String> {
    let mut file = fs::File::open(path).ok()?;
    file.seek(SeekFrom::End(-END)).ok()?;
    let mut bytes = Vec::new();
    file.take(END.unsigned_abs()).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
