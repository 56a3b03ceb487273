//! `manifest.json`, by which `docker save` lists its images (*moby, image/tarexport*).

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::layout::find_spelling;

/// The name of the list in an archive.
pub(super) const MANIFEST_FILE: &str = "manifest.json";

/// What `docker save` before 1.10 wrote instead.
pub(super) const REPOSITORIES_FILE: &str = "repositories";

/// One image of the list. Paths are relative to the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SavedImage {
    /// The path of its config.
    pub config: String,
    /// Its names, `name:tag`; none for an image that has none.
    pub repo_tags: Option<Vec<String>>,
    /// The paths of its layers, bottom first.
    #[serde(default)]
    pub layers: Option<Vec<String>>,
}

impl SavedImage {
    /// Its names.
    pub fn names(&self) -> &[String] {
        self.repo_tags.as_deref().unwrap_or_default()
    }
}

/// Parses `manifest.json`. Anything may be fed to it.
pub fn parse_manifest_json(bytes: &[u8]) -> Result<Vec<SavedImage>, serde_json::Error> {
    serde_json::from_slice(bytes)
}

/// The place of the image that `wanted` names (in any spelling of its name, or as `@N` by its place in the list),
/// or the only one.
pub(super) fn choose(
    images: &[SavedImage],
    wanted: Option<&str>,
    place: &str,
) -> Result<usize, Error> {
    let found = match (wanted, images) {
        (None, [_]) => Some(0),
        (None, []) => None,
        (None, _) => {
            return Err(Error::Unsupported {
                what: place.to_owned(),
                reason: format!("it holds {} images, and none of them was named", images.len()),
                hint: Some(format!(
                    "put the name of one behind it, as in `{place}:NAME`: {}",
                    list(images)
                )),
            });
        }
        (Some(wanted), _) => match wanted.strip_prefix('@') {
            Some(number) => number.parse::<usize>().ok().filter(|at| *at < images.len()),
            None => images
                .iter()
                .position(|image| find_spelling(image.names().iter().map(String::as_str), wanted)),
        },
    };
    found.ok_or_else(|| Error::NotFound {
        what: wanted.map_or("an image".to_owned(), |wanted| format!("image `{wanted}`")),
        place: place.to_owned(),
        hint: Some(match images {
            [] => "it holds no image at all".to_owned(),
            _ => format!("it holds {}", list(images)),
        }),
    })
}

/// As many names as fit a message.
fn list(images: &[SavedImage]) -> String {
    const SHOWN: usize = 20;
    let name = |(at, image): (usize, &SavedImage)| match image.names().first() {
        Some(name) => crate::tar::display_path(name.as_bytes()),
        None => format!("@{at}"),
    };
    let mut names: Vec<String> = images.iter().enumerate().take(SHOWN).map(name).collect();
    if images.len() > SHOWN {
        names.push(format!("and {} more", images.len() - SHOWN));
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use lightship_base::Diagnose;

    use super::*;

    const LIST: &[u8] = br#"[
        {"Config":"a.json","RepoTags":["python:3.11","churn:v1"],"Layers":["a/layer.tar"]},
        {"Config":"b.json","RepoTags":["quay.io/team/base:latest"],"Layers":[]},
        {"Config":"c.json","RepoTags":null,"Layers":null,"LayerSources":{}}
    ]"#;

    #[test]
    fn images_are_chosen_by_name_or_place() {
        let images = parse_manifest_json(LIST).unwrap();
        for (wanted, config) in [
            ("python:3.11", "a.json"),
            ("docker.io/library/python:3.11", "a.json"),
            ("churn:v1", "a.json"),
            ("quay.io/team/base", "b.json"),
            ("@2", "c.json"),
        ] {
            let at = choose(&images, Some(wanted), "x").unwrap();
            assert_eq!(images[at].config, config, "{wanted}");
        }
        assert_eq!(choose(&images[..1], None, "x").unwrap(), 0);
    }

    #[test]
    fn what_is_not_there_or_not_clear_lists_what_is() {
        let images = parse_manifest_json(LIST).unwrap();
        for (images, wanted) in
            [(&images[..], None), (&images[..], Some("absent")), (&images[..], Some("@3"))]
        {
            let error = choose(images, wanted, "docker-archive:x").unwrap_err();
            let hint = error.hints().remove(0).to_string();
            assert!(hint.contains("python:3.11, quay.io/team/base:latest, @2"), "{hint}");
        }
        assert!(choose(&[], None, "x").unwrap_err().hints()[0].to_string().contains("no image"));
    }
}
