//! What browsers are told about files by the ends of their names (*IANA, Media Types*; *WHATWG MIME Sniffing*).
//! A list of our own, because those of the distributions differ, and older ones lack what sites are made of
//! today: modules, WebAssembly, web manifests.

/// Media type, and the ends of names.
pub(super) const TYPES: &[(&str, &str)] = &[
    ("text/html", "html htm shtml"),
    ("text/calendar", "ics"),
    ("text/css", "css"),
    ("text/csv", "csv"),
    ("text/javascript", "js mjs"),
    ("text/markdown", "md markdown"),
    ("text/plain", "txt text log"),
    ("text/vtt", "vtt"),
    ("text/xml", "xml xsl"),
    ("application/atom+xml", "atom"),
    ("application/epub+zip", "epub"),
    ("application/geo+json", "geojson"),
    ("application/gzip", "gz"),
    ("application/json", "json map"),
    ("application/ld+json", "jsonld"),
    ("application/manifest+json", "webmanifest"),
    ("application/pdf", "pdf"),
    ("application/rss+xml", "rss"),
    ("application/wasm", "wasm"),
    ("application/x-tar", "tar"),
    ("application/xhtml+xml", "xhtml"),
    ("application/zip", "zip whl"),
    ("application/zstd", "zst"),
    ("audio/aac", "aac"),
    ("audio/flac", "flac"),
    ("audio/midi", "mid midi"),
    ("audio/mp4", "m4a"),
    ("audio/mpeg", "mp3"),
    ("audio/ogg", "oga ogg opus"),
    ("audio/wav", "wav"),
    ("font/otf", "otf"),
    ("font/ttf", "ttf"),
    ("font/woff", "woff"),
    ("font/woff2", "woff2"),
    ("image/apng", "apng"),
    ("image/avif", "avif"),
    ("image/bmp", "bmp"),
    ("image/gif", "gif"),
    ("image/jpeg", "jpg jpeg"),
    ("image/jxl", "jxl"),
    ("image/png", "png"),
    ("image/svg+xml", "svg"),
    ("image/tiff", "tif tiff"),
    ("image/vnd.microsoft.icon", "ico"),
    ("image/webp", "webp"),
    ("model/gltf+json", "gltf"),
    ("model/gltf-binary", "glb"),
    ("video/mp4", "mp4 m4v"),
    ("video/mpeg", "mpg mpeg"),
    ("video/ogg", "ogv"),
    ("video/quicktime", "mov"),
    ("video/webm", "webm"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_ending_means_two_things() {
        let endings: Vec<&str> = TYPES.iter().flat_map(|(_, endings)| endings.split(' ')).collect();
        let different: BTreeSet<&&str> = endings.iter().collect();
        assert_eq!(different.len(), endings.len());
        let kinds: BTreeSet<&str> = TYPES.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds.len(), TYPES.len());
    }
}
